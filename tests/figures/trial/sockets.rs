//! Trials of connections, bodies and responses.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ro_co_tests::{Options, Person};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{AbortHandle, JoinSet},
    time::sleep,
};

use super::{
    CONNECTIONS, TIME,
    client::{connect, exchange, others},
    server_with_users,
};
use crate::{machine::resident_kib, row};

const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn list_of(people: &[Person]) -> impl Fn(u8) -> Vec<u8> {
    move |n| people[usize::from(n)].request("GET", "/question/all").keep_alive_bytes()
}

/// How it is without an attacker.
pub(super) async fn nothing(options: &Options) {
    let (server, people) = server_with_users(&options.clone().unlimited()).await;
    others(server.address, TIME, list_of(&people)).await.row("nobody attacks");
}

pub(super) async fn bodies_held_back(options: &Options) {
    let (server, people) = server_with_users(&options.clone().unlimited()).await;
    let attack = hold_back(server.address, &people[0], ATTACKER, "");
    others(server.address, TIME, list_of(&people)).await.row("512 connections hold back their bodies");
    drop(attack);
}

pub(super) async fn bodies_held_back_behind_a_proxy(options: &Options) {
    let options = options.clone().unlimited().args(&["--trusted-proxy", "127.0.0.0/8"]);
    let (server, people) = server_with_users(&options).await;
    let attack = hold_back(server.address, &people[0], ATTACKER, "X-Forwarded-For: 203.0.113.1\r\n");
    let forwarded = |n: u8| {
        let request = people[usize::from(n)].request("GET", "/question/all");
        request.header("X-Forwarded-For", &format!("198.51.100.{n}")).keep_alive_bytes()
    };
    others(server.address, TIME, forwarded).await.row("the same behind a trusted proxy");
    drop(attack);
}

/// Connections that announce a body of 64 KiB and send nothing of it, again and again.
fn hold_back(server: SocketAddr, person: &Person, from: Ipv4Addr, header: &str) -> JoinSet<()> {
    let head = format!(
        "POST /api/v1/question HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{header}\
         Content-Type: application/json\r\nContent-Length: 65536\r\n\r\n",
        person.token
    );
    repeat(CONNECTIONS, move || {
        let head = head.clone();
        async move {
            let Ok(mut stream) = connect(server, from, None).await else { return };
            if stream.write_all(head.as_bytes()).await.is_ok() {
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer).await;
            }
        }
    })
}

/// So many tasks that do this again and again, until the set is dropped.
pub(super) fn repeat<F: Future<Output = ()> + Send>(
    tasks: usize,
    make: impl Fn() -> F + Send + Sync + 'static,
) -> JoinSet<()> {
    let make = Arc::new(make);
    let mut set = JoinSet::new();
    for _ in 0..tasks {
        let make = Arc::clone(&make);
        let _: AbortHandle = set.spawn(async move {
            loop {
                make().await;
                sleep(Duration::from_millis(20)).await;
            }
        });
    }
    set
}

pub(super) async fn unread_pages(options: &Options) {
    let (server, people) = server_with_users(&options.clone().unlimited()).await;
    let author = people[0].clone();
    let seeded = tokio::task::spawn_blocking(move || {
        for n in 0..100 {
            let body = json!({"title": format!("Question {n}"), "description": "\u{1f600}".repeat(10_000)});
            author.post("/question", &body).expect(201);
        }
    });
    seeded.await.unwrap();
    let page = people[1].request("GET", "/question/all?size=100").keep_alive_bytes();
    let (address, pid) = (server.address, server.pid());
    let before = resident_kib(pid);
    let attack = repeat(CONNECTIONS, move || {
        let page = page.clone();
        async move {
            let Ok(mut stream) = connect(address, ATTACKER, Some(4096)).await else { return };
            if stream.write_all(&page).await.is_ok() {
                // Reads nothing until the server gives up.
                let _ = stream.ready(tokio::io::Interest::ERROR).await;
                sleep(Duration::from_mins(1)).await;
            }
        }
    });
    let peak = Arc::new(AtomicU64::new(before));
    let highest = Arc::clone(&peak);
    let watch = tokio::spawn(async move {
        loop {
            highest.fetch_max(resident_kib(pid), Ordering::Relaxed);
            sleep(Duration::from_millis(100)).await;
        }
    });
    let small = |n: u8| people[usize::from(n)].request("GET", "/user/me").keep_alive_bytes();
    others(server.address, 2 * TIME, small).await.row("512 unread pages of 10,000-emoji questions");
    watch.abort();
    let grown = peak.load(Ordering::Relaxed) - before;
    row("  resident memory grew by", &format!("{} MiB", grown / 1024));
    drop(attack);
}

pub(super) async fn idle_connections(options: &Options) {
    let (server, people) = server_with_users(&options.clone().unlimited()).await;
    let mut idle: Vec<TcpStream> = Vec::new();
    for n in 0..5 * CONNECTIONS {
        let from = Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(n / CONNECTIONS).unwrap());
        idle.extend(connect(server.address, from, None).await.ok());
    }
    others(server.address, TIME, list_of(&people)).await.row("2,560 idle connections of five IP addresses");
    let request = people[0].request("GET", "/user/me").keep_alive_bytes();
    let mut accepted = 0;
    for _ in 0..20 {
        let mut stream = connect(server.address, ATTACKER, None).await.unwrap();
        accepted += usize::from(exchange(&mut stream, &request).await.is_ok_and(|status| status == 200));
    }
    row("  of 20 new ones of a full IP address are served", &accepted.to_string());
}

pub(super) async fn deep_pages(options: &Options) {
    let (server, people) = server_with_users(&options.clone().unlimited()).await;
    let load = people[0].request("POST", "/question");
    let request = load.json(&json!({"title": "One of many", "description": "text ".repeat(40)}));
    let bytes = request.keep_alive_bytes();
    let address = server.address;
    let seed =
        move || crate::load::run(address, 16, crate::load::Until::Count(20_000), 201, |_| bytes.clone());
    tokio::task::spawn_blocking(seed).await.unwrap();
    let deep = people[0].request("GET", "/question/all?page=190&size=100&total=true").keep_alive_bytes();
    let attack = repeat(64, move || {
        let deep = deep.clone();
        async move {
            let Ok(mut stream) = connect(address, ATTACKER, None).await else { return };
            while exchange(&mut stream, &deep).await.is_ok() {}
        }
    });
    let quick = |n: u8| people[usize::from(n)].request("GET", "/question/all").keep_alive_bytes();
    others(server.address, TIME, quick).await.row("64 connections of one user read deep pages with total");
    drop(attack);
}
