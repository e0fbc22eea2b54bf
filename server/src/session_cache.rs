//! Verified tokens and sessions, remembered for as long as a role or a suspension may be stale.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use ro_co_shared::{SessionId, UserId};

use crate::{keys::AccessClaims, permissions::Permissions, store::Principal};

/// Tokens and sessions remembered at most, each.
const MAX_ENTRIES: u64 = 10_000;
/// How long a checked signature is remembered: as long as an access token lives unless configured otherwise.
const TOKEN_MEMORY: Duration = Duration::from_mins(15);

/// The user and session behind an access token. As the first argument of an operation it
/// demands the token and counts the request against the user's rate limit.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// What they may do beyond what is their own.
    pub permissions: Permissions,
    /// Whether the password was set by an operator, and has to be changed before anything else is done.
    pub must_change_password: bool,
}

impl Caller {
    /// On whose behalf the store writes.
    pub fn principal(self) -> Principal {
        Principal { user: self.user, permissions: self.permissions }
    }
}

/// Access tokens and sessions that were verified lately.
pub struct SessionCache {
    /// Claims by the token's SHA-256: checking a signature costs 29 µs.
    tokens: Cache<[u8; 32], Arc<AccessClaims>>,
    /// Live sessions of unsuspended users, by session and generation.
    callers: Cache<(SessionId, u32), Caller>,
}

impl SessionCache {
    /// Remembers sessions for `recheck`.
    pub fn new(recheck: Duration) -> Self {
        Self {
            tokens: Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(TOKEN_MEMORY).build(),
            callers: Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(recheck).build(),
        }
    }

    /// The claims of a token whose signature was verified; their times are not checked again.
    pub(crate) fn claims(&self, token_sha256: &[u8; 32]) -> Option<Arc<AccessClaims>> {
        self.tokens.get(token_sha256)
    }

    /// Remembers the claims of a verified token.
    pub(crate) fn keep_claims(&self, token_sha256: [u8; 32], claims: &Arc<AccessClaims>) {
        self.tokens.insert(token_sha256, Arc::clone(claims));
    }

    /// The caller of this session and generation, where the session was live at the last look.
    pub(crate) fn caller(&self, claims: &AccessClaims) -> Option<Caller> {
        self.callers.get(&(claims.sid, claims.generation))
    }

    /// Remembers a caller whose session was just read.
    pub(crate) fn keep_caller(&self, claims: &AccessClaims, caller: Caller) {
        self.callers.insert((claims.sid, claims.generation), caller);
    }

    /// Forgets a session, so that its end shows at once.
    pub fn forget_session(&self, session: SessionId) {
        self.forget(|caller| caller.session == session);
    }

    /// Forgets all sessions of a user.
    pub fn forget_user(&self, user: UserId) {
        self.forget(|caller| caller.user == user);
    }

    fn forget(&self, matches: impl Fn(&Caller) -> bool) {
        for (key, caller) in &self.callers {
            if matches(&caller) {
                self.callers.invalidate(&*key);
            }
        }
    }
}
