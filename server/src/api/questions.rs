//! `/question`.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Path, Query},
};
use ro_co_shared::{
    EditQuestion, Errors, Input, NewQuestion, Optional, PageNumber, PageSize, Question, QuestionId,
    SetAnswered, UserId,
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
    error::{ApiError, Creation, Missing, OperationError, Owned, OwnedVersion, Plain},
    idempotency::{IdempotencyKey, new_id, own_author},
    limits::QuotaKey,
    store::{self, Created, Cursor, Filter, StoredQuestion},
};

pub(super) struct Questions;

/// The name this list's cursors are signed with.
pub(super) const LIST: &str = "questions";

impl From<StoredQuestion> for Question {
    fn from(q: StoredQuestion) -> Self {
        Self {
            id: q.id,
            title: q.title,
            description: q.description,
            created_at: q.created_at,
            updated_at: q.updated_at,
            answered: q.answered,
            answer_count: i32::try_from(q.answers).unwrap_or(i32::MAX),
            author: q.author.into(),
        }
    }
}

/// A question.
#[derive(ApiResponse)]
enum QuestionReply {
    /// The question; its tag changes with each edit.
    #[oai(status = 200)]
    Question(Json<Question>, #[oai(header = "ETag")] String),
}

impl From<StoredQuestion> for QuestionReply {
    fn from(question: StoredQuestion) -> Self {
        let tag = version_tag(question.version);
        Self::Question(Json(question.into()), tag)
    }
}

/// A question that was asked.
#[derive(ApiResponse)]
enum QuestionCreated {
    /// The question, with its address.
    #[oai(status = 201)]
    Question(Json<Question>, #[oai(header = "Location")] String, #[oai(header = "ETag")] String),
}

#[OpenApi(prefix_path = "/api/v1/question", tag = "Tag::Questions")]
impl Questions {
    /// List questions
    ///
    /// Newest first. The `Link` header carries the address of the next page; following it costs the same at any
    /// depth, while `page` costs the more the deeper it is.
    #[oai(path = "/all", method = "get", operation_id = "listQuestions")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn all(
        &self,
        _caller: Caller,
        app: Data<&Arc<App>>,
        /// Which page, from 0; not together with `cursor`.
        page: Query<Optional<PageNumber>>,
        /// How many at most, 10 by default.
        size: Query<Optional<PageSize>>,
        /// Where to go on, from a `Link` header.
        cursor: Query<Optional<CursorText>>,
        /// Only answered ones, or only open ones.
        answered: Query<Optional<bool>>,
        /// Only by this user.
        author: Query<Optional<UserId>>,
        /// Whether to count all that match, into `X-Total-Count`; counting is not free.
        total: Query<Optional<bool>>,
        /// The tag of the page at hand.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> Result<Listed<Question>, OperationError<Plain>> {
        let mut errors = Errors::default();
        let asked = PageParams { page: &page.0, size: &size.0, cursor: &cursor.0 };
        let slice = asked.slice(&app.keys, LIST, &mut errors);
        let answered = answered.0.check_text("answered", &mut errors);
        let author = author.0.check_text("author", &mut errors);
        let total = total.0.check_text("total", &mut errors);
        let (Some(slice), Some(answered), Some(author), Some(total)) = (slice, answered, author, total)
        else {
            return Err(ApiError::fields(errors.into_vec()).into());
        };
        let filter = Filter { answered, author };
        let rows = app.store.questions(filter, slice).await?;
        let total = if total == Some(true) { Some(app.store.count_questions(filter).await?) } else { None };
        let query = [
            answered.map(|a| format!("&answered={a}")).unwrap_or_default(),
            author.map(|a| format!("&author={a}")).unwrap_or_default(),
        ]
        .concat();
        let found = PageResult {
            rows,
            slice,
            list: LIST,
            path: "/api/v1/question/all",
            query: &query,
            total,
            if_none_match: if_none_match.0,
        };
        let key = |q: &StoredQuestion| Cursor { created_at: q.created_at, id: q.id.0 };
        Ok(Listed::new(&app.keys, found, key, Question::from))
    }

