//! Rows that belong to their author: what questions and answers have in common.
//!
//! A write names the row, its owner and perhaps its version in its filter. If it met no row, one read tells why.

use mongodb::{
    bson::{Bson, Document, Uuid as BsonUuid, doc},
    options::{ReadConcern, UpdateModifications},
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    calls::{MAX_TIME, Rows},
    documents::uuid,
    fault::{Fault, Taken},
};
use crate::store::{Error, Principal, Result};

/// A document that belongs to its author.
pub(super) trait OwnedDoc: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Its id.
    fn id(&self) -> BsonUuid;

    /// Whether both were made by the same request, and this one is still there.
    fn is_same_request(&self, other: &Self) -> bool;
}

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

/// Inserts a document; `false` if there is one with its id, for [`repeated`] to tell about.
pub(super) async fn insert<T: OwnedDoc>(rows: &Rows<T>, new: &T) -> Result<bool> {
    match rows.insert(new.clone()).await {
        Ok(_) => Ok(true),
        Err(Fault::Duplicate(Taken::Id)) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

/// The document that an earlier attempt at the same create left, once a majority has it; one of another request is a
/// conflict.
///
/// A server that finds a duplicate waits for a majority all the same, and says so when there was none; but the driver
/// keeps one error of two, the duplicate. A repeat answered from the primary alone would acknowledge what the next
/// primary may never have seen.
pub(super) async fn repeated<T: OwnedDoc>(rows: &Rows<T>, new: &T) -> Result<T> {
    let id = doc! { "_id": new.id() };
    let find = rows.call(|rows| async move {
        rows.find_one(id).read_concern(ReadConcern::majority()).max_time(MAX_TIME).await
    });
    let missing = || Fault::Away("a majority does not have it yet".to_owned());
    let found = find.await?.ok_or_else(missing)?;
    if found.is_same_request(new) { Ok(found) } else { Err(Error::Conflict("Idempotency-Key")) }
}

/// One conditional write, and the document as it is afterwards.
pub(super) async fn update<T: OwnedDoc>(
    rows: &Rows<T>,
    id: Uuid,
    principal: Principal,
    version: Option<i64>,
    update: impl Into<UpdateModifications> + Send,
) -> Result<T> {
    match rows.change(writable(id, principal, version), update).await? {
        Some(changed) => Ok(changed),
        None => Err(why_none(rows, id, principal).await?),
    }
}

/// Reads the document once to tell why a write met none.
pub(super) async fn why_none<T: Send + Sync>(
    rows: &Rows<T>,
    id: Uuid,
    principal: Principal,
) -> Result<Error> {
    let live = doc! { "_id": uuid(id), "deleting": false };
    let find = rows.of::<Document>().call(|rows| async move {
        rows.find_one(live).projection(doc! { "author": 1 }).max_time(MAX_TIME).await
    });
    let Some(found) = find.await? else { return Ok(Error::NotFound) };
    let author = found.get("author").and_then(|author| match author {
        Bson::Binary(binary) => binary.to_uuid().ok(),
        _ => None,
    });
    // It is there, and the caller's: only the version is left.
    let owned = principal.edits_any() || author == Some(BsonUuid::from_bytes(principal.user.0.into_bytes()));
    Ok(if owned { Error::Stale } else { Error::Denied })
}
