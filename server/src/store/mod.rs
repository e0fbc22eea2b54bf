//! Where everything is kept: [`Store`], one small trait for each kind of thing, and the laws all back ends obey.
//!
//! # The laws
//!
//! Each is a contract test as well (`tests/store/contract`), run on every back end.
//!
//! 1. Errors are [`Error`]; no driver's type or text escapes.
//! 2. The application makes ids and timestamps (milliseconds); what goes in comes out equal, but a time of creation
//!    that is "now" may be moved on. With an `Idempotency-Key` the id is derived from the user and the key, so a repeat
//!    meets its own row.
//! 3. Uniqueness is by index, never check-then-insert. A write to a missing row is [`Error::NotFound`].
//! 4. Ownership is in the filter of the write, never in a read before it; when no row matched, one read
//!    tells [`Error::NotFound`] from [`Error::Denied`].
//! 5. Lists have one total order (time, then id); a cursor is the last row's key, and a page by cursor costs
//!    the same at any depth. A reader who continues from [`Store::resume_after`] misses nothing, whatever is written
//!    meanwhile and whatever the clocks do; but for rows whose time was recorded elsewhere.
//! 6. Deletes cascade: mark, delete the children, delete the parent; a sweep finishes what a crash left, and
//!    nothing of a marked parent is ever shown. A back end with transactions does small ones in one.
//! 7. Names and addresses compare without case because their types fold case, not by the database's collation.
//! 8. Opening migrates; a shipped migration is never edited. Two servers may start at once. Only the owner of a data
//!    directory migrates the file in it.

mod list;
#[cfg(test)]
pub(crate) mod make;
#[cfg(feature = "mongodb")]
pub mod mongo;
mod records;
pub mod sqlite;

use std::time::Duration;

use async_trait::async_trait;
use ro_co_shared::{
    AnswerId, AnswerText, Content, Email, QuestionId, QuestionText, Role, SessionId, Timestamp, UserId,
    Username,
};

use crate::durations::Durations;

