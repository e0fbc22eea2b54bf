//! Errors on their way out: from the store's, through [`Fault`], to the [`Problem`] a client reads.
//!
//! Handlers return `Result<T, Refusal<S>>`; `?` turns store and password errors into it. `S` is the set of
//! statuses the operation has beyond those every operation has, for the document. The guard writes the body.

use std::{marker::PhantomData, sync::Arc};

use poem::{IntoResponse, Response, http::StatusCode, http::header};
use poem_openapi::{
    ApiResponse,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use ro_co_shared::{Code, FieldError, Problem};

use crate::{password, store};

/// A request refused, or a failure to serve it.
#[derive(Debug)]
pub struct Fault {
    /// What the client reads.
    pub problem: Box<Problem>,
    /// After how many seconds the same request may work.
    pub retry_after: Option<u32>,
    /// What lies behind it; for the log only.
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What the guard finds in a response that is a [`Fault`].
#[derive(Clone)]
pub struct Carried {
    /// The body to write.
    pub problem: Box<Problem>,
    /// What to log.
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Fault {
    /// A fault with this code; an empty detail becomes the code's title.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(code, detail)), retry_after: None, cause: None }
    }

    /// A fault that names the fields it is about.
    pub fn about(code: Code, errors: Vec<FieldError>) -> Self {
        Self { problem: Box::new(Problem::fields(code, errors)), retry_after: None, cause: None }
    }

    /// A fault that names the fields that are wrong.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Self::about(Code::Invalid, errors)
    }

    /// A value of this field belongs to somebody else.
    pub fn taken(field: &str) -> Self {
        Self::about(Code::Taken, vec![FieldError { field: field.into(), message: "is taken".into() }])
    }

    fn caused(code: Code, retry_after: Option<u32>, cause: Arc<dyn std::error::Error + Send + Sync>) -> Self {
        Self { retry_after, cause: Some(cause), ..Self::new(code, "") }
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Self::new(Code::NotFound, ""),
            store::Error::Denied => Self::new(Code::Forbidden, "only its author or an admin may do this"),
            store::Error::Conflict("Idempotency-Key") => Self::new(Code::KeyReused, ""),
            store::Error::Conflict(field) => Self::taken(field),
            store::Error::Stale => Self::new(Code::Stale, "it was changed since you read it: read it again"),
            store::Error::Unavailable(_) => Self::caused(Code::Unavailable, Some(1), Arc::new(error)),
            store::Error::Broken(_) => Self::caused(Code::Internal, None, Arc::new(error)),
        }
    }
}

impl From<password::Error> for Fault {
    fn from(error: password::Error) -> Self {
        match error {
            password::Error::Busy => Self::caused(Code::Unavailable, Some(1), Arc::new(error)),
            password::Error::Failed => Self::caused(Code::Internal, None, Arc::new(error)),
        }
    }
}

/// The system has no randomness to give, or a token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("a token could not be made")]
pub struct NoToken;

impl From<NoToken> for Fault {
    fn from(error: NoToken) -> Self {
        Self::caused(Code::Internal, None, Arc::new(error))
    }
}

impl Fault {
    fn split(self) -> (Response, Carried) {
        let status =
            StatusCode::from_u16(self.problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        (response, Carried { problem: self.problem, cause: self.cause })
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (mut response, carried) = self.split();
        response.extensions_mut().insert(carried);
        response
    }
}

impl From<Fault> for poem::Error {
    fn from(fault: Fault) -> Self {
        let (response, carried) = fault.split();
        // An error's response gets the error's extensions in place of its own: what is carried goes there.
        let mut error = Self::from_response(response);
        error.set_data(carried);
        error
    }
}

/// The statuses an operation has beyond those that every operation of its shape has (see `spec`).
pub trait Statuses: Send + Sync + 'static {
    /// The statuses.
    const LIST: &'static [u16];
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $list:expr;)*) => {
        $($(#[$doc])* pub struct $name;
        impl Statuses for $name {
            const LIST: &'static [u16] = &$list;
        })*
    };
}

statuses! {
    /// Nothing of its own.
    Plain = [];
    /// It refers to something that may not be there.
    Missing = [404];
    /// Something may be taken.
    Clash = [409];
    /// The caller's credentials are in the body.
    Credential = [401];
    /// For admins only.
    AdminsOnly = [403];
    /// For admins only, and it may not be there.
    AdminsMissing = [403, 404];
    /// It writes what may be somebody else's.
    Owned = [403, 404];
    /// It writes what may be somebody else's or have changed.
    OwnedVersion = [403, 404, 412];
    /// It creates, perhaps again.
    Creation = [403, 409];
    /// It creates under something that may not be there.
    CreationUnder = [403, 404, 409];
    /// It changes a password.
    PasswordChanged = [403];
}

/// A [`Fault`] of an operation whose own statuses are `S`.
pub struct Refusal<S>(Fault, PhantomData<S>);

impl<S, E: Into<Fault>> From<E> for Refusal<S> {
    fn from(error: E) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<S: Statuses> From<Refusal<S>> for poem::Error {
    fn from(refusal: Refusal<S>) -> Self {
        refusal.0.into()
    }
}

impl<S: Statuses> ApiResponse for Refusal<S> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: S::LIST.iter().map(|status| problem_response(*status)).collect() }
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

/// How the document shows an error.
fn problem_response(status: u16) -> MetaResponse {
    MetaResponse {
        description: meaning(status),
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: "application/problem+json",
            schema: Problem::schema_ref(),
        }],
        headers: vec![],
    }
}

/// What a status means, in the words of the document.
pub fn meaning(status: u16) -> &'static str {
    match status {
        400 => "Malformed, or a field breaks its rule; `errors` names every field that is wrong.",
        401 => "Not signed in, or no longer; `code` says which.",
        403 => "The caller may not do this.",
        404 => "There is no such thing.",
        409 => "It clashes with what is there; `code` says how.",
        412 => "It was changed since it was read.",
        413 => "The body is too large.",
        415 => "The body's media type is not `application/json`.",
        429 => {
            "Too many requests, or too many attempts at a password; try again after `Retry-After` seconds."
        }
        500 => "The server failed; its log knows more under `instance`.",
        503 => "The server cannot answer now; try again after `Retry-After` seconds.",
        _ => "An error.",
    }
}
