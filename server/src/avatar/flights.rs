//! Fetching each picture once, however many ask for it, and to the end, however soon they leave.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use ro_co_shared::{Timestamp, UserId};

use super::{Failure, Source, Timing, builtin, dicebear::Host, render_pool::RenderPool};
use crate::store::{self, Account, AvatarImage};

type Flight = Shared<BoxFuture<'static, Option<Arc<str>>>>;
/// A user and the version of their picture.
type Key = (UserId, i64);

/// The pictures on their way.
pub(super) struct Flights {
    studio: Arc<Studio>,
}

struct Studio {
    store: Arc<dyn store::Avatars + Send + Sync>,
    artist: Artist,
    under_way: Mutex<HashMap<Key, Flight>>,
    fetched: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

enum Artist {
    Host(Box<Host>),
    Builtin(RenderPool),
}

/// Takes a flight off the list when it ends, however it does.
struct Landing {
    studio: Arc<Studio>,
    key: Key,
}

impl Flights {
    pub(super) fn new(
        store: Arc<dyn store::Avatars + Send + Sync>,
        source: Source,
        timing: Timing,
        pool: RenderPool,
    ) -> Self {
        let artist = match source {
            Source::DiceBear { base } => Artist::Host(Box::new(Host::new(base, timing, pool))),
            Source::Builtin => Artist::Builtin(pool),
        };
        Self {
            studio: Arc::new(Studio {
                store,
                artist,
                under_way: Mutex::default(),
                fetched: AtomicU64::new(0),
                failed: AtomicU64::new(0),
                skipped: AtomicU64::new(0),
            }),
        }
    }

    /// The picture as kept.
    pub(super) async fn kept(&self, account: &Account) -> store::Result<Option<Arc<str>>> {
        self.studio.kept((account.id, account.avatar_version)).await
    }

    /// How many avatars the source was asked for, by result: drawn, failed, or skipped while the source is left alone.
    pub(super) fn counts(&self) -> [(&'static str, u64); 3] {
        let Studio { fetched, failed, skipped, .. } = &*self.studio;
        [("fetched", fetched), ("failed", failed), ("skipped", skipped)]
            .map(|(result, count)| (result, count.load(Ordering::Relaxed)))
    }

    /// What comes of fetching the picture, which begins now unless it has begun before.
    pub(super) fn join(&self, account: &Account) -> Flight {
        let key = (account.id, account.avatar_version);
        let mut under_way = self.studio.under_way();
        if let Some(flight) = under_way.get(&key) {
            return flight.clone();
        }
        let landing = Landing { studio: Arc::clone(&self.studio), key };
        let seed = account.avatar_seed.clone();
        // Its own task: it goes on when whoever asks has left.
        let task = tokio::spawn(async move {
            let svg = landing.studio.fetch(key, &seed).await;
            drop(landing);
            svg
        });
        let flight = task.map(|ended| ended.ok().flatten()).boxed().shared();
        under_way.insert(key, flight.clone());
        flight
    }
}

impl Studio {
    async fn kept(&self, (user, version): Key) -> store::Result<Option<Arc<str>>> {
        Ok(self.store.avatar(user, version).await?.map(|image| image.svg.into()))
    }

    async fn fetch(&self, key: Key, seed: &str) -> Option<Arc<str>> {
        // An earlier flight may have landed after whoever started this one had looked.
        if let Ok(Some(svg)) = self.kept(key).await {
            return Some(svg);
        }
        let svg = match self.artist.draw(seed).await {
            Ok(svg) => svg,
            Err(Failure::LeftAlone) => {
                self.skipped.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            Err(failure) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%failure, user = %key.0, "The avatar source gave no picture");
                return None;
            }
        };
        self.fetched.fetch_add(1, Ordering::Relaxed);
        let image = AvatarImage { svg, created_at: Timestamp::now() };
        if let Err(error) = self.store.keep_avatar(key.0, key.1, &image).await {
            tracing::warn!(%error, user = %key.0, "A picture could not be kept and will be fetched again");
        }
        Some(image.svg.into())
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Key, Flight>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Artist {
    async fn draw(&self, seed: &str) -> Result<String, Failure> {
        match self {
            Self::Host(host) => host.draw(seed).await,
            Self::Builtin(pool) => {
                let seed = seed.to_owned();
                pool.run(move || builtin::draw(&seed)).await?
            }
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.studio.under_way().remove(&self.key);
    }
}
