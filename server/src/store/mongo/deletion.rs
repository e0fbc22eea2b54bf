//! Deleting what has children, without transactions: mark, children, parent.
//!
//! The mark is one conditional write, and decides: from then on neither the document nor what belongs to it is shown, and
//! nothing new is begun under it. Its children go next, [`BATCH`] at a time. The marked document itself stays for
//! [`GRACE`](super::sweep::GRACE), because something that was begun before the mark may still arrive (an answer under a
//! question, a question by an account); `sweep` then takes the children once more, and the document. It also finishes
//! what a crash left.
//!
//! Times here are the database's own (`$currentDate`, `$$NOW`), for the servers' clocks may differ.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use futures_util::TryStreamExt;
use mongodb::{
    bson::{Bson, Document, doc},
    options::{Hint, UpdateModifications},
};
use ro_co_shared::{Content, QuestionId, UserId};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Mongo,
    calls::{MAX_TIME, Rows},
    documents::{Fate, uuid},
    fault::Fault,
    schema::{BY_AUTHOR, BY_QUESTION, BY_USER},
};
use crate::store::Result;

/// How many documents one command deletes or changes at most, so that each is done well within its limit.
pub(super) const BATCH: u16 = 500;

/// How long a request waits for the children of what it deleted. They go on being deleted after that.
const CHILDREN_LIMIT: Duration = Duration::from_secs(5);

/// A document by its id, of whatever type: a malformed one is deleted like any other.
#[derive(Deserialize)]
pub(super) struct Id {
    #[serde(rename = "_id")]
    pub(super) id: Bson,
}

/// An answer that is being deleted.
#[derive(Deserialize)]
pub(super) struct MarkedAnswer {
    #[serde(rename = "_id")]
    id: Bson,
    question: Option<Bson>,
}

/// The update that marks a document as being deleted.
fn mark() -> Document {
    doc! { "$set": { "deleting": true }, "$currentDate": { "deletedAt": true } }
}

impl Mongo {
    /// Marks the question that the filter meets; whether there was one.
    pub(super) async fn mark_question(&self, filter: Document) -> Result<bool> {
        Ok(self.questions.update_one(filter, mark()).await?)
    }

    /// Deletes the answers to a marked question.
    pub(super) async fn finish_question(&self, id: QuestionId) {
        let store = self.clone();
        finish(async move { store.delete_answers_to(&[uuid(id.0).into()]).await }).await;
    }

    /// Marks the answer that the filter meets.
    pub(super) async fn mark_answer(&self, filter: Document) -> Result<Option<MarkedAnswer>> {
        Ok(self.answers.of::<MarkedAnswer>().change(filter, mark()).await?)
    }

    /// Deletes a marked answer. It has no children, so nothing waits.
    pub(super) async fn finish_answer(&self, answer: MarkedAnswer) {
        let store = self.clone();
        finish(async move { store.delete_marked_answers(&[answer]).await }).await;
    }

    /// Marks a live account, and cuts it down to the mark: its username and email address are free.
    pub(super) async fn mark_account(&self, id: UserId, content: Content) -> Result<()> {
        let mark = doc! { "$replaceWith": {
            "_id": "$_id", "v": "$v", "deleting": true, "deletedAt": "$$NOW", "content": Fate::from(content).text(),
        } };
        self.change_admin(id, vec![mark]).await.map(drop)
    }

    /// Deletes what belongs to a marked account.
    pub(super) async fn finish_account(&self, id: UserId, content: Fate) {
        let store = self.clone();
        finish(async move { store.delete_belongings(&uuid(id.0).into(), content).await }).await;
    }

    /// Deletes an account's sessions and picture, and deals with its content. Marked content stays for the sweep, by its
    /// own marks.
    pub(super) async fn delete_belongings(&self, user: &Bson, content: Fate) -> Result<()> {
        while let Some(sessions) = batch(&self.sessions, doc! { "user": user }, BY_USER).await? {
            delete(&self.sessions, ids(&sessions)).await?;
        }
        self.avatars.delete_one(doc! { "_id": user }).await?;
        match content {
            Fate::Keep => self.hand_over(user).await,
            Fate::Erase => self.erase(user).await,
        }
    }

