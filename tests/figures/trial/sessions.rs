//! Trials of logins and refreshes, with the default rate limits.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use ro_co_tests::{Options, Request, person::PASSWORD};
use serde_json::json;

use super::{
    TIME,
    client::{connect, exchange},
    server_with_users,
    sockets::repeat,
};
use crate::row;

const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn login(email: &str, password: &str) -> Vec<u8> {
    let body = json!({"email": email, "password": password});
    Request::new("POST", "/api/v1/auth/login").json(&body).keep_alive_bytes()
}

/// 64 connections of one IP address log in with wrong passwords all the time.
fn flood(server: std::net::SocketAddr) -> tokio::task::JoinSet<()> {
    let number = std::sync::atomic::AtomicUsize::new(0);
    repeat(64, move || {
        let n = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            if let Ok(mut stream) = connect(server, ATTACKER, None).await {
                let _ = exchange(&mut stream, &login(&format!("nobody{n}@example.org"), "not the password"))
                    .await;
            }
        }
    })
}

pub(super) async fn login_flood(options: &Options) {
    let (server, people) = server_with_users(options).await;
    let attack = flood(server.address);
    let (mut sent, mut good, mut slowest) = (0, 0, Duration::ZERO);
    let start = Instant::now();
    while start.elapsed() < TIME {
        let person = &people[sent % people.len()];
        let from = Ipv4Addr::new(127, 0, 2, u8::try_from(sent % 250).unwrap() + 1);
        let began = Instant::now();
        let mut stream = connect(server.address, from, None).await.unwrap();
        let status = exchange(&mut stream, &login(&person.email, PASSWORD)).await;
        sent += 1;
        slowest = slowest.max(began.elapsed());
        good += usize::from(matches!(status, Ok(200)) && began.elapsed() <= Duration::from_secs(2));
    }
    row("login flood: logins elsewhere answered 200 within 2 s", &format!("{good} of {sent}"));
    row("  slowest", &format!("{} ms", slowest.as_millis()));
    drop(attack);
}

pub(super) async fn victim(options: &Options) {
    let (server, people) = server_with_users(options).await;
    let victim = &people[0];
    let home = Ipv4Addr::new(127, 0, 3, 1);
    let status = async |from: Ipv4Addr, password: &str| {
        let mut stream = connect(server.address, from, None).await.unwrap();
        exchange(&mut stream, &login(&victim.email, password)).await.unwrap_or(0)
    };
    assert_eq!(status(home, PASSWORD).await, 200);
    let attack = flood(server.address);
    let mut unavailable = 0;
    for _ in 0..100 {
        unavailable += usize::from(status(ATTACKER, "not the password").await == 503);
    }
    row("full hash queue: of 100 guesses at a victim, 503", &unavailable.to_string());
    row("  the victim from a known IP address", &status(home, PASSWORD).await.to_string());
    row("  the victim from another one", &status(Ipv4Addr::new(127, 0, 3, 2), PASSWORD).await.to_string());
    drop(attack);
}

pub(super) async fn garbage(options: &Options) {
    let (server, people) = server_with_users(options).await;
    let refresh = |token: &str| Request::new("POST", "/api/v1/auth/refresh").bearer(token).keep_alive_bytes();
    let mut stream = connect(server.address, ATTACKER, None).await.unwrap();
    for _ in 0..1_600 {
        let _ = exchange(&mut stream, &refresh("x.y.z")).await;
    }
    let mut good = 0;
    for _ in 0..20 {
        good += usize::from(matches!(exchange(&mut stream, &refresh(&people[0].refresh)).await, Ok(200)));
    }
    row("1,600 garbage refreshes, then of 20 valid ones, 200", &good.to_string());
}
