//! Questions, in MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{Document, doc},
    options::{Hint, ReturnDocument, UpdateModifications},
};
use ro_co_shared::{QuestionId, Timestamp};

use super::{
    Mongo,
    documents::{QuestionDoc, date, uuid},
    fault::{Fault, Taken, ask},
    ownership::{repeated, why_none, writable},
    schema::{BY_AUTHOR, BY_AUTHOR_AND_MARK, BY_MARK, BY_TIME},
    slice::Order,
};
use crate::store::{
    Created, Error, Filter, Position, Principal, Question, Questions, Result, Slice, StoredQuestion,
};

/// A filter as the server takes it, and the index that it is made for.
fn filter(wanted: Filter) -> (Document, Hint) {
    let mut filter = doc! { "deleting": false };
    if let Some(author) = wanted.author {
        filter.insert("author", uuid(author.0));
    }
    if let Some(answered) = wanted.answered {
        filter.insert("answered", answered);
    }
    let index = match (wanted.author, wanted.answered) {
        (None, None) => BY_TIME,
        (None, Some(_)) => BY_MARK,
        (Some(_), None) => BY_AUTHOR,
        (Some(_), Some(_)) => BY_AUTHOR_AND_MARK,
    };
    (filter, Hint::Name(index.to_owned()))
}

#[async_trait]
impl Questions for Mongo {
    async fn add_question(&self, question: &Question) -> Result<Created<StoredQuestion>> {
        let author = self.authors.writer(question.author).await?;
        let new = QuestionDoc::from(question);
        match ask(self.questions.insert_one(&new)).await {
            Ok(_) => Ok(Created { row: new.shown(author), created: true }),
            Err(Fault::Duplicate(Taken::Id)) => {
                let found = repeated(&self.questions, question.id.0).await?;
                if !found.is_by(question) {
                    return Err(Error::Conflict("Idempotency-Key"));
                }
                Ok(Created { row: found.shown(author), created: false })
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn question(&self, id: QuestionId) -> Result<StoredQuestion> {
        let found = ask(self.questions.find_one(doc! { "_id": uuid(id.0), "deleting": false })).await?;
        self.shown(found.ok_or(Error::NotFound)?).await
    }

    async fn questions(&self, wanted: Filter, mut slice: Slice) -> Result<Vec<StoredQuestion>> {
        let mut rows = Vec::new();
        let size = slice.size;
        while slice.size > 0 {
            let page = self.page(wanted, slice).await?;
            let Some(last) = page.last().map(QuestionDoc::cursor) else { break };
            let full = page.len() == slice.size as usize;
            let authors = self.authors.all(page.iter().map(QuestionDoc::author)).await?;
            rows.extend(page.into_iter().filter_map(|doc| authors.of(doc.author()).map(|a| doc.shown(a))));
            if !full {
                break;
            }
            // Nothing is left to read, but where an account is being erased with what is on this page.
            let left = size.saturating_sub(u32::try_from(rows.len()).unwrap_or(size));
            slice = Slice { from: Position::After(last), size: left };
        }
        Ok(rows)
    }

    async fn count_questions(&self, wanted: Filter) -> Result<u64> {
        let (filter, index) = filter(wanted);
        Ok(ask(self.questions.count_documents(filter).hint(index)).await?)
    }

    async fn edit_question(
        &self,
        id: QuestionId,
        principal: Principal,
        title: &str,
        description: Option<&str>,
        version: Option<i64>,
        now: Timestamp,
    ) -> Result<StoredQuestion> {
        let mut set = doc! { "title": title, "updatedAt": date(now) };
        let mut update = doc! { "$inc": { "version": 1_i64 } };
        if let Some(text) = description {
            set.insert("description", text);
        } else {
            update.insert("$unset", doc! { "description": "" });
        }
        update.insert("$set", set);
        self.change_question(id, principal, version, update).await
    }

    async fn set_answered(
        &self,
        id: QuestionId,
        principal: Principal,
        answered: bool,
    ) -> Result<StoredQuestion> {
        // A mark that is set already is no change.
        let change = doc! { "$cond": [{ "$ne": ["$answered", answered] }, 1_i64, 0_i64] };
        let update = doc! { "$set": { "answered": answered, "version": { "$add": ["$version", change] } } };
        self.change_question(id, principal, None, vec![update]).await
    }

    async fn delete_question(&self, id: QuestionId, principal: Principal) -> Result<()> {
        if !self.mark_question(writable(id.0, principal, None)).await? {
            return Err(why_none(&self.questions, id.0, principal).await?);
        }
        self.finish_question(id).await;
        Ok(())
    }
}

impl Mongo {
    /// One conditional write, and the question as it is afterwards.
    async fn change_question(
        &self,
        id: QuestionId,
        principal: Principal,
        version: Option<i64>,
        update: impl Into<UpdateModifications> + Send,
    ) -> Result<StoredQuestion> {
        let change = self.questions.find_one_and_update(writable(id.0, principal, version), update);
        match ask(change.return_document(ReturnDocument::After)).await? {
            Some(changed) => self.shown(changed).await,
            None => Err(why_none(&self.questions, id.0, principal).await?),
        }
    }

    async fn shown(&self, doc: QuestionDoc) -> Result<StoredQuestion> {
        let author = self.authors.one(doc.author()).await?;
        Ok(doc.shown(author))
    }

    async fn page(&self, wanted: Filter, slice: Slice) -> Result<Vec<QuestionDoc>> {
        let (mut filter, index) = filter(wanted);
        let skip = Order::Newest.narrow(&mut filter, slice);
        let find = self.questions.find(filter).sort(Order::Newest.sort()).hint(index);
        let find = find.skip(skip).limit(slice.size.into());
        Ok(ask(async { find.await?.try_collect().await }).await?)
    }
}
