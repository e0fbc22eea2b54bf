//! The accept loop, with the limits on headers, bodies, time and connections that poem's own server lacks.
//!
//! Hyper implements HTTP/1; this module limits connections, the duration of each part of a request, and the
//! shutdown. Responses made here to a readable request are [`Problem`](ro_co_shared::Problem)s; those to an unreadable
//! one (400, 408, 431) have no body.

mod body;
mod connection;
mod connection_limit;
mod connection_state;
pub(crate) mod descriptors;
mod socket;
mod stream;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use poem::{Response, endpoint::DynEndpoint};
use tokio::{
    net::TcpStream,
    sync::watch,
    task::{JoinError, JoinSet},
    time,
};

use connection::ConnectionHandler;
use connection_limit::ConnectionLimit;

use crate::{
    admission::{Admission, FairPool},
    client_ip::Proxies,
    listen::Listeners,
};

/// How long to wait after `accept` failed for lack of a resource (descriptors, memory).
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Limits on connections and requests.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// Size of a request line with its headers in bytes; at least 8 KiB. (There may be at most 100 headers.)
    pub max_header_bytes: usize,
    /// Until the TLS handshake is complete, from the start of the connection.
    pub handshake_timeout: Duration,
    /// Until the headers have arrived, from the start of the connection or the previous response. So it closes idle
    /// connections, too.
    pub header_timeout: Duration,
    /// Until the request body has arrived, from the first read.
    pub body_timeout: Duration,
    /// Until the response begins, from the arrival of the headers.
    pub handler_timeout: Duration,
    /// How long writing a response may make no progress before the connection is closed.
    pub write_timeout: Duration,
    /// How long writing a response may take in all before the connection is closed.
    pub response_timeout: Duration,
    /// How long input after the last response is read and discarded. Closing earlier would reset the connection, and
    /// the client would lose a response such as 413 or 431.
    pub linger: Duration,
    /// How long a shutdown waits for requests in flight.
    pub shutdown_grace: Duration,
    /// Concurrent connections.
    pub max_connections: usize,
    /// Concurrent connections of one IP address (IPv6: /64 network). A lecture hall shares one IP address.
    pub max_connections_per_ip: usize,
    /// Trusted proxies: `max_connections_per_ip` does not apply to them.
    pub proxies: Proxies,
    /// Requests in flight: from the end of the request until its response is written.
    pub max_in_flight: usize,
    /// Requests in flight of one IP address while others wait.
    pub in_flight_share: usize,
    /// Bytes under way: request bodies that are read, and responses until they are written.
    pub max_bytes: usize,
    /// Bytes under way of one IP address while others wait.
    pub bytes_share: usize,
}

/// The values of the security design.
impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            max_header_bytes: 16 * 1024,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(10),
            handler_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_mins(1),
            linger: Duration::from_secs(2),
            shutdown_grace: Duration::from_secs(5),
            max_connections: 2048,
            max_connections_per_ip: 512,
            proxies: Proxies::default(),
            max_in_flight: 512,
            in_flight_share: 128,
            max_bytes: 64 << 20,
            bytes_share: 16 << 20,
        }
    }
}

/// An HTTP/1 server, ready to serve.
pub struct HttpServer {
    endpoint: Arc<dyn DynEndpoint<Output = Response>>,
    limits: HttpLimits,
    admission: Arc<Admission>,
    connections: Arc<ConnectionLimit>,
}

/// What a server has in use now, for metrics.
#[derive(Clone)]
pub struct HttpGauges {
    admission: Arc<Admission>,
    connections: Arc<ConnectionLimit>,
}

impl HttpGauges {
    /// Open connections.
    pub fn connections(&self) -> usize {
        self.connections.count()
    }

    /// Requests in flight: from the end of the request until its response is written.
    pub fn in_flight(&self) -> usize {
        self.admission.places.used()
    }

    /// Bytes under way: request bodies that are read, and responses until they are written.
    pub fn bytes_under_way(&self) -> usize {
        self.admission.bytes.used()
    }

    /// Requests that wait for a place or for bytes.
    pub fn waiting(&self) -> usize {
        self.admission.places.waiting() + self.admission.bytes.waiting()
    }
}

impl HttpServer {
    /// A server of this endpoint.
    pub fn new(endpoint: Arc<dyn DynEndpoint<Output = Response>>, limits: HttpLimits) -> Self {
        let admission = Arc::new(Admission {
            places: FairPool::new(limits.max_in_flight, limits.in_flight_share),
            bytes: FairPool::new(limits.max_bytes, limits.bytes_share),
        });
        let connections = ConnectionLimit::new(
            limits.max_connections,
            limits.max_connections_per_ip,
            limits.proxies.clone(),
        );
        Self { endpoint, limits, admission, connections }
    }

    /// What the server has in use, now and later.
    pub fn gauges(&self) -> HttpGauges {
        HttpGauges { admission: Arc::clone(&self.admission), connections: Arc::clone(&self.connections) }
    }

    /// Serves HTTP/1 on these sockets until `shutdown` resolves. Then it accepts nothing more, closes idle connections at
    /// once, waits up to [`HttpLimits::shutdown_grace`] for requests in flight, and aborts the rest.
    ///
    /// Dropping the future aborts all connections.
    pub async fn serve(
        self,
        listeners: impl Into<Listeners>,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let listeners = listeners.into();
        let local = listeners.local_address()?;
        let limit = self.connections;
        let grace = self.limits.shutdown_grace;
        let handler = ConnectionHandler::new(self.endpoint, self.limits, self.admission, local);
        let handler = Arc::new(handler.with_tls(listeners.certificates()));
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => report(ended),
                (stream, peer) = accept(&listeners) => match limit.try_acquire(peer.ip()) {
                    Some(permit) => {
                        let state = Arc::clone(&permit.state);
                        let connection = Arc::clone(&handler).serve(stream, peer, state, stopping.clone());
                        connections.spawn(async move {
                            connection.await;
                            drop(permit);
                        });
                    }
                    None => connection::reject(&stream, peer),
                },
            }
        }
        drop(listeners);
        stop.send_replace(true);
        finish(connections, grace).await;
        Ok(())
    }
}

/// Waits for the connections to end, then aborts the rest.
async fn finish(mut connections: JoinSet<()>, grace: Duration) {
    let finished = time::timeout(grace, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if finished.await.is_err() {
        tracing::warn!(connections = connections.len(), "Shutdown timed out, aborting connections");
        connections.shutdown().await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("Connection task panicked");
    }
}

/// A source of connections; tests have one that fails.
trait Accept {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for Listeners {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        Self::accept(self)
    }
}

/// The next connection; retries when accepting fails.
async fn accept(listener: &impl Accept) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "Accepting connections failed");
                time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// Whether the error is that of one connection, which was closed before it was accepted.
fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
