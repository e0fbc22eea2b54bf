//! From a command line to a running server, for the server's own program and for the client's local mode.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::{
    app::{App, Settings},
    avatar::{Avatars, DICEBEAR_URL, Source},
    clock::Clock,
    config::{AvatarSource, Config, RateLimits},
    connect::{self, Opener, connect},
    demo,
    http_server::{HttpLimits, HttpServer, descriptors},
    keys::Keys,
    limits::Policy,
    local::{self, Claim, Lock},
    password::Requester,
    secret::{self, Secret},
    store,
};

/// How often an owner that does not answer is asked again, and after which pause: a second in all.
const CLAIMS: usize = 10;
const CLAIM_PAUSE: Duration = Duration::from_millis(100);

/// How often the store is swept, and how long sessions are remembered after their end.
const SWEEP: Duration = Duration::from_mins(5);
const SESSION_MEMORY_MS: i64 = 7 * 24 * 3_600_000;

/// Why a server does not start. Each text is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No data directory can be found.
    #[error("{0}")]
    DataDir(String),
    /// Another server has the data directory.
    #[error("{0} is served already, at http://{1}: use that one, stop it, or name another --data-dir")]
    Owned(PathBuf, SocketAddr),
    /// The data directory cannot be had.
    #[error(transparent)]
    Local(#[from] local::Error),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] connect::OpenError),
    /// There is no usable secret.
    #[error(transparent)]
    Secret(#[from] secret::Error),
    /// The address is taken or not this machine's.
    #[error("cannot listen on {0}: {1}; choose another address with --listen (port 0 takes any free one)")]
    Listen(SocketAddr, #[source] io::Error),
    /// A demonstration was to be reachable from other machines.
    #[error(
        "everybody knows the passwords of a demonstration, so it listens on this machine only: use --listen 127.0.0.1:{0}"
    )]
    ExposedDemo(u16),
    /// The demonstration's content could not be made.
    #[error("the demonstration could not be filled: {0}")]
    Demo(String),
    /// DiceBear's default address is no address; cannot happen.
    #[error("DiceBear's address is not a URL: name one with --dicebear-url")]
    DiceBear,
}

/// How a server is started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// On its own: the address asked for or none.
    Alone,
    /// Inside the client: the next free port will do, pictures are drawn in process, nobody is told to slow down, and
    /// a directory that is served already is no error.
    Local,
}

/// What starting came to.
pub enum Started {
    /// A server runs in this process.
    Here(Running),
    /// Another process serves this directory, at this address.
    Elsewhere(SocketAddr),
}

/// A server that runs in this process, until [`Running::stop`].
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    app: Arc<App>,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
    /// Held as long as the server runs.
    _lock: Lock,
    /// Goes when the server has stopped.
    _throw_away: Option<tempfile::TempDir>,
}

