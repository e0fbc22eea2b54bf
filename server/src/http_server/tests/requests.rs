//! Single requests.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn pipelined_requests_are_served_in_order() {
    let server = TestServer::start(limits()).await;
    let mut client = server.connect().await;
    client.send(GET).await;
    assert!(client.until("hi").await.starts_with("HTTP/1.1 200 OK"));
    client.send(&[GET, GET, LAST_GET].concat()).await;
    assert_eq!(client.rest().await.matches("\r\n\r\nhi").count(), 3);
}

#[tokio::test]
async fn http_1_0_is_served_and_other_protocols_are_refused() {
    let server = TestServer::start(limits()).await;
    let answer = server.send(b"GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK") && answer.ends_with("hi"), "{answer}");
    for broken in
        ["nonsense\r\n\r\n", "GET / SMTP\r\n\r\n", "GET /\u{0} HTTP/1.1\r\n\r\n", "G E T / HTTP/1.1\r\n\r\n"]
    {
        let answer = server.send(broken.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{broken:?}: {answer:?}");
    }
    assert_eq!(server.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "", "no HTTP/1 response");
}

#[tokio::test]
async fn exactly_one_host_header_is_required() {
    let server = TestServer::start(limits()).await;
    for head in ["", "Host: a\r\nHost: b\r\n"] {
        let answer =
            server.send(format!("GET / HTTP/1.1\r\nConnection: close\r\n{head}\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("problem+json"), "{head:?}: {answer}");
    }
}

#[tokio::test]
async fn the_peer_address_is_passed_on() {
    let server = TestServer::start(limits()).await;
    let mut client = server.connect().await;
    client.send(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let own = client.0.local_addr().unwrap().to_string();
    assert!(client.rest().await.contains(&own));
}

#[tokio::test]
async fn oversized_headers_get_431() {
    let server = TestServer::start(limits()).await;
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
        let answer = server.send(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn slow_headers_time_out() {
    let server = TestServer::start(limits()).await;
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
    assert!(start.elapsed() >= limits().header_timeout);
    within(drip).await.unwrap();
}

#[tokio::test]
async fn a_missing_body_gets_408_and_closes_the_connection() {
    let server = TestServer::start(limits()).await;
    for body in ["Content-Length: 10\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"] {
        let start = Instant::now();
        let answer = server.send(format!("POST /length HTTP/1.1\r\nHost: x\r\n{body}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout"), "{answer}");
        assert!(answer.contains("connection: close") && answer.contains(r#""code":"timeout""#), "{answer}");
        assert!(start.elapsed() >= limits().body_timeout);
    }
}

#[tokio::test]
async fn a_slow_body_gets_408() {
    let server = TestServer::start(limits()).await;
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
async fn a_chunked_body_is_read_completely() {
    let server = TestServer::start(limits()).await;
    let answer = server
        .send(b"POST /length HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\n3"), "{answer}");
}

#[tokio::test]
async fn the_response_arrives_although_the_body_is_not_read() {
    let server = TestServer::start(limits()).await;
    let mut request = b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n".to_vec();
    request.resize(request.len() + 10_000_000, b'a');
    for _ in 0..5 {
        assert!(server.send(&request).await.starts_with("HTTP/1.1 413 "));
    }
}

#[tokio::test]
async fn a_slow_handler_gets_503() {
    let server =
        TestServer::start(HttpLimits { handler_timeout: Duration::from_millis(100), ..limits() }).await;
    let mut client = server.connect().await;
    client.send(WAIT).await;
    let answer = client.until("}").await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable"), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n") && answer.contains("x-request-id: "), "{answer}");
    client.send(GET).await;
    assert!(client.until("hi").await.starts_with("HTTP/1.1 200 OK"), "the connection stays usable");
}
