//! Answers, in MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{Document, doc},
    options::Hint,
};
use ro_co_shared::{AnswerId, AnswerText, QuestionId};

use super::{
    Mongo,
    calls::{MAX_TIME, uncancelled},
    documents::{AnswerDoc, uuid},
    ownership::{insert, repeated, update, why_none, writable},
    schema::BY_QUESTION,
    slice::{narrow, sort},
};
use crate::store::{
    Answer, AnswerFilter, Answers, Created, Edit, Error, ListQuery, Position, Principal, Result, Slice,
    Sorted, StoredAnswer,
};

#[async_trait]
impl Answers for Mongo {
    async fn add_answer(&self, answer: &Answer) -> Result<Created<StoredAnswer>> {
        let (store, answer) = (self.clone(), answer.clone());
        uncancelled(async move { store.count_and_keep(&answer).await }).await
    }

    async fn answer(&self, id: AnswerId) -> Result<StoredAnswer> {
        let found = self.answers.find_one(doc! { "_id": uuid(id.0), "deleting": false }).await?;
        self.shown_answer(found.ok_or(Error::NotFound)?).await
    }

    async fn answers(&self, mut query: ListQuery<AnswerFilter>) -> Result<Vec<StoredAnswer>> {
        let mut rows = Vec::new();
        let size = query.slice.size;
        loop {
            let page = self.page_of_answers(query).await?;
            let last = page.last().map(Sorted::sort_key);
            let full = page.len() == query.slice.size as usize;
            // The question is looked for after its answers: those of one that is gone or going are never shown.
            let authors = page.iter().map(AnswerDoc::author);
            let joined = self.authors.all_and(query.filter.question, authors).await?;
            if !joined.question {
                return Err(Error::NotFound);
            }
            rows.extend(page.into_iter().filter_map(|doc| joined.of(doc.author()).map(|a| doc.shown(a))));
            // Nothing is left to read, but where an account is being erased with what is on this page.
            let left = size.saturating_sub(u32::try_from(rows.len()).unwrap_or(size));
            let Some(last) = last.filter(|_| full && left > 0) else { return Ok(rows) };
            query.slice = Slice { from: Position::After(last), size: left };
        }
    }

    async fn count_answers(&self, question: QuestionId) -> Result<u64> {
        let filter = doc! { "_id": uuid(question.0), "deleting": false };
        let find = self.questions.of::<Document>().call(|questions| async move {
            questions.find_one(filter).projection(doc! { "answers": 1 }).max_time(MAX_TIME).await
        });
        let found = find.await?.ok_or(Error::NotFound)?;
        Ok(u64::try_from(found.get_i64("answers").unwrap_or_default()).unwrap_or_default())
    }

    async fn edit_answer(&self, id: AnswerId, edit: &Edit<AnswerText>) -> Result<StoredAnswer> {
        let change = AnswerDoc::edit(&edit.text, edit.at);
        self.shown_answer(update(&self.answers, id.0, edit.principal, edit.version, change).await?).await
    }

    async fn delete_answer(&self, id: AnswerId, principal: Principal) -> Result<()> {
        let (store, filter) = (self.clone(), writable(id.0, principal, None));
        let deleted = uncancelled(async move {
            let Some(marked) = store.mark_answer(filter).await? else { return Ok(false) };
            store.finish_answer(marked).await;
            Ok(true)
        });
        if deleted.await? { Ok(()) } else { Err(why_none(&self.answers, id.0, principal).await?) }
    }
}

impl Mongo {
    /// Counted first, which also tells that the question is there and not being deleted; then kept.
    async fn count_and_keep(&self, answer: &Answer) -> Result<Created<StoredAnswer>> {
        let author = self.authors.writer(answer.author).await?;
        if !self.count_answer(answer.question, 1).await? {
            return Err(Error::NotFound);
        }
        let new = AnswerDoc::from(answer);
        if insert(&self.answers, &new).await? {
            return Ok(Created { row: new.shown(author), created: true });
        }
        self.count_answer(answer.question, -1).await?;
        let found = repeated(&self.answers, &new).await?;
        Ok(Created { row: found.shown(author), created: false })
    }

    /// Counts an answer of a question up or down; whether the question is there, and not being deleted. That it was
    /// counted is noted, for the answer may never be kept: see `deletion`.
    async fn count_answer(&self, question: QuestionId, by: i64) -> Result<bool> {
        let live = doc! { "_id": uuid(question.0), "deleting": false };
        let count = doc! { "$inc": { "answers": by }, "$currentDate": { "recountAt": true } };
        Ok(self.questions.update_one(live, count).await?)
    }

    async fn shown_answer(&self, doc: AnswerDoc) -> Result<StoredAnswer> {
        let author = doc.author();
        let joined = self.authors.all_and(doc.question(), [author]).await?;
        let author = joined.of(author).filter(|_| joined.question).ok_or(Error::NotFound)?;
        Ok(doc.shown(author))
    }

    async fn page_of_answers(&self, query: ListQuery<AnswerFilter>) -> Result<Vec<AnswerDoc>> {
        let ListQuery { filter: AnswerFilter { question }, order, slice } = query;
        if slice.size == 0 {
            // To the server, a limit of 0 is none.
            return Ok(Vec::new());
        }
        let mut filter = doc! { "question": uuid(question.0), "deleting": false };
        let skip = narrow(&mut filter, order, slice);
        let page = self.answers.call(move |answers| async move {
            let find = answers.find(filter).sort(sort(order)).hint(Hint::Name(BY_QUESTION.to_owned()));
            find.skip(skip).limit(slice.size.into()).max_time(MAX_TIME).await?.try_collect().await
        });
        Ok(page.await?)
    }
}
