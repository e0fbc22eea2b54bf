//! Starts and stops a server from its settings, for the server program and for the client's local mode.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::{net::TcpStream, sync::watch, task::JoinHandle};

use crate::{
    app::{App, Settings},
    avatar::{Avatars, DICEBEAR_URL, Source},
    clock::Clock,
    config::{AvatarSource, Config, RateLimits},
    connect::{self, Opener, connect},
    demo, files,
    http_server::{HttpLimits, HttpServer, descriptors},
    jobs,
    keys::Keys,
    limits::Policy,
    listen::{ListenAddress, Listeners},
    local::{self, Claim, DataDirError, Lock},
    logging::AccessLog,
    password::Requester,
    secret::{Secret, SecretError},
    tls::{self, Certificates, TlsError},
};
#[cfg(feature = "metrics")]
use crate::{
    http_server::HttpGauges,
    metrics::{self, MetricsListen},
};

/// How often an owner that does not respond is retried, and the pause between attempts: a second in all.
const CLAIMS: usize = 10;
const CLAIM_PAUSE: Duration = Duration::from_millis(100);

/// Why a server does not start. Each text is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No data directory can be found.
    #[error("{0}")]
    DataDir(String),
    /// Another server owns the data directory.
    #[error("{0} is already served at http://{1}: use that server, stop it, or choose another --data-dir")]
    Owned(PathBuf, SocketAddr),
    /// The data directory cannot be used.
    #[error(transparent)]
    Local(#[from] DataDirError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] connect::OpenError),
    /// There is no usable secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The socket address is in use or not local, or the host name is unknown.
    #[error("cannot listen on {1}: {2}; choose another with {0} (port 0 picks a free one)")]
    Listen(&'static str, ListenAddress, #[source] io::Error),
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A demo was to be reachable from other machines.
    #[error(
        "the passwords of a demo are public, so it listens on this machine only: use --listen 127.0.0.1:{0}"
    )]
    ExposedDemo(u16),
    /// The demo's content could not be created.
    #[error("cannot create the demo content: {0}")]
    Demo(String),
    /// DiceBear's default URL is invalid; cannot happen.
    #[error("DiceBear's URL is invalid: set one with --dicebear-url")]
    DiceBear,
}

/// The kind of server to start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Standalone: the requested socket address or an error.
    Alone,
    /// Inside the client: the next free port is used, avatars are built in, only password guesses are limited, and
    /// a directory that is already served is not an error.
    Local,
}

/// The outcome of starting.
pub enum Started {
    /// The server runs in this process.
    Here(Running),
    /// Another process serves this directory, at this socket address.
    Elsewhere(SocketAddr),
}

/// A server running in this process, until [`Running::stop`].
pub struct Running {
    /// The socket address it listens on.
    pub address: SocketAddr,
    scheme: &'static str,
    app: Arc<App>,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
    /// Held while the server runs.
    _lock: Lock,
    /// Removed when the server has stopped.
    _temp_dir: Option<tempfile::TempDir>,
}

impl Running {
    /// Its URL.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The application, for direct calls without HTTP.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Lets requests in flight finish, then closes the store.
    pub async fn stop(self) -> io::Result<()> {
        let _ = self.stop.send(true);
        let ended = self.task.await.map_err(io::Error::other).flatten();
        self.app.finish_tasks().await;
        self.app.store.close().await;
        ended
    }
}

/// Starts a server.
pub async fn start(config: &Config, mode: Mode) -> Result<Started, StartError> {
    let cannot_listen = |error| StartError::Listen("--listen", config.listen.clone(), error);
    let addresses = config.listen.resolve().await.map_err(cannot_listen)?;
    if config.demo && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(StartError::ExposedDemo(config.listen.port()));
    }
    let temp_dir = if config.demo { Some(temp_dir()?) } else { None };
    let dir = match &temp_dir {
        Some(dir) => dir.path().to_owned(),
        None => config.data_dir().map_err(StartError::DataDir)?,
    };
    let lock = match claim(&dir).await? {
        Claim::Mine(lock) => lock,
        Claim::Theirs(address) if mode == Mode::Local => return Ok(Started::Elsewhere(address)),
        Claim::Theirs(address) => return Err(StartError::Owned(dir, address)),
    };
    let certificates = config.tls_files().map(Certificates::load).transpose()?;
    let app = app(config, mode, (&dir, &lock), &addresses).await?;
    if config.demo {
        fill(&app).await?;
    }
    let listeners = bind(&addresses, mode).await.map_err(cannot_listen)?.with_tls(certificates.clone());
    let address = listeners.local_address().map_err(cannot_listen)?;
    #[cfg(feature = "metrics")]
    let metrics_listeners = bind_metrics(config).await?;
    files::warn_if_readable(&dir);
    lock.publish(address).map_err(|source| DataDirError::Unusable { path: dir, source })?;
    let (stop, stopped) = watch::channel(false);
    let shutdown = wait_for(stopped);
    jobs::start(&app);
    let scheme = if certificates.is_some() { "https" } else { "http" };
    if let Some(certificates) = certificates {
        tokio::spawn(tls::watch(Arc::downgrade(&certificates)));
    }
    let limits = HttpLimits { proxies: app.settings.proxies.clone(), ..HttpLimits::default() };
    let limits = match mode {
        Mode::Alone => descriptors::raise_and_fit(limits),
        Mode::Local => descriptors::fit(limits),
    };
    let server = HttpServer::new(app.service(), limits);
    #[cfg(feature = "metrics")]
    if let Some(listeners) = metrics_listeners {
        serve_metrics(listeners, &app, server.gauges(), stop.subscribe());
    }
    let task = tokio::spawn(server.serve(listeners, shutdown));
    tracing::debug!(%address, scheme, "Server started");
    Ok(Started::Here(Running { address, scheme, app, stop, task, _lock: lock, _temp_dir: temp_dir }))
}