impl Running {
    /// The application, for those who need no HTTP.
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
pub async fn start(config: &Config, mode: Mode) -> Result<Started, Error> {
    if config.demo && !config.listen.ip().is_loopback() {
        return Err(Error::ExposedDemo(config.listen.port()));
    }
    let throw_away = if config.demo { Some(throw_away()?) } else { None };
    let dir = match &throw_away {
        Some(dir) => dir.path().to_owned(),
        None => config.data_dir().map_err(Error::DataDir)?,
    };
    let lock = match claim(&dir).await? {
        Claim::Mine(lock) => lock,
        Claim::Theirs(address) if mode == Mode::Local => return Ok(Started::Elsewhere(address)),
        Claim::Theirs(address) => return Err(Error::Owned(dir, address)),
    };
    let app = app(config, mode, (&dir, &lock)).await?;
    if config.demo {
        fill(&app).await?;
    }
    let listener = listen(config.listen, mode).await?;
    let address = listener.local_addr().map_err(|e| Error::Listen(config.listen, e))?;
    lock.publish(address).map_err(|source| local::Error::Unusable { path: dir, source })?;
    let (stop, mut stopped) = watch::channel(false);
    let shutdown = async move {
        // An error is a dropped sender: nobody is left to say stop.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    tokio::spawn(sweep(Arc::downgrade(&app)));
    let limits = HttpLimits { proxies: app.settings.proxies.clone(), ..HttpLimits::default() };
    let limits = match mode {
        Mode::Alone => descriptors::raise_and_fit(limits),
        Mode::Local => descriptors::fit(limits),
    };
    let task = tokio::spawn(HttpServer::new(app.service(), limits).serve(listener, shutdown));
    Ok(Started::Here(Running { address, app, stop, task, _lock: lock, _throw_away: throw_away }))
}

/// Finishes deletions that were left unfinished and forgets old sessions, for as long as the server is there.
async fn sweep(app: Weak<App>) {
    let mut now_and_then = tokio::time::interval(SWEEP);
    loop {
        now_and_then.tick().await;
        let Some(app) = app.upgrade() else { return };
        match app.store.sweep().await {
            Ok(0) | Err(store::Error::Unavailable(_)) => {}
            Ok(things) => tracing::debug!(things, "What was left over was cleared away."),
            Err(error) => tracing::error!(%error, "What was left over could not be cleared away."),
        }
        match app.store.purge_sessions(app.clock.now().plus_millis(-SESSION_MEMORY_MS)).await {
            Ok(0) | Err(store::Error::Unavailable(_)) => {}
            Ok(sessions) => tracing::info!(sessions, "Old sessions were forgotten."),
            Err(error) => tracing::error!(%error, "Old sessions could not be forgotten."),
        }
    }
}

/// Claims the directory. An owner that does not answer was killed a moment ago: then it is claimed again.
async fn claim(dir: &Path) -> Result<Claim, local::Error> {
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

fn throw_away() -> Result<tempfile::TempDir, Error> {
    let made = tempfile::Builder::new().prefix("ro-co-demo-").tempdir();
    made.map_err(|e| Error::DataDir(format!("no directory for the demonstration: {e}")))
}

async fn fill(app: &App) -> Result<(), Error> {
    let wrong = |e: &dyn std::error::Error| Error::Demo(e.to_string());
    let password = app.hash_password(Requester::LOCAL, demo::PASSWORD).await.map_err(|e| wrong(&e))?;
    demo::fill(app.store.as_ref(), app.clock.now(), &password).await.map_err(|e| wrong(&e))
}

async fn listen(address: SocketAddr, mode: Mode) -> Result<TcpListener, Error> {
    match mode {
        Mode::Alone => TcpListener::bind(address).await,
        Mode::Local => local::bind(address).await,
    }
    .map_err(|e| Error::Listen(address, e))
}

async fn app(config: &Config, mode: Mode, (dir, lock): (&Path, &Lock)) -> Result<Arc<App>, Error> {
    let keys = Keys::new(&secrets(config, dir)?)?;
    let store = connect(config, dir, Opener::Server(lock)).await?;
    let default_source =
        if mode == Mode::Local || config.demo { AvatarSource::Builtin } else { AvatarSource::Dicebear };
    let source = match config.avatar_source.unwrap_or(default_source) {
        AvatarSource::Builtin => Source::Builtin,
        AvatarSource::Dicebear => Source::DiceBear {
            base: match &config.dicebear_url {
                Some(url) => url.clone(),
                None => DICEBEAR_URL.parse().map_err(|_| Error::DiceBear)?,
            },
        },
    };
    if config.rate_limits == RateLimits::Off {
        tracing::warn!("There are no rate limits: passwords can be guessed at any speed.");
    }
    let settings = Settings {
        access_ttl_ms: config.access_ttl.0,
        refresh_ttl_ms: config.refresh_ttl.0,
        docs: config.docs || config.listen.ip().is_loopback(),
        local_only: mode == Mode::Local,
        cors_origins: config.cors_origin.clone(),
        limits: match (config.rate_limits, mode) {
            (RateLimits::Off, _) => Policy::Off,
            (RateLimits::Default, Mode::Alone) => Policy::All,
            (RateLimits::Default, Mode::Local) => Policy::Guesses,
        },
        proxies: config.trusted_proxy.iter().copied().collect(),
        quotas: (mode == Mode::Alone && !config.demo).then_some(config.quotas),
        ..Settings::default()
    };
    Ok(App::new(Arc::clone(&store), keys, Avatars::new(store, source), Clock::default(), settings))
}

/// File beats environment beats the data directory's own.
fn secrets(config: &Config, dir: &Path) -> Result<Vec<Secret>, secret::Error> {
    match (&config.secret_file, &config.secret) {
        (Some(file), _) => Secret::read(file),
        (None, Some(text)) => Secret::parse(text.expose_secret(), "ROCO_SECRET"),
        (None, None) => Secret::read_or_make(dir),
    }
}
