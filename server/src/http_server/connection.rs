//! One connection: its requests, one after the other, each within its limits.

use std::{convert::Infallible, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

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
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::{Semaphore, watch},
    time,
};

use super::{
    Limits,
    body::{Lateness, TimelyBody},
    socket::Socket,
};

/// The least buffer hyper works with.
const LEAST_BUFFER: usize = 8 * 1024;

const HEAD_TOO_LATE: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const NO_PLACE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// What all connections have in common.
pub(super) struct ConnectionHandler {
    endpoint: Arc<dyn DynEndpoint<Output = Response>>,
    limits: Limits,
    in_flight: Semaphore,
    local: SocketAddr,
    builder: http1::Builder,
}

impl ConnectionHandler {
    pub(super) fn new(
        endpoint: Arc<dyn DynEndpoint<Output = Response>>,
        limits: Limits,
        local: SocketAddr,
    ) -> Self {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_header_size(limits.head_bytes)
            .max_buf_size(limits.head_bytes.max(LEAST_BUFFER));
        let in_flight = Semaphore::new(limits.in_flight);
        Self { endpoint, limits, in_flight, local, builder }
    }

    /// Answers what comes over this connection until either side has had enough.
    pub(super) async fn converse(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        mut stopping: watch::Receiver<bool>,
    ) {
        // Answers are written whole: waiting for more to send would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "A connection was gone before it began");
            return;
        }
        let socket = Socket::new(stream, self.limits.write_time, self.limits.linger, stopping.clone());
        let service = service_fn(|request| {
            let handler = Arc::clone(&self);
            async move { Ok::<_, Infallible>(handler.answer(request, peer).await.into()) }
        });
        let mut connection = self.builder.serve_connection(TokioIo::new(socket), service);
        let early = tokio::select! {
            outcome = &mut connection => Some(outcome),
            _ = stopping.wait_for(|stop| *stop) => None,
        };
        let outcome = if let Some(outcome) = early {
            outcome
        } else {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        };
        let Err(error) = outcome else { return };
        tracing::debug!(%error, "A connection ended early");
        if error.is_timeout() {
            let parts = connection.into_parts();
            // Nothing at all is an idle connection's end, and no request to answer.
            if !parts.read_buf.is_empty() {
                end_with(parts.io.into_inner(), HEAD_TOO_LATE).await;
            }
        }
    }

    async fn answer(&self, request: http::Request<Incoming>, peer: SocketAddr) -> Response {
        let Ok(_place) = self.in_flight.try_acquire() else {
            return busy("The server is working on as many requests as it can.");
        };
        // RFC 9112 3.2: one of them, or two readers may take the request for different sites.
        if request.version() == http::Version::HTTP_11
            && request.headers().get_all(header::HOST).iter().count() != 1
        {
            return problem(Code::Malformed, "a request has one Host header");
        }
        let late = Lateness::default();
        let request = self.timely(request, peer, &late);
        let answer = time::timeout(self.limits.handler_time, self.endpoint.get_response(request)).await;
        if late.happened() {
            return body_too_late(self.limits.body_time);
        }
        answer.unwrap_or_else(|_| {
            tracing::error!(
                seconds = self.limits.handler_time.as_secs(),
                "A request was given up: it took too long"
            );
            busy("The request took too long.")
        })
    }

    /// The request as poem sees it, with a clock beside its body if it has one.
    fn timely(&self, request: http::Request<Incoming>, peer: SocketAddr, late: &Lateness) -> Request {
        let has_body = !request.body().is_end_stream();
        let addresses = (LocalAddr(self.local.into()), RemoteAddr(peer.into()));
        let mut request: Request = (request, addresses.0, addresses.1, Scheme::HTTP).into();
        if has_body {
            let body: BoxBody<Bytes, io::Error> = request.take_body().into();
            let body = TimelyBody::new(body, self.limits.body_time, late.clone());
            request.set_body(Body::from(BoxBody::new(body)));
        }
        request
    }
}

/// Turns a client away; it hears why if that can be said without waiting.
pub(super) fn refuse(stream: &TcpStream, peer: SocketAddr) {
    tracing::debug!(%peer, "A connection was refused: there are too many");
    // Failing only means that the client is not told.
    let _ = stream.try_write(NO_PLACE);
}

async fn end_with(mut socket: Socket, answer: &[u8]) {
    if socket.write_all(answer).await.is_ok() {
        // Failing means that the client has gone already.
        let _ = socket.shutdown().await;
    }
}

fn busy(detail: &str) -> Response {
    let mut response = problem(Code::Unavailable, detail);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn body_too_late(allowed: Duration) -> Response {
    let detail = format!("The body did not arrive within {} s.", allowed.as_secs());
    let mut response = problem(Code::Timeout, &detail);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn problem(code: Code, detail: &str) -> Response {
    let id = uuid::Uuid::now_v7();
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
