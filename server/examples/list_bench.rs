//! What the list of 10 costs beyond HTTP: the real one against its own bytes from memory, behind the same guard and the
//! same check of the token, in one run. Also pages near and far, by cursor.
//!
//! `cargo run --release -p ro-co-server --example list_bench [QUESTIONS]` (10,000 unless told; half a minute)
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::{
    error::Error,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use poem::{EndpointExt, Route, web::Data};
use poem_openapi::{OpenApi, OpenApiService, payload::Binary};
use ro_co_server::{
    App, Settings, api,
    auth::Caller,
    avatar::{Avatars, Source},
    clock::Clock,
    front::{self, Limits},
    keys::Keys,
    limits::Policy,
    secret::Secret,
    store::{Account, Question, sqlite::Sqlite},
};
use ro_co_shared::{QuestionId, Role, Timestamp, UserId};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const TIME: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 32;
const LIST: &str = "/api/v1/question/all";

/// The bytes of the list, kept.
struct Fixed;

#[expect(clippy::unused_async, reason = "operations must be async")]
#[OpenApi]
impl Fixed {
    #[oai(path = "/fixed", method = "get")]
    async fn fixed(&self, _caller: Caller, bytes: Data<&Arc<Vec<u8>>>) -> Binary<Vec<u8>> {
        Binary(bytes.to_vec())
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let questions = std::env::args().nth(1).map_or(Ok(10_000), |n| n.parse())?;
    let dir = tempfile::tempdir()?;
    let app = app(dir.path())?;
    let (account, cursors) = fill(&app, questions).await?;
    let session = app.open_session(&account, &account.password, "bench".into()).await;
    let token = session.ok().flatten().ok_or("no session")?.token;

    let real = serve(app.service()).await?;
    let body = fetch(real, LIST, &token).await?;
    let fixed = OpenApiService::new(Fixed, "fixed", "1").with(poem::middleware::AddData::new(Arc::new(body)));
    let fixed = serve(app.guarded(Route::new().nest("/", fixed))).await?;

    let memory = load(fixed, "/fixed", &token).await?;
    let list = load(real, LIST, &token).await?;
    println!(
        "list of 10 of {questions}: {list:.0} /s; its bytes from memory: {memory:.0} /s; ratio {:.2}",
        list / memory
    );
    let deep = format!("{LIST}?cursor={cursors}");
    let (near, far) = (load(real, LIST, &token).await?, load(real, &deep, &token).await?);
    println!("first page: {near:.0} /s; page by cursor halfway down: {far:.0} /s; ratio {:.2}", far / near);
    app.store.close().await;
    Ok(())
}

fn app(dir: &std::path::Path) -> Outcome<Arc<App>> {
    let store = Arc::new(Sqlite::open(dir)?);
    let keys = Keys::new(&Secret::read_or_make(dir)?)?;
    let avatars = Avatars::new(store.clone(), Source::Builtin);
    let settings = Settings { limits: Policy::Off, ..Settings::default() };
    Ok(App::new(store, keys, avatars, Clock::default(), settings))
}

/// One author and their questions; returns the cursor of the one in the middle.
async fn fill(app: &Arc<App>, count: i64) -> Outcome<(Account, String)> {
    let account = Account {
        id: UserId::new(),
        username: "bench".parse()?,
        email: "bench@example.org".parse()?,
        password: String::new(),
        role: Role::User,
        verified: false,
        suspended: false,
        created_at: Timestamp::now(),
        avatar_seed: "bench".into(),
        avatar_version: 1,
    };
    app.store.add_account(&account).await?;
    let mut writing = JoinSet::new();
    let mut middle = String::new();
    for n in 0..count {
        let question = Question {
            id: QuestionId::new(),
            author: account.id,
            title: format!("How do I join wood without a table saw, the {n}th?"),
            description: Some("I would really appreciate any advice. ".repeat(8)),
            created_at: Timestamp(1_700_000_000_000 + n),
            fingerprint: [0; 32],
        };
        if n == count / 2 {
            middle = api::question_cursor(&app.keys, question.created_at, question.id);
        }
        let store = Arc::clone(&app.store);
        writing.spawn(async move { store.add_question(&question).await.map(drop) });
        if writing.len() >= 500 {
            writing.join_next().await.ok_or("nothing to wait for")???;
        }
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    Ok((account, middle))
}

async fn serve(service: ro_co_server::Service) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(front::serve(listener, service, Limits::default(), std::future::pending()));
    Ok(address)
}

/// Requests a second over connections that are kept, after a second of warming up.
async fn load(address: SocketAddr, path: &str, token: &str) -> Outcome<f64> {
    let start = Instant::now() + Duration::from_secs(1);
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let request = request(path, token);
        connections.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            let mut count = 0_u32;
            while start.elapsed() < TIME {
                exchange(&mut stream, &request).await?;
                count += u32::from(Instant::now() >= start);
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(count)
        });
    }
    let mut all = 0;
    while let Some(count) = connections.join_next().await {
        all += count??;
    }
    Ok(f64::from(all) / TIME.as_secs_f64())
}

fn request(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

async fn fetch(address: SocketAddr, path: &str, token: &str) -> Outcome<Vec<u8>> {
    exchange(&mut TcpStream::connect(address).await?, &request(path, token)).await
}

/// Sends a request and returns the answer's body, which must be a 200 with a length.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Outcome<Vec<u8>> {
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(16 * 1024);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err("the server hung up".into());
        }
        let Some(end) = answer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
        if !head.starts_with("http/1.1 200") {
            return Err(head.into());
        }
        let length = head.lines().find_map(|l| l.strip_prefix("content-length:")).ok_or("no length")?;
        let whole = end + 4 + length.trim().parse::<usize>()?;
        if answer.len() >= whole {
            return Ok(answer.split_off(end + 4));
        }
    }
}
