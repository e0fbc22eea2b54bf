//! From any older state of a database to the newest.
//!
//! Collections, validators and indexes are declared in `schema`; each start compares and makes what is missing. Every
//! step may be done twice and side by side, so any number of servers may start at once. A change of documents that are
//! there already will be a step of its own, from one version to the next; a shipped one is never edited.

use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Document, doc},
    options::ReadConcern,
    results::CollectionSpecification,
};
use ro_co_shared::{Role, Timestamp, UserId};

use super::{
    authors::DELETED_NAME,
    documents::{AccountDoc, V},
    fault::{Fault, Taken, ask},
    schema::{self, Collection},
};
use crate::store::Account;

/// The newest version of the data that this program knows.
pub(super) const VERSION: i32 = 1;

/// Brings the database up to date. The data of a newer program is left alone; then its version is returned.
pub(super) async fn run(db: &Database) -> Result<Option<i32>, Fault> {
    let versions = db.collection::<Document>("schema");
    // Majority: what follows is decided by it, and must not be undone by a change of the primary.
    let found = ask(versions.find_one(doc! { "_id": "ro-co" }).read_concern(ReadConcern::majority())).await?;
    let found = found.as_ref().and_then(|doc| doc.get_i32("version").ok()).unwrap_or_default();
    if found > VERSION {
        return Ok(Some(found));
    }
    let there = ask(async { db.list_collections().await?.try_collect::<Vec<_>>().await }).await?;
    for wanted in schema::collections() {
        let found = there.iter().find(|collection| collection.name == wanted.name);
        make(db, wanted, found).await?;
    }
    add_the_deleted(db).await?;
    let to = doc! { "$max": { "version": VERSION }, "$setOnInsert": { "v": V } };
    match ask(versions.update_one(doc! { "_id": "ro-co" }, to).upsert(true)).await {
        // Two first starts at once.
        Err(Fault::Duplicate(Taken::Id)) => Ok(None),
        done => done.map(|_| None),
    }
}

/// Makes a collection what it must be.
async fn make(
    db: &Database,
    wanted: Collection,
    found: Option<&CollectionSpecification>,
) -> Result<(), Fault> {
    let validator = doc! { "$jsonSchema": wanted.shape };
    match found {
        None => match ask(db.create_collection(wanted.name).validator(validator)).await {
            Err(Fault::Exists) => {}
            created => created?,
        },
        Some(found) if found.options.validator.as_ref() == Some(&validator) => {}
        // Only where it differs: this needs a right that the role readWrite does not have.
        Some(_) => {
            let change = doc! { "collMod": wanted.name, "validator": validator };
            ask(db.run_command(change)).await?;
        }
    }
    if !wanted.indexes.is_empty() {
        ask(db.collection::<Document>(wanted.name).create_indexes(wanted.indexes)).await?;
    }
    Ok(())
}

/// Adds the account that stands in for the authors of kept content whose accounts were deleted. The address is
/// reserved (RFC 2606).
async fn add_the_deleted(db: &Database) -> Result<(), Fault> {
    let accounts = db.collection::<AccountDoc>("accounts");
    let (name, address) = (DELETED_NAME.parse(), "deleted@invalid.invalid".parse());
    let (Ok(username), Ok(email)) = (name, address) else {
        return Err(Fault::Malformed("a name that cannot be one"));
    };
    let deleted = Account {
        id: UserId::DELETED,
        username,
        email,
        password: String::new(),
        role: Role::User,
        verified: false,
        suspended: true,
        created_at: Timestamp(0),
        avatar_seed: DELETED_NAME.to_owned(),
        avatar_version: 0,
    };
    match ask(accounts.insert_one(AccountDoc::from(&deleted))).await {
        Err(Fault::Duplicate(Taken::Id)) => Ok(()),
        done => done.map(drop),
    }
}
