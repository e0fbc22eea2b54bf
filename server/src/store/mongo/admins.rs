//! The last admin, without transactions: of two changes at once, neither may count on the admin whom the other takes away.
//!
//! Who is an admin stands in the accounts. A change that takes one away (of a role, a suspension, a deletion) first
//! enters that admin into the guard, one document, by compare-and-set: it read the guard, then found a live, unsuspended
//! admin who is neither this one nor in the guard. If the guard has changed since, it looks again. Then it changes the
//! account, and takes its entry out.
//!
//! An entry that a crash left is resolved after [`STALE`] by whoever meets it. Its change may only have been slow, so
//! each change of an account has the guard's revision as its fence, and resolving raises the account's fence first.

use std::time::Duration;

use mongodb::{
    bson::{Bson, Document, deserialize_from_document, doc},
    options::Hint,
};
use ro_co_shared::UserId;
use serde::Deserialize;

use super::{
    Mongo,
    accounts::ordinary,
    calls::{MAX_TIME, millis},
    documents::uuid,
    fault::Fault,
    schema::BY_ADMIN,
};
use crate::store::{Accounts, Error, Result};

/// Longer than a change can be under way: a request has 15 seconds.
const STALE: Duration = Duration::from_mins(1);

/// How often a change looks again at a guard that others hold or change, and the pause before it does.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// The id of the guard, in `meta`.
pub(super) const GUARD: &str = "admins";

/// What the guard says.
#[derive(Deserialize)]
struct Guard {
    revision: i64,
    /// The admins who are being taken away.
    leaving: Vec<Leaving>,
}

/// An entry of the guard.
#[derive(Deserialize)]
struct Leaving {
    id: Bson,
    /// The guard's revision that made this entry.
    revision: i64,
}

/// Why there is no entry for a change.
enum Refused {
    /// No other admin is left.
    Last,
    /// Others hold or change the guard.
    Busy,
}

impl Mongo {
    /// Changes an account in a way that may take an admin away, by an update of these stages; the document afterwards.
    /// [`Error::LastAdmin`] if no other live, unsuspended admin would be left.
    pub(super) async fn change_admin(&self, id: UserId, change: Vec<Document>) -> Result<Document> {
        let accounts = self.accounts.of::<Document>();
        for _ in 0..TRIES {
            let mut none = ordinary(id)?;
            none.insert("$or", vec![doc! { "role": { "$ne": "ADMIN" } }, doc! { "suspended": true }]);
            if let Some(changed) = accounts.change(none, change.clone()).await? {
                return Ok(changed);
            }
            // Nobody, or an admin who counts.
            self.account(id).await?;
            match self.enter(id).await? {
                Ok(revision) => {
                    let mut fenced = ordinary(id)?;
                    fenced.insert("$or", below(revision));
                    let raise = doc! { "$set": { "adminRevision": revision } };
                    let changed = accounts.change(fenced, [vec![raise], change.clone()].concat()).await?;
                    self.leave(revision).await?;
                    if let Some(changed) = changed {
                        return Ok(changed);
                    }
                }
                Err(Refused::Last) => return Err(Error::LastAdmin),
                Err(Refused::Busy) => tokio::time::sleep(PAUSE).await,
            }
        }
        Err(Fault::Away("other changes of admins are under way".to_owned()).into())
    }

    /// Enters an admin into the guard; the guard's new revision.
    async fn enter(&self, id: UserId) -> Result<std::result::Result<i64, Refused>> {
        let found = self.meta.find_one(doc! { "_id": GUARD }).await?.unwrap_or_default();
        let guard: Guard =
            deserialize_from_document(found).map_err(|_| Fault::Malformed("a guard of another shape"))?;
        let me = Bson::from(uuid(id.0));
        let gone: Vec<Bson> =
            guard.leaving.iter().map(|entry| entry.id.clone()).chain([me.clone()]).collect();
        if !self.another_admin(gone).await? {
            if guard.leaving.is_empty() {
                return Ok(Err(Refused::Last));
            }
            // Whether one of them stays is known when their changes are done.
            self.resolve_stale().await?;
            return Ok(Err(Refused::Busy));
        }
        let revision = guard.revision + 1;
        let entry = doc! { "id": { "$literal": me }, "revision": revision, "at": "$$NOW" };
        let unchanged = doc! { "_id": GUARD, "revision": guard.revision };
        let enter = vec![doc! { "$set": {
            "revision": revision, "leaving": { "$concatArrays": ["$leaving", [entry]] },
        } }];
        let entered = self.meta.update_one(unchanged, enter).await?;
        Ok(if entered { Ok(revision) } else { Err(Refused::Busy) })
    }

    /// Takes an entry out of the guard.
    async fn leave(&self, revision: i64) -> Result<()> {
        let out = doc! { "$pull": { "leaving": { "revision": revision } } };
        self.meta.update_one(doc! { "_id": GUARD }, out).await?;
        Ok(())
    }

    /// Whether there is a live, unsuspended admin beside these.
    async fn another_admin(&self, beside: Vec<Bson>) -> Result<bool> {
        let filter =
            doc! { "role": "ADMIN", "suspended": false, "deleting": false, "_id": { "$nin": beside } };
        let find = self.accounts.of::<Document>().call(|accounts| async move {
            let find = accounts.find_one(filter).hint(Hint::Name(BY_ADMIN.to_owned()));
            find.projection(doc! { "_id": 1 }).max_time(MAX_TIME).await
        });
        Ok(find.await?.is_some())
    }

    /// Takes out what crashed changes left, so that they can no longer happen.
    async fn resolve_stale(&self) -> Result<()> {
        let old = doc! { "$lt": ["$$entry.at", { "$subtract": ["$$NOW", millis(STALE)] }] };
        let stale = doc! { "$filter": { "input": "$leaving", "as": "entry", "cond": old } };
        let find = self.meta.call(|meta| async move {
            let fields = doc! { "revision": 1, "leaving": stale };
            meta.find_one(doc! { "_id": GUARD }).projection(fields).max_time(MAX_TIME).await
        });
        let found = find.await?.unwrap_or_default();
        let guard: Guard =
            deserialize_from_document(found).map_err(|_| Fault::Malformed("a guard of another shape"))?;
        for entry in guard.leaving {
            let behind = doc! { "_id": &entry.id, "deleting": false, "$or": below(entry.revision) };
            self.accounts.update_one(behind, doc! { "$set": { "adminRevision": entry.revision } }).await?;
            self.leave(entry.revision).await?;
        }
        Ok(())
    }
}

/// The filter of a change with this fence: no later one has happened, nor has it been given up.
fn below(revision: i64) -> Vec<Document> {
    vec![doc! { "adminRevision": { "$exists": false } }, doc! { "adminRevision": { "$lt": revision } }]
}
