//! Background jobs: each runs at its interval, on one of the servers of a database at a time.
//!
//! The server that runs a job holds its lease in the store and renews it on the way. A server that dies stops renewing,
//! and another one runs the job once the lease is over. Every job may be stopped anywhere and begun again.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::future::BoxFuture;
use ro_co_shared::{SessionId, Timestamp};

use crate::{
    app::App,
    store::{Error, Result},
};

/// How long a lease lasts that is not renewed, and how often it is.
const LEASE: Duration = Duration::from_secs(30);
const RENEWAL: Duration = Duration::from_secs(10);

/// How soon a job that failed is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// How long sessions are kept after their end.
const SESSION_MEMORY_MS: i64 = 7 * 24 * 3_600_000;

/// A job that is repeated.
#[derive(Clone, Copy)]
struct Job {
    name: &'static str,
    /// The pause between two runs.
    every: Duration,
    /// One run; how many rows it dealt with.
    run: fn(Arc<App>) -> BoxFuture<'static, Result<u64>>,
}

/// What every store needs.
const ALWAYS: [Job; 2] = [
    Job {
        name: "deletions",
        every: Duration::from_mins(5),
        run: |app| Box::pin(async move { app.store.sweep().await }),
    },
    Job {
        name: "sessions",
        every: Duration::from_hours(1),
        run: |app| Box::pin(async move { app.store.purge_sessions(remembered(&app)).await }),
    },
];

/// Where [counts can drift](crate::store::Store::counts_can_drift).
const RECOUNTS: Job = Job {
    name: "recounts",
    every: Duration::from_mins(1),
    run: |app| Box::pin(async move { app.store.recount().await }),
};

/// Sessions that ended before this are forgotten.
fn remembered(app: &App) -> Timestamp {
    app.clock.now().plus_millis(-SESSION_MEMORY_MS)
}

/// Starts the jobs, which go on for as long as the application is there.
pub(crate) fn start(app: &Arc<App>) {
    let recounts = app.store.counts_can_drift().then_some(&RECOUNTS);
    // An id that no other server has, nor this one after a restart.
    let holder: Arc<str> = SessionId::new().to_string().into();
    for job in ALWAYS.iter().chain(recounts) {
        tokio::spawn(repeat(Arc::downgrade(app), *job, Arc::clone(&holder)));
    }
}

async fn repeat(app: Weak<App>, job: Job, holder: Arc<str>) {
    while let Some(app) = app.upgrade() {
        let pause = match run(&app, job, &holder).await {
            Ok(None | Some(0)) => job.every,
            Ok(Some(rows)) => {
                tracing::info!(job = job.name, rows, "Job finished");
                job.every
            }
            Err(Error::Unavailable(_)) => RETRY,
            Err(error) => {
                tracing::error!(job = job.name, %error, "Job failed");
                job.every
            }
        };
        drop(app);
        tokio::time::sleep(pause).await;
    }
}

/// Runs a job once; nothing if another server is running it.
async fn run(app: &Arc<App>, job: Job, holder: &str) -> Result<Option<u64>> {
    if !app.store.lease(job.name, holder, LEASE).await? {
        return Ok(None);
    }
    let done = tokio::select! {
        done = (job.run)(Arc::clone(app)) => done.map(Some),
        () = lost(app, job, holder) => {
            tracing::warn!(job = job.name, "Job stopped: another server has its lease");
            return Ok(None);
        }
    };
    let released = app.store.release(job.name, holder).await;
    let rows = done?;
    released.map(|()| rows)
}

/// Renews the lease until another server has it.
async fn lost(app: &App, job: Job, holder: &str) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        // While the store does not answer, the job gets no further either.
        if let Ok(false) = app.store.lease(job.name, holder, LEASE).await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        Settings,
        avatar::{Avatars, Source},
        clock::Clock,
        keys::Keys,
        secret::Secret,
        store::sqlite::Sqlite,
    };

    fn app() -> (tempfile::TempDir, Arc<App>) {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn crate::store::Store> = Arc::new(Sqlite::open(dir.path()).unwrap());
        let keys = Keys::new(&Secret::read_or_make(dir.path()).unwrap()).unwrap();
        let avatars = Avatars::new(store.clone(), Source::Builtin);
        (dir, App::new(store, keys, avatars, Clock::default(), Settings::default()))
    }

    fn job(name: &'static str, run: fn(Arc<App>) -> BoxFuture<'static, Result<u64>>) -> Job {
        Job { name, every: LEASE, run }
    }

    /// Waits for a permit, which a job adds to tell how far it is, or a test to let it go on.
    async fn take(permits: &Semaphore) {
        tokio::time::timeout(Duration::from_secs(10), permits.acquire()).await.unwrap().unwrap().forget();
    }

    fn spawn(app: &Arc<App>, job: Job, holder: &'static str) -> tokio::task::JoinHandle<Option<u64>> {
        let app = Arc::clone(app);
        tokio::spawn(async move { run(&app, job, holder).await.unwrap() })
    }

    #[tokio::test]
    async fn one_server_runs_a_job_at_a_time() {
        static STARTED: Semaphore = Semaphore::const_new(0);
        static GATE: Semaphore = Semaphore::const_new(0);
        let gated = job("gated", |_| {
            Box::pin(async {
                STARTED.add_permits(1);
                take(&GATE).await;
                Ok(7)
            })
        });
        let (_dir, app) = app();
        let first = spawn(&app, gated, "a");
        take(&STARTED).await;
        assert_eq!(run(&app, gated, "b").await.unwrap(), None);
        GATE.add_permits(2);
        assert_eq!(first.await.unwrap(), Some(7));
        assert_eq!(run(&app, gated, "b").await.unwrap(), Some(7), "the lease was given up");
    }

    #[tokio::test]
    async fn a_job_ends_when_another_server_has_its_lease() {
        static STARTED: Semaphore = Semaphore::const_new(0);
        let endless = job("endless", |_| {
            Box::pin(async {
                STARTED.add_permits(1);
                std::future::pending().await
            })
        });
        let (_dir, app) = app();
        let first = spawn(&app, endless, "a");
        take(&STARTED).await;
        app.store.release("endless", "a").await.unwrap();
        assert!(app.store.lease("endless", "b", LEASE).await.unwrap());
        // Only now, or the clock would run ahead while the store's thread works.
        tokio::time::pause();
        tokio::time::advance(RENEWAL).await;
        assert_eq!(first.await.unwrap(), None);
        assert!(!app.store.lease("endless", "a", LEASE).await.unwrap(), "it took nothing back");
    }

    #[tokio::test]
    async fn a_job_that_fails_gives_its_lease_up() {
        let failing = job("failing", |_| Box::pin(async { Err(Error::NotFound) }));
        let (_dir, app) = app();
        assert!(matches!(run(&app, failing, "a").await, Err(Error::NotFound)));
        assert!(app.store.lease("failing", "b", LEASE).await.unwrap());
    }
}
