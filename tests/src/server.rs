//! The built server as a child process.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    contract::Contract,
    http::{Reply, Request},
    programs::program,
    recorder::{Exchange, Recorder},
    wait::{LIMIT, until},
};

/// Command line and environment of a server. The defaults: a free port, a directory of its own, built-in avatars.
#[derive(Clone, Debug, Default)]
pub struct Options {
    data_dir: Option<PathBuf>,
    program: Option<PathBuf>,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

impl Options {
    /// Uses this data directory, and does not remove it.
    pub fn data_dir(mut self, dir: &Path) -> Self {
        self.data_dir = Some(dir.to_path_buf());
        self
    }

    /// Runs this program, another release, instead of the one that is built here.
    pub fn program(mut self, program: &Path) -> Self {
        self.program = Some(program.to_path_buf());
        self
    }

    /// Adds arguments; they override the defaults.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&a| a.to_owned()));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Without rate limits, for load beyond ordinary use. Other tests keep them, so that a limit which ordinary use
    /// exceeds fails a test.
    pub fn unlimited(self) -> Self {
        self.args(&["--rate-limits", "off"])
    }

    /// The command, with the caller's environment removed.
    pub fn command(&self, data_dir: &Path) -> Command {
        let mut command = self.bare_command(data_dir);
        // Defaults by environment, because flags override it.
        command
            .env("ROCO_LISTEN", "127.0.0.1:0")
            .env("ROCO_AVATAR_SOURCE", "builtin")
            .env("ROCO_DATA_DIR", data_dir);
        command.envs(self.env.iter().map(|(name, value)| (name, value))).args(&self.args);
        command
    }

    fn bare_command(&self, home: &Path) -> Command {
        let mut command = Command::new(self.program.clone().unwrap_or_else(|| program("ro-co-server")));
        command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null());
        command
    }
}

/// A running server. Dropping it kills it; a failing test prints its log.
pub struct Server {
    /// The socket address it listens on.
    pub address: SocketAddr,
    /// Its data directory.
    pub data_dir: PathBuf,
    options: Options,
    child: Child,
    log: Arc<Mutex<String>>,
    home: Option<TempDir>,
    recorder: OnceLock<Recorder>,
}

impl Server {
    /// Starts one and waits for its ready line.
    ///
    /// # Panics
    /// On timeout; the message contains its log.
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// Starts one with options.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn start_with(options: Options) -> Self {
        let home = options.data_dir.is_none().then(|| tempfile::tempdir().unwrap());
        let data_dir = options.data_dir.clone().unwrap_or_else(|| home.as_ref().unwrap().path().join("data"));
        let (child, address, log) = launch(&options, &data_dir);
        Self { address, data_dir, options, child, log, home, recorder: OnceLock::new() }
    }

    /// Starts it again on the same directory, after [`Server::kill`] or [`Server::stop`]. The port is another one,
    /// unless the options fix it.
    pub fn restart(&mut self) {
        (self.child, self.address, self.log) = launch(&self.options, &self.data_dir);
    }

    /// Starts it again on the same directory and the same port.
    pub fn restart_here(&mut self) {
        self.options.env.push(("ROCO_LISTEN".into(), self.address.to_string()));
        self.restart();
    }

    /// Its base URL, as the client takes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of a recorder in front of this server. All traffic through it must conform to `openapi.json`: dropping
    /// the server fails the test otherwise.
    pub fn watched_url(&self) -> String {
        format!("http://{}", self.recorder.get_or_init(|| Recorder::before(self.address)).address)
    }

    /// The exchanges recorded so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.recorder.get().map(Recorder::exchanges).unwrap_or_default()
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM and waits for its exit.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        until("the server's end", || self.child.try_wait().unwrap())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard error so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a request and reads the answer.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Reply {
        request.send(self.address).unwrap_or_else(|e| panic!("no answer ({e}) to {request:.200?}"))
    }

    /// Reads a path without a token.
    #[track_caller]
    pub fn open(&self, path: &str) -> Reply {
        self.send(&Request::new("GET", path))
    }

    /// Runs `ro-co-server` with these arguments on this server's data directory.
    pub fn admin(&self, args: &[&str]) -> Output {
        let mut command = self.options.bare_command(&self.data_dir);
        command.envs(self.options.env.iter().map(|(name, value)| (name, value)));
        command.args(args).arg("--data-dir").arg(&self.data_dir).output().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let place = self.home.as_ref().map_or(&*self.data_dir, TempDir::path);
            println!("--- log of the server on {} ({})\n{}", self.address, place.display(), self.log());
            return;
        }
        let exchanges = self.exchanges();
        if !exchanges.is_empty() {
            let contract = Contract::load();
            let found: BTreeSet<_> = exchanges.iter().flat_map(|e| contract.findings(e)).collect();
            assert!(found.is_empty(), "violations of openapi.json: {found:#?}");
        }
    }
}

/// Runs `ro-co-server` with options that should prevent its start, and waits for its exit.
///
/// # Panics
/// When it is still running after the timeout.
pub fn run_to_end(options: &Options, data_dir: &Path) -> Output {
    let mut child = options.command(data_dir).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let ended = crate::wait::until_within(LIMIT, || child.try_wait().unwrap());
    if ended.is_none() {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(ended.is_some(), "it started all the same: {}", String::from_utf8_lossy(&output.stdout));
    output
}

/// Asserts that a server refused to start: exit code 2, and one line that says what to do.
///
/// # Panics
/// When it did not.
#[track_caller]
pub fn refused(output: &Output, saying: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one line was expected:\n{said}");
    for word in saying {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(!said.contains("panicked") && !said.contains("Os {"), "{said}");
    assert!(
        output.stdout.is_empty(),
        "not ready, and yet it said: {}",
        String::from_utf8_lossy(&output.stdout)
    );
}

fn launch(options: &Options, data_dir: &Path) -> (Child, SocketAddr, Arc<Mutex<String>>) {
    let mut child = options.command(data_dir).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let log = collect(child.stderr.take().unwrap());
    let ready = first_line(child.stdout.take().unwrap());
    let address = ready.recv_timeout(LIMIT).ok().as_deref().and_then(address_in);
    let Some(address) = address else {
        let _ = child.kill();
        let status = child.wait();
        panic!("the server did not get ready ({status:?}):\n{}", log.lock().unwrap());
    };
    (child, address, log)
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split_once("://")?.1;
    let end = rest.find(|c: char| !c.is_ascii_digit() && !".:[]".contains(c)).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Receives the ready line; the rest of standard output is drained, so that the pipe never fills.
fn first_line(from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

fn collect(from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let to = Arc::clone(&log);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut log = to.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
    log
}
