//! CORS: which origins are allowed, and the response headers.
//!
//! Not poem's middleware: it refuses unknown origins, this server's own among them, with an error that is not a
//! `Problem`; it leaves the CORS headers out of errors, and never sets `Vary`. Here an unknown origin is not an error:
//! the browser keeps the response from the page, and every request needs a token that no browser sends by itself.

use std::{fmt, str::FromStr};

use poem::{
    IntoResponse, Request, Response,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use reqwest::Url;

const ALLOWED_METHODS: &str = "GET, POST, PUT, DELETE";
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match";
const EXPOSED_HEADERS: &str = "Link, Location, ETag, Retry-After, X-Request-Id, X-Total-Count";
/// How long a browser may cache a preflight response, in seconds.
const MAX_AGE_SECONDS: &str = "600";

/// Scheme, host and port, as browsers write them in `Origin`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin(HeaderValue);

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not an origin, such as https://ro-co.example.org");
        let url: Url = text.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !bare || !url.username().is_empty() {
            return Err(wrong());
        }
        HeaderValue::from_str(&url.origin().ascii_serialization()).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

/// The `Origin` of the request, if it is allowed.
pub(crate) fn allowed_origin(origins: &[Origin], request: &Request) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    origins.iter().any(|known| known.0 == *origin).then(|| origin.clone())
}

/// The response to a preflight request from an allowed origin; `None` for any other request.
pub(crate) fn preflight(request: &Request, origin: Option<&HeaderValue>) -> Option<Response> {
    origin?;
    let preflight = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !preflight {
        return None;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS),
    ];
    for (name, value) in allowed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// Writes the CORS headers of a response. Where any origin is allowed, every response varies by `Origin`.
pub(crate) fn write_headers(headers: &mut HeaderMap, origins: &[Origin], origin: Option<HeaderValue>) {
    if origins.is_empty() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    // The default, `same-origin`, would keep the page from loading the response.
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_normalised_as_browsers_write_them() {
        for (text, origin) in [
            ("https://ok.example", "https://ok.example"),
            ("https://OK.example:443/", "https://ok.example"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), origin);
        }
        for wrong in ["", "*", "null", "ok.example", "https://ok.example/app", "ftp://ok.example", "https://"]
        {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong:?}");
        }
    }
}
