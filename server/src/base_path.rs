//! The path that a reverse proxy serves this server under.

use std::{
    fmt::{self, Display},
    str::FromStr,
    sync::Arc,
};

use poem::http::Uri;
use ro_co_shared::API_PATH;

/// The longest base path in bytes: the URLs in responses stay within their documented lengths.
const MAX_BYTES: usize = 128;

/// First segments of the server's own paths. Below one of them it would be unknown which path a request means.
const OWN_SEGMENTS: [&str; 4] = ["api", "health", "openapi.json", "api.html"];

/// A path such as `/roco`, without a slash at its end; empty where the server has a host name to itself. Clones share it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BasePath(Arc<str>);

impl FromStr for BasePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a base path; expected one such as /roco, with letters, digits and -._~ between slashes"
            )
        };
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.is_empty() {
            return Ok(Self::default());
        }
        let mut segments = path.strip_prefix('/').ok_or_else(wrong)?.split('/');
        if !segments.clone().all(is_segment) {
            return Err(wrong());
        }
        if segments.next().is_some_and(|first| OWN_SEGMENTS.contains(&first)) {
            return Err(format!(
                "{text:?} begins like the server's own paths; expected another one, such as /roco"
            ));
        }
        if path.len() > MAX_BYTES {
            return Err(format!(
                "a base path has at most {MAX_BYTES} characters; expected one such as /roco"
            ));
        }
        Ok(Self(path.into()))
    }
}

/// Whether a segment needs no encoding anywhere: in URLs, HTML and scripts.
fn is_segment(text: &str) -> bool {
    let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    !matches!(text, "" | "." | "..") && text.bytes().all(is_unreserved)
}

impl BasePath {
    /// The URL of a path below [`API_PATH`], as clients reach it.
    pub(crate) fn api_url(&self, path: impl Display) -> String {
        format!("{self}{API_PATH}{path}")
    }

    /// The request's URI without this path; `None` where it is not below it. A proxy may pass the path on or cut it off.
    pub(crate) fn cut_off(&self, uri: &Uri) -> Option<Uri> {
        let rest = uri.path().strip_prefix(&*self.0).filter(|_| !self.0.is_empty())?;
        let path = match rest.chars().next() {
            None => "/",
            Some('/') => rest,
            Some(_) => return None,
        };
        let mut parts = uri.clone().into_parts();
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        parts.path_and_query = Some(format!("{path}{query}").parse().ok()?);
        Uri::from_parts(parts).ok()
    }
}

impl Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths() {
        for (text, path) in [
            ("/roco", "/roco"),
            ("/roco/", "/roco"),
            ("/a/b-c._~1", "/a/b-c._~1"),
            ("/", ""),
            ("", ""),
            ("/apis", "/apis"),
        ] {
            assert_eq!(text.parse::<BasePath>().unwrap().to_string(), path, "{text}");
        }
        let long = format!("/{}", "x".repeat(128));
        for wrong in [
            " ",
            "roco",
            "http://h/roco",
            "//",
            "/a//b",
            "/roco//",
            "/.",
            "/a/../b",
            "/a b",
            "/a?b",
            "/a#b",
            "/%41",
            "/ä",
            "/a'b",
            "/<b>",
            "/api",
            "/api/v1",
            "/health",
            "/api.html/x",
            "/openapi.json",
            &long,
        ] {
            let error = wrong.parse::<BasePath>().unwrap_err();
            assert!(error.contains("such as /roco") && !error.contains('\n'), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn it_is_cut_off_whole_and_once() {
        let base: BasePath = "/roco".parse().unwrap();
        let cut = |uri: &str| base.cut_off(&uri.parse().unwrap()).map(|uri| uri.to_string());
        for (uri, rest) in [
            ("/roco", "/"),
            ("/roco/", "/"),
            ("/roco?x=1", "/?x=1"),
            ("/roco/api/v1/user/me?x=%2F&y", "/api/v1/user/me?x=%2F&y"),
            ("/roco/roco/x", "/roco/x"),
            ("/roco//x", "//x"),
            ("http://h:81/roco/x?y", "http://h:81/x?y"),
        ] {
            assert_eq!(cut(uri).as_deref(), Some(rest), "{uri}");
        }
        for other in ["/", "/rocox", "/rocox/api", "/x/roco", "/ROCO/x", "//roco/x", "*"] {
            assert_eq!(cut(other), None, "{other}");
        }
        assert_eq!(BasePath::default().cut_off(&"/roco".parse().unwrap()), None);
    }
}
