//! What deletions and counts leave to a background job: marked documents with what belongs to them, and questions whose
//! number of answers may be wrong.
//!
//! How many answers a question has is counted along (`$inc`). A crash between the count and what is counted leaves it
//! wrong by one, so each count notes its time in `recountAt`, and a sweep counts such questions anew once no such step
//! can be under way. A question counted again meanwhile has another time, and is left for the next sweep.
//!
//! A sweep takes [`BATCH`] documents at a time, oldest first. What it is done with is gone from the index it looks in, so
//! it may be stopped and begun again anywhere, and by several servers at once. A document that fails is logged and passed
//! over until the next sweep.

use std::{collections::HashMap, time::Duration};

use futures_util::{TryStreamExt, future::BoxFuture};
use mongodb::{
    bson::{Bson, DateTime, Document, deserialize_from_document, doc},
    options::{Hint, ReadConcern},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Mongo,
    calls::{MAX_TIME, Rows, millis},
    deletion::{BATCH, Id, MarkedAnswer, delete, ids},
    documents::Fate,
    fault::Fault,
    schema::{BY_QUESTION, DELETING, RECOUNTS},
};
use crate::store::{Error, Result};

/// Longer than anything can be under way that was begun before a mark: a request has 15 seconds.
pub(super) const GRACE: Duration = Duration::from_mins(1);

/// What is left of an account that is being deleted.
#[derive(Deserialize)]
struct MarkedAccount {
    #[serde(rename = "_id")]
    id: Bson,
    content: Fate,
}

/// A question whose answers were counted up or down.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    #[serde(rename = "_id")]
    id: Bson,
    recount_at: DateTime,
}

/// Where a sweep looks: in an index on this time.
#[derive(Clone, Copy)]
struct Due {
    index: &'static str,
    field: &'static str,
}

const MARKED: Due = Due { index: DELETING, field: "deletedAt" };
const TO_RECOUNT: Due = Due { index: RECOUNTS, field: "recountAt" };

/// What is done with a batch.
type Finish<D> = fn(Mongo, Vec<D>) -> BoxFuture<'static, Result<()>>;

impl Mongo {
    /// Finishes what was marked longer than [`GRACE`] ago; how many documents.
    pub(super) async fn finish_deletions(&self) -> Result<u64> {
        let answers: Finish<MarkedAnswer> =
            |store, answers| Box::pin(async move { store.delete_marked_answers(&answers).await });
        let questions: Finish<Id> =
            |store, questions| Box::pin(async move { store.finish_questions(ids(&questions)).await });
        let accounts: Finish<MarkedAccount> =
            |store, accounts| Box::pin(async move { store.finish_accounts(&accounts).await });
        Ok(self.sweep_rows(&self.answers, MARKED, answers).await?
            + self.sweep_rows(&self.questions, MARKED, questions).await?
            + self.sweep_rows(&self.accounts, MARKED, accounts).await?)
    }

    async fn finish_questions(&self, questions: Vec<Bson>) -> Result<()> {
        self.delete_answers_to(&questions).await?;
        Ok(delete(&self.questions, questions).await?)
    }

    async fn finish_accounts(&self, accounts: &[MarkedAccount]) -> Result<()> {
        for account in accounts {
            self.delete_belongings(&account.id, account.content).await?;
            self.accounts.delete_one(doc! { "_id": &account.id, "deleting": true }).await?;
        }
        Ok(())
    }

    /// Counts anew the answers of questions that were counted up or down longer than [`GRACE`] ago; how many questions.
    pub(super) async fn recount_answers(&self) -> Result<u64> {
        let recount: Finish<Counted> =
            |store, counted| Box::pin(async move { store.recount_questions(&counted).await });
        self.sweep_rows(&self.questions, TO_RECOUNT, recount).await
    }

    /// Finishes all documents that are due, a batch at a time; how many.
    async fn sweep_rows<T, D>(&self, rows: &Rows<T>, due: Due, finish: Finish<D>) -> Result<u64>
    where
        T: Send + Sync,
        D: DeserializeOwned,
    {
        let (mut finished, mut passed) = (0, 0);
        loop {
            let found = overdue(rows, due, passed).await?;
            let full = found.len() >= usize::from(BATCH);
            let batch: Vec<D> = found.iter().filter_map(readable).collect();
            let readable = batch.len() as u64;
            let done = match finish(self.clone(), batch).await {
                Ok(()) => readable,
                Err(error @ Error::Unavailable(_)) => return Err(error),
                Err(_) => self.one_by_one(&found, finish).await?,
            };
            finished += done;
            passed += found.len() as u64 - done;
            if !full {
                return Ok(finished);
            }
        }
    }

