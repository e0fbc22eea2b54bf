//! The session: an access token in memory, renewed by the refresh token that [`Tokens`] keeps.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::Method;
use ro_co_shared::{Code, Login, SignOut, User, UserId};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OwnedMutexGuard;

use super::{failure::Failure, http::HttpRequest, transport::Transport};
use crate::token::{Tokens, WaitMode};

/// An access token as it was given out. Never written anywhere.
pub(super) struct Access {
    pub(super) token: SecretString,
    /// Which one it is, so that a refused one is told from its successor.
    pub(super) number: u64,
    /// At 80 % of its life, checked at each call: no timer keeps an idle client awake.
    due: Instant,
    expires: Instant,
}

/// One user's session with one server. Clones share it.
#[derive(Clone)]
pub(super) struct Session {
    transport: Transport,
    tokens: Tokens,
    now: Arc<Mutex<Now>>,
    /// Held by the one refresh in flight; everyone else waits for it.
    refreshing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Now {
    access: Option<Arc<Access>>,
    user: Option<UserId>,
    /// How many access tokens there were.
    given: u64,
    /// How many refreshes ended, and how the last one failed: all waiting callers share its result.
    refreshes: u64,
    failure: Option<Failure>,
}

impl Session {
    pub(super) fn new(transport: Transport, tokens: Tokens) -> Self {
        Self { transport, tokens, now: Arc::default(), refreshing: Arc::default() }
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.refreshing.try_lock().is_ok()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An access token to call with; another one than number `refused`, which the server has turned down.
    pub(super) async fn access(&self, refused: Option<u64>) -> Result<Arc<Access>, Failure> {
        let (have, ended) = {
            let now = self.now();
            (now.access.clone().filter(|access| Some(access.number) != refused), now.refreshes)
        };
        let turn = Arc::clone(&self.refreshing);
        let guard = match &have {
            Some(access) if self.transport.now() < access.due => return Ok(Arc::clone(access)),
            // Still valid: renew it unless another caller does.
            Some(access) if self.transport.now() < access.expires => match turn.try_lock_owned() {
                Ok(guard) => guard,
                Err(_) => return Ok(Arc::clone(access)),
            },
            _ => turn.lock_owned().await,
        };
        if let Some(outcome) = self.outcome_since(ended, refused) {
            return outcome;
        }
        match (self.refresh(guard).await, have) {
            (Ok(_), _) => self.now().access.clone().ok_or(Failure::SignedOut),
            // The early renewal failed; the token lives on for a while.
            (Err(failure), Some(access))
                if failure != Failure::SignedOut && self.transport.now() < access.expires =>
            {
                Ok(access)
            }
            (Err(failure), _) => Err(failure),
        }
    }

    /// What the refresh that this caller waited for came to, if one ended meanwhile.
    fn outcome_since(&self, ended: u64, refused: Option<u64>) -> Option<Result<Arc<Access>, Failure>> {
        let now = self.now();
        if now.refreshes == ended {
            return None;
        }
        match (&now.access, &now.failure) {
            (Some(access), _) if Some(access.number) != refused => Some(Ok(Arc::clone(access))),
            (_, Some(failure)) => Some(Err(failure.clone())),
            _ => None,
        }
    }

    /// Resumes the session of an earlier run; `None` when there is none, or a sign-in came first.
    pub(super) async fn resume(&self) -> Result<Option<User>, Failure> {
        let before = self.now().given;
        // Without the lock: the user can sign in with the password while the keyring waits to be unlocked.
        if self.tokens.load(WaitMode::Interactive).await.is_none() {
            return Ok(None);
        }
        let guard = Arc::clone(&self.refreshing).lock_owned().await;
        if self.now().given != before {
            return Ok(None);
        }
        self.now().user = None;
        self.refresh(guard).await.map(Some)
    }

    /// Spends the stored token for new ones. In a task of its own: a caller that goes away, as a screen that is left
    /// does, must not stop it between the server's answer and the keyring.
    async fn refresh(&self, guard: OwnedMutexGuard<()>) -> Result<User, Failure> {
        let session = self.clone();
        let task = tokio::spawn(async move {
            let outcome = session.exchange().await;
            let mut now = session.now();
            now.refreshes += 1;
            now.failure = outcome.as_ref().err().cloned();
            if outcome == Err(Failure::SignedOut) {
                now.access = None;
            }
            drop(now);
            drop(guard);
            outcome
        });
        task.await.unwrap_or_else(|_| Err(Failure::Broken("the session could not be renewed".into())))
    }

    async fn exchange(&self) -> Result<User, Failure> {
        let _only_process = self.tokens.exclusive().await;
        // Another process may have renewed it since: read it again, with the lock held.
        let Some(stored) = self.tokens.load(WaitMode::Background).await else {
            return Err(Failure::SignedOut);
        };
        // StoredIn before the request: a repetition is told from a theft by it.
        let key = self.tokens.refresh_key(&stored).await;
        let call = HttpRequest::new(Method::POST, "/auth/refresh").key(&key);
        let reply = self.transport.send(&call, Some(&stored)).await?;
        let login: Login = match reply.success() {
            // Only this ends a session; whatever else goes wrong, the token stays.
            Err(failure) if failure.is(Code::SessionEnded) || failure.is(Code::RefreshReused) => {
                tracing::info!("Session ended; the stored token was removed");
                self.tokens.delete().await;
                return Err(Failure::SignedOut);
            }
            reply => reply?.json()?,
        };
        // The old token is spent: its successor must be safe before anything is done with the rest.
        self.tokens.save(SecretString::from(login.refresh_token.as_str())).await;
        if self.now().user.is_some_and(|user| user != login.id) {
            // Another user signed in on this machine.
            self.now().user = None;
            return Err(Failure::SignedOut);
        }
        Ok(self.install(login))
    }

    /// Opens a session with tokens that were just given out.
    pub(super) async fn open(&self, login: Login) -> User {
        let _no_refresh = self.refreshing.lock().await;
        let _only_process = self.tokens.exclusive().await;
        self.tokens.save(SecretString::from(login.refresh_token.as_str())).await;
        self.install(login)
    }

    fn install(&self, login: Login) -> User {
        let life = Duration::from_millis(login.token_expires_in.try_into().unwrap_or(0))
            .min(Duration::from_hours(24));
        let user = login.user();
        let mut now = self.now();
        now.given += 1;
        now.user = Some(login.id);
        now.access = Some(Arc::new(Access {
            token: SecretString::from(login.token),
            number: now.given,
            due: self.transport.now() + life.mul_f32(0.8),
            expires: self.transport.now() + life,
        }));
        user
    }

    /// Signs out: here in any case, and on the server when it can be told; the error says that it could not.
    pub(super) async fn close(&self) -> Result<(), Failure> {
        let _no_refresh = self.refreshing.lock().await;
        let _only_process = self.tokens.exclusive().await;
        let stored = self.tokens.load(WaitMode::Background).await;
        self.forget().await;
        let Some(token) = stored else { return Ok(()) };
        let body = SignOut { refresh_token: token.expose_secret().into() };
        let call = HttpRequest::new(Method::POST, "/auth/logout").json(&body);
        self.transport.send(&call, None).await?.success().map(drop)
    }

    /// Forgets the session without telling the server, which has ended it already.
    pub(super) async fn forget(&self) {
        self.tokens.delete().await;
        let mut now = self.now();
        (now.access, now.user) = (None, None);
    }
}
