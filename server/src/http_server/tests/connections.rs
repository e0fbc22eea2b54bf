//! Connections and shutdown.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::*;

#[tokio::test]
async fn idle_connections_are_closed_new_or_used() {
    let server = TestServer::start(limits()).await;
    let start = Instant::now();
    let (mut silent, mut idle) = (server.connect().await, server.connect().await);
    idle.send(GET).await;
    idle.until("hi").await;
    assert_eq!((silent.rest().await, idle.rest().await), (String::new(), String::new()));
    assert!(start.elapsed() >= limits().header_timeout);
}

#[tokio::test]
async fn one_ip_address_cannot_lock_out_others() {
    let server =
        TestServer::start(HttpLimits { max_connections_per_ip: 2, header_timeout: TEST_TIMEOUT, ..limits() })
            .await;
    let (first, _second) = (server.in_flight().await, server.in_flight().await);
    let refused = server.connect().await.rest().await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 503 "), "{refused}");

    let mut other = server.connect_from(2).await;
    other.send(LAST_GET).await;
    assert!(other.rest().await.ends_with("hi"));

    drop(first);
    until_served(&server).await;
}

#[tokio::test]
async fn the_oldest_idle_connection_makes_room() {
    let limits = HttpLimits { max_connections_per_ip: 2, header_timeout: TEST_TIMEOUT, ..limits() };
    let server = TestServer::start(limits).await;
    let (mut busy, mut idle) = (server.in_flight().await, server.connect().await);
    idle.send(GET).await;
    idle.until("hi").await;
    // Its state is idle once the response is flushed, which may be after the client has read it.
    let mut next = server.connect().await;
    next.send(GET).await;
    next.until("hi").await;
    assert_eq!(idle.rest().await, "");
    server.handler.0.go_on.notify_one();
    assert!(busy.until("hi").await.starts_with("HTTP/1.1 200 OK"), "a request in flight is not affected");
    assert_eq!(server.gauges.connections(), 2);
}

#[tokio::test]
async fn a_connection_reset_releases_its_permits() {
    let server = TestServer::start(HttpLimits { max_in_flight: 1, ..limits() }).await;
    let client = server.in_flight().await;
    client.0.set_zero_linger().unwrap();
    drop(client);
    let half = server.connect().await;
    half.0.try_write(b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Le").unwrap();
    half.0.set_zero_linger().unwrap();
    drop(half);
    until_served(&server).await;
}

#[tokio::test]
async fn a_panicking_handler_ends_only_its_connection() {
    let server = TestServer::start(limits()).await;
    assert_eq!(server.send(b"GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await, "");
    assert!(server.send(LAST_GET).await.ends_with("hi"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let server = TestServer::start(HttpLimits { max_connections: 1, ..limits() }).await;
    let mut client = server.connect().await;
    client.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut start = [0; 12];
    within(client.0.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    until_served(&server).await;
}

#[tokio::test]
async fn shutdown_finishes_requests_in_flight_only() {
    let server = TestServer::start(HttpLimits { header_timeout: TEST_TIMEOUT, ..limits() }).await;
    let mut idle = server.connect().await;
    idle.send(GET).await;
    idle.until("hi").await;
    let mut fresh = server.connect().await;
    let mut busy = server.in_flight().await;

    server.stop.send(()).unwrap();
    assert_eq!((idle.rest().await, fresh.rest().await), (String::new(), String::new()));
    let refused = TcpStream::connect(server.address).await.map_err(|error| error.kind());
    assert_eq!(refused.unwrap_err(), io::ErrorKind::ConnectionRefused);
    assert!(!server.task.is_finished());

    server.handler.0.go_on.notify_one();
    let answer = busy.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hi"), "{answer}");
    within(server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_is_bounded() {
    let server =
        TestServer::start(HttpLimits { shutdown_grace: Duration::from_millis(100), ..limits() }).await;
    let mut busy = server.in_flight().await;
    server.stop.send(()).unwrap();
    within(server.task).await.unwrap().unwrap();
    assert_eq!(busy.rest().await, "");
}

/// Fails with each error in turn, then accepts.
struct Failing(Mutex<VecDeque<i32>>, TcpListener);

impl Accept for Failing {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match next {
            Some(error) => Err(io::Error::from_raw_os_error(error)),
            None => self.1.accept().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn accept_backs_off_when_descriptors_run_out() {
    let errno = |error: rustix::io::Errno| error.raw_os_error();
    let errors = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE, rustix::io::Errno::CONNABORTED];
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let failing = Failing(Mutex::new(errors.map(errno).into()), listener);
    let start = time::Instant::now();
    accept(&failing).await;
    assert_eq!(
        start.elapsed().as_millis(),
        2 * ACCEPT_BACKOFF.as_millis(),
        "a closed connection causes no backoff"
    );
}