/// Waits until the server is to stop.
async fn wait_for(mut stop: watch::Receiver<bool>) {
    // An error means that the sender was dropped, which stops the server too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The bound listener of the metrics, if there is to be one.
#[cfg(feature = "metrics")]
async fn bind_metrics(config: &Config) -> Result<Option<Listeners>, StartError> {
    let Some(MetricsListen(listen)) = &config.metrics_listen else { return Ok(None) };
    let cannot_listen = |error| StartError::Listen("--metrics-listen", listen.clone(), error);
    let addresses = listen.resolve().await.map_err(cannot_listen)?;
    let listeners = Listeners::bind(&addresses).await.map_err(cannot_listen)?;
    let address = listeners.local_address().map_err(cannot_listen)?;
    tracing::info!(%address, "Metrics listening");
    Ok(Some(listeners))
}

/// Serves the metrics on a listener of their own, until the server stops.
#[cfg(feature = "metrics")]
fn serve_metrics(listeners: Listeners, app: &Arc<App>, gauges: HttpGauges, stopped: watch::Receiver<bool>) {
    let limits = HttpLimits { max_connections: 16, max_in_flight: 16, ..HttpLimits::default() };
    let server = HttpServer::new(metrics::endpoint(app, gauges), limits);
    tokio::spawn(server.serve(listeners, wait_for(stopped)));
}

/// Claims the directory. An owner that does not respond was just killed: retry.
async fn claim(dir: &Path) -> Result<Claim, DataDirError> {
    for _ in 0..CLAIMS {
        match local::claim(dir).await? {
            Claim::Theirs(address) if TcpStream::connect(address).await.is_err() => {
                tokio::time::sleep(CLAIM_PAUSE).await;
            }
            claim => return Ok(claim),
        }
    }
    local::claim(dir).await
}

fn temp_dir() -> Result<tempfile::TempDir, StartError> {
    let made = tempfile::Builder::new().prefix("ro-co-demo-").tempdir();
    made.map_err(|e| StartError::DataDir(format!("cannot create a temporary directory for the demo: {e}")))
}

async fn fill(app: &App) -> Result<(), StartError> {
    let wrong = |e: &dyn std::error::Error| StartError::Demo(e.to_string());
    let password = app.hash_password(Requester::LOCAL, demo::PASSWORD).await.map_err(|e| wrong(&e))?;
    demo::fill(app.store.as_ref(), app.clock.now(), &password).await.map_err(|e| wrong(&e))
}

async fn bind(addresses: &[SocketAddr], mode: Mode) -> io::Result<Listeners> {
    match (mode, addresses) {
        (Mode::Local, [preferred]) => Ok(local::bind(*preferred).await?.into()),
        _ => Listeners::bind(addresses).await,
    }
}

async fn app(
    config: &Config,
    mode: Mode,
    (dir, lock): (&Path, &Lock),
    addresses: &[SocketAddr],
) -> Result<Arc<App>, StartError> {
    let keys = Keys::new(&secrets(config, dir)?)?;
    let store = connect(config, dir, Opener::Server(lock)).await?;
    let default_source =
        if mode == Mode::Local || config.demo { AvatarSource::Builtin } else { AvatarSource::Dicebear };
    let source = match config.avatar_source.unwrap_or(default_source) {
        AvatarSource::Builtin => Source::Builtin,
        AvatarSource::Dicebear => Source::DiceBear {
            base: match &config.dicebear_url {
                Some(url) => url.clone(),
                None => DICEBEAR_URL.parse().map_err(|_| StartError::DiceBear)?,
            },
        },
    };
    if config.rate_limits == RateLimits::Off {
        tracing::warn!("Rate limits are off: password guesses are not limited");
    }
    let settings = Settings {
        access_ttl_ms: config.access_ttl.0,
        refresh_ttl_ms: config.refresh_ttl.0,
        docs: config.docs || addresses.iter().all(|address| address.ip().is_loopback()),
        local_only: mode == Mode::Local,
        cors_origins: config.cors_origin.clone(),
        limits: match (config.rate_limits, mode) {
            (RateLimits::Off, _) => Policy::Off,
            (RateLimits::Default, Mode::Alone) => Policy::All,
            (RateLimits::Default, Mode::Local) => Policy::Guesses,
        },
        proxies: config.trusted_proxy.iter().copied().collect(),
        base_path: config.base_path.clone().unwrap_or_default(),
        hsts_seconds: config.hsts.0 / 1000,
        access_log: config.access_log == AccessLog::On && mode == Mode::Alone,
        quotas: (mode == Mode::Alone && !config.demo).then_some(config.quotas),
        ..Settings::default()
    };
    Ok(App::new(Arc::clone(&store), keys, Avatars::new(store, source), Clock::default(), settings))
}

/// The secret file overrides the environment, which overrides the data directory's own secret.
fn secrets(config: &Config, dir: &Path) -> Result<Vec<Secret>, SecretError> {
    match (&config.secret_file, &config.secret) {
        (Some(file), _) => Secret::read(file),
        (None, Some(text)) => Secret::parse(text.expose_secret(), "ROCO_SECRET"),
        (None, None) => Secret::read_or_make(dir),
    }
}
