//! `/answer`.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
};
use ro_co_shared::{
    API_PATH, Answer, AnswerDraft, AnswerId, EditAnswer, Errors, Input, NewAnswer, Optional, PageNumber,
    PageSize, QuestionId,
};
use uuid::Uuid;

use super::{
    Tag,
    cursor::{CursorText, ListAddress},
    header::Header,
    listing::{Listed, PageParams, PageResult, id},
    payload::{Body, Done},
    posts::{self, NewPost, PostCreated, PostReply, StoredPost},
    shown_author,
};
use crate::{
    app::App,
    auth::Caller,
    base_path::BasePath,
    error::{ApiError, CreationUnder, Missing, OperationError, Owned, OwnedVersion},
    idempotency::IdempotencyKey,
    limits::QuotaKey,
    store::{self, AnswerFilter, Created, Order, Store, StoredAnswer},
};

pub(super) struct Answers;

impl StoredPost for StoredAnswer {
    type Shown = Answer;
    const KIND: &'static str = "answer";

    async fn find(store: &dyn Store, id: Uuid) -> store::Result<Self> {
        store.answer(AnswerId(id)).await
    }

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn shown(self, base_path: &BasePath) -> Answer {
        Answer {
            id: self.id,
            description: self.text.description.into_string(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            question_id: self.question,
            author: shown_author(self.author, base_path),
        }
    }
}

/// The list of the answers that match, oldest first.
fn list_of(filter: AnswerFilter) -> ListAddress {
    ListAddress {
        name: "answers",
        path: format!("{API_PATH}/answer/all/{}", filter.question),
        query: String::new(),
        order: Order::Oldest,
        default_order: Order::Oldest,
    }
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
        caller: Caller,
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
        let start = PageParams { page: &page.0, size: &size.0, cursor: &cursor.0 }.check(&mut errors);
        let total = total.0.check_text("total", &mut errors);
        let (Some(question), Some(start), Some(total)) = (question, start, total) else {
            return Err(ApiError::fields(errors.into_vec()).into());
        };
        let filter = AnswerFilter { question };
        let (page, total) = (start.of(&app, list_of(filter))?, total == Some(true));
        let _turn = if page.is_deep() { app.limits.slow_read(caller.user).await } else { None };
        let rows = app.store.answers(page.query(filter)).await?;
        let total = if total { Some(app.store.count_answers(question).await?) } else { None };
        let found = PageResult { page, rows, total, if_none_match: if_none_match.0 };
        Ok(Listed::new(&app, found, |row| row.shown(&app.settings.base_path))?)
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
    ) -> Result<PostCreated<Answer>, OperationError<CreationUnder>> {
        let AnswerDraft { text, question, author } = body.checked;
        let NewPost { id, author, created_at } =
            NewPost::new::<StoredAnswer>(&app, caller, author, &key.0).await?;
        let fingerprint = body.fingerprint;
        let answer = store::Answer { id: AnswerId(id), question, author, text, created_at, fingerprint };
        let amounts = [(QuotaKey::Answers(caller.user), 1), (QuotaKey::Bytes(caller.user), body.bytes)];
        let quota = app.limits.quota(&amounts)?;
        let Created { row, created } = app.store.add_answer(&answer).await?;
        quota.commit_if(created);
        Ok(PostCreated::of(&app, row))
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
    ) -> Result<PostReply<Answer>, OperationError<Missing>> {
        Ok(PostReply::of(&app, app.store.answer(self::id("id", &id.0)?).await?))
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
    ) -> Result<PostReply<Answer>, OperationError<OwnedVersion>> {
        let id = self::id("id", &id.0)?;
        let edit =
            posts::edit::<StoredAnswer, _>(&app, caller, id.0, if_match.0.as_deref(), body.checked).await?;
        let quota = app.limits.quota(&[(QuotaKey::Bytes(caller.user), body.bytes)])?;
        let row = app.store.edit_answer(id, &edit).await?;
        quota.commit_if(true);
        Ok(PostReply::of(&app, row))
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
