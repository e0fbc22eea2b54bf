//! Rows for the tests of the contract, beside those that others use too.

use ro_co_shared::{AnswerId, AnswerText, Body, QuestionId, SessionId, Timestamp, UserId};

use ro_co_server::permissions::Permissions;

pub(crate) use crate::make::*;
use crate::store::{
    Answer, CreatedAt, Edit, ListQuery, Order, Position, Principal, QuestionFilter, RefreshAttempt, Session,
    Sorted, Store,
};

pub(crate) const SECOND: i64 = 1_000;

pub(crate) const HOUR: i64 = 3_600 * SECOND;

pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) fn owner(user: UserId) -> Principal {
    Principal { user, permissions: Permissions::empty() }
}

pub(crate) fn admin(user: UserId) -> Principal {
    Principal { user, permissions: Permissions::EDIT_ANY_CONTENT }
}

/// As [`text`], of an answer.
pub(crate) fn answer_text(description: &str) -> AnswerText {
    AnswerText::new(Body::unchecked(description))
}

/// A change of a text.
pub(crate) fn edit<T>(principal: Principal, text: T, version: Option<i64>, at: Timestamp) -> Edit<T> {
    Edit { text, principal, version, at }
}

/// The newest questions of an author.
pub(crate) fn by(author: UserId, size: u32) -> ListQuery<QuestionFilter> {
    first(QuestionFilter { author: Some(author), answered: None }, Order::Newest, size)
}

/// The same list from another position on.
pub(crate) fn from<F>(mut query: ListQuery<F>, position: Position) -> ListQuery<F> {
    query.slice.from = position;
    query
}

/// The page that follows this row.
pub(crate) fn after<F>(query: ListQuery<F>, row: &impl Sorted) -> ListQuery<F> {
    from(query, Position::After(row.sort_key()))
}

pub(crate) fn answer(question: QuestionId, author: UserId, text: &str, created_at: Timestamp) -> Answer {
    Answer {
        id: AnswerId::new(),
        question,
        author,
        text: answer_text(text),
        created_at: CreatedAt::Recorded(created_at),
        fingerprint: [8; 32],
    }
}

/// An answer that is in the store.
pub(crate) async fn answered(
    store: &dyn Store,
    question: QuestionId,
    author: UserId,
    millis: i64,
) -> AnswerId {
    let answer = answer(question, author, "Try this.", at(millis));
    store.add_answer(&answer).await.unwrap().row.id
}

/// A session that began at `created_at` and lives as long as it may.
pub(crate) fn session(user: UserId, created_at: Timestamp) -> Session {
    Session {
        id: SessionId::new(),
        user,
        generation: 0,
        current: hash(0),
        previous: None,
        rotated_at: created_at,
        replays: 0,
        keyed: false,
        refresh_key: None,
        grace_used: false,
        created_at,
        last_seen: created_at,
        expires_at: created_at.plus_millis(14 * DAY),
        absolute_at: created_at.plus_millis(30 * DAY),
        ended: None,
        device: "ro-co/0.1".to_owned(),
    }
}

/// A session that is in the store.
pub(crate) async fn signed_in(store: &dyn Store, user: UserId, millis: i64) -> Session {
    let session = session(user, at(millis));
    store.add_session(&session, 20).await.unwrap();
    session
}

/// What stands for the hash of the secret of a generation.
pub(crate) fn hash(generation: u32) -> [u8; 32] {
    let mut hash = [0xa5; 32];
    hash[..4].copy_from_slice(&generation.to_be_bytes());
    hash
}

/// The token of a generation, as `design/security.md` would have it presented.
pub(crate) fn token(session: &Session, generation: u32) -> RefreshAttempt {
    RefreshAttempt {
        session: session.id,
        generation,
        hash: hash(generation),
        next_hash: hash(generation + 1),
        idle_ms: 14 * DAY,
        key: None,
        replay_ms: DAY,
        grace_ms: 60 * SECOND,
    }
}
