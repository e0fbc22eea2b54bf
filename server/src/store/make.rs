//! Rows for the tests of the store. The test `store` includes this file by its path.

use std::{future::Future, sync::Arc};

use ro_co_shared::{Body, QuestionId, QuestionText, Role, Timestamp, Title, UserId};

use crate::store::{
    Account, AnswerFilter, Created, CreatedAt, Error, ListQuery, Order, Position, Question, QuestionFilter,
    Slice, Store, StoredQuestion,
};

/// The first moment of the tests.
pub(crate) const T0: Timestamp = Timestamp(1_800_000_000_000);

/// So many milliseconds after the first moment.
pub(crate) fn at(millis: i64) -> Timestamp {
    T0.plus_millis(millis)
}

pub(crate) fn account(name: &str) -> Account {
    Account {
        id: UserId::new(),
        username: name.parse().unwrap(),
        email: format!("{}@example.org", name.replace(' ', ".")).parse().unwrap(),
        password: format!("$argon2id$v=19$m=19456,t=2,p=1${name}"),
        role: Role::User,
        verified: false,
        suspended: false,
        password_expires_at: None,
        created_at: T0,
        avatar_seed: name.to_owned(),
        avatar_version: 0,
    }
}

/// An account that is in the store.
pub(crate) async fn user(store: &dyn Store, name: &str) -> UserId {
    let account = account(name);
    store.add_account(&account).await.unwrap();
    account.id
}

/// Any text at all: the store leaves the rules of the fields to others.
pub(crate) fn text(title: &str, description: Option<&str>) -> QuestionText {
    QuestionText {
        description: description.map(Body::unchecked),
        ..QuestionText::new(Title::unchecked(title))
    }
}

pub(crate) fn question(author: UserId, title: &str, created_at: Timestamp) -> Question {
    Question {
        id: QuestionId::new(),
        author,
        text: text(title, Some(&format!("More about {title}."))),
        created_at: CreatedAt::Recorded(created_at),
        fingerprint: [7; 32],
    }
}

/// A question that is in the store.
pub(crate) async fn asked(store: &dyn Store, author: UserId, title: &str, millis: i64) -> StoredQuestion {
    let Created { row, created } = store.add_question(&question(author, title, at(millis))).await.unwrap();
    assert!(created);
    row
}

/// The first rows of a list.
pub(crate) fn first<F>(filter: F, order: Order, size: u32) -> ListQuery<F> {
    ListQuery { filter, order, slice: Slice { from: Position::Skip(0), size } }
}

/// The newest questions.
pub(crate) fn newest(size: u32) -> ListQuery<QuestionFilter> {
    first(QuestionFilter::default(), Order::Newest, size)
}

/// The oldest answers to a question.
pub(crate) fn answers_to(question: QuestionId, size: u32) -> ListQuery<AnswerFilter> {
    first(AnswerFilter { question }, Order::Oldest, size)
}

/// Runs `n` calls at once and returns what came of each.
pub(crate) async fn at_once<F, T>(n: usize, call: impl Fn(usize) -> F) -> Vec<Result<T, Error>>
where
    F: Future<Output = Result<T, Error>> + Send + 'static,
    T: Send + 'static,
{
    let start = Arc::new(tokio::sync::Barrier::new(n));
    let tasks: Vec<_> = (0..n)
        .map(|i| {
            let (start, call) = (Arc::clone(&start), call(i));
            tokio::spawn(async move {
                start.wait().await;
                call.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(n);
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
