//! The command line. `--help` is the manual.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{avatar::AvatarChoice, token::TokenStoreChoice};

/// Questions and answers among students, in the terminal.
///
/// Without a server given, Ro-Co runs on this machine alone: the server is in this very program, its data in
/// your data directory, and its address in the status bar, so that a browser, a script or a second `ro-co` can
/// use it too.
///
/// Keys are shown at the bottom of each screen; `?` lists all of them. The mouse works as well; hold Shift to
/// select text with it.
#[derive(Clone, PartialEq, Eq, Debug, Parser)]
#[command(name = "ro-co", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// What to do; without a command: the full screen.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The server's address, such as `https://ro-co.example.org`. Without it: local mode.
    #[arg(long, env = "ROCO_SERVER", value_name = "URL", global = true)]
    pub server: Option<String>,

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
    #[arg(long, env = "ROCO_DATA_DIR", value_name = "DIR", conflicts_with = "server", global = true)]
    pub data_dir: Option<PathBuf>,

    /// In local mode: a throw-away place with a dozen people and their questions, to look around.
    #[arg(long, conflicts_with_all = ["server", "data_dir"], global = true)]
    pub demo: bool,

    /// Allows plain `http` to another machine: everyone in between can read your password.
    #[arg(long, requires = "server", global = true)]
    pub insecure: bool,
}

/// What can be done without the full screen.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum Command {
    /// Prints somebody's picture.
    Avatar {
        /// The user's id; without it: your own picture.
        user: Option<String>,
    },
    /// Prints who is signed in, and where. Exit code 1 when nobody is.
    Whoami,
}

const EXAMPLES: &str = "\
Examples:
  ro-co                                    everything on this machine
  ro-co --demo                             a look around
  ro-co --server https://ro-co.example.org
  ro-co whoami
  ro-co avatar

Files:
  $XDG_DATA_HOME/ro-co     local mode's questions and answers
  $XDG_STATE_HOME/ro-co    drafts
  $XDG_CACHE_HOME/ro-co    pictures

Environment:
  VISUAL, EDITOR           the editor Ctrl-E opens
  NO_COLOR                 no colours

Exit codes: 0 all is well; 1 it did not work; 2 it could not start.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn local_mode_and_a_server_exclude_each_other() {
        for bad in [
            &["ro-co", "--demo", "--server", "https://x.example"][..],
            &["ro-co", "--data-dir", "/tmp/x", "--server", "https://x.example"],
            &["ro-co", "--demo", "--data-dir", "/tmp/x"],
            &["ro-co", "--avatars", "loud"],
        ] {
            assert!(Args::try_parse_from(bad).is_err(), "{bad:?}");
        }
        let args = Args::try_parse_from(["ro-co", "avatar", "--server", "https://x.example"]).unwrap();
        assert_eq!(args.command, Some(Command::Avatar { user: None }));
    }
}
