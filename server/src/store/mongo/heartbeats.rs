//! Why no node can be used, by what the driver's heartbeats met: the error of a call that found none does not tell.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use mongodb::{
    error::{Error as Driver, ErrorKind},
    event::{EventHandler, sdam::SdamEvent},
    options::{ClientOptions, Tls},
};

/// What the last heartbeat met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// The network; in a few words, without the host.
    Network(String),
    /// TLS is wanted, and its handshake failed for this reason.
    Tls(String),
    /// The node is of this replica set, or of none, and not of the one that is wanted.
    SetName(Option<String>),
}

/// What the nodes are asked for, and what came of it.
pub(super) struct Heartbeats {
    tls: bool,
    replica_set: Option<String>,
    last: Mutex<Option<Trouble>>,
}

impl Heartbeats {
    /// Notes the heartbeats of the client that these options make, unless they have a handler already.
    pub(super) fn watch(options: &mut ClientOptions) -> Arc<Self> {
        let heartbeats = Arc::new(Self {
            tls: matches!(options.tls, Some(Tls::Enabled(_))),
            replica_set: options.repl_set_name.clone(),
            last: Mutex::new(None),
        });
        let noting = Arc::clone(&heartbeats);
        options
            .sdam_event_handler
            .get_or_insert_with(|| EventHandler::callback(move |event| noting.note(&event)));
        heartbeats
    }

    /// What the last heartbeat met, if it was not as wanted.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, event: &SdamEvent) {
        let trouble = match event {
            SdamEvent::ServerHeartbeatFailed(failed) => Some(self.failure(&failed.failure)),
            SdamEvent::ServerHeartbeatSucceeded(answered) => self.replica_set.as_ref().and_then(|wanted| {
                let found = answered.reply.get_str("setName").ok();
                (found != Some(wanted)).then(|| Trouble::SetName(found.map(str::to_owned)))
            }),
            _ => return,
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn failure(&self, error: &Driver) -> Trouble {
        match &*error.kind {
            // The bytes of the other side are no TLS, or it closes the connection at the sight of a handshake.
            ErrorKind::Io(e) if self.tls && is_handshake(e.kind()) => Trouble::Tls(e.to_string()),
            ErrorKind::Io(e) if is_handshake(e.kind()) => {
                Trouble::Network("it closes connections; if it requires TLS, add tls=true".to_owned())
            }
            ErrorKind::Io(e) => Trouble::Network(e.kind().to_string()),
            ErrorKind::DnsResolve { .. } => Trouble::Network("unknown host name".to_owned()),
            _ => Trouble::Network("no valid answer".to_owned()),
        }
    }
}

fn is_handshake(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, InvalidData, UnexpectedEof};
    matches!(kind, InvalidData | UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
