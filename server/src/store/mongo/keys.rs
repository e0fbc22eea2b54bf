//! The comparison keys of accounts that were written without them, renamed without them, or keyed by other Unicode tables.
//!
//! Servers of the previous release write beside this one and know nothing of these keys, so that each start compares all.

use futures_util::TryStreamExt;
use mongodb::{
    Collection, Database,
    bson::{Binary, Bson, Document, doc, spec::BinarySubtype},
    options::{Acknowledgment, CollectionOptions, Hint, WriteConcern},
};
use ro_co_shared::{Email, TEXT_VERSION, UserId, Username};

use super::{
    documents::{V, uuid},
    fault::Fault,
    migrate::{once, unlimited},
    schema::BY_TIME,
};

/// A unique text of an account and the field of its comparison key.
struct ComparisonKey {
    text: &'static str,
    field: &'static str,
    compute: fn(&str) -> Option<String>,
}

const KEYS: [ComparisonKey; 2] = [
    ComparisonKey {
        text: "username",
        field: "usernameSkeleton",
        compute: |name| Username::unchecked(name).skeleton(),
    },
    ComparisonKey {
        text: "email",
        field: "emailCanonical",
        compute: |email| Email::unchecked(email).canonical(),
    },
];

/// Corrects the keys of all accounts. Of accounts whose keys collide, the one that has the key keeps it, or the oldest
/// gets it where none has; the others have none, and are logged.
pub(super) async fn update(db: &Database) -> Result<(), Fault> {
    // Thousands of small writes: what is lost with a primary is done at the next start.
    let fast = WriteConcern::builder().w(Acknowledgment::Nodes(1)).build();
    let options = CollectionOptions::builder().write_concern(fast).build();
    let accounts = db.collection_with_options::<Document>("accounts", options);
    let meta = db.collection::<Document>("meta");
    let version = Binary { subtype: BinarySubtype::Generic, bytes: TEXT_VERSION.to_string().into_bytes() };
    let id = doc! { "_id": "text_version" };
    let stored = unlimited(meta.find_one(id.clone())).await?.and_then(|found| found.get("value").cloned());
    let current = stored.as_ref() == Some(&Bson::Binary(version.clone()));
    if !current && stored.is_some() {
        // The oldest first among all of them.
        let none = doc! { "$unset": { "usernameSkeleton": "", "emailCanonical": "" } };
        unlimited(accounts.update_many(ordinary(), none)).await?;
    }
    remove_stale(&accounts).await?;
    add_missing(&accounts).await?;
    if !current {
        let set = doc! { "$set": { "value": version }, "$setOnInsert": { "v": V } };
        once(meta.update_one(id, set).upsert(true)).await?;
    }
    Ok(())
}

/// Live accounts but the one that stands in for the deleted.
fn ordinary() -> Document {
    doc! { "deleting": false, "_id": { "$ne": uuid(UserId::DELETED.0) } }
}

fn fields() -> Document {
    doc! { "username": 1, "usernameSkeleton": 1, "email": 1, "emailCanonical": 1 }
}

/// Removes keys of names that the accounts no longer have.
async fn remove_stale(accounts: &Collection<Document>) -> Result<(), Fault> {
    let mut all = unlimited(accounts.find(ordinary()).projection(fields())).await?;
    while let Some(account) = unlimited(all.try_next()).await? {
        for ComparisonKey { text, field, compute } in &KEYS {
            let (Ok(value), Ok(key)) = (account.get_str(text), account.get_str(field)) else { continue };
            if compute(value).as_deref() != Some(key) {
                // Only while it is as it was read: another server may be renaming it.
                let seen = doc! { "_id": account.get("_id"), *text: value, *field: key };
                unlimited(accounts.update_one(seen, doc! { "$unset": { *field: "" } })).await?;
            }
        }
    }
    Ok(())
}

/// Gives keys to accounts without them, the oldest first.
async fn add_missing(accounts: &Collection<Document>) -> Result<(), Fault> {
    let mut filter = ordinary();
    filter.insert("$or", KEYS.map(|key| doc! { key.field: { "$exists": false } }).to_vec());
    let find = accounts.find(filter).sort(doc! { "createdAt": 1, "_id": 1 }).projection(fields());
    let mut without = unlimited(find.hint(Hint::Name(BY_TIME.to_owned()))).await?;
    while let Some(account) = unlimited(without.try_next()).await? {
        for key in KEYS.iter().filter(|key| !account.contains_key(key.field)) {
            add(accounts, &account, key).await?;
        }
    }
    Ok(())
}

async fn add(accounts: &Collection<Document>, account: &Document, of: &ComparisonKey) -> Result<(), Fault> {
    let Ok(value) = account.get_str(of.text) else { return Ok(()) };
    let Some(key) = (of.compute)(value) else { return Ok(()) };
    let seen = doc! { "_id": account.get("_id"), of.text: value };
    match unlimited(accounts.update_one(seen, doc! { "$set": { of.field: key } })).await {
        Err(Fault::Duplicate(_)) => {
            let id = account.get("_id").map(ToString::to_string).unwrap_or_default();
            tracing::warn!(account = id, field = of.text, "Comparison key belongs to another account");
            Ok(())
        }
        done => done.map(drop),
    }
}
