//! Rows for the tests.

use ro_co_shared::{AnswerId, QuestionId, Role, SessionId, Timestamp, UserId};

use crate::store::{Account, Answer, Asked, By, Presented, Question, Session, Slice, Store, StoredQuestion};

/// The first moment of the tests.
pub(in crate::store) const T0: Timestamp = Timestamp(1_800_000_000_000);

pub(in crate::store) const SECOND: i64 = 1_000;
pub(in crate::store) const HOUR: i64 = 3_600 * SECOND;
pub(in crate::store) const DAY: i64 = 24 * HOUR;

/// So many milliseconds after the first moment.
pub(in crate::store) fn at(millis: i64) -> Timestamp {
    T0.plus_millis(millis)
}

pub(in crate::store) fn account(name: &str) -> Account {
    Account {
        id: UserId::new(),
        username: name.parse().unwrap(),
        email: format!("{}@example.org", name.replace(' ', ".")).parse().unwrap(),
        password: format!("$argon2id$v=19$m=19456,t=2,p=1${name}"),
        role: Role::User,
        verified: false,
        suspended: false,
        created_at: T0,
        avatar_seed: name.to_owned(),
        avatar_version: 0,
    }
}

/// An account that is in the store.
pub(in crate::store) async fn user(store: &dyn Store, name: &str) -> UserId {
    let account = account(name);
    store.add_account(&account).await.unwrap();
    account.id
}

pub(in crate::store) fn owner(user: UserId) -> By {
    By { user, admin: false }
}

pub(in crate::store) fn admin(user: UserId) -> By {
    By { user, admin: true }
}

pub(in crate::store) fn question(author: UserId, title: &str, created_at: Timestamp) -> Question {
    Question {
        id: QuestionId::new(),
        author,
        title: title.to_owned(),
        description: Some(format!("More about {title}.")),
        created_at,
        fingerprint: [7; 32],
    }
}

/// A question that is in the store.
pub(in crate::store) async fn asked(
    store: &dyn Store,
    author: UserId,
    title: &str,
    millis: i64,
) -> StoredQuestion {
    let Asked { row, created } = store.add_question(&question(author, title, at(millis))).await.unwrap();
    assert!(created);
    row
}

pub(in crate::store) fn answer(
    question: QuestionId,
    author: UserId,
    text: &str,
    created_at: Timestamp,
) -> Answer {
    Answer {
        id: AnswerId::new(),
        question,
        author,
        description: text.to_owned(),
        created_at,
        fingerprint: [8; 32],
    }
}

/// An answer that is in the store.
pub(in crate::store) async fn answered(
    store: &dyn Store,
    question: QuestionId,
    author: UserId,
    millis: i64,
) -> AnswerId {
    let answer = answer(question, author, "Try this.", at(millis));
    store.add_answer(&answer).await.unwrap().row.id
}

/// A session that began at `created_at` and lives as long as it may.
pub(in crate::store) fn session(user: UserId, created_at: Timestamp) -> Session {
    Session {
        id: SessionId::new(),
        user,
        generation: 0,
        current: hash(0),
        previous: None,
        rotated_at: created_at,
        replays: 0,
        created_at,
        last_seen: created_at,
        expires_at: created_at.plus_millis(14 * DAY),
        absolute_at: created_at.plus_millis(30 * DAY),
        ended: None,
        device: "ro-co/0.1".to_owned(),
    }
}

/// A session that is in the store.
pub(in crate::store) async fn signed_in(store: &dyn Store, user: UserId, millis: i64) -> Session {
    let session = session(user, at(millis));
    store.add_session(&session, 20).await.unwrap();
    session
}

/// What stands for the hash of the secret of a generation.
pub(in crate::store) fn hash(generation: u32) -> [u8; 32] {
    let mut hash = [0xa5; 32];
    hash[..4].copy_from_slice(&generation.to_be_bytes());
    hash
}

/// The token of a generation, as `design/security.md` would have it presented.
pub(in crate::store) fn token(session: &Session, generation: u32) -> Presented {
    Presented {
        session: session.id,
        generation,
        hash: hash(generation),
        next_hash: hash(generation + 1),
        idle_ms: 14 * DAY,
        replay_ms: DAY,
    }
}

/// The first rows of a list.
pub(in crate::store) fn first(size: u32) -> Slice {
    Slice { from: crate::store::Position::Skip(0), size }
}
