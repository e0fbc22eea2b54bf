//! User actions in the client, as keystrokes.

use crate::{Terminal, person::PASSWORD};

/// Key codes.
pub mod key {
    /// Enter.
    pub const ENTER: &str = "\r";
    /// Escape.
    pub const ESC: &str = "\x1b";
    /// Tab: the next field.
    pub const TAB: &str = "\t";
    /// Ctrl-C: quits.
    pub const CTRL_C: &str = "\x03";
    /// Ctrl-E: edits the text in `$EDITOR`.
    pub const CTRL_E: &str = "\x05";
    /// Ctrl-N: the sign-up form.
    pub const CTRL_N: &str = "\x0e";
    /// Ctrl-S: submits a form.
    pub const CTRL_S: &str = "\x13";
    /// Ctrl-Z: stops the program.
    pub const CTRL_Z: &str = "\x1a";
    /// The arrow down.
    pub const DOWN: &str = "\x1b[B";
}

/// Creates an account from the sign-in form and waits for the list.
#[track_caller]
pub fn sign_up(terminal: &Terminal, name: &str) {
    terminal.wait("Create an account");
    terminal.keys(key::CTRL_N);
    terminal.wait("New account");
    terminal.keys(name);
    terminal.wait("✔ free");
    terminal.keys(&format!("{}{name}@example.org{}", key::TAB, key::TAB));
    terminal.keys(PASSWORD);
    terminal.wait("strong enough");
    terminal.keys(key::CTRL_S);
    terminal.wait("Questions (");
}

/// Signs in and waits for the list.
#[track_caller]
pub fn sign_in(terminal: &Terminal, email: &str) {
    terminal.wait("Create an account");
    terminal.keys(&format!("{email}{}{PASSWORD}{}", key::TAB, key::ENTER));
    terminal.wait("Questions (");
}

/// Asks a question from the list and waits until it is there.
#[track_caller]
pub fn ask(terminal: &Terminal, title: &str, description: &str) {
    terminal.keys("a");
    terminal.wait("Title");
    terminal.keys(&format!("{title}{}{description}{}", key::TAB, key::CTRL_S));
    terminal.wait_gone("Title");
    terminal.wait(title);
}
