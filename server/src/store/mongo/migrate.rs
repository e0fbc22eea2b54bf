//! Migration of a database from any older version to this one.
//!
//! Collections, validators and indexes are declared in `schema`; each start compares and makes what is missing. A change
//! of documents that are there already is a step of its own, such as [`keys::update`]. Every step may be done twice and by several
//! servers at once, so any number of servers may start at the same time. None has a time limit.
//!
//! The version is raised after the validators accept what this version writes: a server of the previous release that
//! is running goes on, one that starts afterwards refuses. The validators are compared once more after that, for one
//! that was starting meanwhile may have set its own.

use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Binary, Document, doc, spec::BinarySubtype},
    options::{Acknowledgment, ReadConcern, WriteConcern},
    results::CollectionSpecification,
};
use ro_co_shared::{Role, Timestamp, UserId};

use super::{
    admins::GUARD,
    authors::DELETED_NAME,
    documents::{AccountDoc, V},
    fault::{Fault, Taken},
    keys,
    schema::{self, Collection},
};
use crate::{keys::random, store::Account};

/// The version of the data that this program writes.
pub(super) const VERSION: i32 = 2;

/// The oldest version whose programs may start on data of [`VERSION`]. It may be one less where the previous release
/// can start on what this one writes. (Programs of version 1 do not know it: they refuse every newer version.)
const OLDEST: i32 = 2;

/// Why a database was not migrated.
pub(super) enum Refusal {
    /// The data has this version, and programs of this version may not start on it.
    Newer(i32),
    /// The user of the database may not do what a migration needs (`collMod`).
    Rights,
    /// A call failed.
    Fault(Fault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What the document in `schema` says.
struct Found {
    version: i32,
    oldest: i32,
}

/// Waits for a call as long as it takes: an index of a large collection takes hours. A node that goes silent ends it all the
/// same, by the driver's heartbeats.
pub(super) async fn unlimited<T>(
    call: impl IntoFuture<Output = mongodb::error::Result<T>>,
) -> Result<T, Fault> {
    Ok(call.await?)
}

/// Makes a document that several first starts may make at once.
pub(super) async fn once<T>(call: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<(), Fault> {
    match unlimited(call).await {
        Err(Fault::Duplicate(Taken::Id)) => Ok(()),
        done => done.map(drop),
    }
}

/// Brings the database up to date. Data of a newer version that still admits this program is left as it is: its
/// validators and indexes are the newer program's.
pub(super) async fn run(db: &Database) -> Result<(), Refusal> {
    let found = found(db).await?;
    if found.oldest > VERSION {
        return Err(Refusal::Newer(found.version));
    }
    if found.version > VERSION {
        return Ok(());
    }
    make_all(db).await?;
    add_the_deleted(db).await?;
    add_id_key(db).await?;
    add_guard(db).await?;
    keys::update(db).await?;
    if found.version < VERSION {
        raise(db).await?;
        make_all(db).await?;
    }
    Ok(())
}

async fn found(db: &Database) -> Result<Found, Fault> {
    let versions = db.collection::<Document>("schema");
    // Majority: what follows is decided by it, and must not be rolled back with a primary.
    let find = versions.find_one(doc! { "_id": "ro-co" }).read_concern(ReadConcern::majority());
    let found = unlimited(find).await?;
    let number = |name| found.as_ref().and_then(|doc: &Document| doc.get_i32(name).ok());
    let version = number("version").unwrap_or_default();
    Ok(Found { version, oldest: number("oldest").unwrap_or(version) })
}

/// Writes that the data has this version now.
async fn raise(db: &Database) -> Result<(), Fault> {
    let versions = db.collection::<Document>("schema");
    let to = doc! { "$max": { "version": VERSION, "oldest": OLDEST }, "$setOnInsert": { "v": V } };
    once(versions.update_one(doc! { "_id": "ro-co" }, to).upsert(true)).await
}

/// Makes all collections as they are declared.
async fn make_all(db: &Database) -> Result<(), Refusal> {
    let there = unlimited(async { db.list_collections().await?.try_collect::<Vec<_>>().await }).await?;
    for wanted in schema::collections() {
        let found = there.iter().find(|collection| collection.name == wanted.name);
        make(db, wanted, found).await?;
    }
    Ok(())
}

async fn make(
    db: &Database,
    wanted: Collection,
    found: Option<&CollectionSpecification>,
) -> Result<(), Refusal> {
    let validator = doc! { "$jsonSchema": wanted.validator };
    match found {
        None => {
            let create = db.create_collection(wanted.name).validator(validator).write_concern(majority());
            match unlimited(create).await {
                Err(Fault::Exists) => {}
                created => created?,
            }
        }
        Some(found) if found.options.validator.as_ref() == Some(&validator) => {}
        // Only where it differs: the role readWrite does not have the right.
        Some(_) => {
            let change = doc! {
                "collMod": wanted.name, "validator": validator, "writeConcern": { "w": "majority", "j": true },
            };
            match unlimited(db.run_command(change)).await {
                Err(Fault::Unauthorized) => return Err(Refusal::Rights),
                changed => changed?,
            };
        }
    }
    if !wanted.indexes.is_empty() {
        let collection = db.collection::<Document>(wanted.name);
        let create = collection.create_indexes(wanted.indexes).write_concern(majority());
        unlimited(create).await?;
    }
    Ok(())
}

/// A majority, however long it takes: the limit of other writes is for requests.
fn majority() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}

/// Makes the key behind the ids of keyed creates, if there is none.
async fn add_id_key(db: &Database) -> Result<(), Fault> {
    let key =
        random::<32>().ok_or_else(|| Fault::Failed("the system has no randomness to give".to_owned()))?;
    let value = Binary { subtype: BinarySubtype::Generic, bytes: key.to_vec() };
    let new = doc! { "$setOnInsert": { "v": V, "value": value } };
    let meta = db.collection::<Document>("meta");
    once(meta.update_one(doc! { "_id": "id_key" }, new).upsert(true)).await
}

/// Makes the guard of the last admin.
async fn add_guard(db: &Database) -> Result<(), Fault> {
    let new = doc! { "$setOnInsert": { "v": V, "revision": 0_i64, "leaving": [] } };
    let meta = db.collection::<Document>("meta");
    once(meta.update_one(doc! { "_id": GUARD }, new).upsert(true)).await
}

/// The key behind the ids of keyed creates.
pub(super) async fn id_key(db: &Database) -> Result<[u8; 32], Fault> {
    let meta = db.collection::<Document>("meta");
    // Majority: ids are made of it for as long as the database lives.
    let find = meta.find_one(doc! { "_id": "id_key" }).read_concern(ReadConcern::majority());
    let found = unlimited(find).await?.ok_or(Fault::Malformed("no key for ids"))?;
    let key = found.get_binary_generic("value").ok().and_then(|key| key.as_slice().try_into().ok());
    key.ok_or(Fault::Malformed("a key for ids of another length"))
}

/// Adds the account that stands in for the authors of kept content whose accounts were deleted. Its email address is
/// reserved (RFC 2606).
async fn add_the_deleted(db: &Database) -> Result<(), Fault> {
    let accounts = db.collection::<AccountDoc>("accounts");
    let (name, email) = (DELETED_NAME.parse(), "deleted@invalid.invalid".parse());
    let (Ok(username), Ok(email)) = (name, email) else {
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
        password_expires_at: None,
        created_at: Timestamp(0),
        avatar_seed: DELETED_NAME.to_owned(),
        avatar_version: 0,
    };
    once(accounts.insert_one(AccountDoc::from(&deleted))).await
}
