//! What the store keeps, row by row, and what it is asked with.

use ro_co_shared::{
    AnswerId, AnswerText, Email, QuestionId, QuestionText, Role, SessionId, Timestamp, UserId, Username,
};

use super::{SortKey, Sorted};

use crate::permissions::Permissions;

/// A user as kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The id.
    pub id: UserId,
    /// The name shown; unique by [`Username::key`].
    pub username: Username,
    /// The address to sign in with; unique by [`Email::key`].
    pub email: Email,
    /// The password's hash: a PHC string, or BCrypt of an imported account that was not signed in to since. Empty
    /// where nobody can sign in: the account that stands in for the deleted, and one imported without a usable hash.
    pub password: String,
    /// When the password stops working, where an operator set it; it must be changed before anything else is done.
    pub password_expires_at: Option<Timestamp>,
    /// What the user may do.
    pub role: Role,
    /// Whether the address was confirmed.
    pub verified: bool,
    /// Whether an admin has locked the account.
    pub suspended: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// What the picture is drawn from.
    pub avatar_seed: String,
    /// Grows by one with each new picture; part of the picture's address.
    pub avatar_version: i64,
}

impl Sorted for Account {
    fn sort_key(&self) -> SortKey {
        SortKey { created_at: self.created_at, id: self.id.0 }
    }
}

impl Account {
    /// Whether the password was set by an operator, and its time is over.
    pub fn password_expired(&self, now: Timestamp) -> bool {
        self.password_expires_at.is_some_and(|expires| expires <= now)
    }
}

/// A new hash, to be stored in place of another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasswordUpdate<'a> {
    /// The hash that it replaces; where that is not stored any more nothing changes.
    pub old: &'a str,
    /// The new hash.
    pub new: &'a str,
    /// When the new password stops working; `None` where its user chose it.
    pub expires_at: Option<Timestamp>,
}

/// Never the hash, never the email address.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

/// One sign-in on one device: the whole family of its refresh tokens in one row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// How often the token was rotated.
    pub generation: u32,
    /// SHA-256 of the current token's secret.
    pub current: [u8; 32],
    /// SHA-256 of its parent's.
    pub previous: Option<[u8; 32]>,
    /// When the current token was made.
    pub rotated_at: Timestamp,
    /// How often the parent came back since.
    pub replays: u32,
    /// Whether a refresh of this session ever carried an `Idempotency-Key`.
    pub keyed: bool,
    /// SHA-256 of the key that the last rotation carried, and the generation that it rotated.
    pub refresh_key: Option<([u8; 32], u32)>,
    /// Whether a parent was accepted without the key of its rotation, which is granted once.
    pub grace_used: bool,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_seen: Timestamp,
    /// When the current token expires.
    pub expires_at: Timestamp,
    /// When the session ends, however often it is refreshed.
    pub absolute_at: Timestamp,
    /// When and why it was ended before its time.
    pub ended: Option<(Timestamp, String)>,
    /// What signed in, in the words of its `User-Agent`.
    pub device: String,
}

impl Session {
    /// Whether its tokens are worth anything at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.expires_at > now && self.absolute_at > now
    }
}

/// A refresh token as presented, with the one successor it can have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefreshAttempt {
    /// Its session.
    pub session: SessionId,
    /// Its generation.
    pub generation: u32,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// SHA-256 of its successor's secret.
    pub next_hash: [u8; 32],
    /// How long a rotated token lives when it is not spent, in milliseconds; never past the session's end.
    pub idle_ms: i64,
    /// SHA-256 of the `Idempotency-Key` it was sent with.
    pub key: Option<[u8; 32]>,
    /// How long the immediate parent is accepted in a session that never sent a key, in milliseconds.
    pub replay_ms: i64,
    /// How long it is accepted, once, with another key than that of its rotation or none, in milliseconds.
    pub grace_ms: i64,
}

