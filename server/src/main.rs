//! `ro-co-server`: parses the command line and does what it says.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its user")]

use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand};
#[cfg(feature = "mongodb")]
use ro_co_server::import;
use ro_co_server::{
    admin, api,
    clock::Clock,
    config::Config,
    connect::{Opener, connect},
    demo,
    run::{Mode, Running, Started, start},
    store::{self, Store, sqlite::backup},
};
use ro_co_shared::Role;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The Ro-Co server: questions and answers for students, over a documented REST API
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP, args_override_self = true)]
struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Without a command it serves. Everything it keeps is in the data directory: ro-co.db and secret.key. With --mongo-uri the
database is in MongoDB instead; any number of servers may share it, each with a data directory of its own and all with
the same secret (--secret-file, or ROCO_SECRET). A server whose database does not answer yet waits for it before it listens.
When it is ready it prints its address on standard output; logs go to standard error (RUST_LOG=debug for more).

Examples:
  ro-co-server                                    serve on 127.0.0.1:8080
  ro-co-server --listen 0.0.0.0:80 --data-dir /srv/ro-co
  ro-co-server --demo --listen 127.0.0.1:0        a throw-away server with content, on any free port
  ro-co-server admin grant ada@example.org        make the first admin
  ROCO_MONGO_URI=mongodb://db.example.org ro-co-server --listen 0.0.0.0:80
  ro-co-server backup /backup/ro-co.db            a consistent copy, while it runs

Exit codes: 0 done, 1 not done, 2 it could not start; standard error says why in one line.";

#[derive(Subcommand)]
enum Command {
    /// Serve (what it does without a command)
    Serve,
    /// Print the OpenAPI document
    Openapi,
    /// Copy the database to FILE, consistent even while a server writes to it
    Backup {
        /// The copy; must not exist
        file: PathBuf,
    },
    /// Take over the data of another program
    #[cfg(feature = "mongodb")]
    #[command(subcommand)]
    Import(Import),
    /// Bring the database up to date (what starting does as well)
    Migrate,
    /// Ask the server at --listen whether it is ready; exits with 0 or 1
    Healthcheck,
    /// Do what only an operator may
    #[command(subcommand)]
    Admin(Admin),
}

#[cfg(feature = "mongodb")]
#[derive(Subcommand)]
enum Import {
    /// Import users, questions and answers of the original Ro-Co from its MongoDB; again and again, without doubles
    #[command(after_help = import::AFTER_HELP)]
    RoCo(import::Options),
}

#[derive(Subcommand)]
enum Admin {
    /// Make somebody an admin
    Grant {
        /// The address they sign in with
        email: String,
    },
    /// Make an admin a user again
    Revoke {
        /// The address they sign in with
        email: String,
    },
    /// Give somebody a new password that works for a day, print it, and end their sessions
    ResetPassword {
        /// The address they sign in with
        email: String,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(tracing::Level::INFO.into())
                .from_env_lossy(),
        )
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(2, &format!("the system gives no threads: {e}")),
    };
    runtime.block_on(async {
        match cli.command {
            None | Some(Command::Serve) => serve(&cli.config).await,
            Some(Command::Openapi) => print_all(&api::spec()),
            Some(Command::Backup { file }) => copy(&cli.config, &file),
            #[cfg(feature = "mongodb")]
            Some(Command::Import(Import::RoCo(options))) => take_over(&cli.config, &options).await,
            Some(Command::Migrate) => migrate(&cli.config).await,
            Some(Command::Healthcheck) => healthcheck(&cli.config).await,
            Some(Command::Admin(command)) => administer(&cli.config, command).await,
        }
    })
}

/// Writes a long text; a reader that has seen enough of it (`| head`) is no failure.
fn print_all(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => fail(1, &format!("it could not be written: {e}")),
        _ => ExitCode::SUCCESS,
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("ro-co-server: {why}");
    ExitCode::from(code)
}

async fn serve(config: &Config) -> ExitCode {
    let mut signals = match StopSignals::new() {
        Ok(signals) => signals,
        Err(e) => return fail(2, &format!("the system gives no signals: {e}")),
    };
    // It may wait for a database.
    let started = tokio::select! {
        started = start(config, Mode::Alone) => started,
        () = signals.wait() => return ExitCode::SUCCESS,
    };
    let running = match started {
        Ok(Started::Here(running)) => running,
        Ok(Started::Elsewhere(address)) => return fail(2, &format!("served already at {address}")),
        Err(e) => return fail(2, &e.to_string()),
    };
    println!("Ro-Co listens on http://{}", running.address);
    if config.demo {
        println!("A demonstration: sign in as {} with the password \"{}\".", demo::VISITOR, demo::PASSWORD);
    }
    signals.wait().await;
    stop(running).await
}

