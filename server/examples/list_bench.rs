//! What the list of 10 costs beyond HTTP: the real one against its own bytes from memory, behind the same guard and the
//! same check of the token, in one run. Also pages near and far, by cursor.
//!
//! `cargo run --release -p ro-co-server --example list_bench [QUESTIONS]` (10,000 unless told; half a minute)
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

#[path = "http/mod.rs"]
mod http;

use std::{net::SocketAddr, sync::Arc};

use http::{Load, Outcome, exchange, get, load, serve};
use poem::{EndpointExt, Route, web::Data};
use poem_openapi::{OpenApi, OpenApiService, payload::Binary};
use ro_co_server::{
    App, Settings, api,
    auth::Caller,
    avatar::{Avatars, Source},
    clock::Clock,
    keys::Keys,
    limits::Policy,
    secret::Secret,
    store::{Account, CreatedAt, Question, sqlite::Sqlite},
};
use ro_co_shared::{Body, QuestionId, QuestionText, Role, Timestamp, Title, UserId};
use tokio::{net::TcpStream, task::JoinSet};

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

    let memory = load(fixed, &get("/fixed", &token)).await?;
    let list = load(real, &get(LIST, &token)).await?;
    compare((&format!("list of 10 of {questions}"), &list), ("its bytes from memory", &memory));
    let near = load(real, &get(LIST, &token)).await?;
    let far = load(real, &get(&format!("{LIST}?cursor={cursors}"), &token)).await?;
    compare(("page by cursor halfway down", &far), ("first page", &near));
    app.store.close().await;
    Ok(())
}

fn compare((what, one): (&str, &Load), (with, other): (&str, &Load)) {
    println!(
        "{what}: {:.0} /s (p99 {:.1} ms); {with}: {:.0} /s (p99 {:.1} ms); ratio {:.2}",
        one.rate(),
        one.percentile(99),
        other.rate(),
        other.percentile(99),
        one.rate() / other.rate()
    );
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
        password_expires_at: None,
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
            text: QuestionText {
                description: Some(Body::unchecked("I would really appreciate any advice. ".repeat(8))),
                ..QuestionText::new(Title::unchecked(format!(
                    "How do I join wood without a table saw, the {n}th?"
                )))
            },
            created_at: CreatedAt::Recorded(Timestamp(1_700_000_000_000 + n)),
            fingerprint: [0; 32],
        };
        if n == count / 2 {
            middle = api::question_cursor(&app.keys, question.created_at.time(), question.id);
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

async fn fetch(address: SocketAddr, path: &str, token: &str) -> Outcome<Vec<u8>> {
    exchange(&mut TcpStream::connect(address).await?, &get(path, token)).await
}
