//! Signals that end the program.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A signal that asks the program to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
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
}

impl Signals {
    /// Listens from now on; the signals do not end the process any more. Needs a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one. May be dropped and called again without missing any.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.hang_up.recv() => Signal::HangUp,
            _ = self.interrupt.recv() => Signal::Interrupt,
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
