//! One HTTP/1 connection and its requests.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use http::{HeaderValue, header, uri::Scheme};
use http_body_util::combinators::BoxBody;
use hyper::{
    body::{Body as _, Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::{
    Body, Endpoint, Request, Response,
    endpoint::DynEndpoint,
    web::{LocalAddr, RemoteAddr},
};
use ro_co_shared::{Code, Problem};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::watch, time};
use uuid::Uuid;

use super::{
    HttpLimits,
    body::{BodyProgress, ResponseBody, TimeoutBody},
    connection_state::ConnectionState,
    socket::Socket,
    stream::Stream,
};
use crate::{
    admission::{Admission, RequestAdmission},
    client_ip::network,
    request_record::RequestRecord,
    tls::Certificates,
};

/// The smallest buffer hyper accepts.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

const HEADER_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const CONNECTION_LIMIT: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// What all connections share.
pub(super) struct ConnectionHandler {
    endpoint: Arc<dyn DynEndpoint<Output = Response>>,
    limits: HttpLimits,
    admission: Arc<Admission>,
    local: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    builder: http1::Builder,
}

impl ConnectionHandler {
    pub(super) fn new(
        endpoint: Arc<dyn DynEndpoint<Output = Response>>,
        limits: HttpLimits,
        admission: Arc<Admission>,
        local: SocketAddr,
    ) -> Self {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_header_size(limits.max_header_bytes)
            .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER_BYTES));
        Self { endpoint, limits, admission, local, certificates: None, builder }
    }

    /// The same with TLS, if there are certificates.
    pub(super) fn with_tls(self, certificates: Option<Arc<Certificates>>) -> Self {
        Self { certificates, ..self }
    }

    /// Serves the requests of this connection until either side closes it.
    pub(super) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        state: Arc<ConnectionState>,
        mut stopping: watch::Receiver<bool>,
    ) {
        let opened = tokio::select! {
            opened = Stream::open(stream, self.certificates.as_ref(), &self.limits) => opened,
            _ = stopping.wait_for(|stop| *stop) => return,
            () = state.evicted() => return,
        };
        let stream = match opened {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "Connection closed before its first request");
                return;
            }
        };
        let socket = Socket::new(stream, &self.limits, Arc::clone(&state), stopping.clone());
        let service = service_fn(|request| {
            let (handler, state) = (Arc::clone(&self), Arc::clone(&state));
            async move { Ok::<_, Infallible>(handler.handle(request, peer, state).await) }
        });
        let mut connection = self.builder.serve_connection(TokioIo::new(socket), service);
        let ended = tokio::select! {
            outcome = &mut connection => Some(outcome),
            _ = stopping.wait_for(|stop| *stop) => None,
            () = state.evicted() => {
                // Without lingering: nothing was sent that the client could lose.
                if state.idle_since().is_some() {
                    tracing::debug!(%peer, "Idle connection closed: connection limit reached");
                    return;
                }
                None
            }
        };
        let outcome = if let Some(outcome) = ended {
            outcome
        } else {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        };
        let Err(error) = outcome else { return };
        tracing::debug!(%error, "Connection failed");
        if error.is_timeout() {
            let parts = connection.into_parts();
            // An idle connection, if nothing has arrived: there is no request to respond to.
            if !parts.read_buf.is_empty() {
                close_with(parts.io.into_inner(), HEADER_TIMEOUT).await;
            }
        }
    }

    async fn handle(
        &self,
        request: http::Request<Incoming>,
        peer: SocketAddr,
        state: Arc<ConnectionState>,
    ) -> http::Response<ResponseBody> {
        state.request_arrived();
        let has_body = !request.body().is_end_stream();
        let ip = network(self.limits.proxies.client(peer.ip(), request.headers()));
        let admission = RequestAdmission::new(&self.admission, ip, has_body);
        let progress = BodyProgress::default();
        let mut response = if has_ambiguous_host(&request) {
            problem(Uuid::now_v7(), Code::Malformed, "a request must have exactly one Host header").into()
        } else {
            let (mut request, record) = self.with_body_timeout(request, peer, &progress);
            request.set_data(Arc::clone(&admission));
            self.respond(request, &admission, &record).await
        };
        if has_body && !progress.is_complete() {
            // What is left of the body would have to be read before the next request.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| ResponseBody::new(body, admission, state))
    }

    /// The endpoint's response, or one about the timeout that was hit.
    async fn respond(
        &self,
        request: Request,
        admission: &RequestAdmission,
        record: &RequestRecord,
    ) -> http::Response<BoxBody<Bytes, io::Error>> {
        let mut made = pin!(async {
            let response: http::Response<BoxBody<_, _>> = self.endpoint.get_response(request).await.into();
            if let Some(bytes) = response.body().size_hint().exact() {
                admission.response_made(usize::try_from(bytes).unwrap_or(usize::MAX)).await;
            }
            response
        });
        let made = time::timeout(self.limits.handler_timeout, made.as_mut()).await;
        if record.replaced() == Some(Code::Timeout.status()) {
            return body_timeout(record.id(), self.limits.body_timeout).into();
        }
        made.unwrap_or_else(|_| {
            tracing::error!(
                seconds = self.limits.handler_timeout.as_secs(), request = %record.id(), "Request timed out"
            );
            // Before the handler is dropped, and with it what records the request.
            record.replace(Code::Unavailable.status());
            unavailable(record.id(), "The request timed out.").into()
        })
    }

    /// The request as poem takes it, its body with a read timeout, and its record.
    fn with_body_timeout(
        &self,
        request: http::Request<Incoming>,
        peer: SocketAddr,
        progress: &BodyProgress,
    ) -> (Request, RequestRecord) {
        let has_body = !request.body().is_end_stream();
        let addresses = (LocalAddr(self.local.into()), RemoteAddr(peer.into()));
        let scheme = if self.certificates.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let mut request: Request = (request, addresses.0, addresses.1, scheme).into();
        let record = RequestRecord::of(&mut request);
        if has_body {
            let body: BoxBody<Bytes, io::Error> = request.take_body().into();
            let body = TimeoutBody::new(body, self.limits.body_timeout, progress.clone(), record.clone());
            request.set_body(Body::from(BoxBody::new(body)));
        }
        (request, record)
    }
}

