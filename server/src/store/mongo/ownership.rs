//! On whose behalf a write is done: a part of its filter, why it met no document, and what it met instead.

use mongodb::{
    Collection,
    bson::{Document, Uuid as BsonUuid, doc},
    options::ReadConcern,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    documents::uuid,
    fault::{Fault, ask},
};
use crate::store::{Error, Principal, Result};

/// The live document with this id, if it is the caller's to write and still is of this version.
pub(super) fn writable(id: Uuid, principal: Principal, version: Option<i64>) -> Document {
    let mut filter = doc! { "_id": uuid(id), "deleting": false };
    if !principal.edits_any() {
        filter.insert("author", uuid(principal.user.0));
    }
    if let Some(version) = version {
        filter.insert("version", version);
    }
    filter
}

/// Reads the document once to tell what was wrong.
pub(super) async fn why_none<T: Send + Sync>(
    rows: &Collection<T>,
    id: Uuid,
    principal: Principal,
) -> Result<Error> {
    let rows = rows.clone_with_type::<Document>();
    let find = rows.find_one(doc! { "_id": uuid(id), "deleting": false }).projection(doc! { "author": 1 });
    let Some(found) = ask(find).await? else { return Ok(Error::NotFound) };
    let author = found.get("author").and_then(|author| match author {
        mongodb::bson::Bson::Binary(binary) => binary.to_uuid().ok(),
        _ => None,
    });
    // It is there, and the caller's: only the version is left.
    let owned = principal.edits_any() || author == Some(BsonUuid::from_bytes(principal.user.0.into_bytes()));
    Ok(if owned { Error::Stale } else { Error::Denied })
}

/// The document that an earlier attempt at the same create left, once a majority has it.
///
/// A server that finds a duplicate waits for a majority all the same, and says so when there was none; but the driver
/// keeps one error of two, the duplicate. A repeat answered from the primary alone would acknowledge what the next
/// primary may never have seen.
pub(super) async fn repeated<T: DeserializeOwned + Send + Sync>(rows: &Collection<T>, id: Uuid) -> Result<T> {
    let find = rows.find_one(doc! { "_id": uuid(id) }).read_concern(ReadConcern::majority());
    let missing = || Fault::Away("a majority does not have it yet".to_owned()).into();
    ask(find).await?.ok_or_else(missing)
}
