//! Which server, and whether a password may be sent to it.

use std::{fmt, net::SocketAddr, path::Path, sync::Arc};

use reqwest::Url;
use ro_co_shared::API_PATH;
use tokio::sync::watch;

use crate::clean::Clean;

/// What is filed under for the local server of this user's own data directory.
const LOCAL: &str = "local";

/// The URL of a server: scheme, host, port and the path it is served under, if any. Clones stay one: where one of them
/// moves, all do.
#[derive(Clone, Debug)]
pub struct Origin {
    address: Arc<watch::Sender<String>>,
    key: String,
    loopback: bool,
}

impl Origin {
    /// Reads an address such as `https://ro-co.example.org` or `127.0.0.1:8080`; the error is a line for the user.
    ///
    /// Plain `http` to another machine would show the password to everyone in between: refused unless `insecure`.
    pub fn parse(text: &str, insecure: bool) -> Result<Self, String> {
        let shown = Clean::line(text.trim());
        let url = read(text.trim()).ok_or_else(|| {
            format!("“{shown}” is not the address of a server (such as https://ro-co.example.org)")
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address of a server has no user name or password in it".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("“{shown}” is more than a server; give scheme, host, port and path only"));
        }
        let path = url.path().trim_end_matches('/');
        if path.ends_with(API_PATH) {
            return Err(format!("“{shown}” is the API of a server; leave out {API_PATH}"));
        }
        let (address, loopback) = (url.origin().ascii_serialization() + path, is_loopback(&url));
        if url.scheme() == "http" && !loopback && !insecure {
            return Err(format!(
                "{address} would carry your password unencrypted; use https, or --insecure if you accept that"
            ));
        }
        Ok(Self { key: address.clone(), address: Arc::new(watch::Sender::new(address)), loopback })
    }

    /// The server inside this process, or another of this user's on this machine: of the user's own data directory,
    /// or of another one, given by its canonical path.
    ///
    /// The key names the directory and not the port, so that a sign-in outlives a changed port, and each directory
    /// has a key of its own, for a token shown to another server than the one that made it counts as stolen.
    pub fn local(address: SocketAddr, elsewhere: Option<&Path>) -> Self {
        let key = elsewhere.map_or_else(|| LOCAL.into(), |dir| format!("{LOCAL}:{}", dir.display()));
        Self { address: Arc::new(watch::Sender::new(http(address))), key, loopback: true }
    }

    /// The local server is another process now, at this address.
    #[cfg(any(feature = "local", test))]
    pub(crate) fn move_to(&self, address: SocketAddr) {
        self.address.send_if_modified(|old| {
            let new = http(address);
            let moved = *old != new;
            *old = new;
            moved
        });
    }

    /// Follows the local server from one process to another.
    pub(crate) fn moves(&self) -> watch::Receiver<String> {
        self.address.subscribe()
    }

    /// Whether the server is this user's own, on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.key.starts_with(LOCAL)
    }

    /// What sign-in, drafts and pictures of this server are filed under: the address, `local`, or `local:` and a path.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether it is on this machine, so that no proxy belongs in between.
    pub(super) fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.address.borrow())
    }
}

fn http(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Without a scheme: `http` for this machine, `https` for any other.
fn read(text: &str) -> Option<Url> {
    let url = if text.contains("://") {
        Url::parse(text).ok()?
    } else {
        let url = Url::parse(&format!("https://{text}")).ok()?;
        if is_loopback(&url) { Url::parse(&format!("http://{text}")).ok()? } else { url }
    };
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    // `Url` writes every spelling of an IPv4 address in the dotted form, so `http://2130706433` is 127.0.0.1 here.
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for (text, address) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:81/", "http://localhost:81"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("ro-co.example.org", "https://ro-co.example.org"),
            ("https://RO-CO.example.org:443", "https://ro-co.example.org"),
            ("https://ro-co.example.org/RoCo/", "https://ro-co.example.org/RoCo"),
            ("localhost:81/a/../b/c//", "http://localhost:81/b/c"),
        ] {
            assert_eq!(Origin::parse(text, false).unwrap().to_string(), address, "{text}");
        }
        let refused = Origin::parse("http://ro-co.example.org", false).unwrap_err();
        assert!(refused.contains("--insecure"), "{refused}");
        for sly in [
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://10.0.0.1",
            "http://0.0.0.0",
        ] {
            Origin::parse(sly, false).unwrap_err();
        }
        Origin::parse("http://ro-co.example.org", true).unwrap();
    }

    #[test]
    fn what_is_no_address_is_said_in_one_line() {
        for bad in [
            "",
            "   ",
            "ftp://x",
            "http://",
            "https://a b",
            "http://u:p@127.0.0.1",
            "https://x?q",
            "https://x/path?q",
            "https://x/path#f",
            "https://x/path/api/v1/",
            "\x1b]0;x\x07",
        ] {
            let line = Origin::parse(bad, true).unwrap_err();
            assert!(!line.is_empty() && !line.contains(['\n', '\x1b']), "{bad:?}: {line:?}");
        }
    }

    #[test]
    fn each_path_of_a_host_is_a_server_of_its_own() {
        let key = |text| Origin::parse(text, false).unwrap().key().to_owned();
        assert_eq!(key("https://x.org/roco"), key("https://X.org:443/roco/"));
        for other in ["https://x.org", "https://x.org/roco2", "https://x.org/ROCO"] {
            assert_ne!(key("https://x.org/roco"), key(other));
        }
    }

    #[test]
    fn a_local_sign_in_outlives_the_port() {
        let [a, b] = ["127.0.0.1:8080", "127.0.0.1:8081"].map(|a| Origin::local(a.parse().unwrap(), None));
        assert_eq!(a.key(), b.key());
        assert_ne!(a.to_string(), b.to_string());
    }

    #[test]
    fn each_data_directory_has_a_key_of_its_own() {
        let at = |dir| Origin::local("127.0.0.1:8080".parse().unwrap(), dir).key().to_owned();
        assert_eq!(at(None), "local");
        assert_eq!(at(Some(Path::new("/tmp/x"))), "local:/tmp/x");
    }

    #[test]
    fn a_server_that_moves_takes_all_clones_along() {
        let origin = Origin::local("127.0.0.1:8080".parse().unwrap(), None);
        let (clone, mut moves) = (origin.clone(), origin.moves());
        origin.move_to("127.0.0.1:8080".parse().unwrap());
        assert!(!moves.has_changed().unwrap(), "it stays where it is");
        origin.move_to("127.0.0.1:8081".parse().unwrap());
        assert_eq!(*moves.borrow_and_update(), "http://127.0.0.1:8081");
        assert_eq!(clone.to_string(), "http://127.0.0.1:8081");
    }
}
