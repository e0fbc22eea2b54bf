//! What questions and answers have in common: how they are created, edited and shown.

use poem_openapi::{ApiResponse, types::ToJSON};
use ro_co_shared::{Code, Optional, UserId};
use serde::Serialize;
use uuid::Uuid;

use super::payload::{Json, required_version, version_tag};
use crate::{
    app::App,
    auth::Caller,
    base_path::BasePath,
    error::ApiError,
    idempotency::{IdempotencyKey, NewId},
    store::{self, CreatedAt, Edit, Store},
};

/// A question or an answer as the store has it.
pub(super) trait StoredPost: Sized {
    /// What readers get.
    type Shown: Serialize + ToJSON;
    /// What it is, in paths and in the ids of keyed creates.
    const KIND: &'static str;

    /// The one with this id.
    fn find(store: &dyn Store, id: Uuid) -> impl Future<Output = store::Result<Self>> + Send;

    /// Its id.
    fn id(&self) -> Uuid;

    /// Its version.
    fn version(&self) -> i64;

    /// As readers get it, with URLs below the base path.
    fn shown(self, base_path: &BasePath) -> Self::Shown;
}

/// A question or an answer.
#[derive(ApiResponse)]
pub(super) enum PostReply<T: Serialize + ToJSON> {
    /// As it stands now; its tag changes with each edit.
    #[oai(status = 200)]
    Post(Json<T>, #[oai(header = "ETag")] String),
}

/// A question or an answer that was created, by this request or by an earlier one with its key.
#[derive(ApiResponse)]
pub(super) enum PostCreated<T: Serialize + ToJSON> {
    /// As it stands now, with its URL.
    #[oai(status = 201)]
    Post(Json<T>, #[oai(header = "Location")] String, #[oai(header = "ETag")] String),
}

impl<T: Serialize + ToJSON> PostReply<T> {
    pub(super) fn of<S: StoredPost<Shown = T>>(app: &App, row: S) -> Self {
        let tag = version_tag(row.version());
        Self::Post(Json(row.shown(&app.settings.base_path)), tag)
    }
}

impl<T: Serialize + ToJSON> PostCreated<T> {
    pub(super) fn of<S: StoredPost<Shown = T>>(app: &App, row: S) -> Self {
        let base_path = &app.settings.base_path;
        let location = base_path.api_url(format_args!("/{}/{}", S::KIND, row.id()));
        let tag = version_tag(row.version());
        Self::Post(Json(row.shown(base_path)), location, tag)
    }
}

/// What every new post has, whatever it says.
pub(super) struct NewPost {
    pub id: Uuid,
    pub author: UserId,
    pub created_at: CreatedAt,
}

impl NewPost {
    /// A post by the caller, which is the only author a request may name.
    pub(super) async fn new<S: StoredPost>(
        app: &App,
        caller: Caller,
        named: Option<UserId>,
        key: &Optional<IdempotencyKey>,
    ) -> Result<Self, ApiError> {
        if named.is_some_and(|named| named != caller.user) {
            return Err(ApiError::new(Code::Forbidden, "you can write in your own name only"));
        }
        let NewId { mut id, previous } = NewId::new(app.store.id_key(), caller.user, S::KIND, key)?;
        if let Some(previous) = previous {
            match S::find(&*app.store, previous).await {
                Ok(_) => id = previous,
                Err(store::Error::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { id, author: caller.user, created_at: CreatedAt::Now(app.clock.now()) })
    }
}

/// The edit of the post with this id that a request asks for.
pub(super) async fn edit<S: StoredPost, T>(
    app: &App,
    caller: Caller,
    id: Uuid,
    if_match: Option<&str>,
    text: T,
) -> store::Result<Edit<T>> {
    let current = async || S::find(&*app.store, id).await.map(|post| post.version());
    let version = required_version(if_match, current).await?;
    Ok(Edit { text, principal: caller.principal(), version, at: app.clock.now() })
}
