//! The scenario of `tests/cases/clients.rs` with the client that progenitor generates.
//!
//! usage: `ro-co-client-scenario http://127.0.0.1:PORT`, with `openapi.json` beside `Cargo.toml`

#![deny(warnings)]

use std::{env, fmt::Debug, future::Future};

use client::{
    Client,
    types::{self, Login, Problem, Question},
};
use futures::TryStreamExt;
use progenitor_client::{ByteStream, Error, ResponseValue};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

/// The client that progenitor generates.
mod client {
    progenitor::generate_api!(spec = "openapi.json", interface = Builder);
}

const PASSWORD: &str = "seven wooden marbles";

fn main() {
    let base = env::args().nth(1).expect("the server's URL");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(play(&base));
    println!("played to the end");
}

async fn play(base: &str) {
    let visitor = Client::new(base);
    every_wrong_field_is_named(&visitor).await;
    let script = signed_in(&visitor, "script").await;
    let stranger = signed_in(&visitor, "stranger").await;
    let client = caller(base, &script.token);
    pictures(&client, &script).await;
    let asked = ask(&client).await;
    page_through(&client, &asked).await;
    edit_and_answer(&client, &caller(base, &stranger.token), &asked[0]).await;
    sign_out(base, &script).await;
    guesses_have_to_wait(&visitor).await;
}

/// The client of whoever has this token; progenitor leaves authentication to reqwest.
fn caller(base: &str, token: &str) -> Client {
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
    Client::new_with_client(base, reqwest::Client::builder().default_headers(headers).build().unwrap())
}

/// Awaits a response that must be an error of this kind.
async fn refused<T: Debug>(
    answer: impl Future<Output = Result<ResponseValue<T>, Error<Problem>>>,
    status: u16,
    code: &str,
) -> Problem {
    match answer.await {
        Err(Error::ErrorResponse(refusal)) => {
            let is = (refusal.status().as_u16(), refusal.status, refusal.code.to_string());
            assert_eq!(is, (status, i32::from(status), code.to_owned()), "{refusal:?}");
            refusal.into_inner()
        }
        other => panic!("not refused: {other:?}"),
    }
}

async fn every_wrong_field_is_named(visitor: &Client) {
    assert!(types::SignUpUsername::try_from("s").is_err(), "the client knows the limits of a name");
    let weak = types::SignUp::builder().username("script").email("script").password("password1234");
    let problem = refused(visitor.sign_up().body(weak).send(), 400, "invalid").await;
    let fields: Vec<_> = problem.errors.iter().map(|error| &**error.field).collect();
    assert_eq!(fields, ["email", "password"], "{problem:?}");
}

async fn signed_in(visitor: &Client, name: &str) -> Login {
    assert_eq!(visitor.check_username().username(name).send().await.unwrap().status(), 200);
    let email = format!("{name}@example.org");
    let account = || types::SignUp::builder().username(name).email(email.clone()).password(PASSWORD);
    let made = visitor.sign_up().body(account()).send().await.unwrap();
    assert_eq!(made.email.as_ref().map(|e| e.to_string()), Some(email.clone()), "{made:?}");
    refused(visitor.sign_up().body(account()).send(), 409, "taken").await;
    let credentials = |password: &str| types::Credentials::builder().email(email.clone()).password(password);
    let wrong = visitor.login().body(credentials("not the password")).send();
    refused(wrong, 401, "invalid_credentials").await;
    let session = visitor.login().body(credentials(PASSWORD)).send().await.unwrap().into_inner();
    assert!(session.token_expires_in > 0 && session.id == made.id, "{session:?}");
    session
}

async fn pictures(client: &Client, session: &Login) {
    let svg = bytes(client.get_icon().id(session.id).send().await.unwrap().into_inner()).await;
    assert!(svg.starts_with(b"<svg"), "{svg:.80?}");
    let png = client.get_icon_png().id(session.id).size(32).send().await.unwrap();
    let png = bytes(png.into_inner()).await;
    assert!(png.starts_with(b"\x89PNG\r\n"), "{png:.8?}");
}

