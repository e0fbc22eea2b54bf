//! On whose behalf a write is done: a part of its filter, and why it met no document.

use mongodb::{
    Collection,
    bson::{Document, Uuid as BsonUuid, doc},
};
use uuid::Uuid;

use super::{documents::uuid, fault::ask};
use crate::store::{By, Error, Result};

/// The live document with this id, if it is the caller's to write and still is of this version.
pub(super) fn writable(id: Uuid, by: By, version: Option<i64>) -> Document {
    let mut filter = doc! { "_id": uuid(id), "deleting": false };
    if !by.admin {
        filter.insert("author", uuid(by.user.0));
    }
    if let Some(version) = version {
        filter.insert("version", version);
    }
    filter
}

/// Reads the document once to tell what was wrong.
pub(super) async fn why_none<T: Send + Sync>(rows: &Collection<T>, id: Uuid, by: By) -> Result<Error> {
    let rows = rows.clone_with_type::<Document>();
    let find = rows.find_one(doc! { "_id": uuid(id), "deleting": false }).projection(doc! { "author": 1 });
    let Some(found) = ask(find).await? else { return Ok(Error::NotFound) };
    let author = found.get("author").and_then(|author| match author {
        mongodb::bson::Bson::Binary(binary) => binary.to_uuid().ok(),
        _ => None,
    });
    // It is there, and the caller's: only the version is left.
    let owned = by.admin || author == Some(BsonUuid::from_bytes(by.user.0.into_bytes()));
    Ok(if owned { Error::Stale } else { Error::Denied })
}
