//! HTTPS by the built server, with a certificate made for the test.

use std::{
    fs,
    io::{BufReader, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::Arc,
};

use ro_co_tests::{
    Options, Reply, Request, Server,
    server::{refused, run_to_end},
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::aws_lc_rs::default_provider,
    pki_types::CertificateDer,
};
use tempfile::TempDir;

const NAME: &str = "ro-co.example";

struct Pair {
    cert: PathBuf,
    key: PathBuf,
    der: CertificateDer<'static>,
    dir: TempDir,
}

impl Pair {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        fs::write(&cert, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        Self { cert, key, der: made.cert.der().clone(), dir }
    }

    fn options(&self) -> Options {
        let (cert, key) = (self.cert.to_str().unwrap(), self.key.to_str().unwrap());
        Options::default().args(&["--tls-cert", cert, "--tls-key", key])
    }

    /// A request under this host name, over TLS.
    fn get(&self, server: &Server, host: &str) -> Reply {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = ClientConnection::new(Arc::new(config), NAME.try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(client, TcpStream::connect(server.address).unwrap());
        write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        Reply::read(&mut BufReader::new(stream)).unwrap()
    }
}

#[test]
fn https_with_hsts_for_names_only() {
    let pair = Pair::new();
    let server = Server::start_with(pair.options());
    let reply = pair.get(&server, NAME).expect(200);
    assert_eq!(reply.header("strict-transport-security"), Some("max-age=86400"));
    for host in ["127.0.0.1", "localhost:8443"] {
        assert_eq!(pair.get(&server, host).expect(200).header("strict-transport-security"), None, "{host}");
    }
    let longer = Server::start_with(pair.options().args(&["--hsts", "365d"]));
    assert_eq!(pair.get(&longer, NAME).header("strict-transport-security"), Some("max-age=31536000"));
    let plain = Request::new("GET", "/health/ready").send(server.address).unwrap();
    assert!(plain.status == 400 && plain.text().contains("https://"), "{}", plain.text());
    let without = Server::start();
    assert_eq!(without.open("/health/ready").expect(200).header("strict-transport-security"), None);
}

#[test]
fn the_health_check_uses_tls_when_the_server_does() {
    let pair = Pair::new();
    let server = Server::start_with(pair.options());
    let address = server.address.to_string();
    let check = |options: Options| {
        let options = options.args(&["--listen", &address, "healthcheck"]);
        options.command(pair.dir.path()).output().unwrap().status.success()
    };
    assert!(check(pair.options()));
    assert!(!check(Options::default()));
}

#[test]
fn files_that_cannot_be_used_are_refused() {
    let (pair, other) = (Pair::new(), Pair::new());
    let data = tempfile::tempdir().unwrap();
    let run = |options: Options| run_to_end(&options, data.path());
    let (cert, key) = (pair.cert.to_str().unwrap(), other.key.to_str().unwrap());
    let mixed = run(Options::default().args(&["--tls-cert", cert, "--tls-key", key]));
    refused(&mixed, &["--tls-cert", "--tls-key"]);
    let missing = run(Options::default().args(&["--tls-cert", "/no/such/file", "--tls-key", key]));
    refused(&missing, &["/no/such/file"]);
    fs::set_permissions(&pair.key, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&run(pair.options()), &["readable by other users", "key.pem"]);
    let alone = run(Options::default().args(&["--tls-cert", cert]));
    assert_eq!(alone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("--tls-key"));
}
