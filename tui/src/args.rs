//! The command line. `--help` is the manual.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use crate::{avatar::AvatarChoice, log::LogLevel, token::TokenStoreChoice};

/// Questions and answers among students, in the terminal.
///
/// Without a server given, Ro-Co runs on this machine alone: the server is in this very program, its data in
/// your data directory, and its address in the status bar, so that a browser, a script or a second `ro-co` can
/// use it too.
///
/// Keys are shown at the bottom of each screen; `?` lists all of them. The mouse works as well; hold Shift to
/// select text with it.
///
/// A flag beats an environment variable, also one of another flag that it excludes: `--demo` is a demonstration
/// whatever `ROCO_SERVER` says. Of `ROCO_SERVER` and `ROCO_DATA_DIR` the server counts.
#[derive(Clone, PartialEq, Eq, Debug, Parser)]
#[command(name = "ro-co", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// What to do; without a command: the full screen.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The server's URL, such as `https://ro-co.example.org` or `https://example.org/ro-co`. Without it: local mode.
    #[arg(long, env = "ROCO_SERVER", value_name = "URL", global = true)]
    pub server: Option<String>,

    /// Whether the server was named by `ROCO_SERVER`, for messages about it.
    #[arg(skip)]
    pub server_is_variable: bool,

    /// Where your sign-in is kept between runs. Never the password.
    ///
    /// `auto`: in the system's keyring, or in memory only where there is none. `keyring`: nowhere else. `file`:
    /// in a file only you can read, not encrypted. `none`: in memory.
    #[arg(
        long,
        env = "ROCO_TOKEN_STORE",
        value_name = "WHERE",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        global = true
    )]
    pub token_store: TokenStoreChoice,

    /// How people's pictures are shown.
    ///
    /// `auto`: as real pictures where the terminal can (kitty, iTerm2, sixel), as block characters elsewhere.
    /// `blocks`: as block characters. `off`: as initials.
    #[arg(
        long,
        env = "ROCO_AVATARS",
        value_name = "HOW",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        global = true
    )]
    pub avatars: AvatarChoice,

    /// In local mode: where questions and answers are kept. Default: your data directory.
    #[arg(long, env = "ROCO_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,

    /// In local mode: a throw-away place with a dozen people and their questions, to look around.
    #[arg(long, global = true)]
    pub demo: bool,

    /// How much goes into the log, which lies beside your drafts; `ro-co logs` prints it.
    ///
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`. Texts, email addresses, passwords and tokens are never logged.
    #[arg(
        long,
        env = "ROCO_LOG_LEVEL",
        value_name = "LEVEL",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        global = true
    )]
    pub log_level: LogLevel,

    /// Allows plain `http` to another machine: everyone in between can read your password.
    #[arg(long, global = true)]
    pub insecure: bool,
}

/// What can be done without the full screen.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum Command {
    /// Prints a user's picture and name; with `--avatars off` the name alone.
    Avatar {
        /// The user's id; without it: your own picture. The full screen shows ids: your own on your page (`p`), that
        /// of an author beside their picture (`w`).
        user: Option<String>,
    },
    /// Prints who is signed in, and where. Exit code 1 when not signed in.
    Whoami,
    /// Prints the log of the last seven days, of all servers and processes.
    Logs,
}

impl Args {
    /// The program's own command line; one that cannot be meant is answered, and the program ends.
    pub fn read() -> Self {
        Self::parse_from_line(std::env::args_os(), |name| std::env::var_os(name))
            .unwrap_or_else(|error| error.exit())
    }

    fn parse_from_line(
        line: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&OsStr) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let line: Vec<OsString> = line.into_iter().collect();
        let command = without_empty_variables(Self::command(), &variable);
        let parse = |command: clap::Command| {
            let matches = command.try_get_matches_from(&line)?;
            let is_flag = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
            Self::from_arg_matches(&matches).and_then(|args| args.settle(is_flag))
        };
        parse(command.clone()).map_err(|error| match faulty_variable(&command, &variable, &error) {
            // Without its variables the line may be right, and then the variable was wrong.
            Some(name) if parse(command.clone().mut_args(|arg| arg.env(None::<&str>))).is_ok() => {
                let text = format!("the environment variable {name}: {}", first_line(&error));
                Self::command().error(error.kind(), text)
            }
            _ => error,
        })
    }

    /// Settles which server is meant where several are named. clap's own conflicts make no difference between a flag
    /// and a variable, so they are told apart here.
    fn settle(mut self, is_flag: impl Fn(&str) -> bool) -> Result<Self, clap::Error> {
        let conflict = |kind, text: String| Err(Self::command().error(kind, text));
        let ways = [("server", "--server <URL>"), ("data_dir", "--data-dir <DIR>"), ("demo", "--demo")];
        let mut flags = ways.into_iter().filter(|(id, _)| is_flag(id));
        let first = flags.next();
        if let (Some((_, one)), Some((_, other))) = (first, flags.next()) {
            let text = format!("the argument '{one}' cannot be used with '{other}'");
            return conflict(ErrorKind::ArgumentConflict, text);
        }
        let server_counts = match first {
            Some((id, _)) => id == "server",
            None => self.server.is_some(),
        };
        self.server_is_variable = server_counts && first.is_none();
        if server_counts {
            self.data_dir = None;
        } else {
            self.server = None;
        }
        if self.demo {
            self.data_dir = None;
        }
        if self.insecure && self.server.is_none() {
            let text = "'--insecure' is about a server: it needs '--server <URL>'".to_owned();
            return conflict(ErrorKind::MissingRequiredArgument, text);
        }
        Ok(self)
    }
}

/// A variable that is empty is as good as unset: compose files and shells write `X=${X:-}`.
fn without_empty_variables(
    command: clap::Command,
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> clap::Command {
    command.mut_args(|arg| {
        let is_empty = arg.get_env().and_then(&variable).is_some_and(|value| value.is_empty());
        if is_empty { arg.env(None::<&str>) } else { arg }
    })
}

/// The variable of the flag that an error is about, if it is set.
fn faulty_variable(
    command: &clap::Command,
    variable: impl Fn(&OsStr) -> Option<OsString>,
    error: &clap::Error,
) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let long = flag.trim_start_matches("--").split(' ').next()?;
    let name = command.get_arguments().find(|arg| arg.get_long() == Some(long))?.get_env()?;
    variable(name)?;
    Some(name.to_string_lossy().into_owned())
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

const EXAMPLES: &str = "\
Examples:
  ro-co                                    everything on this machine
  ro-co --demo                             a look around
  ro-co --server https://ro-co.example.org
  ro-co whoami
  ro-co avatar
  ro-co logs

Files:
  $XDG_DATA_HOME/ro-co     local mode's questions and answers
  $XDG_STATE_HOME/ro-co    drafts, and the log
  $XDG_CACHE_HOME/ro-co    pictures

Environment:
  VISUAL, EDITOR           the editor Ctrl-E opens
  NO_COLOR                 no colours

Exit codes: 0 all is well; 1 it did not work; 2 it could not start.";

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "https://x.example";
    const Y: &str = "https://y.example";

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    /// What the command line means where the variables say `server` and `data_dir`.
    fn read(line: &[&str], server: Option<&str>, data_dir: Option<&str>) -> Result<Args, clap::Error> {
        let line = std::iter::once(&"ro-co").chain(line);
        let matches = Args::command().try_get_matches_from(line)?;
        let mut args = Args::from_arg_matches(&matches)?;
        args.server = args.server.or(server.map(str::to_owned));
        args.data_dir = args.data_dir.or(data_dir.map(PathBuf::from));
        args.settle(|id| matches.value_source(id) == Some(ValueSource::CommandLine))
    }

    #[test]
    fn local_mode_and_a_server_exclude_each_other() {
        for bad in [
            &["--demo", "--server", X][..],
            &["--data-dir", "/tmp/x", "--server", X],
            &["--demo", "--data-dir", "/tmp/x"],
            &["--insecure"],
            &["--insecure", "--demo"],
            &["--avatars", "loud"],
        ] {
            assert!(read(bad, None, None).is_err(), "{bad:?}");
        }
        let args = read(&["avatar", "--server", X], None, None).unwrap();
        assert_eq!(args.command, Some(Command::Avatar { user: None }));
    }

    #[test]
    fn a_flag_beats_the_variables_of_all_others() {
        for (line, server, data_dir, demo) in [
            (&["--demo"][..], None, None, true),
            (&["whoami", "--demo"], None, None, true),
            (&["--data-dir", "/a"], None, Some("/a"), false),
            (&["whoami", "--data-dir", "/a"], None, Some("/a"), false),
            (&["--server", X], Some(X), None, false),
            (&["--insecure", "whoami", "--server", X], Some(X), None, false),
            (&["--insecure"], Some(Y), None, false),
            (&[], Some(Y), None, false),
        ] {
            let args = read(line, Some(Y), Some("/b")).unwrap();
            assert_eq!(args.server.as_deref(), server, "{line:?}");
            assert_eq!(args.data_dir, data_dir.map(PathBuf::from), "{line:?}");
            assert_eq!(args.demo, demo, "{line:?}");
        }
        let args = read(&[], None, Some("/b")).unwrap();
        assert_eq!((args.server, args.data_dir), (None, Some("/b".into())));
    }

    fn with_variables(line: &[&str], variables: &[(&str, &str)]) -> Result<Args, clap::Error> {
        let line = std::iter::once(&"ro-co").chain(line).map(OsString::from);
        Args::parse_from_line(line, |name| {
            variables.iter().find(|(n, _)| name == *n).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn every_variable_of_the_program_is_unset_when_empty() {
        let names: Vec<_> = Args::command()
            .get_arguments()
            .filter_map(|arg| arg.get_env())
            .map(|name| name.to_str().unwrap().to_owned())
            .collect();
        assert!(names.len() >= 5, "{names:?}");
        let empty: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        let command = without_empty_variables(Args::command(), |name| {
            empty.iter().find(|(n, _)| name == *n).map(|(_, value)| OsString::from(value))
        });
        assert!(command.get_arguments().all(|arg| arg.get_env().is_none()));
        assert_eq!(with_variables(&[], &empty).unwrap(), with_variables(&[], &[]).unwrap());
    }

    #[test]
    fn a_wrong_value_is_blamed_on_the_variable_it_came_from() {
        let command = Args::command().mut_arg("avatars", |arg| arg.env("ROCO_AVATARS"));
        let error = command.clone().try_get_matches_from(["ro-co", "--avatars", "loud"]).unwrap_err();
        let set = |name: &OsStr| (name == "ROCO_AVATARS").then(|| OsString::from("loud"));
        assert_eq!(faulty_variable(&command, set, &error).as_deref(), Some("ROCO_AVATARS"));
        assert_eq!(faulty_variable(&command, |_| None, &error), None);
        assert!(first_line(&error).starts_with("invalid value 'loud'"));
    }
}
