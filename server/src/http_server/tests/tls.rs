//! TLS handshakes: their time limit, and what plain HTTP gets.

use std::os::unix::fs::PermissionsExt;

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs::default_provider, pki_types::CertificateDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::*;
use crate::tls::{Certificates, TlsFiles};

const NAME: &str = "ro-co.example";

/// Where a server with a certificate listens, and the certificate.
async fn start(limits: HttpLimits) -> (SocketAddr, CertificateDer<'static>, JoinHandle<io::Result<()>>) {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let files = TlsFiles { cert: dir.path().join("cert"), key: dir.path().join("key") };
    std::fs::write(&files.cert, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let listeners = Listeners::from(listener).with_tls(Some(Certificates::load(files).unwrap()));
    let endpoint = Arc::new(ToDynEndpoint(poem::endpoint::make_sync(|_| "hello".into_response())));
    let task = tokio::spawn(HttpServer::new(endpoint, limits).serve(listeners, std::future::pending()));
    (address, made.cert.der().clone(), task)
}

/// All that the server sends before it closes the connection.
async fn rest(mut stream: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = time::timeout(TEST_TIMEOUT, stream.read_to_end(&mut bytes)).await.expect("closed in time");
    read.map_or_else(|_| Vec::new(), |_| bytes)
}

#[tokio::test]
async fn http_over_tls() {
    let (address, certificate, server) = start(limits()).await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = connector.connect(NAME.try_into().unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    stream.write_all(LAST_GET).await.unwrap();
    let response = String::from_utf8(rest(stream).await).unwrap();
    assert!(response.starts_with("HTTP/1.1 200") && response.ends_with("hello"), "{response}");
    server.abort();
}

#[tokio::test]
async fn a_handshake_has_a_time_limit_and_counts_as_a_connection() {
    let limits = HttpLimits { handshake_timeout: Duration::from_millis(400), max_connections: 1, ..limits() };
    let (address, _, server) = start(limits).await;
    let silent = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    let refused = rest(&mut second).await;
    assert!(refused.is_empty() || refused.starts_with(b"HTTP/1.1 503"), "{refused:?}");
    assert!(rest(silent).await.is_empty(), "closed by the handshake's time limit");
    server.abort();
}

#[tokio::test]
async fn plain_http_is_told_to_use_https() {
    let (address, _, server) = start(limits()).await;
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(LAST_GET).await.unwrap();
    let response = String::from_utf8(rest(plain).await).unwrap();
    assert!(response.starts_with("HTTP/1.1 400") && response.contains("https://"), "{response}");
    server.abort();
}
