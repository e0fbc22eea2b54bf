//! Errors of requests: a store's or a hash's becomes an [`ApiError`], which the middleware writes as a [`Problem`].
//!
//! Handlers return `Result<T, OperationError<S>>`; `?` converts into it. `S` lists the statuses that the operation has in
//! the OpenAPI document beyond those that every operation of its shape has.

use std::{marker::PhantomData, sync::Arc};

use poem::{IntoResponse, Response, http::StatusCode, http::header};
use poem_openapi::{
    ApiResponse,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use ro_co_shared::{Code, FieldError, Problem};

use crate::{password::HashError, store};

/// Why a request was refused, or could not be served.
#[derive(Debug)]
pub struct ApiError {
    /// The body of the response, but for `status` and `instance`.
    pub problem: Box<Problem>,
    /// The value of `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// The error behind it; logged, never sent.
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// An [`ApiError`] as an extension of its response, where the middleware finds it.
#[derive(Clone)]
pub struct ErrorContext {
    /// The body to write, but for `status` and `instance`.
    pub problem: Box<Problem>,
    /// The error to log.
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl ApiError {
    /// An error with this code; an empty detail becomes the code's title.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(code, detail)), retry_after: None, cause: None }
    }

    /// An error that names the fields it is about.
    pub fn about(code: Code, errors: Vec<FieldError>) -> Self {
        Self { problem: Box::new(Problem::fields(code, errors)), retry_after: None, cause: None }
    }

    /// A 400 that names the fields that are wrong.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Self::about(Code::Invalid, errors)
    }

    /// A 409: another account has this value of the field.
    pub fn taken(field: &str) -> Self {
        Self::about(Code::Taken, vec![FieldError { field: field.into(), message: "is taken".into() }])
    }

    fn caused(code: Code, retry_after: Option<u32>, cause: Arc<dyn std::error::Error + Send + Sync>) -> Self {
        Self { retry_after, cause: Some(cause), ..Self::new(code, "") }
    }
}

/// Most unknown fields that an error names.
const MAX_UNKNOWN_FIELDS: usize = 20;

impl ApiError {
    /// Names every known field that is wrong, and of the unknown ones the first 20.
    pub(crate) fn wrong_fields(code: Code, mut errors: Vec<FieldError>, unknown: &[String]) -> Self {
        let named = unknown.iter().take(MAX_UNKNOWN_FIELDS);
        errors.extend(
            named.map(|name| FieldError { field: shorten(name), message: "is not a known field".into() }),
        );
        let mut error = Self::about(code, errors);
        let more = unknown.len().saturating_sub(MAX_UNKNOWN_FIELDS);
        if more > 0 {
            let problem = &mut *error.problem;
            problem.detail = format!("{}; and {more} more unknown fields", problem.detail);
            problem.error_message.clone_from(&problem.detail);
        }
        error
    }
}

/// A field name for an error message: at most 64 characters, control characters replaced by one that is not longer.
fn shorten(name: &str) -> String {
    name.chars().take(64).map(|c| if c.is_control() { '?' } else { c }).collect()
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Self::new(Code::NotFound, ""),
            store::Error::Denied => Self::new(Code::Forbidden, "only its author or an admin may do this"),
            store::Error::Conflict("Idempotency-Key") => Self::new(Code::KeyReused, ""),
            store::Error::Conflict(field) => Self::taken(field),
            store::Error::LastAdmin => {
                Self::new(Code::LastAdmin, "no admin would be left: make somebody else an admin first")
            }
            store::Error::Stale => Self::new(Code::Stale, "it was changed since you read it: read it again"),
            store::Error::Unavailable(_) => Self::caused(Code::Unavailable, Some(1), Arc::new(error)),
            store::Error::Broken(_) => Self::caused(Code::Internal, None, Arc::new(error)),
        }
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::caused(Code::Unavailable, Some(1), Arc::new(error)),
            HashError::Failed => Self::caused(Code::Internal, None, Arc::new(error)),
        }
    }
}

/// The system gave no randomness, or a token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("a token could not be signed")]
pub struct SigningError;

impl From<SigningError> for ApiError {
    fn from(error: SigningError) -> Self {
        Self::caused(Code::Internal, None, Arc::new(error))
    }
}

impl ApiError {
    fn split(self) -> (Response, ErrorContext) {
        let status =
            StatusCode::from_u16(self.problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        (response, ErrorContext { problem: self.problem, cause: self.cause })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (mut response, context) = self.split();
        response.extensions_mut().insert(context);
        response
    }
}

impl From<ApiError> for poem::Error {
    fn from(error: ApiError) -> Self {
        let (response, context) = error.split();
        // poem gives an error's response the error's extensions in place of its own: the context goes there.
        let mut error = Self::from_response(response);
        error.set_data(context);
        error
    }
}

/// The statuses an operation has beyond those that every operation of its shape has (see `api::spec`).
pub trait Statuses: Send + Sync + 'static {
    /// HTTP statuses of 400 and above.
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
    /// None of its own.
    Plain = [];
    /// It reads something that may not exist.
    Missing = [404];
    /// A unique value may be taken.
    Clash = [409];
    /// Its body carries credentials.
    Credential = [401];
    /// Admins only.
    AdminsOnly = [403];
    /// Admins only, deleting an account that may not exist or be the last admin's.
    AccountDeletion = [403, 404, 409];
    /// It writes what may not exist or belong to another user.
    Owned = [403, 404];
    /// As [`Owned`], and conditional on a version.
    OwnedVersion = [403, 404, 412];
    /// It creates, with an `Idempotency-Key`.
    Creation = [403, 409];
    /// As [`Creation`], under a parent that may not exist.
    CreationUnder = [403, 404, 409];
    /// Its body repeats the password.
    PasswordChanged = [403];
    /// Deletes the caller's account, unless that is the last admin's; its body repeats the password.
    OwnDeletion = [403, 409];
}

/// An [`ApiError`] of an operation whose own statuses are `S`.
pub struct OperationError<S>(ApiError, PhantomData<S>);

impl<S, E: Into<ApiError>> From<E> for OperationError<S> {
    fn from(error: E) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<S: Statuses> From<OperationError<S>> for poem::Error {
    fn from(refusal: OperationError<S>) -> Self {
        refusal.0.into()
    }
}

impl<S: Statuses> ApiResponse for OperationError<S> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: S::LIST.iter().map(|status| problem_response(*status)).collect() }
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

/// An error response in the OpenAPI document.
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

/// The description of a status in the OpenAPI document.
pub fn meaning(status: u16) -> &'static str {
    match status {
        400 => "Malformed, or a field breaks its rule; `errors` names every field that is wrong.",
        401 => "Not signed in, or no longer; `code` says which.",
        403 => "The caller may not do this.",
        404 => "There is no such thing.",
        408 => "The body did not arrive in time.",
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
