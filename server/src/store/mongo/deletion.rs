//! Deleting what has children, without transactions: mark, children, parent.
//!
//! The mark is one conditional write, and decides: from then on neither the document nor what hangs on it is shown, and
//! nothing new is begun under it. Its children go next. The marked document itself stays for [`GRACE`], because
//! something that was begun before the mark may still arrive (an answer under a question, a question by an account);
//! [`Mongo::sweep_after`] then takes the children once more, and the document. It also finishes what a crash left.
//!
//! How many answers a question has is counted along (`$inc`). A crash between the count and what is counted leaves
//! it wrong by one, so each count notes its time in `recountAt`, and a sweep counts such questions anew once no
//! such step can be under way. A question counted again meanwhile has another time, and is left for the next sweep.
//!
//! Times here are the database's own (`$currentDate`, `$$NOW`), for the servers' clocks may differ.

use std::{collections::BTreeMap, time::Duration};

use futures_util::TryStreamExt;
use mongodb::{
    Collection,
    bson::{DateTime, Document, Uuid, doc},
    options::{Hint, ReadConcern},
};
use ro_co_shared::{Content, QuestionId, UserId};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Mongo,
    documents::{Fate, id, uuid},
    fault::{Fault, ask},
    schema::{BY_AUTHOR, BY_QUESTION, BY_USER, DELETING, RECOUNTS},
};
use crate::store::{Error, Result};

/// Longer than anything can be under way that was begun before a mark: a request has 15 seconds.
pub(super) const GRACE: Duration = Duration::from_mins(1);

/// How many documents are dealt with at a time.
const BATCH: u16 = 500;

/// A document by its id.
#[derive(Deserialize)]
struct Id {
    #[serde(rename = "_id")]
    id: Uuid,
}

/// An answer that is being deleted.
#[derive(Deserialize)]
pub(super) struct MarkedAnswer {
    #[serde(rename = "_id")]
    id: Uuid,
    question: Uuid,
}

/// What is left of an account that is being deleted.
#[derive(Deserialize)]
struct MarkedAccount {
    #[serde(rename = "_id")]
    id: Uuid,
    content: Fate,
}

/// A question whose answers were counted up or down.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    #[serde(rename = "_id")]
    id: Uuid,
    recount_at: DateTime,
}

fn mark() -> Document {
    doc! { "$set": { "deleting": true }, "$currentDate": { "deletedAt": true } }
}

fn hint(index: &str) -> Hint {
    Hint::Name(index.to_owned())
}

/// A deletion is done when its mark is: what fails after that is left to a sweep.
fn left_to_the_sweep(done: Result<()>) {
    if let Err(error) = done {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(%error, cause, "A deletion was begun and not finished; a later sweep finishes it.");
    }
}

impl Mongo {
    /// Marks the question that the filter meets; whether there was one.
    pub(super) async fn mark_question(&self, filter: Document) -> Result<bool> {
        Ok(ask(self.questions.update_one(filter, mark())).await?.matched_count == 1)
    }

    /// Deletes the answers to a marked question.
    pub(super) async fn finish_question(&self, id: QuestionId) {
        left_to_the_sweep(self.delete_answers_to(&[uuid(id.0)]).await);
    }

    /// Marks the answer that the filter meets.
    pub(super) async fn mark_answer(&self, filter: Document) -> Result<Option<MarkedAnswer>> {
        let answers = self.answers.clone_with_type::<MarkedAnswer>();
        Ok(ask(answers.find_one_and_update(filter, mark())).await?)
    }

    /// Deletes a marked answer. It has no children, so nothing waits.
    pub(super) async fn finish_answer(&self, answer: MarkedAnswer) {
        left_to_the_sweep(self.delete_marked_answers(&[answer]).await);
    }

