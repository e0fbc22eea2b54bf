//! Pictures: the lazy rule, its sources, and PNG.
//!
//! A picture is answered from the store, or else fetched once, kept and answered. Whoever asks waits a moment
//! at most; then they get the placeholder, and the picture is there when they ask again. No failure of the
//! source is ever a failure here, and nothing is kept of it.

mod breaker;
mod builtin;
mod colours;
mod dicebear;
mod flights;
mod render;
mod render_pool;
mod sanitise;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::body::Bytes;
use moka::sync::Cache;
use reqwest::Url;
use ro_co_shared::UserId;
use tokio::{task::JoinError, time};

use crate::{
    base_path::BasePath,
    store::{self, Account},
};
pub use dicebear::DICEBEAR_URL;
use flights::Flights;
use render_pool::RenderPool;

/// Shown while there is nothing better.
const PLACEHOLDER: &str = include_str!("placeholder.svg");
/// Seconds a client may keep it; then it asks whether the picture has come.
const PLACEHOLDER_AGE: u32 = 5;
/// Seconds a client may keep a picture, whose address changes with it: a day.
const PICTURE_AGE: u32 = 24 * 60 * 60;
/// Bytes of an SVG at most. A robot has 4,000 to 27,000.
const MAX_SVG_BYTES: usize = 256 * 1024;
/// Sides of a PNG, in pixels.
const SIZES: std::ops::RangeInclusive<u32> = 16..=256;
/// Bytes of PNG kept in memory; one of 128 pixels has about 8,000.
const PNG_MEMORY: u64 = 8 << 20;
/// Pictures rendered at a time.
const RENDERERS: usize = 2;

/// The URL of a user's picture, relative to this server; a new version has a new URL.
pub fn avatar_url(base_path: &BasePath, user: UserId, version: i64) -> String {
    base_path.api_url(format_args!("/user/{user}/icon?v={version}"))
}

/// Where pictures come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// DiceBear's HTTP service; the user's name is sent to it.
    DiceBear {
        /// Its address up to the version, such as [`DICEBEAR_URL`].
        base: Url,
    },
    /// This program.
    Builtin,
}

/// How long things may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// Until whoever asks gets the placeholder.
    pub asker: Duration,
    /// Until the source is reached.
    pub connect: Duration,
    /// Until it has answered.
    pub fetch: Duration,
    /// How long it is left alone after it has failed three times in a row.
    pub rest: Duration,
}

/// The figures of the security design.
impl Default for Timing {
    fn default() -> Self {
        Self {
            asker: Duration::from_secs(1),
            connect: Duration::from_secs(2),
            fetch: Duration::from_secs(5),
            rest: Duration::from_secs(5),
        }
    }
}

/// A picture as answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// SVG that starts with `<svg`, or PNG.
    pub body: Bytes,
    /// A strong entity tag, in its quotes.
    pub etag: String,
    /// `image/svg+xml` or `image/png`.
    pub media_type: &'static str,
    /// Seconds a client may keep it without asking.
    pub max_age: u32,
}

/// Everybody's pictures.
pub struct Avatars {
    flights: Flights,
    timing: Timing,
    pool: RenderPool,
    pngs: Cache<(UserId, i64, u32), Picture>,
}

/// Why a source gave no picture. Never holds the user's name.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it failed too often a moment ago")]
    LeftAlone,
    #[error("its address is not one for HTTP")]
    Address,
    #[error("it cannot be reached: {0}")]
    Unreachable(reqwest::Error),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("it answered with something else than SVG")]
    Type,
    #[error("the picture is too large")]
    Large,
    #[error("the picture is not UTF-8")]
    Text,
    #[error(transparent)]
    Unsafe(#[from] sanitise::Error),
    #[error(transparent)]
    Broken(#[from] render::Error),
    #[error("the built-in library failed: {0}")]
    Library(String),
    #[error("rendering panicked: {0}")]
    Panicked(#[from] JoinError),
}

/// Without the address, for that has the user's name in it.
impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }
}

