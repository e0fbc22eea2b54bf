//! What becomes of connections, and of the server.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use tokio::net::TcpSocket;

use super::*;

#[tokio::test]
async fn silence_ends_a_connection_new_or_used() {
    let server = Server::start(limits()).await;
    let start = Instant::now();
    let (mut silent, mut idle) = (server.connect().await, server.connect().await);
    idle.send(GET).await;
    idle.until("hi").await;
    assert_eq!((silent.rest().await, idle.rest().await), (String::new(), String::new()));
    assert!(start.elapsed() >= limits().head_time);
}

#[tokio::test]
async fn one_address_cannot_keep_the_others_out() {
    let server = Server::start(Limits { per_address: 2, head_time: PATIENCE, ..limits() }).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for client in [&mut first, &mut second] {
        client.send(GET).await;
        client.until("hi").await;
    }
    let refused = server.connect().await.rest().await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 503 "), "{refused}");

    let elsewhere = TcpSocket::new_v4().unwrap();
    elsewhere.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).unwrap();
    let mut other = Client(elsewhere.connect(server.address).await.unwrap());
    other.send(LAST_GET).await;
    assert!(other.rest().await.ends_with("hi"));

    drop(first);
    works_again(&server).await;
}

#[tokio::test]
async fn a_client_that_resets_its_connection_harms_nobody() {
    let server = Server::start(Limits { in_flight: 1, ..limits() }).await;
    let client = server.at_work().await;
    client.0.set_zero_linger().unwrap();
    drop(client);
    let half = server.connect().await;
    half.0.try_write(b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Le").unwrap();
    half.0.set_zero_linger().unwrap();
    drop(half);
    works_again(&server).await;
}

#[tokio::test]
async fn a_handler_that_panics_takes_its_connection_only() {
    let server = Server::start(limits()).await;
    assert_eq!(server.ask(b"GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await, "");
    assert!(server.ask(LAST_GET).await.ends_with("hi"));
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_place() {
    let server = Server::start(Limits { connections: 1, ..limits() }).await;
    let mut client = server.connect().await;
    client.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut start = [0; 12];
    within(client.0.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    works_again(&server).await;
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_nothing_else() {
    let server = Server::start(Limits { head_time: PATIENCE, ..limits() }).await;
    let mut idle = server.connect().await;
    idle.send(GET).await;
    idle.until("hi").await;
    let mut fresh = server.connect().await;
    let mut busy = server.at_work().await;

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
async fn stopping_does_not_wait_for_ever() {
    let server = Server::start(Limits { grace: Duration::from_millis(100), ..limits() }).await;
    let mut busy = server.at_work().await;
    server.stop.send(()).unwrap();
    within(server.task).await.unwrap().unwrap();
    assert_eq!(busy.rest().await, "");
}

/// Fails as often as there are errors, then accepts.
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
async fn running_out_of_descriptors_is_waited_out_without_spinning() {
    let errno = |error: rustix::io::Errno| error.raw_os_error();
    let errors = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE, rustix::io::Errno::CONNABORTED];
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let failing = Failing(Mutex::new(errors.map(errno).into()), listener);
    let start = time::Instant::now();
    accept(&failing).await;
    assert_eq!(
        start.elapsed().as_millis(),
        2 * ACCEPT_PAUSE.as_millis(),
        "the client that left costs no time"
    );
}
