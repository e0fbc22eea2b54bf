//! HTTP Strict Transport Security (RFC 6797): browsers that were here over TLS come back over TLS only.

use std::net::IpAddr;

use poem::{
    Request,
    http::{HeaderMap, HeaderValue, header, uri::Scheme},
};

/// The header of responses over TLS.
#[derive(Clone, Debug)]
pub(crate) struct Hsts(HeaderValue);

impl Hsts {
    /// With this lifetime, in seconds; without subdomains.
    pub(crate) fn new(max_age: i64) -> Option<Self> {
        HeaderValue::from_str(&format!("max-age={max_age}")).ok().map(Self)
    }

    /// Whether the response to this request has the header.
    pub(crate) fn applies(request: &Request) -> bool {
        *request.scheme() == Scheme::HTTPS && is_public_name(request.header(header::HOST).unwrap_or_default())
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, self.0.clone());
    }
}

/// Whether a `Host` is a name that is not this machine's own. For IP addresses the header has no meaning, and for
/// `localhost` it would affect other servers on the client's machine.
fn is_public_name(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
    let is_ip = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    !name.is_empty() && !is_ip && name != "localhost" && !name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names() {
        for host in ["ro-co.example", "ro-co.example:8443", "RO-CO.example.", "intranet"] {
            assert!(is_public_name(host), "{host}");
        }
        for host in ["", "192.0.2.1", "192.0.2.1:8443", "[::1]", "[2001:db8::1]:8443"] {
            assert!(!is_public_name(host), "{host}");
        }
        for host in ["localhost", "LOCALHOST.:8443", "a.localhost"] {
            assert!(!is_public_name(host), "{host}");
        }
    }
}
