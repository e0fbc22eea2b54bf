//! Program start: from the command line to the full screen or a plain command.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::Arc,
};

use crate::{
    api::{Api, Host, Origin},
    app,
    args::{Args, Command},
    avatar::{Avatars, Colours},
    drafts::Drafts,
    log,
    places::AppDirs,
    plain::{self, say},
    theme::Theme,
    token::{TokenStoreChoice, Tokens},
};

/// Could not start.
const UNUSABLE: u8 = 2;

/// Runs the client and returns its exit code.
pub fn start(args: Args) -> ExitCode {
    if args.command.is_none() && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return refuse(
            "this needs a terminal. To run the server alone: cargo run --release -p ro-co-server (or \
             ro-co-server, where it is installed).",
        );
    }
    let places = AppDirs::of_user();
    if args.command == Some(Command::Logs) {
        return plain::logs(places.as_ref());
    }
    // A demonstration leaves nothing behind.
    log::start(places.as_ref().filter(|_| !args.demo).map(|places| places.state.as_path()), args.log_level);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return refuse(&format!("could not start: {why}")),
    };
    let code = runtime.block_on(run(args));
    // A keyring or a name lookup that hangs must not keep the shell waiting.
    runtime.shutdown_background();
    code
}

async fn run(args: Args) -> ExitCode {
    let done = match &args.server {
        Some(server) => match Origin::parse(server, args.insecure) {
            Ok(origin) => Ok(speak(&args, origin, None, None).await),
            Err(why) if args.server_is_variable => Err(format!("ROCO_SERVER: {why}")),
            Err(why) => Err(why),
        },
        #[cfg(feature = "local")]
        None => {
            crate::local::with_server(&args, async |origin, host, visitor| {
                speak(&args, origin, host, visitor).await
            })
            .await
        }
        #[cfg(not(feature = "local"))]
        None => Err("which server? Give its address with --server URL.".into()),
    };
    done.unwrap_or_else(|why| refuse(&why))
}

/// Does what was asked for with this server.
async fn speak(
    args: &Args,
    origin: Origin,
    host: Option<Arc<dyn Host>>,
    visitor: Option<(&str, &str)>,
) -> ExitCode {
    // A demonstration is gone when it ends: it keeps no sign-in, no drafts and no pictures.
    let kept = AppDirs::of_user().filter(|_| !args.demo);
    let store = if args.demo { TokenStoreChoice::None } else { args.token_store };
    let tokens = Tokens::new(store, origin.key(), kept.as_ref().map(|places| places.state.clone()));
    let Ok(api) = Api::hosted(origin.clone(), tokens, host) else {
        return refuse("this machine has no usable TLS set-up.");
    };
    if let Some((email, password)) = visitor
        && let Err(why) = api.login(email, password).await
    {
        return refuse(&format!("the demonstration could not be opened: {}", why.words()));
    }
    match &args.command {
        Some(Command::Whoami) => return plain::whoami(&api).await,
        Some(Command::Logs) => return plain::logs(kept.as_ref()),
        Some(Command::Avatar { user }) => {
            return plain::avatar(&api, user.as_deref().unwrap_or("me"), args.avatars).await;
        }
        None => {}
    }
    let colours = colours(|name| std::env::var(name).ok());
    let avatars =
        Avatars::new(api.clone(), kept.as_ref().map(|places| places.cache.clone()), args.avatars, colours);
    let drafts = kept.as_ref().map(|places| Drafts::new(&places.state, &origin));
    let theme = if colours == Colours::None { Theme::plain() } else { Theme::ansi() };
    let parts = app::AppParts { api, avatars, drafts, choice: args.avatars, theme, places: kept };
    match app::run(parts).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!(error = %why, "Client stopped");
            say(&format!("stopped: {why}{}", log::hint()));
            ExitCode::FAILURE
        }
    }
}

/// What the environment says about colours.
fn colours(env: impl Fn(&str) -> Option<String>) -> Colours {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let term = set("TERM").unwrap_or_default();
    if set("NO_COLOR").is_some() || term == "dumb" {
        return Colours::None;
    }
    match set("COLORTERM").as_deref() {
        Some("truecolor" | "24bit") => Colours::True,
        _ if term.ends_with("-direct") => Colours::True,
        _ if term.contains("256") => Colours::Indexed,
        _ => Colours::Sixteen,
    }
}

fn refuse(why: &str) -> ExitCode {
    say(why);
    ExitCode::from(UNUSABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_environment() {
        let with = |vars: &[(&str, &str)]| {
            colours(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(with(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Colours::True);
        assert_eq!(with(&[("TERM", "xterm-256color")]), Colours::Indexed);
        assert_eq!(with(&[("TERM", "xterm")]), Colours::Sixteen);
        assert_eq!(with(&[("TERM", "dumb"), ("COLORTERM", "truecolor")]), Colours::None);
        assert_eq!(with(&[("TERM", "xterm"), ("NO_COLOR", "1")]), Colours::None);
        assert_eq!(with(&[("TERM", "xterm"), ("NO_COLOR", "")]), Colours::Sixteen, "empty means unset");
    }
}