    async fn hand_over(&self, user: &Bson) -> Result<()> {
        let heir = || doc! { "$set": { "author": uuid(UserId::DELETED.0) } };
        let theirs = || doc! { "author": user };
        while let Some(questions) = batch(&self.questions, theirs(), BY_AUTHOR).await? {
            update(&self.questions, ids(&questions), heir()).await?;
        }
        while let Some(answers) = batch(&self.answers, theirs(), BY_AUTHOR).await? {
            update(&self.answers, ids(&answers), heir()).await?;
        }
        Ok(())
    }

    async fn erase(&self, user: &Bson) -> Result<()> {
        let live = || doc! { "author": user, "deleting": false };
        while let Some(questions) = batch(&self.questions, live(), BY_AUTHOR).await? {
            let questions = ids(&questions);
            update(&self.questions, questions.clone(), mark()).await?;
            self.delete_answers_to(&questions).await?;
        }
        while let Some(answers) = batch::<MarkedAnswer, _>(&self.answers, live(), BY_AUTHOR).await? {
            update(&self.answers, answers.iter().map(|answer| answer.id.clone()).collect(), mark()).await?;
            self.delete_marked_answers(&answers).await?;
        }
        Ok(())
    }

    pub(super) async fn delete_answers_to(&self, questions: &[Bson]) -> Result<()> {
        let theirs = || doc! { "question": { "$in": questions } };
        while let Some(answers) = batch(&self.answers, theirs(), BY_QUESTION).await? {
            delete(&self.answers, ids(&answers)).await?;
        }
        Ok(())
    }

    /// Counts marked answers down at their questions, and deletes them.
    pub(super) async fn delete_marked_answers(&self, answers: &[MarkedAnswer]) -> Result<()> {
        let mut of = HashMap::<&Bson, i64>::new();
        for question in answers.iter().filter_map(|answer| answer.question.as_ref()) {
            *of.entry(question).or_default() += 1;
        }
        let mut with = BTreeMap::<i64, Vec<Bson>>::new();
        for (question, count) in of {
            with.entry(count).or_default().push(question.clone());
        }
        for (count, questions) in with {
            let down = doc! { "$inc": { "answers": -count }, "$currentDate": { "recountAt": true } };
            update(&self.questions, questions, down).await?;
        }
        delete(&self.answers, answers.iter().map(|answer| answer.id.clone()).collect()).await?;
        Ok(())
    }
}

/// Does what follows a mark, and waits for it a while. The deletion has happened by its mark; what fails is left to the
/// sweep.
async fn finish(children: impl Future<Output = Result<()>> + Send + 'static) {
    let task = tokio::spawn(async move {
        if let Err(error) = children.await {
            tracing::warn!(%error, "Deletion left to the sweep");
        }
    });
    // A panic is reported where it happened.
    let _ = tokio::time::timeout(CHILDREN_LIMIT, task).await;
}

pub(super) fn ids(documents: &[Id]) -> Vec<Bson> {
    documents.iter().map(|document| document.id.clone()).collect()
}

/// Up to [`BATCH`] documents that the filter meets; none when there are none.
pub(super) async fn batch<D, T>(
    rows: &Rows<T>,
    filter: Document,
    index: &'static str,
) -> std::result::Result<Option<Vec<D>>, Fault>
where
    D: DeserializeOwned + Send + Sync + 'static,
    T: Send + Sync,
{
    let found: Vec<D> = rows
        .of::<D>()
        .call(|rows| async move {
            let find = rows
                .find(filter)
                .hint(Hint::Name(index.to_owned()))
                .limit(BATCH.into())
                .batch_size(BATCH.into());
            find.projection(doc! { "question": 1 }).max_time(MAX_TIME).await?.try_collect().await
        })
        .await?;
    Ok((!found.is_empty()).then_some(found))
}

/// Deletes the documents with these ids.
pub(super) async fn delete<T: Send + Sync + 'static>(
    rows: &Rows<T>,
    ids: Vec<Bson>,
) -> std::result::Result<(), Fault> {
    let those = doc! { "_id": { "$in": ids } };
    rows.call(|rows| async move { rows.delete_many(those).await }).await.map(drop)
}

async fn update<T: Send + Sync + 'static>(
    rows: &Rows<T>,
    ids: Vec<Bson>,
    update: impl Into<UpdateModifications>,
) -> std::result::Result<(), Fault> {
    let (those, update) = (doc! { "_id": { "$in": ids } }, update.into());
    rows.call(|rows| async move { rows.update_many(those, update).await }).await.map(drop)
}