pub use list::{AnswerFilter, ListQuery, Order, Position, QuestionFilter, Slice, SortKey, Sorted};
pub use records::{
    Account, Answer, AuthorSummary, AvatarImage, Created, CreatedAt, Edit, PasswordUpdate, Principal,
    Question, RefreshAttempt, Refreshed, Session, StoredAnswer, StoredQuestion,
};

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such row.
    #[error("not found")]
    NotFound,
    /// The row is there, and belongs to somebody else.
    #[error("not the caller's")]
    Denied,
    /// Another row already has this value of the field named, as it is called on the wire.
    #[error("{0} is taken")]
    Conflict(&'static str),
    /// No live, unsuspended admin would be left.
    #[error("the last admin")]
    LastAdmin,
    /// The row was changed since the caller read it.
    #[error("changed in the meantime")]
    Stale,
    /// The store cannot answer now; the same call may succeed later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Cause),
    /// The store failed in a way that repeating will not mend.
    #[error("the store failed")]
    Broken(#[source] Cause),
}

/// What lies behind a failure; for the log, never for a client.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What a call to the store comes back with.
pub type Result<T> = std::result::Result<T, Error>;

/// Users.
#[async_trait]
pub trait Accounts {
    /// Keeps a new account. [`Error::Conflict`] names `username` or `email`; when both are taken, `username`.
    async fn add_account(&self, account: &Account) -> Result<()>;

    /// The account with this id.
    async fn account(&self, id: UserId) -> Result<Account>;

    /// The account that signs in with this address, in any case; nobody signs in as [`UserId::DELETED`].
    async fn account_by_email(&self, email: &Email) -> Result<Account>;

    /// Whether nobody has this name, in any case.
    async fn username_free(&self, name: &Username) -> Result<bool>;

    /// Whether nobody has this address, in any case.
    async fn email_free(&self, email: &Email) -> Result<bool>;

    /// A part of the list of all accounts, without the one that stands in for the deleted.
    async fn accounts(&self, query: ListQuery<()>) -> Result<Vec<Account>>;

    /// Gives the account another name; its picture stays.
    async fn rename(&self, id: UserId, name: &Username) -> Result<Account>;

    /// Replaces the hash and the expiry of a password; [`Error::Stale`] where another hash than the old one is stored.
    async fn set_password(&self, id: UserId, update: PasswordUpdate<'_>) -> Result<()>;

    /// Whether any account still has a BCrypt hash.
    async fn has_bcrypt_hashes(&self) -> Result<bool>;

    /// Sets a role. [`Error::LastAdmin`] if that takes the last admin's.
    async fn set_role(&self, id: UserId, role: Role) -> Result<Account>;

    /// Suspends the account or ends its suspension. [`Error::LastAdmin`] if it is the last admin's.
    async fn set_suspended(&self, id: UserId, suspended: bool) -> Result<Account>;

    /// Gives the account another avatar seed; its avatar version grows by one and the stored picture goes.
    async fn set_avatar_seed(&self, id: UserId, seed: &str) -> Result<Account>;

    /// Deletes the account, its sessions and its picture, and its content as told. What is kept of it is
    /// [`UserId::DELETED`]'s afterwards. [`Error::LastAdmin`] if it is the last admin's.
    async fn delete_account(&self, id: UserId, content: Content) -> Result<()>;
}

/// Sign-ins.
#[async_trait]
pub trait Sessions {
    /// Keeps a new session, and ends the user's oldest live ones beyond `most` (the new one counts).
    async fn add_session(&self, session: &Session, most: usize) -> Result<()>;

    /// The session with this id, live or ended.
    async fn session(&self, id: SessionId) -> Result<Session>;

    /// Spends a refresh token. Each step that hands out a token is one conditional write:
    ///
    /// 1. rotate, when the token is the session's current one;
    /// 2. replay, when it is the immediate parent, whose successor was not spent, so that the client may never have heard of
    ///    it: with the key of its rotation as long as the session lives; in a session that never sent a key within
    ///    `attempt.replay_ms`; otherwise within `attempt.grace_ms` once in the life of the session;
    /// 3. otherwise, when an older generation came back, end the session with reason `reuse`.
    ///
    /// A session is keyed from the first refresh on that carries a key, that one included.
    async fn refresh(&self, attempt: &RefreshAttempt, now: Timestamp) -> Result<Refreshed>;

    /// Ends a session; repeating it, or ending one that is not there, is fine.
    async fn end_session(&self, id: SessionId, reason: &str, now: Timestamp) -> Result<()>;

    /// Ends all live sessions of a user but one.
    async fn end_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
        reason: &str,
        now: Timestamp,
    ) -> Result<()>;

    /// Forgets sessions that ended or expired before `before`; returns how many.
    async fn purge_sessions(&self, before: Timestamp) -> Result<u64>;
}

/// Questions.
#[async_trait]
pub trait Questions {
    /// Keeps a question, which may be [`UserId::DELETED`]'s from the start; the returned flag of [`Created`] tells whether
    /// it was there before, by the same request. The same id with another `fingerprint` is [`Error::Conflict`] (`Idempotency-Key`).
    async fn add_question(&self, question: &Question) -> Result<Created<StoredQuestion>>;

    /// The question with this id.
    async fn question(&self, id: QuestionId) -> Result<StoredQuestion>;

    /// A part of a list of questions.
    async fn questions(&self, query: ListQuery<QuestionFilter>) -> Result<Vec<StoredQuestion>>;

    /// How many questions match; this costs the more the more there are.
    async fn count_questions(&self, filter: QuestionFilter) -> Result<u64>;

    /// Replaces the text, if the version still is the one demanded; [`Error::Stale`] otherwise.
    async fn edit_question(&self, id: QuestionId, edit: &Edit<QuestionText>) -> Result<StoredQuestion>;

    /// Marks as answered or as open. Leaves `updated_at` alone: the text did not change. To set a mark that is set
    /// is no change of the version either.
    async fn set_answered(
        &self,
        id: QuestionId,
        principal: Principal,
        answered: bool,
    ) -> Result<StoredQuestion>;

    /// Deletes the question and its answers.
    async fn delete_question(&self, id: QuestionId, principal: Principal) -> Result<()>;
}

/// Answers.
#[async_trait]
pub trait Answers {
    /// Keeps an answer; as [`Questions::add_question`]. A question that is not there is [`Error::NotFound`].
    async fn add_answer(&self, answer: &Answer) -> Result<Created<StoredAnswer>>;

    /// The answer with this id.
    async fn answer(&self, id: AnswerId) -> Result<StoredAnswer>;

    /// A part of the list of answers to a question; an unknown question is [`Error::NotFound`].
    async fn answers(&self, query: ListQuery<AnswerFilter>) -> Result<Vec<StoredAnswer>>;

    /// How many answers a question has; an unknown question is [`Error::NotFound`].
    async fn count_answers(&self, question: QuestionId) -> Result<u64>;

    /// Replaces the text; as [`Questions::edit_question`].
    async fn edit_answer(&self, id: AnswerId, edit: &Edit<AnswerText>) -> Result<StoredAnswer>;

    /// Deletes the answer.
    async fn delete_answer(&self, id: AnswerId, principal: Principal) -> Result<()>;
}

/// Pictures.
#[async_trait]
pub trait Avatars {
    /// The picture kept for this user, if it is of this version.
    async fn avatar(&self, user: UserId, version: i64) -> Result<Option<AvatarImage>>;

    /// Keeps a picture, unless the account has moved on to another version or is gone; returns whether it did.
    async fn keep_avatar(&self, user: UserId, version: i64, image: &AvatarImage) -> Result<bool>;
}

/// Measurements of a store; what a back end does not have is absent.
#[derive(Clone, Debug, Default)]
pub struct StoreStats<'a> {
    /// Latency by kind of operation.
    pub latency: Vec<(&'static str, &'a Durations)>,
    /// Bytes of SQLite's write-ahead log.
    pub wal_bytes: Option<u64>,
    /// MongoDB's connections.
    pub pool: Option<PoolStats>,
}

