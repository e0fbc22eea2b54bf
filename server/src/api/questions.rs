//! `/question`.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
    registry::MetaSchema,
};
use ro_co_shared::{
    API_PATH, Described, EditQuestion, Errors, Field, Input, Invalid, NewQuestion, Optional, PageNumber,
    PageSize, Question, QuestionDraft, QuestionId, SetAnswered, UserId,
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
    error::{ApiError, Creation, Missing, OperationError, Owned, OwnedVersion, Plain},
    idempotency::IdempotencyKey,
    limits::QuotaKey,
    store::{self, Created, Order, QuestionFilter, Store, StoredQuestion},
};

pub(super) struct Questions;

impl StoredPost for StoredQuestion {
    type Shown = Question;
    const KIND: &'static str = "question";

    async fn find(store: &dyn Store, id: Uuid) -> store::Result<Self> {
        store.question(QuestionId(id)).await
    }

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn shown(self, base_path: &BasePath) -> Question {
        Question {
            id: self.id,
            title: self.text.title.into_string(),
            description: self.text.description.map(ro_co_shared::Body::into_string),
            created_at: self.created_at,
            updated_at: self.updated_at,
            answered: self.answered,
            answer_count: i32::try_from(self.answers).unwrap_or(i32::MAX),
            author: shown_author(self.author, base_path),
        }
    }
}

/// How questions are sorted, as asked.
pub(super) struct QuestionSort(Order);

impl Field for QuestionSort {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        match text {
            "newest" => Ok(Self(Order::Newest)),
            "oldest" => Ok(Self(Order::Oldest)),
            _ => Err(Invalid::new("must be newest or oldest")),
        }
    }
}

impl Described for QuestionSort {
    fn schema() -> MetaSchema {
        MetaSchema { enum_items: vec!["newest".into(), "oldest".into()], ..MetaSchema::new("string") }
    }
}

/// The list of the questions that match.
pub(super) fn list_of(filter: QuestionFilter, order: Order) -> ListAddress {
    let query = [
        if order == Order::Oldest { "&sort=oldest".to_owned() } else { String::new() },
        filter.answered.map(|a| format!("&answered={a}")).unwrap_or_default(),
        filter.author.map(|a| format!("&author={a}")).unwrap_or_default(),
    ];
    ListAddress {
        name: "questions",
        path: format!("{API_PATH}/question/all"),
        query: query.concat(),
        order,
        default_order: Order::Newest,
    }
}

#[OpenApi(prefix_path = "/api/v1/question", tag = "Tag::Questions")]
impl Questions {
    /// List questions
    ///
    /// The `Link` header carries the URL of the next page; following it costs the same at any depth. `page` costs the more
    /// the deeper it is: page times size is at most 10,000.
    #[oai(path = "/all", method = "get", operation_id = "listQuestions")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn all(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// Which page, from 0; not together with `cursor`.
        page: Query<Optional<PageNumber>>,
        /// How many at most, 10 by default.
        size: Query<Optional<PageSize>>,
        /// Where to go on, from a `Link` header.
        cursor: Query<Optional<CursorText>>,
        /// `newest` (the default) or `oldest` first.
        sort: Query<Optional<QuestionSort>>,
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
        let start = PageParams { page: &page.0, size: &size.0, cursor: &cursor.0 }.check(&mut errors);
        let sort = sort.0.check_text("sort", &mut errors);
        let answered = answered.0.check_text("answered", &mut errors);
        let author = author.0.check_text("author", &mut errors);
        let total = total.0.check_text("total", &mut errors);
        let (Some(start), Some(sort), Some(answered), Some(author), Some(total)) =
            (start, sort, answered, author, total)
        else {
            return Err(ApiError::fields(errors.into_vec()).into());
        };
        let filter = QuestionFilter { answered, author };
        let (page, total) = (
            start.of(&app, list_of(filter, sort.map_or(Order::Newest, |sort| sort.0)))?,
            total == Some(true),
        );
        let _turn = if page.is_deep() || total { app.limits.slow_read(caller.user).await } else { None };
        let rows = app.store.questions(page.query(filter)).await?;
        let total = if total { Some(app.store.count_questions(filter).await?) } else { None };
        let found = PageResult { page, rows, total, if_none_match: if_none_match.0 };
        Ok(Listed::new(&app, found, |row| row.shown(&app.settings.base_path))?)
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
    ) -> Result<PostCreated<Question>, OperationError<Creation>> {
        let QuestionDraft { text, author } = body.checked;
        let NewPost { id, author, created_at } =
            NewPost::new::<StoredQuestion>(&app, caller, author, &key.0).await?;
        let fingerprint = body.fingerprint;
        let question = store::Question { id: QuestionId(id), author, text, created_at, fingerprint };
        let amounts = [(QuotaKey::Questions(caller.user), 1), (QuotaKey::Bytes(caller.user), body.bytes)];
        let quota = app.limits.quota(&amounts)?;
        let Created { row, created } = app.store.add_question(&question).await?;
        quota.commit_if(created);
        Ok(PostCreated::of(&app, row))
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
    ) -> Result<PostReply<Question>, OperationError<Missing>> {
        Ok(PostReply::of(&app, app.store.question(self::id("id", &id.0)?).await?))
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
    ) -> Result<PostReply<Question>, OperationError<OwnedVersion>> {
        let id = self::id("id", &id.0)?;
        let edit =
            posts::edit::<StoredQuestion, _>(&app, caller, id.0, if_match.0.as_deref(), body.checked).await?;
        let quota = app.limits.quota(&[(QuotaKey::Bytes(caller.user), body.bytes)])?;
        let row = app.store.edit_question(id, &edit).await?;
        quota.commit_if(true);
        Ok(PostReply::of(&app, row))
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
    ) -> Result<PostReply<Question>, OperationError<Owned>> {
        let id = self::id("id", &id.0)?;
        Ok(PostReply::of(&app, app.store.set_answered(id, caller.principal(), body.checked).await?))
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
