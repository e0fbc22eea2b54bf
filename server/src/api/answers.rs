//! `/answer`.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Path, Query},
};
use ro_co_shared::{
    Answer, AnswerId, EditAnswer, Errors, Input, NewAnswer, Optional, PageNumber, PageSize, QuestionId,
};

use super::{
    Tag,
    header::Header,
    listing::{CursorText, Listed, PageParams, PageResult, id},
    payload::{Body, Done, Json, required_version, version_tag},
};
use crate::{
    app::App,
    auth::Caller,
    error::{ApiError, CreationUnder, Missing, OperationError, Owned, OwnedVersion},
    idempotency::{IdempotencyKey, new_id, own_author},
    limits::QuotaKey,
    store::{self, Created, Cursor, StoredAnswer},
};

pub(super) struct Answers;

/// The name this list's cursors are signed with.
const LIST: &str = "answers";

impl From<StoredAnswer> for Answer {
    fn from(a: StoredAnswer) -> Self {
        Self {
            id: a.id,
            description: a.description,
            created_at: a.created_at,
            updated_at: a.updated_at,
            question_id: a.question,
            author: a.author.into(),
        }
    }
}

/// An answer.
#[derive(ApiResponse)]
enum AnswerReply {
    /// The answer; its tag changes with each edit.
    #[oai(status = 200)]
    Answer(Json<Answer>, #[oai(header = "ETag")] String),
}

impl From<StoredAnswer> for AnswerReply {
    fn from(answer: StoredAnswer) -> Self {
        let tag = version_tag(answer.version);
        Self::Answer(Json(answer.into()), tag)
    }
}

/// An answer that was given.
#[derive(ApiResponse)]
enum AnswerCreated {
    /// The answer, with its address.
    #[oai(status = 201)]
    Answer(Json<Answer>, #[oai(header = "Location")] String, #[oai(header = "ETag")] String),
}

#[OpenApi(prefix_path = "/api/v1/answer", tag = "Tag::Answers")]
impl Answers {
    /// List answers
    ///
    /// The answers to a question, oldest first. The `Link` header carries the address of the next page.
    #[oai(path = "/all/:questionId", method = "get", operation_id = "listAnswers")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn all(
        &self,
        _caller: Caller,
        app: Data<&Arc<App>>,
        /// The question's id.
        #[oai(name = "questionId")]
        question_id: Path<Input<QuestionId>>,
        /// Which page, from 0; not together with `cursor`.
        page: Query<Optional<PageNumber>>,
        /// How many at most, 10 by default.
        size: Query<Optional<PageSize>>,
        /// Where to go on, from a `Link` header.
        cursor: Query<Optional<CursorText>>,
        /// Whether to count all, into `X-Total-Count`.
        total: Query<Optional<bool>>,
        /// The tag of the page at hand.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> Result<Listed<Answer>, OperationError<Missing>> {
        let mut errors = Errors::default();
        let question = question_id.0.check("questionId", &mut errors);
        let asked = PageParams { page: &page.0, size: &size.0, cursor: &cursor.0 };
        let slice = asked.slice(&app.keys, LIST, &mut errors);
        let total = total.0.check_text("total", &mut errors);
        let (Some(question), Some(slice), Some(total)) = (question, slice, total) else {
            return Err(ApiError::fields(errors.into_vec()).into());
        };
        let rows = app.store.answers(question, slice).await?;
        let total = if total == Some(true) { Some(app.store.count_answers(question).await?) } else { None };
        let found = PageResult {
            rows,
            slice,
            list: LIST,
            path: &format!("/api/v1/answer/all/{question}"),
            query: "",
            total,
            if_none_match: if_none_match.0,
        };
        let key = |a: &StoredAnswer| Cursor { created_at: a.created_at, id: a.id.0 };
        Ok(Listed::new(&app.keys, found, key, Answer::from))
    }

    /// Answer
    ///
    /// Answers a question as the caller. With an `Idempotency-Key` it may be repeated.
    #[oai(path = "/", method = "post", operation_id = "createAnswer")]
    async fn answer(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// Any text of 1 to 255 visible ASCII characters, new for each answer.
        #[oai(name = "Idempotency-Key")]
        key: Header<Optional<IdempotencyKey>>,
        body: Body<NewAnswer>,
    ) -> Result<AnswerCreated, OperationError<CreationUnder>> {
        own_author(caller, body.checked.author)?;
        let answer = store::Answer {
            id: AnswerId(new_id(caller.user, "answer", &key.0)?),
            question: body.checked.question,
            author: caller.user,
            description: body.checked.description.to_string(),
            created_at: app.clock.now(),
            fingerprint: body.fingerprint,
        };
        let amounts = [(QuotaKey::Answers(caller.user), 1), (QuotaKey::Bytes(caller.user), body.bytes)];
        let quota = app.limits.quota(&amounts)?;
        let Created { row, created } = app.store.add_answer(&answer).await?;
        quota.commit_if(created);
        let (location, tag) = (format!("/api/v1/answer/{}", row.id), version_tag(row.version));
        Ok(AnswerCreated::Answer(Json(row.into()), location, tag))
    }

    /// Read an answer
    ///
    /// With its author.
    #[oai(path = "/:id", method = "get", operation_id = "getAnswer")]
    async fn one(
        &self,
        _caller: Caller,
        app: Data<&Arc<App>>,
        /// The answer's id.
        id: Path<Input<AnswerId>>,
    ) -> Result<AnswerReply, OperationError<Missing>> {
        Ok(app.store.answer(self::id("id", &id.0)?).await?.into())
    }

    /// Edit an answer
    ///
    /// Replaces its text. With `If-Match` only if it was not changed since; by its author or an admin.
    #[oai(path = "/:id", method = "put", operation_id = "updateAnswer")]
    async fn edit(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// The answer's id.
        id: Path<Input<AnswerId>>,
        /// The tag of the answer as it was read.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<EditAnswer>,
    ) -> Result<AnswerReply, OperationError<OwnedVersion>> {
        let id = self::id("id", &id.0)?;
        let current = async || app.store.answer(id).await.map(|answer| answer.version);
        let version = required_version(if_match.0.as_deref(), current).await?;
        let text = body.checked.as_str();
        let quota = app.limits.quota(&[(QuotaKey::Bytes(caller.user), body.bytes)])?;
        let row = app.store.edit_answer(id, caller.principal(), text, version, app.clock.now()).await?;
        quota.commit_if(true);
        Ok(row.into())
    }

    /// Delete an answer
    ///
    /// By its author or an admin.
    #[oai(path = "/:id", method = "delete", operation_id = "deleteAnswer")]
    async fn delete(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// The answer's id.
        id: Path<Input<AnswerId>>,
    ) -> Result<Done, OperationError<Owned>> {
        app.store.delete_answer(self::id("id", &id.0)?, caller.principal()).await?;
        Ok(Done)
    }
}