/// Connections of a pool, to all nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PoolStats {
    /// Established ones.
    pub open: u64,
    /// Those that a call is using.
    pub in_use: u64,
}

/// The longest lease. One that reaches further ahead was made by a clock that was set back since, and counts as over.
pub const MAX_LEASE: Duration = Duration::from_mins(10);

/// Leases of background jobs, by which the servers of one database share them. Time is the database's own.
#[async_trait]
pub trait Jobs {
    /// Takes the lease of a job for this long, or renews it; whether this holder has it now. It is refused while another
    /// one's lease lasts.
    async fn lease(&self, job: &str, holder: &str, span: Duration) -> Result<bool>;

    /// Gives a lease up; nothing if this holder does not have it.
    async fn release(&self, job: &str, holder: &str) -> Result<()>;
}

/// Everything a server keeps.
#[async_trait]
pub trait Store: Accounts + Sessions + Questions + Answers + Avatars + Jobs + Send + Sync {
    /// The key of the HMAC behind the ids of keyed creates: random, made with the database, the same for all its servers.
    fn id_key(&self) -> &[u8; 32];

    /// Whether the store answers.
    async fn ping(&self) -> Result<()>;

    /// Where a reader of a list in the order [`Order::Oldest`] continues, who has read up to `last` at the moment `now`.
    /// It may be before `last`: then rows come again, which their ids tell.
    fn resume_after(&self, last: SortKey, now: Timestamp) -> SortKey;

    /// Finishes deletions that a crash, or something that arrived late, left unfinished; returns how many rows there were.
    /// A back end that deletes in transactions has nothing to finish.
    async fn sweep(&self) -> Result<u64>;

    /// Whether a crash can leave counts wrong, so that [`Store::recount`] is needed: not where they change in transactions.
    fn counts_can_drift(&self) -> bool;

    /// Counts anew the answers of questions whose count a crash may have left wrong; returns how many questions.
    async fn recount(&self) -> Result<u64>;

    /// Measurements since the store was opened.
    fn stats(&self) -> StoreStats<'_>;

    /// Finishes what waits and lets go of the files; later calls are [`Error::Unavailable`].
    async fn close(&self);
}
