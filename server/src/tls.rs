//! TLS: certificate and key from PEM files, read again when they change.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, time};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::files::{self, FileError};

/// How often both files are looked at.
const LOOK: Duration = Duration::from_mins(1);
/// The first byte of a TLS handshake (RFC 8446 5.1).
const HANDSHAKE: u8 = 22;
/// What a client that speaks plain HTTP to this port is told.
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 45\r\n\r\n\
This port is for HTTPS: use an https:// URL\r\n";

/// Why TLS cannot be used. Each text is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The key is not safe to use, or a file cannot be read.
    #[error("{0}")]
    File(#[from] FileError),
    /// There is no certificate in the file.
    #[error("{0} contains no certificate: name a PEM file with the certificate and its chain in --tls-cert")]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("{0} contains no private key: name a PEM file with an unencrypted private key in --tls-key")]
    NoKey(PathBuf),
    /// Certificate and key do not belong together, or are of an unknown kind.
    #[error("--tls-cert and --tls-key cannot be used together: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The files of a certificate with its chain, and of its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// Certificate and chain, in PEM; everybody may read it.
    pub cert: PathBuf,
    /// The private key, in PEM; as safe as a secret file.
    pub key: PathBuf,
}

/// The certificate that new connections get.
pub struct Certificates {
    files: TlsFiles,
    state: Mutex<CertificateState>,
}

struct CertificateState {
    config: Arc<ServerConfig>,
    /// SHA-256 of both files as they were read last, whatever that came to.
    seen: [u8; 32],
}

impl Certificates {
    /// Reads both files.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let pair = Pair::read(&files)?;
        let state = CertificateState { config: pair.config(&files)?, seen: pair.digest() };
        Ok(Arc::new(Self { files, state: Mutex::new(state) }))
    }

    /// Reads both files again; whether there is a new certificate. After an error the old one stays.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let pair = Pair::read(&self.files)?;
        let digest = pair.digest();
        if std::mem::replace(&mut self.state().seen, digest) == digest {
            return Ok(false);
        }
        let config = pair.config(&self.files)?;
        self.state().config = config;
        Ok(true)
    }

    /// The server's side of a handshake. A client that speaks plain HTTP is told so.
    pub(crate) async fn accept(&self, mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
            stream.write_all(PLAIN_HTTP).await?;
            stream.shutdown().await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a TLS handshake"));
        }
        let config = Arc::clone(&self.state().config);
        TlsAcceptor::from(config).accept(stream).await
    }

    fn state(&self) -> MutexGuard<'_, CertificateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the files every minute, for as long as somebody uses the certificates.
pub(crate) async fn watch(certificates: Weak<Certificates>) {
    loop {
        time::sleep(LOOK).await;
        let Some(certificates) = certificates.upgrade() else { return };
        match tokio::task::spawn_blocking(move || certificates.reload()).await {
            Ok(Ok(true)) => tracing::info!("TLS certificate reloaded"),
            Ok(Err(error)) => {
                tracing::error!(%error, "TLS certificate not reloaded, the previous one stays in use");
            }
            Ok(Ok(false)) | Err(_) => {}
        }
    }
}

/// Both files as they were read.
struct Pair {
    cert: Vec<u8>,
    key: zeroize::Zeroizing<String>,
}

impl Pair {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let cert = fs::read(&files.cert).map_err(|error| FileError::Io(files.cert.clone(), error))?;
        let key = files::read_secret(&files::open_secret(&files.key)?, &files.key)?;
        Ok(Self { cert, key })
    }

    fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(&(self.cert.len() as u64).to_be_bytes());
        context.update(&self.cert);
        context.update(self.key.as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let no_certificate = |path: &Path| TlsError::NoCertificate(path.into());
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.cert)
            .collect::<Result<_, _>>()
            .map_err(|_| no_certificate(&files.cert))?;
        if chain.is_empty() {
            return Err(no_certificate(&files.cert));
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|_| TlsError::NoKey(files.key.clone()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Files {
        dir: tempfile::TempDir,
        files: TlsFiles,
    }

    impl Files {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let files = TlsFiles { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
            let new = Self { dir, files };
            let (cert, key) = pair();
            new.write(&cert, &key);
            new
        }

        fn write(&self, cert: &str, key: &str) {
            fs::write(&self.files.cert, cert).unwrap();
            fs::write(&self.files.key, key).unwrap();
            fs::set_permissions(&self.files.key, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(self.dir.path().is_dir());
        }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["ro-co.example".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_new_pair_is_taken_and_one_that_does_not_match_is_not() {
        let files = Files::new();
        let certificates = Certificates::load(files.files.clone()).unwrap();
        assert!(!certificates.reload().unwrap(), "nothing has changed");
        let first = Arc::clone(&certificates.state().config);

        let ((new_cert, new_key), (_, other_key)) = (pair(), pair());
        files.write(&new_cert, &other_key);
        assert!(matches!(certificates.reload(), Err(TlsError::Unusable(_))));
        assert!(!certificates.reload().unwrap(), "the same mistake is reported once");
        assert!(Arc::ptr_eq(&first, &certificates.state().config), "the old one stays");

        files.write(&new_cert, &new_key);
        assert!(certificates.reload().unwrap());
        assert!(!Arc::ptr_eq(&first, &certificates.state().config));
        fs::remove_file(&files.files.cert).unwrap();
        assert!(matches!(certificates.reload(), Err(TlsError::File(_))));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let files = Files::new();
        let ((cert, key), load) = (pair(), || Certificates::load(files.files.clone()).err().unwrap());
        files.write("nothing", &key);
        assert!(matches!(load(), TlsError::NoCertificate(_)));
        files.write(&cert, &cert);
        assert!(matches!(load(), TlsError::NoKey(_)));
        files.write(&cert, &key);
        fs::set_permissions(&files.files.key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load(), TlsError::File(FileError::Exposed(_))));
    }
}
