//! HTTP transport: sends requests and honours `Retry-After`.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use reqwest::Client;
use secrecy::SecretString;

use super::{
    failure::Failure,
    http::{HttpRequest, HttpResponse, Operation, http_client},
    origin::Origin,
};
use crate::clean::Clean;

/// What time it is; tests have one of their own.
pub(super) type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Cheap to clone; all clones keep the same pauses.
#[derive(Clone)]
pub(super) struct Transport {
    http: Client,
    origin: Origin,
    clock: Clock,
    /// Until when to leave an operation alone, and what the server said.
    pauses: Arc<Mutex<HashMap<Operation, (Instant, Clean)>>>,
    replies: Arc<AtomicU64>,
}

impl Transport {
    pub(super) fn new(origin: Origin, clock: Clock) -> Result<Self, Failure> {
        Ok(Self {
            http: http_client(&origin)?,
            origin,
            clock,
            pauses: Arc::default(),
            replies: Arc::default(),
        })
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn replies(&self) -> u64 {
        self.replies.load(Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> Instant {
        (self.clock)()
    }

    /// Sends a call, unless the server has asked to wait with requests of this kind. What it says then, now or before,
    /// is [`Failure::Busy`] with the time that is left.
    pub(super) async fn send(
        &self,
        call: &HttpRequest,
        bearer: Option<&SecretString>,
    ) -> Result<HttpResponse, Failure> {
        let operation = call.operation();
        if let Some(failure) = self.pause(&operation) {
            return Err(failure);
        }
        let answer = call.send(&self.http, &self.origin, bearer).await;
        if answer.is_ok() {
            self.replies.fetch_add(1, Ordering::Relaxed);
        }
        let answer = answer.and_then(HttpResponse::unless_busy);
        if let Err(Failure::Busy { retry_after, reason }) = &answer {
            self.pauses().insert(operation, (self.now() + *retry_after, reason.clone()));
        }
        answer
    }

    fn pause(&self, operation: &Operation) -> Option<Failure> {
        let now = self.now();
        let mut pauses = self.pauses();
        pauses.retain(|_, (until, _)| *until > now);
        let (until, reason) = pauses.get(operation)?;
        Some(Failure::Busy { retry_after: *until - now, reason: reason.clone() })
    }

    fn pauses(&self) -> std::sync::MutexGuard<'_, HashMap<Operation, (Instant, Clean)>> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
