//! Request and response bodies.
//!
//! Our own payloads, because poem-openapi's report only the first wrong field, in their own words, read without a limit,
//! declare `; charset=utf-8` (which breaks generators) and serialise through a tree of values.

use std::io;

use http_body_util::{BodyExt, combinators::BoxBody};
use hyper::body::Bytes;
use poem::{
    IntoResponse, Request, RequestBody, Response, Result,
    http::{HeaderValue, header},
};
use poem_openapi::{
    ApiResponse, impl_apirequest_for_payload,
    payload::{ParsePayload, Payload},
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry},
    types::{ParseFromJSON, ToJSON, Type},
};
use ro_co_shared::{Code, FieldError, Form};
use serde::Serialize;
use serde_json::Value;

use super::json_object::JsonObject;
use crate::{admission::RequestAdmission, error::ApiError};

/// The media type of request and response bodies.
const JSON: &str = "application/json";

/// What a response has beside the text of its request, in bytes.
const RESPONSE_OVERHEAD_BYTES: usize = 4 << 10;

/// A request body with every field validated.
pub struct Body<T: Form> {
    /// The validated fields.
    pub checked: T::Checked,
    /// SHA-256 of the body as sent: it tells a repeated request from another one with the same idempotency key.
    pub fingerprint: [u8; 32],
    /// The length of the body as sent, in bytes.
    pub bytes: u64,
}

impl<T: Form + Type> Payload for Body<T>
where
    T::Checked: Send,
{
    const CONTENT_TYPE: &'static str = JSON;

    fn check_content_type(content_type: &str) -> bool {
        is_json(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Form + ParseFromJSON> ParsePayload for Body<T>
where
    T::Checked: Send,
{
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> Result<Self> {
        let bytes = read_body(request, body, T::MAX_BYTES).await?;
        let checked = read::<T>(&bytes)?;
        Ok(Self { checked, fingerprint: crate::keys::sha256(&bytes), bytes: bytes.len() as u64 })
    }
}

impl_apirequest_for_payload!(Body<T>, T: Form<Checked: Send> + ParseFromJSON);

/// Whether a media type is `application/json`, with or without parameters.
fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(JSON))
}

/// Reads a request body of at most `max` bytes, then admits the request.
async fn read_body(request: &Request, body: &mut RequestBody, max: usize) -> Result<Vec<u8>, ApiError> {
    let too_large =
        || ApiError::new(Code::TooLarge, format!("the request body may have at most {max} bytes here"));
    let declared = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let admission = RequestAdmission::of(request);
    let body = body.take().map_err(|_| ApiError::new(Code::Internal, ""))?;
    let mut stream = BoxBody::<Bytes, io::Error>::from(body);
    let mut bytes = Vec::new();
    while let Some(frame) = stream.frame().await {
        let frame = frame.map_err(|_| {
            ApiError::new(
                Code::Malformed,
                "the request body ended early, or its transfer encoding is malformed",
            )
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > max {
            return Err(too_large());
        }
        if let Some(admission) = admission {
            admission.body_arrived(bytes.len() + data.len()).await;
        }
        bytes.extend_from_slice(&data);
    }
    if let Some(admission) = admission {
        // Responses to requests with a body repeat it at most.
        admission.admit(bytes.len() + RESPONSE_OVERHEAD_BYTES).await;
    }
    Ok(bytes)
}

fn read<T: Form>(bytes: &[u8]) -> Result<T::Checked, ApiError> {
    let JsonObject { fields, repeated } = serde_json::from_slice(bytes).map_err(|error| {
        let detail = if error.is_data() {
            "the body must be a JSON object".into()
        } else {
            format!("the body is not JSON: {error}")
        };
        ApiError::new(Code::Malformed, detail)
    })?;
    let is_known = |name: &str| T::FIELDS.contains(&name);
    let unknown: Vec<String> = fields.keys().filter(|name| !is_known(name)).cloned().collect();
    let form: T = serde_json::from_value(Value::Object(fields))
        .map_err(|_| ApiError::new(Code::Malformed, "the body could not be read"))?;
    let (checked, mut errors) = match form.check() {
        Ok(checked) => (Some(checked), Vec::new()),
        Err(errors) => (None, errors),
    };
    let twice = repeated.into_iter().filter(|name| is_known(name));
    errors.extend(twice.map(|field| FieldError { field, message: "is given more than once".into() }));
    match checked {
        Some(checked) if unknown.is_empty() && errors.is_empty() => Ok(checked),
        _ => {
            let code = if errors.is_empty() { Code::UnknownField } else { Code::Invalid };
            Err(ApiError::wrong_fields(code, errors, &unknown))
        }
    }
}

/// A JSON response body.
pub struct Json<T>(pub T);

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = JSON;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => Response::builder().content_type(JSON).body(body),
            // Unreachable with our types.
            Err(_) => ApiError::new(Code::Internal, "").into_response(),
        }
    }
}

impl<T: Serialize + ToJSON> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "What was asked for.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }],
                headers: vec![],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// 200 with an empty body.
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        ().into_response()
    }
}