    /// Marks the account that the filter meets, and cuts it down to the mark: its name and its address are free.
    pub(super) async fn mark_account(&self, filter: Document, content: Content) -> Result<()> {
        let mark = doc! { "$replaceWith": {
            "_id": "$_id", "v": "$v", "deleting": true, "deletedAt": "$$NOW", "content": Fate::from(content).text(),
        } };
        match ask(self.accounts.update_one(filter, vec![mark])).await?.matched_count {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Deletes what belongs to a marked account.
    pub(super) async fn finish_account(&self, id: UserId, content: Fate) {
        left_to_the_sweep(self.delete_belongings(uuid(id.0), content).await);
    }

    async fn delete_belongings(&self, user: Uuid, content: Fate) -> Result<()> {
        ask(self.sessions.delete_many(doc! { "user": user }).hint(hint(BY_USER))).await?;
        self.forget_avatar(UserId(id(user)), i64::MAX).await?;
        let theirs = doc! { "author": user };
        if content == Fate::Keep {
            let heir = doc! { "$set": { "author": uuid(UserId::DELETED.0) } };
            ask(self.questions.update_many(theirs.clone(), heir.clone()).hint(hint(BY_AUTHOR))).await?;
            ask(self.answers.update_many(theirs, heir).hint(hint(BY_AUTHOR))).await?;
            return Ok(());
        }
        let live = doc! { "author": user, "deleting": false };
        ask(self.questions.update_many(live.clone(), mark()).hint(hint(BY_AUTHOR))).await?;
        ask(self.answers.update_many(live, mark()).hint(hint(BY_AUTHOR))).await?;
        let marked = doc! { "author": user, "deleting": true };
        let questions = all::<Id, _>(&self.questions, marked.clone(), BY_AUTHOR).await?;
        for batch in questions.chunks(BATCH.into()) {
            self.delete_answers_to(&batch.iter().map(|question| question.id).collect::<Vec<_>>()).await?;
        }
        let answers = all::<MarkedAnswer, _>(&self.answers, marked, BY_AUTHOR).await?;
        for batch in answers.chunks(BATCH.into()) {
            self.delete_marked_answers(batch).await?;
        }
        Ok(())
    }

    async fn delete_answers_to(&self, questions: &[Uuid]) -> Result<()> {
        let theirs = doc! { "question": { "$in": questions } };
        ask(self.answers.delete_many(theirs).hint(hint(BY_QUESTION))).await?;
        Ok(())
    }

    /// Counts marked answers down at their questions, and deletes them.
    async fn delete_marked_answers(&self, answers: &[MarkedAnswer]) -> Result<()> {
        if answers.is_empty() {
            return Ok(());
        }
        let mut of = BTreeMap::<[u8; 16], i64>::new();
        for answer in answers {
            *of.entry(answer.question.bytes()).or_default() += 1;
        }
        let mut with = BTreeMap::<i64, Vec<Uuid>>::new();
        for (question, count) in of {
            with.entry(count).or_default().push(Uuid::from_bytes(question));
        }
        for (count, questions) in with {
            let down = doc! { "$inc": { "answers": -count }, "$currentDate": { "recountAt": true } };
            ask(self.questions.update_many(doc! { "_id": { "$in": questions } }, down)).await?;
        }
        let ids: Vec<Uuid> = answers.iter().map(|answer| answer.id).collect();
        ask(self.answers.delete_many(doc! { "_id": { "$in": ids } })).await?;
        Ok(())
    }

    /// Finishes what was marked, and counts anew what was counted, longer than `grace` ago; how many of all these.
    pub(super) async fn sweep_after(&self, grace: Duration) -> Result<u64> {
        let answers: Vec<MarkedAnswer> = older(&self.answers, "deletedAt", DELETING, grace).await?;
        self.delete_marked_answers(&answers).await?;

        let questions: Vec<Id> = older(&self.questions, "deletedAt", DELETING, grace).await?;
        let ids: Vec<Uuid> = questions.iter().map(|question| question.id).collect();
        if !ids.is_empty() {
            self.delete_answers_to(&ids).await?;
            ask(self.questions.delete_many(doc! { "_id": { "$in": &ids } })).await?;
        }

        let accounts: Vec<MarkedAccount> = older(&self.accounts, "deletedAt", DELETING, grace).await?;
        for account in &accounts {
            self.delete_belongings(account.id, account.content).await?;
            ask(self.accounts.delete_one(doc! { "_id": account.id, "deleting": true })).await?;
        }

        let counted: Vec<Counted> = older(&self.questions, "recountAt", RECOUNTS, grace).await?;
        for question in &counted {
            self.recount(question).await?;
        }
        Ok((answers.len() + questions.len() + accounts.len() + counted.len()) as u64)
    }

    async fn recount(&self, question: &Counted) -> Result<()> {
        let answers = doc! { "question": question.id, "deleting": false };
        let count = self.answers.count_documents(answers).hint(hint(BY_QUESTION));
        let count = ask(count.read_concern(ReadConcern::majority())).await?;
        let unchanged = doc! { "_id": question.id, "recountAt": question.recount_at };
        let set = doc! {
            "$set": { "answers": i64::try_from(count).unwrap_or(i64::MAX) }, "$unset": { "recountAt": "" },
        };
        ask(self.questions.update_one(unchanged, set)).await?;
        Ok(())
    }
}

async fn all<D, T>(rows: &Collection<T>, filter: Document, index: &str) -> std::result::Result<Vec<D>, Fault>
where
    D: DeserializeOwned + Send + Sync,
    T: Send + Sync,
{
    let find = rows.clone_with_type::<D>();
    let find = find.find(filter).hint(hint(index));
    ask(async { find.await?.try_collect().await }).await
}

/// Up to [`BATCH`] documents whose time in `field` is longer ago than `grace`. Majority: nothing is deleted for the
/// sake of a mark that a change of the primary may undo.
async fn older<D, T>(
    rows: &Collection<T>,
    field: &str,
    index: &str,
    grace: Duration,
) -> std::result::Result<Vec<D>, Fault>
where
    D: DeserializeOwned + Send + Sync,
    T: Send + Sync,
{
    let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
    let limit = doc! { "$lte": [format!("${field}"), { "$subtract": ["$$NOW", grace] }] };
    let mut filter = doc! { "$expr": limit };
    if index == DELETING {
        filter.insert("deleting", true);
    } else {
        filter.insert(field, doc! { "$type": "date" });
    }
    let rows = rows.clone_with_type::<D>();
    let find = rows.find(filter).hint(hint(index)).limit(BATCH.into());
    let find = find.read_concern(ReadConcern::majority());
    ask(async { find.await?.try_collect().await }).await
}
