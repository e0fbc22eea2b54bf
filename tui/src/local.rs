//! Local mode: the server inside this process, or the one another `ro-co` of this user already runs.
//!
//! The only file of the client that knows the server.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use futures_util::future::BoxFuture;
use ro_co_server::{
    config::Config,
    demo,
    local::Owner,
    run::{Mode, Running, Started, start},
};
use tokio::sync::Mutex;

use crate::{
    api::{Host, Origin},
    args::Args,
    clean::Clean,
};

/// Who to sign in as without being asked: the address and the password.
pub(crate) type Visitor = (&'static str, &'static str);

/// Runs `speak` against the local server, which is in this process unless another process serves the directory
/// it. The error is a line for the user.
pub(crate) async fn with_server(
    args: &Args,
    speak: impl AsyncFnOnce(Origin, Option<Arc<dyn Host>>, Option<Visitor>) -> ExitCode,
) -> Result<ExitCode, String> {
    let config = Config::local(args.data_dir.clone(), args.demo);
    let visitor = args.demo.then_some((demo::VISITOR, demo::PASSWORD));
    let local = Arc::new(Local::start(config).await?);
    let code = speak(local.origin.clone(), Some(Arc::clone(&local) as Arc<dyn Host>), visitor).await;
    local.stop().await?;
    Ok(code)
}

/// The local server, wherever it runs.
struct Local {
    config: Config,
    origin: Origin,
    server: Mutex<ServerLocation>,
}

/// Where it runs.
enum ServerLocation {
    /// In this process.
    Here(Running),
    /// In another process, which may end at any moment.
    Elsewhere,
    /// Nowhere any more: this process is about to end.
    Stopped,
}

impl Local {
    async fn start(config: Config) -> Result<Self, String> {
        let (place, address) = match start(&config, Mode::Local).await.map_err(|why| why.to_string())? {
            Started::Elsewhere(address) => {
                refuse_stopped_owner(&config)?;
                (ServerLocation::Elsewhere, address)
            }
            Started::Here(server) => {
                let address = server.address;
                (ServerLocation::Here(server), address)
            }
        };
        let origin = Origin::local(address, unusual_dir(&config).as_deref());
        Ok(Self { config, origin, server: Mutex::new(place) })
    }

    async fn stop(&self) -> Result<(), String> {
        match std::mem::replace(&mut *self.server.lock().await, ServerLocation::Stopped) {
            ServerLocation::Here(server) => {
                server.stop().await.map_err(|why| format!("the server did not stop cleanly: {why}"))
            }
            ServerLocation::Elsewhere | ServerLocation::Stopped => Ok(()),
        }
    }

    /// Asks whose the data directory is now, by the lock that ends with its holder: the port alone may have got another
    /// owner meanwhile, such as the server of another directory. A process that finds it free takes it over and serves the others.
    async fn follow(&self) -> Result<(), Clean> {
        let mut place = self.server.lock().await;
        match *place {
            ServerLocation::Here(_) => return Ok(()),
            ServerLocation::Stopped => return Err("the server has been stopped".into()),
            ServerLocation::Elsewhere => {}
        }
        match start(&self.config, Mode::Local).await.map_err(|why| Clean::line(&why.to_string()))? {
            Started::Elsewhere(address) => {
                self.origin.move_to(address);
                refuse_stopped_owner(&self.config).map_err(|why| Clean::line(&why))?;
            }
            Started::Here(server) => {
                tracing::info!(address = %server.address, "Local server taken over from a process that ended");
                self.origin.move_to(server.address);
                *place = ServerLocation::Here(server);
            }
        }
        Ok(())
    }
}

impl Host for Local {
    fn ensure_running(&self) -> BoxFuture<'_, Result<(), Clean>> {
        Box::pin(self.follow())
    }
}

/// Names an owner that is stopped. It still holds the lock, and its port still takes connections, so without this
/// every request would wait for its limit.
fn refuse_stopped_owner(config: &Config) -> Result<(), String> {
    let owner = config.data_dir().ok().and_then(|dir| Owner::of(&dir)).filter(Owner::is_stopped);
    owner.map_or(Ok(()), |Owner { pid, .. }| {
        Err(format!(
            "the ro-co that serves this directory (process {pid}) is stopped: continue it with `fg` in its terminal, \
             or with `kill -CONT {pid}`"
        ))
    })
}

/// The canonical path of the data directory, if it is not the one used where none is named.
fn unusual_dir(config: &Config) -> Option<PathBuf> {
    let canonical = |dir: &Path| dir.canonicalize().or_else(|_| std::path::absolute(dir)).ok();
    let dir = canonical(config.data_dir.as_deref()?)?;
    let usual = Config::local(None, false).data_dir().ok().and_then(|usual| canonical(&usual));
    (usual.as_ref() != Some(&dir)).then_some(dir)
}
