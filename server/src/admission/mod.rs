//! Admission of requests: in-flight places and bytes under way, shared fairly by IP addresses.
//!
//! The order and the reasons: `docs/adr/0020-admission-of-requests.md`.

mod fair_pool;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use poem::Request;

use fair_pool::Allotment;
pub(crate) use fair_pool::FairPool;

/// The places and bytes of a server.
pub(crate) struct Admission {
    pub(crate) places: Arc<FairPool>,
    pub(crate) bytes: Arc<FairPool>,
}

/// What an operation needs to be admitted; an extension of the request.
#[derive(Clone, Copy, Default)]
pub(crate) struct OperationNeeds {
    /// Whether the operation reads the request body.
    pub(crate) reads_body: bool,
    /// An upper bound in bytes for the response to a request without a body.
    pub(crate) response_bytes: usize,
}

/// The admission of one request. Its place and its bytes are held until the response is written.
pub(crate) struct RequestAdmission {
    places: Arc<FairPool>,
    bytes: Arc<FairPool>,
    ip: IpAddr,
    has_body: bool,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    place: Option<Allotment>,
    bytes: Option<Allotment>,
}

impl RequestAdmission {
    /// A request of this client (IPv6: its /64 network), which holds nothing yet. `has_body`: a body follows its headers.
    pub(crate) fn new(admission: &Admission, ip: IpAddr, has_body: bool) -> Arc<Self> {
        let (places, bytes) = (Arc::clone(&admission.places), Arc::clone(&admission.bytes));
        Arc::new(Self { places, bytes, ip, has_body, held: Mutex::default() })
    }

    /// The admission of a request; `None` where it did not come through the HTTP server.
    pub(crate) fn of(request: &Request) -> Option<&Arc<Self>> {
        request.data()
    }

    /// The IP address of the client.
    pub(crate) fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Counts bytes of the request body that have arrived.
    pub(crate) async fn body_arrived(&self, total: usize) {
        self.hold_bytes(total).await;
    }

    /// Admits the request: waits for the bytes of its response, then for a place. In this order for every request, so that
    /// none holds a place while it waits for bytes that another one with bytes will only give back after getting a place.
    pub(crate) async fn admit(&self, response_bytes: usize) {
        let held = self.held().bytes.as_ref().map_or(0, Allotment::amount);
        self.hold_bytes(held.max(response_bytes)).await;
        let place = self.places.acquire(self.ip, 1).await;
        self.held().place = Some(place);
    }

    /// Corrects the bytes to those of the response that was made.
    pub(crate) async fn response_made(&self, bytes: usize) {
        self.hold_bytes(bytes).await;
    }

    /// Gives everything back.
    pub(crate) fn release(&self) {
        let held = std::mem::take(&mut *self.held());
        drop(held);
    }

    async fn hold_bytes(&self, amount: usize) {
        // Out of the lock while it waits; a request that is dropped meanwhile gives it back.
        let held = self.held().bytes.take();
        let bytes = match held {
            Some(mut bytes) => {
                bytes.resize(amount).await;
                bytes
            }
            None => self.bytes.acquire(self.ip, amount).await,
        };
        self.held().bytes = Some(bytes);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Admits an authorised request, unless its operation reads a body that is still to come: then
/// [`Body`](crate::api::payload::Body) admits it once the body is complete.
pub(crate) async fn authorized(request: &Request) {
    let Some(admission) = RequestAdmission::of(request) else { return };
    let needs = request.extensions().get::<OperationNeeds>().copied().unwrap_or_default();
    if !admission.has_body || !needs.reads_body {
        admission.admit(needs.response_bytes).await;
    }
}
