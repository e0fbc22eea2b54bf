//! What the socket, the requests and the limits of one connection share.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;

use crate::admission::RequestAdmission;

/// The state of one connection: whether it is idle, and what its last response still holds.
pub(super) struct ConnectionState {
    phase: Mutex<Phase>,
    evicted: Notify,
}

enum Phase {
    /// No request since then.
    Idle(Instant),
    /// A request is handled, or its response is not yet handed over to hyper.
    Busy,
    /// Hyper has the response; the socket has not yet taken all of it.
    Writing(Arc<RequestAdmission>),
}

impl ConnectionState {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { phase: Mutex::new(Phase::Idle(Instant::now())), evicted: Notify::new() })
    }

    /// A request has arrived.
    pub(super) fn request_arrived(&self) {
        *self.phase() = Phase::Busy;
    }

    /// Hyper has taken the whole response.
    pub(super) fn response_taken(&self, admission: Arc<RequestAdmission>) {
        *self.phase() = Phase::Writing(admission);
    }

    /// The socket has taken everything that hyper had.
    pub(super) fn flushed(&self) {
        let written = {
            let mut phase = self.phase();
            if !matches!(*phase, Phase::Writing(_)) {
                return;
            }
            std::mem::replace(&mut *phase, Phase::Idle(Instant::now()))
        };
        if let Phase::Writing(admission) = written {
            admission.release();
        }
    }

    /// Since when the connection has been idle.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        match *self.phase() {
            Phase::Idle(since) => Some(since),
            Phase::Busy | Phase::Writing(_) => None,
        }
    }

    /// Asks the connection to close, to make room for another one.
    pub(super) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Resolves when the connection is to close.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