async fn stop(running: Running) -> ExitCode {
    tracing::info!("The server stops.");
    match running.stop().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(1, &format!("the server did not stop cleanly: {e}")),
    }
}

/// The signals that mean "stop". Made before the server says that it is ready: from then on, one may come.
struct StopSignals([Signal; 3]);

impl StopSignals {
    fn new() -> std::io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Ok(Self([signal(interrupt)?, signal(terminate)?, signal(hangup)?]))
    }

    async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

fn copy(config: &Config, file: &Path) -> ExitCode {
    #[cfg(feature = "mongodb")]
    if config.mongo.target().is_some() {
        return fail(1, "the data is in MongoDB, which copies it itself: use mongodump");
    }
    let dir = match config.data_dir() {
        Ok(dir) => dir,
        Err(why) => return fail(2, &why),
    };
    match backup(&dir, file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(1, &e.to_string()),
    }
}

async fn healthcheck(config: &Config) -> ExitCode {
    let url = format!("http://{}/health/ready", config.listen);
    match reqwest::Client::new().get(&url).timeout(std::time::Duration::from_secs(5)).send().await {
        Ok(answer) if answer.status().is_success() => ExitCode::SUCCESS,
        Ok(answer) => fail(1, &format!("{url} answers {}", answer.status())),
        Err(_) => fail(1, &format!("{url} does not answer")),
    }
}

/// The store beside a running server, or without one.
async fn open(config: &Config) -> Result<Arc<dyn Store>, ExitCode> {
    let dir = config.data_dir().map_err(|why| fail(2, &why))?;
    connect(config, &dir, Opener::Command).await.map_err(|e| fail(2, &e.to_string()))
}

#[cfg(feature = "mongodb")]
async fn take_over(config: &Config, options: &import::Options) -> ExitCode {
    let store = match open(config).await {
        Ok(store) => store,
        Err(code) => return code,
    };
    match import::run(options, store, ro_co_shared::Timestamp::now()).await {
        Ok(report) => {
            if options.dry_run {
                println!("A dry run: nothing was written. An import would do this:");
            }
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(e) => fail(if e.at_start() { 2 } else { 1 }, &e.to_string()),
    }
}

async fn migrate(config: &Config) -> ExitCode {
    match open(config).await {
        Ok(store) => {
            store.close().await;
            println!("The database is up to date.");
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

async fn administer(config: &Config, command: Admin) -> ExitCode {
    if let Err(why) = config.must_have_data() {
        return fail(2, &why);
    }
    let store = match open(config).await {
        Ok(store) => store,
        Err(code) => return code,
    };
    let role_set = |done: Result<store::Account, admin::AdminError>, role: &str| match done {
        Ok(account) => print_all(&format!("{} is {role} now.\n", account.username)),
        Err(e) => fail(1, &e.to_string()),
    };
    let code = match command {
        Admin::Grant { email } => role_set(admin::set_role(&*store, &email, Role::Admin).await, "an admin"),
        Admin::Revoke { email } => role_set(admin::set_role(&*store, &email, Role::User).await, "a user"),
        Admin::ResetPassword { email } => reset_password(&*store, &email).await,
    };
    store.close().await;
    code
}

/// Shows the new password before it is set: one that nobody has seen would lock its user out.
async fn reset_password(store: &dyn Store, email: &str) -> ExitCode {
    let reset = match admin::PasswordReset::prepare(store, email).await {
        Ok(reset) => reset,
        Err(e) => return fail(1, &e.to_string()),
    };
    let mut out = std::io::stdout().lock();
    if is_discarded(&out) {
        return fail(1, "the new password could not be shown, so it was not set: standard output is closed");
    }
    let shown = writeln!(out, "The new password of {}: {}", reset.username(), reset.password())
        .and_then(|()| writeln!(out, "It works for 24 hours, and must be changed at the next sign-in."))
        .and_then(|()| out.flush());
    drop(out);
    if let Err(e) = shown {
        return fail(1, &format!("the new password could not be shown, so it was not set: {e}"));
    }
    match reset.apply(store, &Clock::default()).await {
        Ok(()) => print_all("Done.\n"),
        Err(e) => fail(1, &format!("the password was not changed: {e}")),
    }
}

/// Whether what is written here goes to `/dev/null`, as Rust opens it in place of a descriptor that was closed.
fn is_discarded(out: &impl std::os::fd::AsFd) -> bool {
    let device = |stat: rustix::fs::Stat| (rustix::fs::FileType::from_raw_mode(stat.st_mode), stat.st_rdev);
    let (out, null) = (rustix::fs::fstat(out), rustix::fs::stat("/dev/null"));
    out.is_ok_and(|out| null.is_ok_and(|null| device(out) == device(null)))
}