/// RFC 9112 3.2: with several hosts, a proxy and this server may choose different ones.
fn has_ambiguous_host(request: &http::Request<Incoming>) -> bool {
    request.version() == http::Version::HTTP_11 && request.headers().get_all(header::HOST).iter().count() != 1
}

/// Rejects a connection; the client gets a 503 if that can be written without waiting.
pub(super) fn reject(stream: &TcpStream, peer: SocketAddr) {
    tracing::debug!(%peer, "Connection rejected: connection limit reached");
    // Best effort.
    let _ = stream.try_write(CONNECTION_LIMIT);
}

async fn close_with(mut socket: Socket, response: &[u8]) {
    if socket.write_all(response).await.is_ok() {
        // An error means that the client has closed the connection.
        let _ = socket.shutdown().await;
    }
}

fn unavailable(id: Uuid, detail: &str) -> Response {
    let mut response = problem(id, Code::Unavailable, detail);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn body_timeout(id: Uuid, timeout: Duration) -> Response {
    let detail = format!("The request body did not arrive within {} s.", timeout.as_secs());
    problem(id, Code::Timeout, &detail)
}

fn problem(id: Uuid, code: Code, detail: &str) -> Response {
    let mut problem = Problem::new(code, detail);
    problem.instance = id.urn().to_string();
    let status = http::StatusCode::from_u16(code.status()).unwrap_or(http::StatusCode::SERVICE_UNAVAILABLE);
    Response::builder()
        .status(status)
        .content_type("application/problem+json")
        .header("X-Request-Id", id.to_string())
        .header("X-Content-Type-Options", "nosniff")
        .header(header::CACHE_CONTROL, "no-store")
        .body(serde_json::to_vec(&problem).unwrap_or_default())
}
