//! The back end for teams: MongoDB, on a lone server, a replica set or a sharded cluster, with any number of servers
//! over one database.
//!
//! - Writes are acknowledged by a majority's journals (`w: majority, j: true`) and retried once by the driver, so that
//!   what a client was told has happened outlives any one node.
//! - Reads ask the primary with read concern `local`, unless the call says otherwise and why. A primary has every
//!   acknowledged write, from the first moment of its term: nobody misses what they were told is there, and nothing
//!   deleted comes back. `majority` would answer from an older state until a new primary's first write has spread.
//!   The price: what is read may belong to a write that nobody was told has happened yet, and be gone with its primary.
//! - No transactions: a lone server has none, and one way of doing things is enough. What touches several documents
//!   is ordered such that each step is safe to repeat, and `deletion` finishes what a crash left.

mod accounts;
mod admins;
mod answers;
mod authors;
mod avatars;
mod calls;
mod deletion;
mod documents;
mod fault;
mod heartbeats;
mod jobs;
mod keys;
mod migrate;
mod open;
mod ownership;
mod pool;
mod questions;
mod schema;
mod sessions;
mod slice;
mod sweep;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mongodb::{
    Client, Database,
    bson::{Document, doc},
    options::ReadConcern,
};
use ro_co_shared::{Timestamp, UserId};

use self::{
    authors::Authors,
    calls::{Calls, Rows},
    documents::{AccountDoc, AnswerDoc, AvatarDoc, QuestionDoc, SessionDoc, uuid},
    pool::PoolCounts,
};
use crate::store::{Result, SortKey, Store, StoreStats};

pub use open::{OpenError, Target};

/// How long a row may take from the reading of its clock until readers find it, in milliseconds, with what the clocks of
/// two servers may differ by.
const SETTLING_MS: i64 = 5_000;

/// How long the check of health may take on the server.
const PING: Duration = Duration::from_secs(2);

/// A store in a database of MongoDB's. Clones share connections and caches.
#[derive(Clone)]
pub struct Mongo {
    client: Client,
    pool: Arc<PoolCounts>,
    db: Database,
    /// Whether there are nodes that could disagree.
    replicated: bool,
    calls: Calls,
    accounts: Rows<AccountDoc>,
    sessions: Rows<SessionDoc>,
    questions: Rows<QuestionDoc>,
    answers: Rows<AnswerDoc>,
    avatars: Rows<AvatarDoc>,
    jobs: Rows<Document>,
    meta: Rows<Document>,
    authors: Authors,
    id_key: [u8; 32],
}

#[async_trait]
impl Store for Mongo {
    fn id_key(&self) -> &[u8; 32] {
        &self.id_key
    }

    async fn ping(&self) -> Result<()> {
        let filter = doc! { "_id": uuid(UserId::DELETED.0) };
        // Linearizable: a node answers only after a majority has told it that it still is the primary.
        let concern = if self.replicated { ReadConcern::linearizable() } else { ReadConcern::local() };
        let find = self.accounts.of::<Document>().call(|accounts| async move {
            let find = accounts.find_one(filter).projection(doc! { "_id": 1 });
            find.max_time(PING).read_concern(concern).await
        });
        find.await?;
        Ok(())
    }

    fn resume_after(&self, last: SortKey, now: Timestamp) -> SortKey {
        last.min(SortKey { created_at: now.plus_millis(-SETTLING_MS), id: uuid::Uuid::max() })
    }

    async fn sweep(&self) -> Result<u64> {
        self.finish_deletions().await
    }

    fn counts_can_drift(&self) -> bool {
        true
    }

    async fn recount(&self) -> Result<u64> {
        self.recount_answers().await
    }

    fn stats(&self) -> StoreStats<'_> {
        StoreStats {
            latency: vec![("call", self.calls.durations())],
            pool: Some(self.pool.stats()),
            ..StoreStats::default()
        }
    }

    async fn close(&self) {
        self.client.clone().shutdown().immediate(true).await;
    }
}
