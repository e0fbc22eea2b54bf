//! Detection of terminal graphics.

use std::{env, io::IsTerminal, num::NonZeroU32, path::Path};

use super::AvatarChoice;
use crate::term::handshake;

/// How real pictures are shown, if at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Graphics {
    /// Not at all: blocks only.
    #[default]
    None,
    /// By kitty's protocol.
    Kitty,
    /// By iTerm2's protocol.
    Iterm,
    /// By sixel.
    Sixel,
}

/// Asks the terminal, once, in raw mode and before any event stream exists; not at all unless `choice` is `Auto`.
/// Takes 2 s on a terminal that answers nothing.
///
/// Switches kitty's keyboard protocol on where the terminal has it, for the same question tells.
pub fn probe(choice: AvatarChoice) -> Graphics {
    if choice != AvatarChoice::Auto || !std::io::stdout().is_terminal() || hopeless() {
        return Graphics::None;
    }
    // viuer's own questions wait for ever: ask it nothing about a terminal that does not answer this one.
    if handshake().is_err() { Graphics::None } else { ask() }
}

/// The same for a command in the plain shell, which leaves the keyboard as it is.
pub(crate) fn probe_shell(choice: AvatarChoice) -> Graphics {
    let answers = choice == AvatarChoice::Auto
        && !hopeless()
        && crossterm::terminal::supports_keyboard_enhancement().is_ok();
    if answers { ask() } else { Graphics::None }
}

fn ask() -> Graphics {
    keep_kitty_remote();
    if viuer::get_kitty_support() != viuer::KittySupport::None {
        Graphics::Kitty
    } else if viuer::is_iterm_supported() {
        Graphics::Iterm
    } else if viuer::is_sixel_supported() && cell_size().is_some() {
        Graphics::Sixel
    } else {
        Graphics::None
    }
}

/// The size of a cell in pixels, where the terminal says it.
pub(super) fn cell_size() -> Option<(u32, u32)> {
    let window = crossterm::terminal::window_size().ok()?;
    let of = |pixels: u16, cells: u16| {
        let cells = NonZeroU32::new(cells.into())?;
        Some(u32::from(pixels) / cells).filter(|size| (1..=200).contains(size))
    };
    Some((of(window.width, window.columns)?, of(window.height, window.rows)?))
}

/// Makes temporary files impossible for viuer (for `tempfile` as a whole: ours name their directory), so that it
/// sends pictures through the terminal. With files it would wait for the terminal's reply after each picture, and race
/// the event stream for it: seen to freeze the client for good, or to eat keys.
fn keep_kitty_remote() {
    let _ = tempfile::env::override_temp_dir(Path::new("/nonexistent"));
}

/// Inside a multiplexer pictures end up in the wrong place or nowhere; some terminals cannot even ignore the question.
fn hopeless() -> bool {
    is_hopeless(|name| env::var(name).ok())
}

fn is_hopeless(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let terminal = variable("TERM").unwrap_or_default();
    ["TMUX", "STY", "ZELLIJ"].into_iter().any(set)
        || ["screen", "tmux", "linux", "dumb"].iter().any(|name| terminal.starts_with(name))
        || terminal.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplexers_and_plain_terminals_are_not_asked() {
        let with = |pairs: &[(&str, &str)]| {
            is_hopeless(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(!with(&[("TERM", "xterm-kitty")]));
        assert!(!with(&[("TERM", "xterm-256color"), ("TMUX", "")]));
        for vars in [
            &[("TERM", "xterm-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")][..],
            &[("TERM", "xterm-kitty"), ("ZELLIJ", "0")],
            &[("TERM", "xterm"), ("STY", "1.pts")],
            &[("TERM", "screen.xterm-256color")],
            &[("TERM", "tmux-256color")],
            &[("TERM", "linux")],
            &[("TERM", "dumb")],
            &[],
        ] {
            assert!(with(vars), "{vars:?}");
        }
    }

    #[test]
    fn who_wants_blocks_is_not_asked_about() {
        assert_eq!(probe(AvatarChoice::Blocks), Graphics::None);
        assert_eq!(probe(AvatarChoice::Off), Graphics::None);
        assert_eq!(probe_shell(AvatarChoice::Blocks), Graphics::None);
    }
}
