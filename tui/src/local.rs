//! Local mode: the server inside this process, or the one another `ro-co` of this user already runs.
//!
//! The only file of the client that knows the server.

use std::process::ExitCode;

use ro_co_server::{
    config::Config,
    demo,
    run::{Mode, Started, start},
};

use crate::{api::Origin, args::Args};

/// Who to sign in as without being asked: the address and the password.
pub(crate) type Visitor = (&'static str, &'static str);

/// Speaks to the local server, which runs in this process for as long as `speak` does unless another process has
/// it already. The error is a line for the user.
pub(crate) async fn with_server(
    args: &Args,
    speak: impl AsyncFnOnce(Origin, Option<Visitor>) -> ExitCode,
) -> Result<ExitCode, String> {
    let config = Config::local(args.data_dir.clone(), args.demo);
    let visitor = args.demo.then_some((demo::VISITOR, demo::PASSWORD));
    match start(&config, Mode::Local).await.map_err(|why| why.to_string())? {
        Started::Elsewhere(address) => Ok(speak(Origin::local(address), visitor).await),
        Started::Here(server) => {
            let code = speak(Origin::local(server.address), visitor).await;
            server.stop().await.map_err(|why| format!("the server did not stop cleanly: {why}"))?;
            Ok(code)
        }
    }
}
