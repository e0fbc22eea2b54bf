//! `ro-co-server`: parses the command line and runs a command.

mod output;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::{Parser, Subcommand};
#[cfg(feature = "mongodb")]
use ro_co_server::import;
use ro_co_server::{
    admin, api,
    clock::Clock,
    config::Config,
    connect::{Opener, connect},
    demo, environment, logging,
    run::{Mode, Running, Started, start},
    store::{
        Store,
        sqlite::{backup, restore},
    },
};
use ro_co_shared::Role;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::output::{fail, print_line};

/// Time limit of a health check.
const HEALTH_TIME: Duration = Duration::from_secs(5);

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
Without a command it serves. All data are in the data directory: ro-co.db and secret.key. With --mongo-uri the
database is in MongoDB instead; any number of servers may share it, each with a data directory of its own and all with
the same secret (--secret-file, or ROCO_SECRET). The server waits for its database before it listens.
When it is ready it prints its URL on standard output; logs go to standard error (RUST_LOG=debug for more).

Examples:
  ro-co-server                                    serve on 127.0.0.1:8080
  ro-co-server --listen :80 --data-dir /srv/ro-co serve on all interfaces
  ro-co-server --demo --listen 127.0.0.1:0        a temporary server with content, on any free port
  ro-co-server admin grant ada@example.org        make the first admin
  ROCO_MONGO_URI=mongodb://db.example.org ro-co-server --listen :80
  ro-co-server backup /backup/ro-co.db            a consistent copy, while it runs
  ro-co-server restore /backup/ro-co.db           put it back, while no server runs

Exit codes: 0 success, 1 failure, 2 could not start; the reason is one line on standard error.";

#[derive(Subcommand)]
enum Command {
    /// Serve (the default)
    Serve,
    /// Print the OpenAPI document
    Openapi,
    /// Copy the database to FILE, consistently even while a server is writing
    Backup {
        /// The copy; must not exist yet
        file: PathBuf,
    },
    /// Put a backup in the place of the database, while no server runs; the old database is kept under another name
    Restore {
        /// The backup
        file: PathBuf,
    },
    /// Import the data of another program
    #[cfg(feature = "mongodb")]
    #[command(subcommand)]
    Import(Import),
    /// Migrate the database to this version (starting does so too)
    Migrate,
    /// Check whether the server at --listen is ready; exits with 0 or 1
    Healthcheck,
    /// Manage accounts
    #[command(subcommand)]
    Admin(Admin),
}

#[cfg(feature = "mongodb")]
#[derive(Subcommand)]
enum Import {
    /// Import users, questions and answers of the original Ro-Co from its MongoDB; repeatable without duplicates
    #[command(after_help = import::AFTER_HELP)]
    RoCo(import::Options),
}

#[derive(Subcommand)]
enum Admin {
    /// Make a user an admin
    Grant {
        /// Their email address
        email: String,
    },
    /// Make an admin a user again
    Revoke {
        /// Their email address
        email: String,
    },
    /// Set a new random password that works for a day, print it, and end the user's sessions
    ResetPassword {
        /// Their email address
        email: String,
    },
}

