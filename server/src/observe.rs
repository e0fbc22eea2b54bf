//! What is recorded of each request: metrics, a line in the access log, and a security event if it was refused as one.
//!
//! Neither has an email address. The IP address is in security events only.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use poem::{
    Addr, PathPattern, Request, Response,
    http::{Method, StatusCode},
};
use ro_co_shared::Code;
use uuid::Uuid;

use crate::{
    api::template,
    app::App,
    client_ip::Proxies,
    logging::{ACCESS, SECURITY},
    request_metrics::{NO_ROUTE, RequestMetrics},
    request_record::RequestRecord,
    request_user::RequestUser,
};

/// The status recorded for a request that got no response: its connection closed, or it was cut off. nginx's number.
const CLOSED: u16 = 499;

/// Records requests.
pub(crate) struct Observer {
    access_log: bool,
    proxies: Proxies,
    metrics: RequestMetrics,
}

/// A request without its response yet. Dropped in this state, it is recorded as cut off.
pub(crate) struct PendingRequest<'a> {
    observer: &'a Observer,
    id: Uuid,
    method: Method,
    ip: IpAddr,
    user: RequestUser,
    record: RequestRecord,
    started: Instant,
    recorded: bool,
}

impl Observer {
    pub(crate) fn new(app: &App) -> Self {
        let (access_log, proxies) = (app.settings.access_log, app.settings.proxies.clone());
        Self { access_log, proxies, metrics: app.requests.clone() }
    }

    /// Begins to observe a request, which learns where to note its user.
    pub(crate) fn begin(&self, request: &mut Request) -> PendingRequest<'_> {
        let record = RequestRecord::of(request);
        let user = RequestUser::attach(request);
        let peer = match &**request.remote_addr() {
            Addr::SocketAddr(peer) => peer.ip(),
            // Not from a socket.
            _ => Ipv4Addr::UNSPECIFIED.into(),
        };
        let ip = self.proxies.client(peer, request.headers());
        let method = request.method().clone();
        let started = Instant::now();
        PendingRequest { observer: self, id: record.id(), method, ip, user, record, started, recorded: false }
    }
}

impl PendingRequest<'_> {
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// Records the response, and with which code it refuses the request.
    pub(crate) fn answered(mut self, response: &Response, code: Option<Code>) {
        let pattern = response.data::<PathPattern>().map(|pattern| template(&pattern.0));
        let (route, status) = (pattern.as_deref().unwrap_or(NO_ROUTE), response.status());
        if let Some(code) = code.filter(|code| is_security_event(status, *code)) {
            let code = serde_json::to_value(code).unwrap_or_default();
            let code = code.as_str().unwrap_or_default();
            tracing::warn!(
                target: SECURITY, code, method = %self.method, route, status = status.as_u16(), ip = %self.ip,
                user = self.user(), request = %self.id, "Request refused"
            );
        }
        self.note(pattern, self.record.replaced().unwrap_or(status.as_u16()));
    }

    fn note(&mut self, pattern: Option<Arc<str>>, status: u16) {
        self.recorded = true;
        let took = self.started.elapsed();
        let route = pattern.as_deref().unwrap_or(NO_ROUTE);
        if self.observer.access_log {
            tracing::info!(
                target: ACCESS, method = %self.method, route, status,
                duration_ms = took.as_secs_f64() * 1000.0,
                request = %self.id, user = self.user(), "Request"
            );
        }
        self.observer.metrics.record(&self.method, pattern, status, took);
    }

    fn user(&self) -> Option<String> {
        self.user.get().map(|user| user.to_string())
    }
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        if !self.recorded {
            self.note(None, self.record.replaced().unwrap_or(CLOSED));
        }
    }
}

fn is_security_event(status: StatusCode, code: Code) -> bool {
    matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
        || matches!(code, Code::InvalidCredentials | Code::RefreshReused)
}