/// The SVG without what does not belong there, if that is a picture.
fn vetted(svg: &str) -> Result<String, Failure> {
    let svg = sanitise::sanitise(svg)?;
    if svg.len() > MAX_SVG_BYTES {
        return Err(Failure::Large);
    }
    render::check(&svg)?;
    Ok(svg)
}

/// A picture that was drawn elsewhere, as it may be kept; nothing if it may not.
#[cfg(feature = "mongodb")]
pub(crate) fn harmless(svg: &str) -> Option<String> {
    vetted(svg).ok()
}

impl Avatars {
    /// Pictures from this source, kept in this store.
    pub fn new(store: Arc<dyn store::Avatars + Send + Sync>, source: Source) -> Self {
        Self::with_timing(store, source, Timing::default())
    }

    /// The same with other times.
    pub fn with_timing(store: Arc<dyn store::Avatars + Send + Sync>, source: Source, timing: Timing) -> Self {
        let weigh =
            |_: &(UserId, i64, u32), picture: &Picture| u32::try_from(picture.body.len()).unwrap_or(u32::MAX);
        let pool = RenderPool::new(RENDERERS);
        Self {
            flights: Flights::new(store, source, timing, pool.clone()),
            timing,
            pool,
            pngs: Cache::builder().max_capacity(PNG_MEMORY).weigher(weigh).build(),
        }
    }

    /// How many avatars the source was asked for since the start, by result.
    pub fn fetches(&self) -> [(&'static str, u64); 3] {
        self.flights.counts()
    }

    /// The picture of this account, or the placeholder. Fails only when the store does.
    pub async fn picture(&self, account: &Account) -> store::Result<Picture> {
        Ok(match self.svg(account).await? {
            Some(svg) => Picture::new(Bytes::copy_from_slice(svg.as_bytes()), "image/svg+xml", PICTURE_AGE),
            None => {
                Picture::new(Bytes::from_static(PLACEHOLDER.as_bytes()), "image/svg+xml", PLACEHOLDER_AGE)
            }
        })
    }

    /// The same picture as PNG with sides of 16 to 256 pixels; other sizes count as the nearest of these.
    pub async fn png(&self, account: &Account, size: u32) -> store::Result<Picture> {
        let size = size.clamp(*SIZES.start(), *SIZES.end());
        let own = (account.id, account.avatar_version, size);
        if let Some(picture) = self.pngs.get(&own) {
            return Ok(picture);
        }
        match self.svg(account).await? {
            Some(svg) => self.rendered(own, svg, PICTURE_AGE).await,
            None => self.rendered((UserId::DELETED, 0, size), PLACEHOLDER.into(), PLACEHOLDER_AGE).await,
        }
    }

    /// The account's SVG, if it has come by now. One without a seed never has a picture of its own.
    async fn svg(&self, account: &Account) -> store::Result<Option<Arc<str>>> {
        if account.avatar_seed.is_empty() {
            return Ok(None);
        }
        if let Some(svg) = self.flights.kept(account).await? {
            return Ok(Some(svg));
        }
        Ok(time::timeout(self.timing.asker, self.flights.join(account)).await.unwrap_or_default())
    }

    async fn rendered(&self, key: (UserId, i64, u32), svg: Arc<str>, max_age: u32) -> store::Result<Picture> {
        let pngs = self.pngs.clone();
        let work = move || -> Result<Picture, render::Error> {
            // Another caller may have had it rendered while this one waited.
            if let Some(picture) = pngs.get(&key) {
                return Ok(picture);
            }
            let picture = Picture::new(render::png(&svg, key.2)?.into(), "image/png", max_age);
            pngs.insert(key, picture.clone());
            Ok(picture)
        };
        self.pool.run(work).await.map_err(broken)?.map_err(broken)
    }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> store::Error {
    store::Error::Broken(Box::new(error))
}

impl Picture {
    fn new(body: Bytes, media_type: &'static str, max_age: u32) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, &body));
        Self { body, etag: format!("\"{hash}\""), media_type, max_age }
    }
}
