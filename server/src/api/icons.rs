//! `/user/…/icon`: pictures.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Path, Query},
    payload::Binary,
    registry::MetaSchema,
};
use ro_co_shared::{Described, Errors, Field, Input, Invalid, Optional, UserId, integer_schema};

use super::{Tag, header::Header, payload::matches_tag};
use crate::{
    app::App,
    auth::Caller,
    avatar::Picture,
    error::{ApiError, Missing, OperationError, Plain},
    store::Account,
};

pub(super) struct Icons;

/// How often a user may have had a new picture: one a second for 68 years.
const VERSIONS: u32 = i32::MAX.unsigned_abs();

/// A picture's side in pixels.
pub(super) struct Side(u32);

impl Field for Side {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        let side = text.parse().ok().filter(|n| (16..=256).contains(n));
        side.map(Self).ok_or_else(|| Invalid::new("must be a whole number from 16 to 256"))
    }
}

impl Described for Side {
    fn schema() -> MetaSchema {
        integer_schema(16, 256)
    }
}

/// The version of a picture in its URL: a new picture has a new URL.
pub(super) struct Version(u32);

impl Field for Version {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        let version = text.parse().ok().filter(|n: &u32| (0..=VERSIONS).contains(n));
        version.map(Self).ok_or_else(|| Invalid(format!("must be a whole number from 0 to {VERSIONS}")))
    }
}

impl Described for Version {
    fn schema() -> MetaSchema {
        integer_schema(0, VERSIONS)
    }
}

/// A picture, or that the one at hand is still right.
#[derive(ApiResponse)]
enum SvgReply {
    /// The picture.
    #[oai(status = 200, content_type = "image/svg+xml")]
    Picture(
        Binary<Vec<u8>>,
        #[oai(header = "ETag")] String,
        #[oai(header = "Cache-Control")] String,
        #[oai(header = "Content-Security-Policy")] String,
    ),
    /// The picture named by `If-None-Match` is still right.
    #[oai(status = 304)]
    Unchanged(#[oai(header = "ETag")] String, #[oai(header = "Cache-Control")] String),
}

/// As [`SvgReply`], in pixels.
#[derive(ApiResponse)]
enum PngReply {
    /// The picture.
    #[oai(status = 200, content_type = "image/png")]
    Picture(Binary<Vec<u8>>, #[oai(header = "ETag")] String, #[oai(header = "Cache-Control")] String),
    /// The picture named by `If-None-Match` is still right.
    #[oai(status = 304)]
    Unchanged(#[oai(header = "ETag")] String, #[oai(header = "Cache-Control")] String),
}

/// A new picture.
#[derive(ApiResponse)]
enum NewPicture {
    /// The picture, or the placeholder while its source is away.
    #[oai(status = 200, content_type = "image/svg+xml")]
    Picture(
        Binary<Vec<u8>>,
        #[oai(header = "ETag")] String,
        #[oai(header = "Content-Security-Policy")] String,
    ),
}

/// Nothing in a picture is loaded or run, wherever it is opened.
const SVG_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Only the URL with the current version may be kept unasked: what it names never changes.
fn cache_control(picture: &Picture, account: &Account, asked: Option<&Version>) -> String {
    match asked {
        Some(Version(version)) if i64::from(*version) == account.avatar_version => {
            format!("private, max-age={}", picture.max_age)
        }
        _ => "private, no-cache".to_owned(),
    }
}

#[OpenApi(prefix_path = "/api/v1/user", tag = "Tag::Users")]
impl Icons {
    /// A user's picture
    ///
    /// Never fails for a known user: while its source is away, the answer is a placeholder that expires soon.
    #[oai(path = "/:id/icon", method = "get", operation_id = "getIcon")]
    async fn icon(
        &self,
        _caller: Caller,
        app: Data<&Arc<App>>,
        /// The user's id.
        id: Path<Input<UserId>>,
        /// The version in an `avatarUrl`. Only with the current one may caches keep the picture, for a day.
        v: Query<Optional<Version>>,
        /// The tag of the picture at hand.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> Result<SvgReply, OperationError<Missing>> {
        let mut errors = Errors::default();
        let (id, v) = (id.0.check("id", &mut errors), v.0.check_text("v", &mut errors));
        let (Some(id), Some(v)) = (id, v) else { return Err(ApiError::fields(errors.into_vec()).into()) };
        let account = app.store.account(id).await?;
        let picture = app.avatars.picture(&account).await?;
        let cache = cache_control(&picture, &account, v.as_ref());
        Ok(if matches_tag(if_none_match.0.as_deref(), &picture.etag) {
            SvgReply::Unchanged(picture.etag, cache)
        } else {
            SvgReply::Picture(Binary(picture.body.to_vec()), picture.etag, cache, SVG_POLICY.into())
        })
    }

    /// A user's picture in pixels
    ///
    /// The same picture as PNG, for terminals.
    #[oai(path = "/:id/icon.png", method = "get", operation_id = "getIconPng")]
    async fn icon_png(
        &self,
        _caller: Caller,
        app: Data<&Arc<App>>,
        /// The user's id.
        id: Path<Input<UserId>>,
        /// How many pixels wide and high, 128 by default.
        size: Query<Optional<Side>>,
        /// The version in an `avatarUrl`. Only with the current one may caches keep the picture, for a day.
        v: Query<Optional<Version>>,
        /// The tag of the picture at hand.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> Result<PngReply, OperationError<Missing>> {
        let mut errors = Errors::default();
        let (id, size) = (id.0.check("id", &mut errors), size.0.check_text("size", &mut errors));
        let v = v.0.check_text("v", &mut errors);
        let (Some(id), Some(size), Some(v)) = (id, size, v) else {
            return Err(ApiError::fields(errors.into_vec()).into());
        };
        let account = app.store.account(id).await?;
        let picture = app.avatars.png(&account, size.map_or(128, |s| s.0)).await?;
        let cache = cache_control(&picture, &account, v.as_ref());
        Ok(if matches_tag(if_none_match.0.as_deref(), &picture.etag) {
            PngReply::Unchanged(picture.etag, cache)
        } else {
            PngReply::Picture(Binary(picture.body.to_vec()), picture.etag, cache)
        })
    }

    /// A new picture for me
    ///
    /// A visibly different one. While its source is away the new choice is kept and the answer is a placeholder.
    #[oai(path = "/icon", method = "put", operation_id = "newIcon")]
    async fn new_icon(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
    ) -> Result<NewPicture, OperationError<Plain>> {
        let account = app.store.set_avatar_seed(caller.user, &uuid::Uuid::new_v4().to_string()).await?;
        let picture = app.avatars.picture(&account).await?;
        Ok(NewPicture::Picture(Binary(picture.body.to_vec()), picture.etag, SVG_POLICY.into()))
    }
}
