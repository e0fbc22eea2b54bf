//! What becomes of one request.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn requests_follow_each_other_and_the_last_one_closes() {
    let server = Server::start(limits()).await;
    let mut client = server.connect().await;
    client.send(GET).await;
    assert!(client.until("hi").await.starts_with("HTTP/1.1 200 OK"));
    client.send(&[GET, GET, LAST_GET].concat()).await;
    assert_eq!(client.rest().await.matches("\r\n\r\nhi").count(), 3);
}

#[tokio::test]
async fn an_old_protocol_and_a_foreign_one() {
    let server = Server::start(limits()).await;
    let answer = server.ask(b"GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK") && answer.ends_with("hi"), "{answer}");
    for broken in
        ["nonsense\r\n\r\n", "GET / SMTP\r\n\r\n", "GET /\u{0} HTTP/1.1\r\n\r\n", "G E T / HTTP/1.1\r\n\r\n"]
    {
        let answer = server.ask(broken.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{broken:?}: {answer:?}");
    }
    assert_eq!(
        server.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await,
        "",
        "nothing a browser would understand"
    );
}

#[tokio::test]
async fn a_request_has_one_host() {
    let server = Server::start(limits()).await;
    for head in ["", "Host: a\r\nHost: b\r\n"] {
        let answer =
            server.ask(format!("GET / HTTP/1.1\r\nConnection: close\r\n{head}\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("problem+json"), "{head:?}: {answer}");
    }
}

#[tokio::test]
async fn the_client_s_own_address_is_passed_on() {
    let server = Server::start(limits()).await;
    let mut client = server.connect().await;
    client.send(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let own = client.0.local_addr().unwrap().to_string();
    assert!(client.rest().await.contains(&own));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_the_client_hears_it() {
    let server = Server::start(limits()).await;
    let head = |filler: String| {
        format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{filler}\r\n").into_bytes()
    };
    let one = |length: usize| head(format!("X: {}\r\n", "a".repeat(length)));
    let many = |count: usize| head("X: 1\r\n".repeat(count));
    for (name, request, status) in [
        ("15 kB", one(15_000), 200),
        ("17 kB", one(17_000), 431),
        ("300 kB", one(300_000), 431),
        ("90 headers", many(90), 200),
        ("150 headers", many(150), 431),
    ] {
        let answer = server.ask(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn a_dripping_head_is_cut_off_at_the_deadline() {
    let server = Server::start(limits()).await;
    let start = Instant::now();
    let (mut reader, mut writer) = server.connect().await.0.into_split();
    let drip = tokio::spawn(async move {
        writer.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX: ").await.unwrap();
        let mut interval = time::interval(Duration::from_millis(20));
        while writer.write_all(b"a").await.is_ok() {
            interval.tick().await;
        }
    });
    let mut answer = [0; 64];
    let length = within(reader.read(&mut answer)).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 408 Request Timeout\r\nConnection: close"));
    assert!(start.elapsed() >= limits().head_time);
    within(drip).await.unwrap();
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_answered_and_the_connection_closed() {
    let server = Server::start(limits()).await;
    for body in ["Content-Length: 10\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"] {
        let start = Instant::now();
        let answer = server.ask(format!("POST /length HTTP/1.1\r\nHost: x\r\n{body}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout"), "{answer}");
        assert!(answer.contains("connection: close") && answer.contains(r#""code":"timeout""#), "{answer}");
        assert!(start.elapsed() >= limits().body_time);
    }
}

#[tokio::test]
async fn a_dripping_body_is_as_late_as_a_missing_one() {
    let server = Server::start(limits()).await;
    let (mut reader, mut writer) = server.connect().await.0.into_split();
    let drip = tokio::spawn(async move {
        writer.write_all(b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n").await.unwrap();
        let mut interval = time::interval(Duration::from_millis(20));
        while writer.write_all(b"a").await.is_ok() {
            interval.tick().await;
        }
    });
    let mut answer = [0; 64];
    let length = within(reader.read(&mut answer)).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 408 "));
    within(drip).await.unwrap();
}

#[tokio::test]
async fn a_body_in_time_is_read_whole() {
    let server = Server::start(limits()).await;
    let answer = server
        .ask(b"POST /length HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\n3"), "{answer}");
}

#[tokio::test]
async fn an_answer_survives_a_body_nobody_reads() {
    let server = Server::start(limits()).await;
    let mut request = b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n".to_vec();
    request.resize(request.len() + 10_000_000, b'a');
    for _ in 0..5 {
        assert!(server.ask(&request).await.starts_with("HTTP/1.1 413 "));
    }
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_given_up() {
    let server = Server::start(Limits { handler_time: Duration::from_millis(100), ..limits() }).await;
    let mut client = server.connect().await;
    client.send(WAIT).await;
    let answer = client.until("}").await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable"), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n") && answer.contains("x-request-id: "), "{answer}");
    client.send(GET).await;
    assert!(client.until("hi").await.starts_with("HTTP/1.1 200 OK"), "the connection is as good as before");
}

#[tokio::test]
async fn more_requests_than_the_server_works_on_are_told_to_come_back() {
    let server = Server::start(Limits { in_flight: 1, ..limits() }).await;
    let mut first = server.at_work().await;
    let answer = server.ask(LAST_GET).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
    server.handler.0.go_on.notify_one();
    assert!(first.until("hi").await.starts_with("HTTP/1.1 200 OK"));
    works_again(&server).await;
}