fn main() -> ExitCode {
    let cli: Cli = match environment::parse() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    // Dropped last: it writes the log's last lines.
    let _log = match logging::start(cli.config.log_format) {
        Ok(log) => log,
        Err(error) => return fail(2, &error.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(2, &format!("cannot start threads: {e}")),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

/// Runs a command. The error is the exit code; why is on standard error by then.
async fn run(cli: Cli) -> Result<(), ExitCode> {
    match cli.command {
        None | Some(Command::Serve) => serve(&cli.config).await,
        Some(Command::Openapi) => output::print_document(&api::spec()),
        Some(Command::Backup { file }) => copy(&cli.config, &file),
        Some(Command::Restore { file }) => restore_backup(&cli.config, &file),
        #[cfg(feature = "mongodb")]
        Some(Command::Import(Import::RoCo(options))) => import_data(&cli.config, &options).await,
        Some(Command::Migrate) => migrate(&cli.config).await,
        Some(Command::Healthcheck) => healthcheck(&cli.config).await,
        Some(Command::Admin(command)) => administer(&cli.config, command).await,
    }
}

async fn serve(config: &Config) -> Result<(), ExitCode> {
    let mut signals =
        StopSignals::new().map_err(|e| fail(2, &format!("cannot install signal handlers: {e}")))?;
    // Starting may wait for the database.
    let started = tokio::select! {
        started = start(config, Mode::Alone) => started,
        () = signals.wait() => return Ok(()),
    };
    let running = match started {
        Ok(Started::Here(running)) => running,
        Ok(Started::Elsewhere(address)) => return Err(fail(2, &format!("already served at {address}"))),
        Err(e) => return Err(fail(2, &e.to_string())),
    };
    announce(config, &running);
    signals.wait().await;
    tracing::info!("Shutting down");
    running.stop().await.map_err(|e| fail(1, &format!("the server did not stop cleanly: {e}")))
}

/// Says where the server listens. It serves all the same when standard output is closed or full.
fn announce(config: &Config, running: &Running) {
    let ready = format!("Ro-Co listens on {}\n", running.url());
    let (email, password) = (demo::VISITOR, demo::PASSWORD);
    let visitor = format!("A demonstration: sign in as {email} with the password \"{password}\".\n");
    if let Err(error) = output::try_print(&if config.demo { ready + &visitor } else { ready }) {
        tracing::warn!(%error, address = %running.address, "Ready line not written to standard output");
    }
}

/// The signals that stop the server. Installed before the ready line, because one may arrive right after it.
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

fn copy(config: &Config, file: &Path) -> Result<(), ExitCode> {
    #[cfg(feature = "mongodb")]
    if config.mongo.target().is_some() {
        return Err(fail(1, "the data is in MongoDB: back it up with mongodump"));
    }
    let dir = config.data_dir().map_err(|why| fail(2, &why))?;
    backup(&dir, file).map_err(|e| fail(1, &e.to_string()))
}

async fn healthcheck(config: &Config) -> Result<(), ExitCode> {
    let tls = config.tls_files().is_some();
    let scheme = if tls { "https" } else { "http" };
    let url = format!("{scheme}://{}/health/ready", config.listen.local_authority());
    // Never through a proxy of the environment, and whatever name the certificate is for: the server is on this machine.
    let client =
        reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(tls).timeout(HEALTH_TIME);
    let client = client.build();
    let client = client.map_err(|e| fail(1, &format!("cannot create an HTTP client: {e}")))?;
    match client.get(&url).send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(fail(1, &format!("{url} returned {}", answer.status()))),
        Err(_) => Err(fail(1, &format!("{url} does not respond"))),
    }
}

fn restore_backup(config: &Config, file: &Path) -> Result<(), ExitCode> {
    #[cfg(feature = "mongodb")]
    if config.mongo.target().is_some() {
        return Err(fail(1, "the data is in MongoDB: restore it with mongorestore"));
    }
    let dir = config.data_dir().map_err(|why| fail(2, &why))?;
    match restore(&dir, file).map_err(|e| fail(1, &e.to_string()))? {
        None => output::print_line("The backup was restored."),
        Some(kept) => output::print_line(&format!(
            "The backup was restored. The previous database is {}.",
            kept.display()
        )),
    }
}

/// Opens the store, whether or not a server is running.
async fn open(config: &Config) -> Result<Arc<dyn Store>, ExitCode> {
    let dir = config.data_dir().map_err(|why| fail(2, &why))?;
    connect(config, &dir, Opener::Command).await.map_err(|e| fail(2, &e.to_string()))
}

#[cfg(feature = "mongodb")]
async fn import_data(config: &Config, options: &import::Options) -> Result<(), ExitCode> {
    let store = open(config).await?;
    let report = import::run(options, store, ro_co_shared::Timestamp::now())
        .await
        .map_err(|e| fail(if e.at_start() { 2 } else { 1 }, &e.to_string()))?;
    if options.dry_run {
        print_line("A dry run: nothing was written. An import would do this:")?;
    }
    print_line(&report.to_string())
}

async fn migrate(config: &Config) -> Result<(), ExitCode> {
    open(config).await?.close().await;
    print_line("The database is up to date.")
}

async fn administer(config: &Config, command: Admin) -> Result<(), ExitCode> {
    config.must_have_data().map_err(|why| fail(2, &why))?;
    let store = open(config).await?;
    let done = match command {
        Admin::Grant { email } => set_role(&*store, &email, Role::Admin).await,
        Admin::Revoke { email } => set_role(&*store, &email, Role::User).await,
        Admin::ResetPassword { email } => reset_password(&*store, &email).await,
    };
    store.close().await;
    done
}

/// Sets a role. What is going to be done is printed before it is done: nothing changes where nobody can be told.
async fn set_role(store: &dyn Store, email: &str, role: Role) -> Result<(), ExitCode> {
    let failed = |e: admin::AdminError| fail(1, &e.to_string());
    let account = admin::find(store, email).await.map_err(failed)?;
    let name = if role == Role::Admin { "an admin" } else { "a user" };
    print_line(&format!("Making {} {name}.", account.username))?;
    admin::set_role(store, email, role).await.map_err(failed)?;
    print_line("Done.")
}

/// Shows the new password before it is set: one that nobody has seen would lock its user out.
async fn reset_password(store: &dyn Store, email: &str) -> Result<(), ExitCode> {
    let reset = admin::PasswordReset::prepare(store, email).await.map_err(|e| fail(1, &e.to_string()))?;
    if is_discarded(&std::io::stdout()) {
        return Err(fail(
            1,
            "the new password could not be shown, so it was not set: standard output is closed",
        ));
    }
    let shown = format!(
        "The new password of {}: {}\nIt works for 24 hours, and must be changed at the next sign-in.\n",
        reset.username(),
        reset.password()
    );
    output::try_print(&shown)
        .map_err(|e| fail(1, &format!("the new password could not be shown, so it was not set: {e}")))?;
    let applied = reset.apply(store, &Clock::default()).await;
    applied.map_err(|e| fail(1, &format!("the password was not changed: {e}")))?;
    print_line("Done.")
}

/// Whether what is written here goes to `/dev/null`, as Rust opens it in place of a descriptor that was closed.
fn is_discarded(out: &impl std::os::fd::AsFd) -> bool {
    let device = |stat: rustix::fs::Stat| (rustix::fs::FileType::from_raw_mode(stat.st_mode), stat.st_rdev);
    let (out, null) = (rustix::fs::fstat(out), rustix::fs::stat("/dev/null"));
    out.is_ok_and(|out| null.is_ok_and(|null| device(out) == device(null)))
}