impl ApiResponse for Done {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Done; the body is empty.",
                status: Some(200),
                status_range: None,
                content: vec![],
                headers: vec![],
            }],
        }
    }

    fn register(_: &mut Registry) {}
}

/// A header value; empty where the text is not a valid one.
pub fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Whether an `If-None-Match` contains this entity tag (weak comparison, RFC 9110 13.1.2).
pub fn matches_tag(if_none_match: Option<&str>, tag: &str) -> bool {
    if_none_match.is_some_and(|list| {
        list.split(',').map(str::trim).any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag)
    })
}

/// The version an `If-Match` requires: `None` for `*` or no header, and -1, which no resource has, for a foreign or weak
/// entity tag. Of several versions it is the `current` one, so that the write depends on exactly one version.
pub async fn required_version<E>(
    if_match: Option<&str>,
    current: impl AsyncFnOnce() -> Result<i64, E>,
) -> Result<Option<i64>, E> {
    let Some(list) = if_match.filter(|list| list.trim() != "*") else { return Ok(None) };
    let version = |tag: &str| tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    let versions: Vec<i64> = list.split(',').filter_map(version).collect();
    Ok(Some(match *versions {
        [] => -1,
        [one] => one,
        _ => {
            let current = current().await?;
            if versions.contains(&current) { current } else { -1 }
        }
    }))
}

/// A version as an entity tag.
pub fn version_tag(version: i64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use ro_co_shared::{NewQuestion, Problem};

    use super::*;

    fn problem(body: &[u8]) -> Problem {
        *read::<NewQuestion>(body).err().unwrap().problem
    }

    #[test]
    fn every_wrong_and_unknown_field_is_named() {
        let p = problem(br#"{"title": 5, "description": "", "authorId": "x", "titel": "y"}"#);
        let fields: Vec<_> = p.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!((p.code, fields), (Code::Invalid, vec!["title", "description", "authorId", "titel"]));
    }

    #[test]
    fn unknown_fields_alone_have_their_own_code() {
        let p = problem(br#"{"title": "Why?", "descripton": "x"}"#);
        assert_eq!((p.code, p.errors[0].field.as_str()), (Code::UnknownField, "descripton"));
    }

    #[test]
    fn an_error_is_bounded_however_many_fields_are_unknown() {
        let names = ["a", "\u{7f}", "\u{85}", "\u{1f600}", "\\\"", "\\u0001", "\\ud83d\\ude00", "é"];
        for name in names {
            for length in [1, 64, 300] {
                let fields: Vec<_> = (0..500).map(|n| format!("\"{}{n}\":0", name.repeat(length))).collect();
                let body = format!("{{{}}}", fields.join(","));
                let p = problem(body.as_bytes());
                assert_eq!(p.errors.len(), 21, "one known field, 20 unknown ones");
                assert!(p.detail.ends_with("and 480 more unknown fields"), "{}", p.detail);
                assert!(p.detail.chars().count() <= 4096, "{name:?} x {length}");
                let sent = serde_json::to_vec(&p).unwrap().len();
                assert!(sent <= 4096 + 4 * body.len(), "{name:?} x {length}: {sent} for {}", body.len());
            }
        }
        let few: Vec<_> = (0..20).map(|n| format!("\"{}{n:02}\":0", "\u{7f}".repeat(62))).collect();
        let body = format!("{{\"title\":\"x\",{}}}", few.join(","));
        let p = problem(body.as_bytes());
        assert!(serde_json::to_vec(&p).unwrap().len() <= 4096 + 4 * body.len());
    }

    #[test]
    fn repeated_fields_are_refused() {
        let p = problem(br#"{"title": "A?", "titel": 1, "title": "B?", "titel": 2, "title": "C?"}"#);
        let found: Vec<_> = p.errors.iter().map(|e| (e.field.as_str(), e.message.as_str())).collect();
        let expected = [("title", "is given more than once"), ("titel", "is not a known field")];
        assert_eq!((p.code, found), (Code::Invalid, expected.to_vec()));
    }

    #[test]
    fn anything_but_an_object_is_malformed() {
        for bad in [b"".as_slice(), b"{", b"[]", b"null", b"\"x\"", b"\xff\xfe", b"{\"title\":\"\xc3\x28\"}"]
        {
            assert_eq!(problem(bad).code, Code::Malformed, "{bad:?}");
        }
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert_eq!(problem(&deep).code, Code::Malformed);
    }

    #[tokio::test]
    async fn versions_required_by_if_match() {
        let required = async |list| required_version(list, async || Ok::<_, ()>(7)).await.unwrap();
        assert_eq!(required(None).await, None);
        assert_eq!(required(Some("*")).await, None);
        assert_eq!(required(Some("\"5\"")).await, Some(5));
        assert_eq!(required(Some("\"5\", \"7\"")).await, Some(7), "any of them");
        for never in ["W/\"7\"", "7", "", "\"x\"", "\"5\", \"6\"", "\"5\",W/\"7\",\"6\""] {
            assert_eq!(required(Some(never)).await, Some(-1), "{never}");
        }
    }
}