async fn bytes(stream: ByteStream) -> Vec<u8> {
    stream.into_inner().map_ok(|chunk| chunk.to_vec()).try_concat().await.unwrap()
}

async fn ask(client: &Client) -> Vec<Question> {
    let mut asked = Vec::new();
    for number in 0..25 {
        let send = || {
            let body = types::NewQuestion::builder().title(format!("Question {number}"));
            client.create_question().idempotency_key(format!("question-{number}")).body(body).send()
        };
        let (question, again) = (send().await.unwrap(), send().await.unwrap());
        assert_eq!(question.id, again.id);
        asked.push(question.into_inner());
    }
    let other = types::NewQuestion::builder().title("Something else");
    let again = client.create_question().idempotency_key("question-0").body(other).send();
    refused(again, 409, "key_reused").await;
    asked
}

async fn page_through(client: &Client, asked: &[Question]) {
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    let mut page = client.list_questions().size(10).send().await.unwrap();
    loop {
        sizes.push(page.len());
        seen.extend(page.iter().map(|question| question.id));
        let Some(cursor) = next_cursor(page.headers()) else { break };
        page = client.list_questions().size(10).cursor(cursor).send().await.unwrap();
    }
    assert_eq!(sizes, [10, 10, 5]);
    let newest_first: Vec<_> = asked.iter().rev().map(|question| question.id).collect();
    assert_eq!(seen, newest_first);
}

fn next_cursor(headers: &HeaderMap) -> Option<String> {
    let link = headers.get("link")?.to_str().unwrap();
    let url = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    let query = url.split_once('?').unwrap().1;
    query.split('&').find_map(|pair| pair.strip_prefix("cursor=")).map(str::to_owned)
}

async fn edit_and_answer(client: &Client, stranger: &Client, question: &Question) {
    let read = client.get_question().id(question.id).send().await.unwrap();
    let tag = read.headers()["etag"].to_str().unwrap();
    let body = || types::EditQuestion::builder().title("Edited by a script");
    let edit = || client.update_question().id(question.id).body(body()).if_match(tag).send();
    assert_eq!(edit().await.unwrap().title.to_string(), "Edited by a script");
    refused(edit(), 412, "stale").await;
    refused(stranger.update_question().id(question.id).body(body()).send(), 403, "forbidden").await;
    let text = types::NewAnswer::builder().description("So it is.").question_id(question.id);
    let answer = stranger.create_answer().body(text).send().await.unwrap();
    let answers = client.list_answers().question_id(question.id).send().await.unwrap();
    assert_eq!(answers.iter().map(|a| a.id).collect::<Vec<_>>(), [answer.id]);
}

async fn sign_out(base: &str, session: &Login) {
    refused(caller(base, "made-up").me().send(), 401, "unauthenticated").await;
    let renewed = caller(base, &session.refresh_token).refresh().send().await.unwrap();
    assert_ne!(*renewed.refresh_token, *session.refresh_token);
    let mine = caller(base, &renewed.token).me().send().await.unwrap();
    assert!(mine.id == session.id && mine.created_at.is_some(), "{mine:?}");
    let body = types::SignOut::builder().refresh_token(renewed.refresh_token.to_string());
    assert_eq!(Client::new(base).logout().body(body).send().await.unwrap().status(), 200);
    refused(caller(base, &renewed.refresh_token).refresh().send(), 401, "session_ended").await;
}

async fn guesses_have_to_wait(visitor: &Client) {
    for _ in 0..8 {
        let guess = types::Credentials::builder().email("guessed@example.org").password("not the password");
        match visitor.login().body(guess).send().await {
            Err(Error::ErrorResponse(refusal)) if refusal.status() == 429 => {
                assert_eq!(refusal.code.to_string(), "too_many_requests");
                let wait = refusal.headers()["retry-after"].to_str().unwrap();
                assert!(wait.parse::<u32>().unwrap() > 0, "{wait}");
                return;
            }
            refusal => assert_eq!(refusal.unwrap_err().status().unwrap(), 401),
        }
    }
    panic!("nobody was made to wait");
}
