//! Pages of other origins: which may call, and how the answers say so.
//!
//! Not poem's middleware: that refuses what comes from an origin it does not know, a page of this very server among
//! them, with an error that is no `Problem`; leaves errors without the headers that let a page read them; and
//! says `Vary` nowhere. Here an unknown origin is no error. The browser keeps the answer from a page that may not
//! read it, and every call needs a token that no browser sends by itself.

use std::{fmt, str::FromStr};

use poem::{
    IntoResponse, Request, Response,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use reqwest::Url;

const METHODS: &str = "GET, POST, PUT, DELETE";
const HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match";
const EXPOSED: &str = "Link, Location, ETag, Retry-After, X-Request-Id, X-Total-Count";
/// Seconds a browser may remember what a preflight told it.
const MAX_AGE: &str = "600";

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

/// The origin of the page that calls, if it is one of these.
pub(crate) fn caller(origins: &[Origin], request: &Request) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    origins.iter().any(|known| known.0 == *origin).then(|| origin.clone())
}

/// The answer to a preflight of a page that may call; `None` when it is none.
pub(crate) fn preflight(request: &Request, caller: Option<&HeaderValue>) -> Option<Response> {
    caller?;
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let said = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    for (name, value) in said {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// Says on an answer which page may read it; where pages of some origins may, every answer depends on the origin.
pub(crate) fn write_headers(headers: &mut HeaderMap, origins: &[Origin], caller: Option<HeaderValue>) {
    if origins.is_empty() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = caller else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    // A page of another origin may not load what says that it is for this origin only.
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
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
