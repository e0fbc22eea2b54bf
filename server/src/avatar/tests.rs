//! The lazy rule, against a host on this machine that does well, badly, or nothing.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use ro_co_shared::{Role, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
};

use super::*;
use crate::store::AvatarImage;

const ROBOTS: &str = include_str!("testdata/bottts-9.4.3.txt");
const PATIENCE: Duration = Duration::from_secs(10);

/// What the store does for pictures.
#[derive(Default)]
struct Shelf(Mutex<HashMap<(UserId, i64), AvatarImage>>);

impl Shelf {
    fn pictures(&self) -> MutexGuard<'_, HashMap<(UserId, i64), AvatarImage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl store::Avatars for Shelf {
    async fn avatar(&self, user: UserId, version: i64) -> store::Result<Option<AvatarImage>> {
        Ok(self.pictures().get(&(user, version)).cloned())
    }

    async fn keep_avatar(&self, user: UserId, version: i64, image: &AvatarImage) -> store::Result<bool> {
        self.pictures().insert((user, version), image.clone());
        Ok(true)
    }
}

/// A host that answers every request with the same bytes, when it is let.
struct Stub {
    base: Url,
    asked: Arc<Mutex<Vec<String>>>,
    open: watch::Sender<bool>,
    task: AbortHandle,
}

impl Stub {
    async fn start(answer: Vec<u8>) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), answer).await
    }

    async fn at(address: std::net::SocketAddr, answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let base = format!("http://{}/9.x", listener.local_addr().unwrap()).parse().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (open, opened) = watch::channel(true);
        let (answer, heard) = (Arc::new(answer), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer_one(stream, Arc::clone(&answer), Arc::clone(&heard), opened.clone()));
            }
        });
        Self { base, asked, open, task: task.abort_handle() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn source(&self) -> Source {
        Source::DiceBear { base: self.base.clone() }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer_one(
    mut stream: TcpStream,
    answer: Arc<Vec<u8>>,
    asked: Arc<Mutex<Vec<String>>>,
    mut open: watch::Receiver<bool>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let line = String::from_utf8(head).unwrap().lines().next().unwrap().to_owned();
    asked.lock().unwrap().push(line);
    open.wait_for(|open| *open).await.ok();
    // A client that has seen enough closes before the end.
    stream.write_all(&answer).await.ok();
}

fn response(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes(), body].concat()
}

fn svg(body: &str) -> Vec<u8> {
    response("200 OK\r\nContent-Type: image/svg+xml", body.as_bytes())
}

fn robot() -> &'static str {
    ROBOTS.lines().next().unwrap()
}

fn account(seed: &str) -> Account {
    Account {
        id: UserId::new(),
        username: "Ada Lovelace".parse().unwrap(),
        email: "ada@example.org".parse().unwrap(),
        password: String::new(),
        role: Role::User,
        verified: false,
        suspended: false,
        password_expires_at: None,
        created_at: Timestamp(0),
        avatar_seed: seed.into(),
        avatar_version: 1,
    }
}

/// Long enough for a busy machine, where the asker's patience is not the subject.
fn patient() -> Timing {
    Timing { asker: PATIENCE, fetch: Duration::from_secs(3), ..Timing::default() }
}

fn avatars(shelf: &Arc<Shelf>, source: Source, timing: Timing) -> Avatars {
    Avatars::with_timing(shelf.clone(), source, timing)
}

fn is_placeholder(picture: &Picture) -> bool {
    picture.body == PLACEHOLDER.as_bytes()
}

async fn eventually(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            time::sleep(Duration::from_millis(5)).await;
        }
    };
    time::timeout(PATIENCE, wait).await.expect("it did not come about");
}

#[tokio::test]
async fn a_picture_is_fetched_once_and_kept() {
    let (shelf, stub) = (Arc::default(), Stub::start(svg(robot())).await);
    let avatars = avatars(&shelf, stub.source(), patient());
    let ada = account("Ada & co");
    let first = avatars.picture(&ada).await.unwrap();
    assert!(first.body.starts_with(b"<svg"));
    assert_eq!((first.media_type, first.max_age), ("image/svg+xml", PICTURE_AGE));
    assert_eq!(first.etag.len(), 45);
    assert_eq!(avatars.picture(&ada).await.unwrap(), first);
    let asked = stub.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with("GET /9.x/bottts/svg?seed=Ada+%26+co&backgroundColor="), "{asked:?}");
    assert!(asked[0].ends_with("&backgroundType=gradientLinear HTTP/1.1"), "{asked:?}");

    let renewed = Account { avatar_version: 2, ..ada };
    avatars.picture(&renewed).await.unwrap();
    assert_eq!(stub.asked().len(), 2, "a new version is a new picture");
}