    /// Finishes what it can of a batch that failed as a whole; how many.
    async fn one_by_one<D: DeserializeOwned>(&self, found: &[Document], finish: Finish<D>) -> Result<u64> {
        let mut finished = 0;
        for document in found {
            let Ok(one) = deserialize_from_document(document.clone()) else { continue };
            match finish(self.clone(), vec![one]).await {
                Ok(()) => finished += 1,
                Err(error @ Error::Unavailable(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(id = ?document.get("_id"), %error, "Document could not be swept");
                }
            }
        }
        Ok(finished)
    }

    /// Two commands for all of them: a thousand answers a second must not need thousands of commands a second here.
    async fn recount_questions(&self, counted: &[Counted]) -> Result<()> {
        let counts = self.count_answers_of(counted).await?;
        let updates: Vec<_> = counted
            .iter()
            .map(|question| {
                let count = counts.get(&question.id).copied().unwrap_or_default();
                doc! {
                    "q": { "_id": &question.id, "recountAt": question.recount_at },
                    "u": { "$set": { "answers": count }, "$unset": { "recountAt": "" } },
                }
            })
            .collect();
        let name = self.questions.name();
        let update = doc! {
            "update": name, "updates": updates, "ordered": false, "maxTimeMS": millis(MAX_TIME),
            "writeConcern": { "w": "majority", "j": true, "wtimeout": millis(MAX_TIME) },
        };
        let db = self.db.clone();
        let done = self.calls.run(async move { db.run_command(update).await }).await?;
        write_errors(&done)
    }

    async fn count_answers_of(&self, counted: &[Counted]) -> Result<HashMap<Bson, i64>> {
        let questions: Vec<_> = counted.iter().map(|question| question.id.clone()).collect();
        let pipeline = [
            doc! { "$match": { "question": { "$in": questions }, "deleting": false } },
            doc! { "$group": { "_id": "$question", "count": { "$sum": 1_i64 } } },
        ];
        let count = self.answers.call(|answers| async move {
            let count =
                answers.aggregate(pipeline).hint(Hint::Name(BY_QUESTION.to_owned())).max_time(MAX_TIME);
            count.read_concern(ReadConcern::majority()).await?.try_collect::<Vec<Document>>().await
        });
        let counts = count.await?.into_iter();
        Ok(counts
            .filter_map(|count| Some((count.get("_id")?.clone(), count.get_i64("count").ok()?)))
            .collect())
    }
}

/// Whether a command that writes several documents failed with one of them, or did not reach a majority: its answer says
/// that it succeeded all the same.
fn write_errors(answer: &Document) -> Result<()> {
    let code =
        |error: &Bson| error.as_document().and_then(|error| error.get_i32("code").ok()).unwrap_or_default();
    let first = answer.get_array("writeErrors").ok().and_then(|errors| errors.first());
    match first.or_else(|| answer.get("writeConcernError")).map(code) {
        None => Ok(()),
        Some(code) => Err(Fault::coded(code, "", "", false).into()),
    }
}

fn readable<D: DeserializeOwned>(found: &Document) -> Option<D> {
    let read = deserialize_from_document(found.clone());
    if read.is_err() {
        tracing::error!(id = ?found.get("_id"), "Malformed document not swept");
    }
    read.ok()
}

/// Up to [`BATCH`] documents whose time is longer ago than [`GRACE`], after the `passed` oldest of them. Majority: nothing is
/// deleted for the sake of a mark that a change of the primary may roll back.
async fn overdue<T: Send + Sync>(
    rows: &Rows<T>,
    due: Due,
    passed: u64,
) -> std::result::Result<Vec<Document>, Fault> {
    let grace = millis(GRACE);
    let limit = doc! { "$lte": [format!("${}", due.field), { "$subtract": ["$$NOW", grace] }] };
    let mut filter = doc! { "$expr": limit };
    if due.index == DELETING {
        filter.insert("deleting", true);
    } else {
        filter.insert(due.field, doc! { "$type": "date" });
    }
    rows.of::<Document>()
        .call(|rows| async move {
            let find = rows.find(filter).sort(doc! { due.field: 1 }).hint(Hint::Name(due.index.to_owned()));
            let find = find
                .skip(passed)
                .limit(BATCH.into())
                .batch_size(BATCH.into())
                .read_concern(ReadConcern::majority());
            let fields = doc! { "question": 1, "content": 1, "recountAt": 1 };
            find.projection(fields).max_time(MAX_TIME).await?.try_collect().await
        })
        .await
}
