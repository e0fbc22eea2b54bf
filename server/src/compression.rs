//! Compression of responses with gzip, so that a proxy need not do it: most proxies weaken entity tags when they compress,
//! and a weak tag never matches an `If-Match`.
//!
//! A compressed response has its own entity tag, `"1-gzip"` for `"1"`; in conditional requests both mean the same version.
//! Responses of `/auth/*` are not compressed, because their length would tell about the tokens in them beside text that a
//! client chooses.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use hyper::body::Body as _;
use poem::{
    Body, Request, Response,
    http::{HeaderMap, HeaderValue, header},
};
use ro_co_shared::API_PATH;

/// The shortest body that is compressed, in bytes.
const MIN_BYTES: u64 = 1024;
/// Bodies from this size on are compressed on a thread for blocking work: 64 KiB take about a millisecond.
const BLOCKING_BYTES: u64 = 64 << 10;
/// What distinguishes the entity tags of compressed responses.
const SUFFIX: &str = "-gzip\"";
/// Media types that compress well.
const MEDIA_TYPES: [&str; 4] = ["application/json", "application/problem+json", "text/html", "image/svg+xml"];

/// Whether and how the response to a request is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    /// Never, whatever the client accepts.
    Fixed,
    /// The client does not accept gzip.
    Identity,
    /// The client accepts gzip.
    Gzip,
}

impl Encoding {
    /// The encoding of the response to this request. Takes the suffix off the entity tags of a conditional request.
    pub(crate) fn negotiate(request: &mut Request, local_only: bool) -> Self {
        let path = request.uri().path();
        let fixed = path.strip_prefix(API_PATH).is_some_and(|path| path.starts_with("/auth/"));
        if local_only || fixed {
            return Self::Fixed;
        }
        for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
            let tags = request.headers().get_all(&name).iter();
            let tags: Vec<_> = tags.filter_map(|tags| tags.to_str().ok()).collect();
            if tags.iter().any(|tags| tags.contains(SUFFIX))
                && let Ok(plain) = HeaderValue::from_str(&tags.join(", ").replace(SUFFIX, "\""))
            {
                request.headers_mut().insert(name, plain);
            }
        }
        if accepts_gzip(request.headers()) { Self::Gzip } else { Self::Identity }
    }

    /// The response in this encoding.
    pub(crate) async fn encode(self, mut response: Response) -> Response {
        if self == Self::Fixed {
            return response;
        }
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if self == Self::Identity || !is_compressible(response.headers()) {
            return response;
        }
        let body: http_body_util::combinators::BoxBody<_, _> = response.take_body().into();
        let size = body.size_hint().exact();
        response.set_body(Body::from(body));
        match size.filter(|size| *size >= MIN_BYTES) {
            Some(size) => compressed(response, size).await,
            None => response,
        }
    }
}

async fn compressed(mut response: Response, size: u64) -> Response {
    // Its length is known, so it is in memory and cannot fail.
    let Ok(plain) = response.take_body().into_bytes().await else { return response };
    let gzip = if size < BLOCKING_BYTES {
        gzip(&plain)
    } else {
        let plain = plain.clone();
        tokio::task::spawn_blocking(move || gzip(&plain)).await.unwrap_or_else(|e| Err(e.into()))
    };
    let Ok(gzip) = gzip else {
        response.set_body(plain);
        return response;
    };
    response.set_body(gzip);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()?.strip_suffix('"'));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&format!("{tag}{SUFFIX}")).ok()) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    MEDIA_TYPES.contains(&essence) && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Whether `Accept-Encoding` allows gzip (RFC 9110 12.5.3); without the header a client gets what every client can read.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut any = None;
    for value in headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()) {
        for coding in value.split(',') {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            let accepted = weight.is_ok_and(|weight| weight > 0.0);
            match name.trim() {
                name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                    return accepted;
                }
                "*" => any = Some(accepted),
                _ => {}
            }
        }
    }
    any.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_negotiated() {
        for (value, accepted) in [
            ("gzip", true),
            ("GZIP", true),
            ("br, gzip;q=0.5", true),
            ("deflate, *", true),
            ("", false),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("*;q=0", false),
            ("gzip;q=x", false),
            ("gzipped", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(accepts_gzip(&headers), accepted, "{value:?}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
