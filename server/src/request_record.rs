//! What the middleware and the HTTP server below it tell each other about a request, so that its records agree.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU16, Ordering::Relaxed},
};

use poem::Request;
use uuid::Uuid;

/// The id that the middleware gave a request, and the status of the response that the HTTP server sends in place of the
/// application's when a timeout ends the request.
#[derive(Clone, Default)]
pub(crate) struct RequestRecord(Arc<Inner>);

#[derive(Default)]
struct Inner {
    id: OnceLock<Uuid>,
    /// 0: none.
    status: AtomicU16,
}

impl RequestRecord {
    /// The record of this request, which begins here if it has none.
    pub(crate) fn of(request: &mut Request) -> Self {
        if let Some(record) = request.data::<Self>() {
            return record.clone();
        }
        let record = Self::default();
        request.set_data(record.clone());
        record
    }

    /// The request's id: the first caller's.
    pub(crate) fn id(&self) -> Uuid {
        *self.0.id.get_or_init(Uuid::now_v7)
    }

    /// Notes that a response with this status is sent in place of the application's.
    pub(crate) fn replace(&self, status: u16) {
        self.0.status.store(status, Relaxed);
    }

    /// The status of the response in place of the application's, if there is one.
    pub(crate) fn replaced(&self) -> Option<u16> {
        Some(self.0.status.load(Relaxed)).filter(|status| *status != 0)
    }
}
