//! The outermost middleware: request id, panics, headers, and the problem document of every error.

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use poem::{
    Body, Endpoint, IntoResponse, Request, Response, Result,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use poem_openapi::OperationId;
use ro_co_shared::{Code, Problem};
use uuid::Uuid;

use crate::{
    api::allowed,
    app::App,
    compression::Encoding,
    cors,
    error::{ApiError, ErrorContext},
    hsts::Hsts,
    limits::Counted,
    observe::Observer,
};

/// The detail of a 412 for a weak entity tag.
const WEAK_TAG: &str = "the entity tag in If-Match is weak (W/) and never matches: a proxy weakened it, usually by \
compressing the response; turn that off there, or send the tag without W/";

/// Default response headers; a handler may set other values.
const DEFAULT_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// The inner endpoint and what every request passes before it.
pub(crate) struct Middleware<E> {
    pub(crate) inner: E,
    /// The application, for its settings and rate limits.
    pub(crate) app: Arc<App>,
    /// The header of responses over TLS.
    pub(crate) hsts: Option<Hsts>,
    /// Records every request.
    pub(crate) observer: Observer,
}

impl<E: Endpoint> Endpoint for Middleware<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if let Some(uri) = self.app.settings.base_path.cut_off(request.uri()) {
            *request.uri_mut() = uri;
        }
        let pending = self.observer.begin(&mut request);
        let id = pending.id();
        let head_only = request.method() == Method::HEAD;
        let hsts = self.hsts.as_ref().filter(|_| Hsts::applies(&request));
        let path = request.uri().path().to_owned();
        let weak_precondition = has_weak_precondition(&request);
        let encoding = Encoding::negotiate(&mut request, self.app.settings.local_only);
        let origins = &self.app.settings.cors_origins;
        let origin = cors::allowed_origin(origins, &request);
        let mut response = match cors::preflight(&request, origin.as_ref()) {
            Some(response) => response,
            None => self.handle(request).await,
        };
        let operation = response.data::<OperationId>().map_or("-", |o| o.0);
        let status = response.status();
        let failed = status.is_client_error() || status.is_server_error();
        let code = failed.then(|| {
            explain_weak_tag(&mut response, weak_precondition);
            write_problem(&mut response, id, operation, &path)
        });
        pending.answered(&response, code);
        let mut response = encoding.encode(response).await;
        write_headers(response.headers_mut(), id);
        if let Some(hsts) = hsts {
            hsts.write(response.headers_mut());
        }
        cors::write_headers(response.headers_mut(), origins, origin);
        if head_only {
            response.set_body(Body::empty());
        }
        Ok(response)
    }
}

impl<E: Endpoint> Middleware<E> {
    /// The response of the endpoint; an error or a panic becomes one, too.
    async fn handle(&self, mut request: Request) -> Response {
        let limits = &self.app.limits;
        let counted = Counted::new(limits.client_ip(&request));
        request.set_data(counted.clone());
        let response = self.catch(request).await;
        match limits.count_response(&response, &counted) {
            Ok(()) => response,
            Err(fault) => fault.into_response(),
        }
    }

    async fn catch(&self, request: Request) -> Response {
        match AssertUnwindSafe(self.serve(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => error.into_response(),
            Err(_) => ApiError::new(Code::Internal, "").into_response(),
        }
    }

    async fn serve(&self, request: Request) -> Result<Response> {
        if self.app.settings.local_only && !is_loopback_host(&request) {
            return Err(
                ApiError::new(Code::Forbidden, "this server accepts requests to localhost only").into()
            );
        }
        // Two paths for one operation would let a client choose between their limits.
        if request.uri().path().contains("//") {
            return Err(ApiError::new(Code::NotFound, "").into());
        }
        Ok(self.inner.call(request).await?.into_response())
    }
}

/// Whether the `Host` header names this machine. In a DNS rebinding attack it names the attacker's site, whose page could
/// otherwise use this server from the user's browser.
fn is_loopback_host(request: &Request) -> bool {
    let Some(host) = request.header(header::HOST) else { return true };
    let name = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Whether an `If-Match` has only weak entity tags, which never match (RFC 9110 13.1.1).
fn has_weak_precondition(request: &Request) -> bool {
    let mut tags =
        request.headers().get_all(header::IF_MATCH).iter().filter_map(|tags| tags.to_str().ok()).peekable();
    tags.peek().is_some() && tags.flat_map(|tags| tags.split(',')).all(|tag| tag.trim().starts_with("W/"))
}

/// A 412 for that reason is not an edit by somebody else.
fn explain_weak_tag(response: &mut Response, weak_precondition: bool) {
    if weak_precondition
        && response.status() == StatusCode::PRECONDITION_FAILED
        && let Some(context) = response.extensions_mut().get_mut::<ErrorContext>()
    {
        *context.problem = Problem::new(Code::Stale, WEAK_TAG);
    }
}

/// Writes the problem document of an error response, whatever layer made it; returns its code.
fn write_problem(response: &mut Response, id: Uuid, operation: &str, path: &str) -> Code {
    let status = response.status();
    let carried = response.extensions_mut().remove::<ErrorContext>();
    let (mut problem, cause) = match carried {
        Some(carried) => (carried.problem, carried.cause),
        None => (Box::new(Problem::new(code_of(status), "")), None),
    };
    if status.is_server_error() {
        let cause = cause.as_deref().map(error_chain).unwrap_or_default();
        tracing::error!(operation, status = status.as_u16(), request = %id, cause, "Request failed");
    }
    if problem.code == Code::NotFound && operation == "-" {
        *problem = Problem::new(Code::NotFound, format!("no resource at {}", printable(path)));
    }
    problem.status = i32::from(status.as_u16());
    problem.instance = format!("urn:uuid:{id}");
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED
        && let Some(methods) = allowed(path)
    {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.set_body(serde_json::to_vec(&problem).unwrap_or_default());
    problem.code
}

/// The code of an error made by the framework, which has only a status.
fn code_of(status: StatusCode) -> Code {
    match status.as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        408 => Code::Timeout,
        413 => Code::TooLarge,
        415 => Code::UnsupportedMediaType,
        429 => Code::TooManyRequests,
        503 => Code::Unavailable,
        400..=499 => Code::Malformed,
        _ => Code::Internal,
    }
}

fn write_headers(headers: &mut HeaderMap, id: Uuid) {
    for (name, value) in DEFAULT_HEADERS {
        headers.entry(name).or_insert(value);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        let tagged = headers.contains_key(header::ETAG);
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(if tagged { "private, no-cache" } else { "no-store" }),
        );
    }
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    if let Ok(value) = HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}

/// An error with its sources, in one line.
fn error_chain(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

fn printable(path: &str) -> String {
    path.chars().take(200).filter(|c| !c.is_control()).collect()
}

/// The application's endpoint, as the accept loop takes it.
pub type Service = Arc<dyn poem::endpoint::DynEndpoint<Output = Response>>;
