//! What ends the program from outside: signals, and the loss of the terminal.

use std::{
    fs::File,
    io::{self, IsTerminal},
    os::fd::AsFd,
    thread,
};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::{
    signal::unix::{Signal as Stream, SignalKind, signal},
    sync::watch,
};

/// A signal that asks the program to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// The terminal is gone: SIGHUP, or its other end was closed without one.
    HangUp,
    /// SIGINT, sent from elsewhere; Ctrl-C is a key in raw mode.
    Interrupt,
}

/// The signals as they come.
#[derive(Debug)]
pub struct Signals {
    terminate: Stream,
    hang_up: Stream,
    interrupt: Stream,
    lost: watch::Receiver<bool>,
}

impl Signals {
    /// Listens from now on; the signals do not end the process any more. Needs a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            lost: watch_terminal(),
        })
    }

    /// The next one. May be dropped and called again without missing any.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.hang_up.recv() => Signal::HangUp,
            _ = self.interrupt.recv() => Signal::Interrupt,
            true = lost(&mut self.lost) => Signal::HangUp,
        }
    }
}

/// Whether the terminal was lost; never resolves where it is not watched.
async fn lost(lost: &mut watch::Receiver<bool>) -> bool {
    if lost.wait_for(|lost| *lost).await.is_err() {
        std::future::pending::<()>().await;
    }
    true
}

/// Watches the terminal on standard input. SIGHUP goes to the processes of the terminal's session only, and crossterm
/// reads the end of a terminal over and over, at the cost of a whole core.
fn watch_terminal() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let stdin = io::stdin();
    // A descriptor of its own for the thread.
    let own = stdin.is_terminal().then(|| stdin.as_fd().try_clone_to_owned().map(File::from));
    if let Some(Ok(terminal)) = own {
        // Without a thread there is no watch, as before.
        let _ = thread::Builder::new().name("terminal".into()).spawn(move || {
            wait_for_hang_up(&terminal);
            sender.send_replace(true);
        });
    }
    receiver
}

/// Asked for nothing, a poll ends with the terminal.
fn wait_for_hang_up(terminal: &impl AsFd) {
    loop {
        let mut fds = [PollFd::new(terminal, PollFlags::empty())];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) | Ok(0) => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Number, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn each_arrives_under_its_name() {
        let mut signals = Signals::listen().unwrap();
        for (number, name) in [
            (Number::TERM, Signal::Terminate),
            (Number::HUP, Signal::HangUp),
            (Number::INT, Signal::Interrupt),
        ] {
            kill_process(getpid(), number).unwrap();
            let limit = std::time::Duration::from_secs(20);
            assert_eq!(tokio::time::timeout(limit, signals.next()).await.unwrap(), name);
        }
    }
}
