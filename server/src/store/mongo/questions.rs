//! Questions, in MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{Document, doc},
    options::Hint,
};
use ro_co_shared::{QuestionId, QuestionText};

use super::{
    Mongo,
    calls::{MAX_TIME, uncancelled},
    documents::{QuestionDoc, uuid},
    ownership::{insert, repeated, update, why_none, writable},
    schema::{BY_AUTHOR, BY_AUTHOR_AND_MARK, BY_MARK, BY_TIME},
    slice::{narrow, sort},
};
use crate::store::{
    Created, Edit, Error, ListQuery, Position, Principal, Question, QuestionFilter, Questions, Result, Slice,
    Sorted, StoredQuestion,
};

/// A filter as the server takes it, and the index that it is made for.
fn filter(wanted: QuestionFilter) -> (Document, Hint) {
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
        let created = insert(&self.questions, &new).await?;
        let doc = if created { new } else { repeated(&self.questions, &new).await? };
        Ok(Created { row: doc.shown(author), created })
    }

    async fn question(&self, id: QuestionId) -> Result<StoredQuestion> {
        let found = self.questions.find_one(doc! { "_id": uuid(id.0), "deleting": false }).await?;
        self.shown(found.ok_or(Error::NotFound)?).await
    }

    async fn questions(&self, mut query: ListQuery<QuestionFilter>) -> Result<Vec<StoredQuestion>> {
        let mut rows = Vec::new();
        let size = query.slice.size;
        while query.slice.size > 0 {
            let page = self.page(query).await?;
            let Some(last) = page.last().map(Sorted::sort_key) else { break };
            let full = page.len() == query.slice.size as usize;
            let authors = self.authors.all(page.iter().map(QuestionDoc::author)).await?;
            rows.extend(page.into_iter().filter_map(|doc| authors.of(doc.author()).map(|a| doc.shown(a))));
            if !full {
                break;
            }
            // Nothing is left to read, but where an account is being erased with what is on this page.
            let left = size.saturating_sub(u32::try_from(rows.len()).unwrap_or(size));
            query.slice = Slice { from: Position::After(last), size: left };
        }
        Ok(rows)
    }

    async fn count_questions(&self, wanted: QuestionFilter) -> Result<u64> {
        let (filter, index) = filter(wanted);
        let count = self.questions.call(|questions| async move {
            questions.count_documents(filter).hint(index).max_time(MAX_TIME).await
        });
        Ok(count.await?)
    }

    async fn edit_question(&self, id: QuestionId, edit: &Edit<QuestionText>) -> Result<StoredQuestion> {
        let change = QuestionDoc::edit(&edit.text, edit.at);
        let changed = update(&self.questions, id.0, edit.principal, edit.version, change).await?;
        self.shown(changed).await
    }

    async fn set_answered(
        &self,
        id: QuestionId,
        principal: Principal,
        answered: bool,
    ) -> Result<StoredQuestion> {
        // A mark that is set already is no change.
        let grows = doc! { "$cond": [{ "$ne": ["$answered", answered] }, 1_i64, 0_i64] };
        let mark = doc! { "$set": { "answered": answered, "version": { "$add": ["$version", grows] } } };
        self.shown(update(&self.questions, id.0, principal, None, vec![mark]).await?).await
    }

    async fn delete_question(&self, id: QuestionId, principal: Principal) -> Result<()> {
        let (store, filter) = (self.clone(), writable(id.0, principal, None));
        let deleted = uncancelled(async move {
            let marked = store.mark_question(filter).await?;
            if marked {
                store.finish_question(id).await;
            }
            Ok(marked)
        });
        if deleted.await? { Ok(()) } else { Err(why_none(&self.questions, id.0, principal).await?) }
    }
}

impl Mongo {
    async fn shown(&self, doc: QuestionDoc) -> Result<StoredQuestion> {
        let author = self.authors.one(doc.author()).await?;
        Ok(doc.shown(author))
    }

    async fn page(&self, query: ListQuery<QuestionFilter>) -> Result<Vec<QuestionDoc>> {
        let ListQuery { filter: wanted, order, slice } = query;
        let (mut filter, index) = filter(wanted);
        let skip = narrow(&mut filter, order, slice);
        let page = self.questions.call(move |questions| async move {
            let find = questions.find(filter).sort(sort(order)).hint(index).max_time(MAX_TIME);
            find.skip(skip).limit(slice.size.into()).await?.try_collect().await
        });
        Ok(page.await?)
    }
}