    /// Ask
    ///
    /// Asks a question as the caller. With an `Idempotency-Key` it may be repeated: the same key and body give
    /// the same question.
    #[oai(path = "/", method = "post", operation_id = "createQuestion")]
    async fn ask(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// Any text of 1 to 255 visible ASCII characters, new for each question.
        #[oai(name = "Idempotency-Key")]
        key: Header<Optional<IdempotencyKey>>,
        body: Body<NewQuestion>,
    ) -> Result<QuestionCreated, OperationError<Creation>> {
        own_author(caller, body.checked.author)?;
        let question = store::Question {
            id: QuestionId(new_id(caller.user, "question", &key.0)?),
            author: caller.user,
            title: body.checked.title.to_string(),
            description: body.checked.description.map(|d| d.to_string()),
            created_at: app.clock.now(),
            fingerprint: body.fingerprint,
        };
        let amounts = [(QuotaKey::Questions(caller.user), 1), (QuotaKey::Bytes(caller.user), body.bytes)];
        let quota = app.limits.quota(&amounts)?;
        let Created { row, created } = app.store.add_question(&question).await?;
        quota.commit_if(created);
        let (location, tag) = (format!("/api/v1/question/{}", row.id), version_tag(row.version));
        Ok(QuestionCreated::Question(Json(row.into()), location, tag))
    }

    /// Read a question
    ///
    /// With its author and the number of its answers.
    #[oai(path = "/:id", method = "get", operation_id = "getQuestion")]
    async fn question(
        &self,
        _caller: Caller,
        app: Data<&Arc<App>>,
        /// The question's id.
        id: Path<Input<QuestionId>>,
    ) -> Result<QuestionReply, OperationError<Missing>> {
        Ok(app.store.question(self::id("id", &id.0)?).await?.into())
    }

    /// Edit a question
    ///
    /// Replaces its text. With `If-Match` only if it was not changed since; by its author or an admin.
    #[oai(path = "/:id", method = "put", operation_id = "updateQuestion")]
    async fn edit(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// The question's id.
        id: Path<Input<QuestionId>>,
        /// The tag of the question as it was read.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<EditQuestion>,
    ) -> Result<QuestionReply, OperationError<OwnedVersion>> {
        let (title, description) = (body.checked.title, body.checked.description);
        let id = self::id("id", &id.0)?;
        let current = async || app.store.question(id).await.map(|question| question.version);
        let version = required_version(if_match.0.as_deref(), current).await?;
        let description = description.as_ref().map(ro_co_shared::Body::as_str);
        let now = app.clock.now();
        let quota = app.limits.quota(&[(QuotaKey::Bytes(caller.user), body.bytes)])?;
        let row = app
            .store
            .edit_question(id, caller.principal(), title.as_str(), description, version, now)
            .await?;
        quota.commit_if(true);
        Ok(row.into())
    }

    /// Mark a question
    ///
    /// As answered, or as open again; by its author or an admin.
    #[oai(path = "/:id/status", method = "put", operation_id = "setQuestionStatus")]
    async fn mark(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// The question's id.
        id: Path<Input<QuestionId>>,
        body: Body<SetAnswered>,
    ) -> Result<QuestionReply, OperationError<Owned>> {
        Ok(app.store.set_answered(self::id("id", &id.0)?, caller.principal(), body.checked).await?.into())
    }

    /// Delete a question
    ///
    /// Its answers go with it; by its author or an admin.
    #[oai(path = "/:id", method = "delete", operation_id = "deleteQuestion")]
    async fn delete(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// The question's id.
        id: Path<Input<QuestionId>>,
    ) -> Result<Done, OperationError<Owned>> {
        app.store.delete_question(self::id("id", &id.0)?, caller.principal()).await?;
        Ok(Done)
    }
}