/// What became of a refresh.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refreshed {
    /// The successor is the current token now.
    Rotated(Session),
    /// It was before, and is handed out again.
    Replayed(Session),
    /// An old generation came back: the session was ended.
    Reused(Session),
    /// The session is unknown, expired or was ended.
    Ended,
}

/// When a row is created.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CreatedAt {
    /// Now, by this reading of the clock. Where a store can, it moves the time on, so that rows appear in the order of
    /// their times.
    Now(Timestamp),
    /// At a moment that was recorded elsewhere, as of an imported row.
    Recorded(Timestamp),
}

impl CreatedAt {
    /// The time, as it was given.
    pub fn time(self) -> Timestamp {
        let (Self::Now(time) | Self::Recorded(time)) = self;
        time
    }
}

/// A question as the application makes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The id; derived from the author and the key where there is an `Idempotency-Key`.
    pub id: QuestionId,
    /// Who asks.
    pub author: UserId,
    /// What is asked.
    pub text: QuestionText,
    /// When.
    pub created_at: CreatedAt,
    /// SHA-256 of the request, to tell a repeat from another request with the same key.
    pub fingerprint: [u8; 32],
}

/// A question as kept, with what a reader sees beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredQuestion {
    /// The id.
    pub id: QuestionId,
    /// What is asked.
    pub text: QuestionText,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When its text last changed.
    pub updated_at: Timestamp,
    /// Whether it is marked as answered.
    pub answered: bool,
    /// How many answers it has.
    pub answers: i64,
    /// Grows by one with each change of text or mark.
    pub version: i64,
    /// Who asked.
    pub author: AuthorSummary,
}

impl Sorted for StoredQuestion {
    fn sort_key(&self) -> SortKey {
        SortKey { created_at: self.created_at, id: self.id.0 }
    }
}

/// An answer as the application makes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The id; derived as a question's.
    pub id: AnswerId,
    /// What it answers.
    pub question: QuestionId,
    /// Who answers.
    pub author: UserId,
    /// The answer.
    pub text: AnswerText,
    /// When.
    pub created_at: CreatedAt,
    /// SHA-256 of the request.
    pub fingerprint: [u8; 32],
}

/// An answer as kept, with its author.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredAnswer {
    /// The id.
    pub id: AnswerId,
    /// What it answers.
    pub question: QuestionId,
    /// The answer.
    pub text: AnswerText,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its text last changed.
    pub updated_at: Timestamp,
    /// Grows by one with each change of text.
    pub version: i64,
    /// Who wrote it.
    pub author: AuthorSummary,
}

impl Sorted for StoredAnswer {
    fn sort_key(&self) -> SortKey {
        SortKey { created_at: self.created_at, id: self.id.0 }
    }
}

/// Who wrote something, as shown beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorSummary {
    /// The id.
    pub id: UserId,
    /// The name shown.
    pub username: String,
    /// The version of the picture.
    pub avatar_version: i64,
}

/// A new row, or the one an earlier, equal request made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created<T> {
    /// The row as it stands now.
    pub row: T,
    /// Whether this request made it.
    pub created: bool,
}

/// On whose behalf a write is done: authors may write what is theirs, others by permission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Principal {
    /// The user who makes the request.
    pub user: UserId,
    /// What they may do beyond what is their own.
    pub permissions: Permissions,
}

impl Principal {
    /// Whether they may write questions and answers of any author.
    pub fn edits_any(self) -> bool {
        self.permissions.contains(Permissions::EDIT_ANY_CONTENT)
    }

    /// Whether they may write a question or an answer of this author.
    pub fn may_edit(self, author: UserId) -> bool {
        self.edits_any() || self.user == author
    }
}

/// A change of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit<T> {
    /// What the text becomes.
    pub text: T,
    /// On whose behalf.
    pub principal: Principal,
    /// The version it replaces, where the caller demands one; no other is replaced.
    pub version: Option<i64>,
    /// When.
    pub at: Timestamp,
}

/// A picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AvatarImage {
    /// The sanitised SVG, at most 256 KiB.
    pub svg: String,
    /// When it was drawn.
    pub created_at: Timestamp,
}
