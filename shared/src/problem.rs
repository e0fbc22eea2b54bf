//! The one document every error is (RFC 9457).

use serde::{Deserialize, Serialize};

/// What went wrong, for programs. Stable: clients match on this, never on the text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Enum))]
#[cfg_attr(feature = "openapi", oai(rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is not well-formed: not JSON, not UTF-8, not an object.
    Malformed,
    /// One field or several break their rule; `errors` names each.
    Invalid,
    /// The body has a field this operation does not know; `errors` names it.
    UnknownField,
    /// No access token, or one that is not valid.
    Unauthenticated,
    /// The access token has expired: refresh it.
    TokenExpired,
    /// The session has ended: sign in again.
    SessionEnded,
    /// A spent refresh token came back; the session was closed for safety.
    RefreshReused,
    /// The address or the password is wrong.
    InvalidCredentials,
    /// The caller may not do this.
    Forbidden,
    /// The password was reset by an operator: change it first.
    PasswordChangeRequired,
    /// There is no such thing.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// A request took longer to arrive than the server waits.
    Timeout,
    /// The name or the address belongs to somebody else; `errors` says which.
    Taken,
    /// The `Idempotency-Key` was used before, for another request.
    KeyReused,
    /// It would leave the server without an admin: make another one first.
    LastAdmin,
    /// The thing was changed since it was read: read it again.
    Stale,
    /// The body is too large.
    TooLarge,
    /// The body is not of a media type this operation reads.
    UnsupportedMediaType,
    /// Too many requests: wait as long as `Retry-After` says.
    TooManyRequests,
    /// The server failed; the cause is in its log under `instance`.
    Internal,
    /// The server cannot answer now: wait as long as `Retry-After` says.
    Unavailable,
    /// A code this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "openapi", oai(rename = "unknown"))]
    Unknown,
}

impl Code {
    /// The HTTP status that goes with this code.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::Invalid | Self::UnknownField => 400,
            Self::Unauthenticated
            | Self::TokenExpired
            | Self::SessionEnded
            | Self::RefreshReused
            | Self::InvalidCredentials => 401,
            Self::Forbidden | Self::PasswordChangeRequired => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Timeout => 408,
            Self::Taken | Self::KeyReused | Self::LastAdmin => 409,
            Self::Stale => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::TooManyRequests => 429,
            Self::Internal | Self::Unknown => 500,
            Self::Unavailable => 503,
        }
    }

    /// A short, constant title for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request is malformed",
            Self::Invalid => "Some fields are not valid",
            Self::UnknownField => "A field is not known here",
            Self::Unauthenticated => "Sign in first",
            Self::TokenExpired => "The access token has expired",
            Self::SessionEnded => "The session has ended",
            Self::RefreshReused => "The session was closed for safety",
            Self::InvalidCredentials => "The address or the password is wrong",
            Self::Forbidden => "Not allowed",
            Self::PasswordChangeRequired => "Change your password first",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "This method is not allowed here",
            Self::Timeout => "The request took too long",
            Self::Taken => "Already taken",
            Self::KeyReused => "The idempotency key was used for another request",
            Self::LastAdmin => "The last admin stays",
            Self::Stale => "Changed in the meantime",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "This media type is not read here",
            Self::TooManyRequests => "Too many requests",
            Self::Internal | Self::Unknown => "The server failed",
            Self::Unavailable => "The server cannot answer now",
        }
    }
}

/// One field that is wrong, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
pub struct FieldError {
    /// The name of the field as it stands in the request.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 256)))]
    pub field: String,
    /// A sentence that reads on after the field's name, such as "must have at least 3 characters".
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 1024)))]
    pub message: String,
}

/// An error, as RFC 9457 describes it, with a stable code and the fields that are wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object))]
#[cfg_attr(feature = "openapi", oai(rename_all = "camelCase", skip_serializing_if_is_none))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI for the kind of problem; `about:blank` says that the status tells it all.
    #[cfg_attr(feature = "openapi", oai(rename = "type", validator(max_length = 256)))]
    #[serde(rename = "type")]
    pub kind: String,
    /// A short text, the same for every problem of this code.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 256)))]
    pub title: String,
    /// The HTTP status, repeated.
    #[cfg_attr(feature = "openapi", oai(validator(minimum(value = "400"), maximum(value = "599"))))]
    pub status: i32,
    /// What happened this time.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 4096)))]
    pub detail: String,
    /// This occurrence, as `urn:uuid:` and the request's id; the server's log knows it by that.
    #[cfg_attr(feature = "openapi", oai(validator(max_length = 128)))]
    pub instance: String,
    /// What went wrong, for programs.
    pub code: Code,
    /// Every field that is wrong, not only the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_empty, default))]
    pub errors: Vec<FieldError>,
    /// The same text as `detail`; kept for older clients.
    #[cfg_attr(feature = "openapi", oai(deprecated, validator(max_length = 4096)))]
    pub error_message: String,
}

impl Problem {
    /// A problem with the detail given, or the code's title where it is empty.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.is_empty() {
            detail = code.title().into();
        }
        Self {
            kind: "about:blank".into(),
            title: code.title().into(),
            status: i32::from(code.status()),
            error_message: detail.clone(),
            detail,
            instance: String::new(),
            code,
            errors: Vec::new(),
        }
    }

    /// A problem that names the fields that are wrong; its detail is the list of them in words.
    pub fn fields(code: Code, errors: Vec<FieldError>) -> Self {
        let detail =
            errors.iter().map(|e| format!("{} {}", e.field, e.message)).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(code, detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_clients_find_the_detail_under_their_name_for_it() {
        let problem = Problem::new(Code::Stale, "edited by somebody else");
        assert_eq!(problem.error_message, problem.detail);
        assert_eq!(problem.status, 412);
    }

    #[test]
    fn a_value_of_a_newer_server_is_read_as_unknown() {
        assert_eq!(serde_json::from_str::<Code>("\"quota_exceeded\"").unwrap(), Code::Unknown);
        assert_eq!(serde_json::from_str::<crate::Role>("\"MODERATOR\"").unwrap(), crate::Role::Unknown);
    }

    #[test]
    fn no_fields_no_list() {
        let json = serde_json::to_value(Problem::new(Code::NotFound, "")).unwrap();
        assert!(json.get("errors").is_none());
        assert_eq!(json["detail"], "Not found");
    }
}