#[tokio::test]
async fn fifty_who_ask_at_once_cause_one_fetch() {
    let (shelf, stub) = (Arc::default(), Stub::start(svg(robot())).await);
    let avatars = avatars(&shelf, stub.source(), patient());
    let ada = account("Ada");
    let pictures = join_all((0..50).map(|n| {
        let (avatars, ada) = (&avatars, &ada);
        async move { if n % 2 == 0 { avatars.picture(ada).await } else { avatars.png(ada, 64).await } }
    }));
    assert!(pictures.await.into_iter().all(|picture| picture.unwrap().max_age == PICTURE_AGE));
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn at_most_four_are_fetched_at_a_time() {
    let (shelf, stub) = (Arc::default(), Stub::start(svg(robot())).await);
    stub.open.send_replace(false);
    let avatars = avatars(&shelf, stub.source(), Timing { asker: Duration::from_millis(50), ..patient() });
    let accounts: Vec<_> = (0..9).map(|n| account(&n.to_string())).collect();
    let first = join_all(accounts.iter().map(|account| avatars.picture(account))).await;
    assert!(first.iter().all(|picture| is_placeholder(picture.as_ref().unwrap())));
    eventually(|| stub.asked().len() == 4).await;
    stub.open.send_replace(true);
    eventually(|| shelf.pictures().len() == 9).await;
}

#[tokio::test]
async fn who_asks_a_slow_host_has_the_placeholder_soon_and_the_picture_next_time() {
    let (shelf, stub) = (Arc::default(), Stub::start(svg(robot())).await);
    stub.open.send_replace(false);
    let asker = Duration::from_millis(200);
    let avatars = avatars(&shelf, stub.source(), Timing { asker, ..patient() });
    let ada = account("Ada");
    let start = Instant::now();
    let picture = avatars.picture(&ada).await.unwrap();
    assert!(is_placeholder(&picture));
    assert_eq!(picture.max_age, PLACEHOLDER_AGE);
    assert!(start.elapsed() >= asker);
    stub.open.send_replace(true);
    eventually(|| !shelf.pictures().is_empty()).await;
    assert!(!is_placeholder(&avatars.picture(&ada).await.unwrap()));
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn a_fetch_goes_on_when_whoever_asked_has_left() {
    let (shelf, stub) = (Arc::default(), Stub::start(svg(robot())).await);
    stub.open.send_replace(false);
    let avatars = avatars(&shelf, stub.source(), patient());
    let ada = account("Ada");
    let leave = async {
        eventually(|| stub.asked().len() == 1).await;
    };
    tokio::select! {
        _ = avatars.picture(&ada) => panic!("the host does not answer"),
        () = leave => {}
    }
    stub.open.send_replace(true);
    eventually(|| !shelf.pictures().is_empty()).await;
}

#[tokio::test]
async fn a_dead_host_is_no_failure_and_is_asked_again() {
    let (shelf, dead) = (Arc::default(), Stub::start(Vec::new()).await);
    let address = dead.base.socket_addrs(|| None).unwrap()[0];
    let avatars = avatars(&shelf, dead.source(), patient());
    drop(dead);
    let ada = account("Ada");
    eventually_refused(address).await;
    assert!(is_placeholder(&avatars.picture(&ada).await.unwrap()));
    assert!(shelf.pictures().is_empty());
    let _alive = Stub::at(address, svg(robot())).await;
    assert!(!is_placeholder(&avatars.picture(&ada).await.unwrap()));
}

async fn eventually_refused(address: std::net::SocketAddr) {
    time::timeout(PATIENCE, async { while TcpStream::connect(address).await.is_ok() {} }).await.unwrap();
}

#[tokio::test]
async fn a_lying_host_leaves_no_trace() {
    let elsewhere = Stub::start(svg(robot())).await;
    let redirect = format!("302 Found\r\nLocation: {}", elsewhere.base);
    let half = &robot()[..robot().len() / 2];
    let kind = "200 OK\r\nContent-Type: image/svg+xml";
    let cases = [
        ("another type", response("200 OK\r\nContent-Type: text/html", robot().as_bytes())),
        ("no type", response("200 OK", robot().as_bytes())),
        ("10 MB", svg(&format!("{}<!--{}-->", robot(), "x".repeat(10_000_000)))),
        ("a redirect", response(&redirect, b"")),
        ("an error", response("500 Oops\r\nContent-Type: image/svg+xml", robot().as_bytes())),
        ("another success", response("203 Hm\r\nContent-Type: image/svg+xml", robot().as_bytes())),
        ("half a document", svg(half)),
        ("half a body", response(&format!("{kind}\r\nContent-Length: 99999"), robot().as_bytes())),
        ("not UTF-8", response(kind, b"<svg xmlns='http://www.w3.org/2000/svg'>\xff</svg>")),
        ("no picture", svg("<svg xmlns='http://www.w3.org/2000/svg' width='0' height='0'/>")),
        ("not SVG", svg("<html/>")),
        (
            "entities",
            svg("<!DOCTYPE svg [<!ENTITY a 'b'>]><svg xmlns='http://www.w3.org/2000/svg'>&a;</svg>"),
        ),
        ("nothing", Vec::new()),
        ("no HTTP", b"SSH-2.0-OpenSSH\r\n".to_vec()),
    ];
    for (name, answer) in cases {
        let (shelf, stub) = (Arc::default(), Stub::start(answer).await);
        let picture = avatars(&shelf, stub.source(), patient()).picture(&account("Ada")).await.unwrap();
        assert!(is_placeholder(&picture), "{name}");
        assert!(shelf.pictures().is_empty(), "{name}");
        assert_eq!(stub.asked().len(), 1, "{name}");
    }
    assert_eq!(elsewhere.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_acts_is_taken_out_before_anything_is_kept() {
    let hostile =
        robot().replace("</svg>", "<script>alert(1)</script></svg>").replacen("<g ", "<g onload=\"x()\" ", 1);
    let (shelf, stub) = (Arc::default(), Stub::start(svg(&hostile)).await);
    let ada = account("Ada");
    let picture = avatars(&shelf, stub.source(), patient()).picture(&ada).await.unwrap();
    let text = std::str::from_utf8(&picture.body).unwrap();
    assert!(!text.contains("<script") && !text.contains("onload"));
    assert_eq!(shelf.pictures()[&(ada.id, 1)].svg, text);
}

#[tokio::test]
async fn a_host_that_keeps_failing_is_left_alone_for_a_while() {
    let (shelf, stub) = (Arc::default(), Stub::start(response("500 Oops", b"")).await);
    let address = stub.base.socket_addrs(|| None).unwrap()[0];
    let rest = Duration::from_millis(500);
    let avatars = avatars(&shelf, stub.source(), Timing { rest, ..patient() });
    let ada = account("Ada");
    for _ in 0..10 {
        assert!(is_placeholder(&avatars.picture(&ada).await.unwrap()));
    }
    assert_eq!(stub.asked().len(), 3);
    drop(stub);
    eventually_refused(address).await;
    let _well = Stub::at(address, svg(robot())).await;
    let again = async { while is_placeholder(&avatars.picture(&ada).await.unwrap()) {} };
    time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn png_shows_the_same_picture_at_the_size_asked_for() {
    let (shelf, stub) = (Arc::default(), Stub::start(svg(robot())).await);
    let avatars = avatars(&shelf, stub.source(), patient());
    let ada = account("Ada");
    for (size, side) in [(16, 16), (128, 128), (256, 256), (0, 16), (9_999, 256_u32)] {
        let png = avatars.png(&ada, size).await.unwrap();
        assert_eq!((png.media_type, png.max_age), ("image/png", PICTURE_AGE));
        assert!(png.body.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert_eq!(png.body[16..24], [side.to_be_bytes(), side.to_be_bytes()].concat());
        assert_eq!(avatars.png(&ada, size).await.unwrap(), png);
    }
    assert_eq!(avatars.pngs.iter().count(), 3);
}

#[tokio::test]
async fn png_of_the_placeholder_is_not_taken_for_the_picture() {
    let (shelf, stub) = (Arc::default(), Stub::start(svg(robot())).await);
    stub.open.send_replace(false);
    let avatars = avatars(&shelf, stub.source(), Timing { asker: Duration::from_millis(50), ..patient() });
    let ada = account("Ada");
    let before = avatars.png(&ada, 64).await.unwrap();
    assert_eq!(before.max_age, PLACEHOLDER_AGE);
    stub.open.send_replace(true);
    eventually(|| !shelf.pictures().is_empty()).await;
    let after = avatars.png(&ada, 64).await.unwrap();
    assert_eq!(after.max_age, PICTURE_AGE);
    assert_ne!(before.etag, after.etag);
}

#[tokio::test]
async fn the_built_in_source_draws_without_a_network() {
    let shelf = Arc::default();
    let avatars = avatars(&shelf, Source::Builtin, patient());
    let (ada, bob) = (account("Ada"), account("Bob"));
    let picture = avatars.picture(&ada).await.unwrap();
    assert!(picture.body.starts_with(b"<svg") && picture.max_age == PICTURE_AGE);
    assert_ne!(picture.etag, avatars.picture(&bob).await.unwrap().etag);
    assert_eq!(shelf.pictures().len(), 2);
}

#[tokio::test]
async fn nobody_s_picture_is_the_placeholder() {
    let (shelf, stub) = (Arc::default(), Stub::start(svg(robot())).await);
    let deleted = Account { id: UserId::DELETED, ..account("") };
    assert!(is_placeholder(&avatars(&shelf, stub.source(), patient()).picture(&deleted).await.unwrap()));
    assert!(stub.asked().is_empty());
}

#[test]
fn the_placeholder_is_as_harmless_as_any_picture() {
    let clean = sanitise::sanitise(PLACEHOLDER).unwrap();
    let pixels = render::pixels(PLACEHOLDER, 128);
    assert!(pixels == render::pixels(&clean, 128));
    assert!(pixels.chunks(4).all(|pixel| pixel[3] == 255), "it stands on any background");
    let colours: std::collections::HashSet<_> = pixels.chunks(4).collect();
    assert!(colours.len() > 50, "there is something to see");
}

#[test]
fn the_whole_store_will_do() {
    fn _accepts(store: Arc<dyn store::Store>) -> Avatars {
        Avatars::new(store, Source::Builtin)
    }
}
