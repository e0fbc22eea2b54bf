//! Where to listen: the socket addresses behind `--listen`.

use std::{
    fmt,
    future::poll_fn,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
    task::Poll,
};

use tokio::net::{TcpListener, TcpStream, lookup_host};

use crate::tls::Certificates;

/// How often a free port is looked for that all IP addresses of a host name have.
const PORT_ATTEMPTS: usize = 20;

/// An IP address or host name with a port, as the operator gives it: `192.0.2.1:80`, `[::1]:80`, `localhost:80`, or
/// `:80` for all interfaces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenAddress {
    host: ListenHost,
    port: u16,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum ListenHost {
    /// All interfaces, IPv6 and IPv4.
    All,
    Ip(IpAddr),
    Name(String),
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: ListenHost::Ip(address.ip()), port: address.port() }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let wrong = || {
            format!(
                "{text:?} is not an IP address or host name with a port, such as 127.0.0.1:8080, localhost:8080 or :8080"
            )
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let is_name = |host: &str| {
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        };
        match host {
            "" => Ok(Self { host: ListenHost::All, port }),
            // What looks like an IP address and is none would be looked up as a name, and not found.
            _ if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => Err(wrong()),
            name if is_name(name) => Ok(Self { host: ListenHost::Name(name.into()), port }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            ListenHost::All => write!(f, ":{}", self.port),
            ListenHost::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            ListenHost::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl ListenAddress {
    /// The port; 0 for any free one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port by which this machine reaches a server that listens here, for a URL.
    pub fn local_authority(&self) -> String {
        match &self.host {
            ListenHost::All => SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).to_string(),
            ListenHost::Ip(ip) => reachable(SocketAddr::new(*ip, self.port)).to_string(),
            ListenHost::Name(name) => format!("{name}:{}", self.port),
        }
    }

    /// The socket addresses meant, IPv4 before IPv6.
    pub async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let mut found = match &self.host {
            // The first one takes IPv4 as well, unless the system separates the two.
            ListenHost::All => {
                return Ok([IpAddr::from(Ipv6Addr::UNSPECIFIED), Ipv4Addr::UNSPECIFIED.into()]
                    .map(|ip| SocketAddr::new(ip, self.port))
                    .to_vec());
            }
            ListenHost::Ip(ip) => vec![SocketAddr::new(*ip, self.port)],
            ListenHost::Name(name) => lookup_host((name.as_str(), self.port)).await?.collect(),
        };
        found.sort_unstable();
        found.dedup();
        if found.is_empty() { Err(ErrorKind::NotFound.into()) } else { Ok(found) }
    }
}

/// The loopback equivalent of an unspecified IP address, for clients on this machine.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Bound sockets that are accepted from as if they were one.
pub struct Listeners {
    sockets: Vec<TcpListener>,
    certificates: Option<Arc<Certificates>>,
}

impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Self {
        vec![listener].into()
    }
}

impl From<Vec<TcpListener>> for Listeners {
    fn from(sockets: Vec<TcpListener>) -> Self {
        Self { sockets, certificates: None }
    }
}

impl Listeners {
    /// Binds all of these, on the same port. Of several, those that this machine does not have (`::1` without IPv6) are
    /// left out.
    pub async fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        let any_port = addresses.iter().all(|address| address.port() == 0);
        let mut attempts = if any_port && addresses.len() > 1 { PORT_ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            match bind_once(addresses).await {
                // The free port of the first IP address is in use at another one.
                Err(error) if error.kind() == ErrorKind::AddrInUse && attempts > 0 => {}
                bound => return bound.map(Self::from),
            }
        }
    }

    /// The same with TLS, if there are certificates.
    #[must_use]
    pub fn with_tls(self, certificates: Option<Arc<Certificates>>) -> Self {
        Self { certificates, ..self }
    }

    /// The certificates of connections to these sockets; plain HTTP if there are none.
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.certificates.clone()
    }

    /// The socket address of the first one.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.sockets.first().ok_or(ErrorKind::NotFound)?.local_addr()
    }

    /// The next connection to any of them.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| {
            let ready = self.sockets.iter().find_map(|listener| match listener.poll_accept(cx) {
                Poll::Ready(accepted) => Some(accepted),
                Poll::Pending => None,
            });
            ready.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

async fn bind_once(addresses: &[SocketAddr]) -> io::Result<Vec<TcpListener>> {
    let (mut bound, mut missing) = (Vec::<TcpListener>::new(), None);
    for address in addresses {
        let mut address = *address;
        if let Some(first) = bound.first() {
            address.set_port(first.local_addr()?.port());
        }
        match TcpListener::bind(address).await {
            Ok(listener) => bound.push(listener),
            Err(error) if covers(&bound, address, &error) => {}
            Err(error) if is_missing(&error) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if bound.is_empty() => Err(error),
        _ => Ok(bound),
    }
}

/// Whether a listener on all IPv6 addresses took the IPv4 ones as well, which is why they are in use.
fn covers(bound: &[TcpListener], address: SocketAddr, error: &io::Error) -> bool {
    let all_ipv6 = |listener: &TcpListener| {
        listener.local_addr().is_ok_and(|local| local.is_ipv6() && local.ip().is_unspecified())
    };
    error.kind() == ErrorKind::AddrInUse
        && address.ip() == Ipv4Addr::UNSPECIFIED
        && bound.iter().any(all_ipv6)
}

/// Whether this machine does not have the IP address, or not its protocol.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, shown, local) in [
            ("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1:80"),
            ("0.0.0.0:80", "0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::]:80", "[::1]:80"),
            (":80", ":80", "127.0.0.1:80"),
            ("localhost:80", "localhost:80", "localhost:80"),
        ] {
            let parsed: ListenAddress = text.parse().unwrap();
            assert_eq!((parsed.to_string().as_str(), parsed.local_authority().as_str()), (shown, local));
        }
        for bad in
            ["", "80", "localhost", "localhost:", "localhost:x", "1.2.3:80", "::1:80", "a b:80", "host:65536"]
        {
            assert!(bad.parse::<ListenAddress>().is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn a_name_means_all_its_ip_addresses_on_one_port() {
        let addresses = "localhost:0".parse::<ListenAddress>().unwrap().resolve().await.unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
        let two = ["127.0.0.1:0", "127.0.0.2:0"].map(|address| address.parse().unwrap());
        let bound = Listeners::bind(&two).await.unwrap();
        let port = bound.local_address().unwrap().port();
        for address in two {
            let (client, accepted) = tokio::join!(TcpStream::connect((address.ip(), port)), bound.accept());
            assert_eq!(client.unwrap().local_addr().unwrap(), accepted.unwrap().1);
        }
    }

    #[tokio::test]
    async fn all_interfaces_are_reached_by_ipv4_as_well() {
        let addresses = ":0".parse::<ListenAddress>().unwrap().resolve().await.unwrap();
        let bound = Listeners::bind(&addresses).await.unwrap();
        let port = bound.local_address().unwrap().port();
        let (client, accepted) =
            tokio::join!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)), bound.accept());
        client.unwrap();
        accepted.unwrap();
    }

    #[tokio::test]
    async fn an_ip_address_of_another_machine_is_left_out_beside_others_only() {
        let (here, elsewhere) = ("127.0.0.1:0".parse().unwrap(), "192.0.2.1:0".parse().unwrap());
        let bound = Listeners::bind(&[here, elsewhere]).await.unwrap();
        assert_eq!(bound.sockets.len(), 1);
        let error = Listeners::bind(&[elsewhere]).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }
}
