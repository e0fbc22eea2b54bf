//! Places and bytes, and who gets them.

use super::*;

/// A request whose body does not arrive.
const HELD_BACK: &[u8] = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";
const LARGE_GET: &[u8] = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_body_held_back_takes_no_place() {
    let server =
        TestServer::start(HttpLimits { max_in_flight: 1, body_timeout: TEST_TIMEOUT, ..limits() }).await;
    let mut holding = Vec::new();
    for _ in 0..20 {
        let mut client = server.connect().await;
        client.send(HELD_BACK).await;
        holding.push(client);
    }
    assert!(server.send(LAST_GET).await.ends_with("hi"));
    for client in &mut holding {
        client.send(b"123456789").await;
        assert!(client.until("\r\n\r\n9").await.starts_with("HTTP/1.1 200 OK"));
    }
    until("all places free", || server.gauges.in_flight() == 0 && server.gauges.bytes_under_way() == 0).await;
}

#[tokio::test]
async fn a_place_is_held_until_the_response_is_written() {
    let server =
        TestServer::start(HttpLimits { max_in_flight: 1, write_timeout: TEST_TIMEOUT, ..limits() }).await;
    let mut unread = server.connect().await;
    unread.send(LARGE_GET).await;
    unread.until("HTTP/1.1 200 OK").await;
    let mut other = server.connect().await;
    other.send(LAST_GET).await;
    until("the other one waits", || server.gauges.waiting() == 1).await;
    assert_eq!(server.gauges.in_flight(), 1);
    let mut rest = vec![0; LARGE];
    within(unread.0.read_exact(&mut rest)).await.unwrap();
    drop(unread);
    assert!(other.rest().await.ends_with("hi"));
    until("all places free", || server.gauges.in_flight() == 0).await;
}

#[tokio::test]
async fn a_request_that_gets_no_place_in_time_gets_503() {
    let limits = HttpLimits { max_in_flight: 1, handler_timeout: Duration::from_millis(300), ..limits() };
    let server = TestServer::start(HttpLimits { write_timeout: TEST_TIMEOUT, ..limits }).await;
    let mut unread = server.connect().await;
    unread.send(LARGE_GET).await;
    unread.until("HTTP/1.1 200 OK").await;
    let answer = server.send(LAST_GET).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
    assert_eq!(server.gauges.waiting(), 0);
    drop(unread);
    until_served(&server).await;
}

#[tokio::test]
async fn one_ip_address_leaves_places_for_others() {
    let server = TestServer::start(HttpLimits {
        max_in_flight: 4,
        in_flight_share: 1,
        write_timeout: TEST_TIMEOUT,
        ..limits()
    })
    .await;
    let mut unread = Vec::new();
    for _ in 0..8 {
        let mut client = server.connect().await;
        client.send(LARGE_GET).await;
        unread.push(client);
    }
    until("its places are taken", || server.gauges.in_flight() == 3 && server.gauges.waiting() == 5).await;
    let mut other = server.connect_from(2).await;
    other.send(LAST_GET).await;
    assert!(other.rest().await.ends_with("hi"));
}

#[tokio::test]
async fn behind_a_proxy_the_forwarded_ip_address_has_the_share() {
    let server = TestServer::start(HttpLimits {
        max_in_flight: 4,
        in_flight_share: 1,
        write_timeout: TEST_TIMEOUT,
        proxies: ["127.0.0.1".parse::<crate::client_ip::Network>().unwrap()].into_iter().collect(),
        ..limits()
    })
    .await;
    let get = |path: &str, ip: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: {ip}\r\n\r\n")
    };
    let mut unread = Vec::new();
    for _ in 0..8 {
        let mut client = server.connect().await;
        client.send(get("/large", "203.0.113.1").as_bytes()).await;
        unread.push(client);
    }
    until("its places are taken", || server.gauges.in_flight() == 3 && server.gauges.waiting() == 5).await;
    assert!(server.send(get("/", "203.0.113.2").as_bytes()).await.ends_with("hi"));
}

#[tokio::test]
async fn bytes_under_way_stay_within_their_limit() {
    let server = TestServer::start(HttpLimits {
        max_bytes: 2 * LARGE,
        bytes_share: LARGE,
        write_timeout: TEST_TIMEOUT,
        ..limits()
    })
    .await;
    let mut unread = Vec::new();
    for n in 0..8 {
        let mut client = server.connect_from(1 + n % 4).await;
        client.send(LARGE_GET).await;
        unread.push(client);
    }
    until("two responses are under way", || server.gauges.waiting() == 6).await;
    assert_eq!(server.gauges.bytes_under_way(), 2 * LARGE);
    let readers: Vec<_> = unread
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                let mut all = vec![0; LARGE];
                within(client.0.read_exact(&mut all)).await.unwrap();
            })
        })
        .collect();
    until("all responses are read", || {
        assert!(server.gauges.bytes_under_way() <= 2 * LARGE);
        readers.iter().all(JoinHandle::is_finished)
    })
    .await;
    until("nothing under way", || server.gauges.bytes_under_way() == 0).await;
}

#[tokio::test]
async fn a_response_that_is_read_slowly_ends_at_its_timeout() {
    let server =
        TestServer::start(HttpLimits { response_timeout: Duration::from_millis(300), ..limits() }).await;
    let mut client = server.connect().await;
    client.send(LARGE_GET).await;
    let mut total = 0;
    let mut chunk = vec![0; 64 << 10];
    let mut interval = time::interval(Duration::from_millis(10));
    let ended = within(async {
        loop {
            interval.tick().await;
            match client.0.read(&mut chunk).await {
                Ok(0) | Err(_) => return total,
                Ok(n) => total += n,
            }
        }
    });
    assert!(ended.await < LARGE, "all of it was sent");
    until("nothing under way", || server.gauges.bytes_under_way() == 0).await;
}

#[tokio::test]
async fn a_body_that_is_not_read_closes_the_connection() {
    let server = TestServer::start(limits()).await;
    let answer = server.send(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123456789").await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("connection: close\r\n"), "{answer}");
    let mut client = server.connect().await;
    client.send(&[HELD_BACK, b"123456789", LAST_GET].concat()).await;
    assert!(client.rest().await.ends_with("hi"), "a body that was read does not");
}
