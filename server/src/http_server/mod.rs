//! The accept loop, with the limits on heads, bodies, time and connections that poem's own server lacks.
//!
//! Hyper's HTTP/1 connection does the protocol; this module decides who may connect, how long each part of a
//! request may take, and how everything ends. Answers made here that follow a readable request are
//! [`Problem`](ro_co_shared::Problem)s; those to something that is no request (400, 408, 431) are bare.

mod body;
mod connection;
mod connection_limit;
mod socket;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use poem::{Response, endpoint::DynEndpoint};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time,
};

use connection::ConnectionHandler;
use connection_limit::ConnectionLimit;

use crate::limits::address::Proxies;

/// How long to wait after `accept` failed for want of something (descriptors, memory).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a client may take of the server's time and space.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request line with its headers, at most; not below 8 KiB. (Their number is limited to 100.)
    pub head_bytes: usize,
    /// Until a head has arrived, from the connection's start or the previous answer: so it ends idle ones too.
    pub head_time: Duration,
    /// Until a body has arrived, from the first attempt to read it.
    pub body_time: Duration,
    /// Until the answer begins, from the head's arrival.
    pub handler_time: Duration,
    /// How long a client may leave an answer unread before the connection is given up.
    pub write_time: Duration,
    /// How long what a client still sends after the last answer is read and thrown away. Closing earlier would
    /// reset the connection, and the client would lose an answer such as 413 or 431.
    pub linger: Duration,
    /// How long requests in flight may go on when the server stops.
    pub grace: Duration,
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address; for IPv6 from one /64 network. A lecture hall shares one address.
    pub per_address: usize,
    /// Addresses that `per_address` does not hold for: proxies, which bring everybody.
    pub proxies: Proxies,
    /// Requests being worked on at a time.
    pub in_flight: usize,
}

/// The figures of the security design.
impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(10),
            handler_time: Duration::from_secs(15),
            write_time: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            grace: Duration::from_secs(5),
            connections: 2048,
            per_address: 512,
            proxies: Proxies::default(),
            in_flight: 512,
        }
    }
}

/// Serves HTTP/1 on `listener` until `shutdown` resolves; then accepts nothing more, closes idle connections
/// at once, lets requests in flight finish for [`Limits::grace`], and cuts off the rest.
///
/// Dropping the future cuts off everything at once.
pub async fn serve(
    listener: TcpListener,
    endpoint: Arc<dyn DynEndpoint<Output = Response>>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let local = listener.local_addr()?;
    let limit = ConnectionLimit::new(limits.connections, limits.per_address, limits.proxies.clone());
    let grace = limits.grace;
    let handler = Arc::new(ConnectionHandler::new(endpoint, limits, local));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => report(ended),
            (stream, peer) = accept(&listener) => match limit.enter(peer.ip()) {
                Some(pass) => {
                    let connection = Arc::clone(&handler).converse(stream, peer, stopping.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(pass);
                    });
                }
                None => connection::refuse(&stream, peer),
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    finish(connections, grace).await;
    Ok(())
}

/// Lets connections end by themselves for a while, then cuts them off.
async fn finish(mut connections: JoinSet<()>, grace: Duration) {
    let finished = time::timeout(grace, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if finished.await.is_err() {
        tracing::warn!(connections = connections.len(), "Stopping: cutting off what did not finish in time");
        connections.shutdown().await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("A connection was lost because its handler panicked");
    }
}

/// Where connections come from; in tests also a source that fails.
trait Accept {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        Self::accept(self)
    }
}

/// The next connection, however often accepting fails before.
async fn accept(listener: &impl Accept) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "Cannot accept connections just now");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the failure is a client's that left before it was accepted; the next one may be fine.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
