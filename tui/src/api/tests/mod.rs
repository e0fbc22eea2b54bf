//! The client against a server that misbehaves on purpose.

mod answers;
mod pauses;
mod sessions;

use std::sync::atomic::{AtomicU32, Ordering};

use secrecy::{ExposeSecret, SecretString};

use super::{
    stub::{Seen, Stub, StubAnswer, json, problem, said, typed},
    *,
};
use crate::token::{TokenStoreChoice, WaitMode};

const ID: &str = "01936f3e-0000-7000-8000-000000000000";
const HOUR: i64 = 3_600_000;

fn login(id: &str, number: u32, life: i64) -> StubAnswer {
    json(
        200,
        format!(
            r#"{{"id":"{id}","username":"ada","avatarUrl":"/api/v1/user/{id}/icon?v=1","email":"ada@example.org","role":"USER",
            "verified":false,"createdAt":"2026-11-22T13:22:07.123Z","suspended":false,"token":"access-{number}",
            "refreshToken":"refresh-{number}","tokenExpiresIn":{life},"refreshExpiresIn":{HOUR}}}"#
        ),
    )
}

fn me() -> StubAnswer {
    json(200, format!(r#"{{"id":"{ID}","username":"ada","avatarUrl":"/x"}}"#))
}

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn tokens(&self) -> Tokens {
        Tokens::new(TokenStoreChoice::File, "local", Some(self.dir.path().join("ro-co")))
    }

    /// A client as a process of its own would be.
    fn client(&self, stub: &Stub) -> Api {
        Api::new(Origin::local(stub.address, None), self.tokens()).unwrap()
    }

    async fn with_token(self, token: &str) -> Self {
        self.tokens().save(SecretString::from(token)).await;
        self
    }

    fn refresh_key_file(&self) -> std::path::PathBuf {
        self.dir.path().join("ro-co").join("refresh-key-local")
    }

    fn refresh_key(&self) -> Option<String> {
        std::fs::read_to_string(self.refresh_key_file()).ok()
    }

    async fn token(&self) -> Option<String> {
        self.tokens().load(WaitMode::Background).await.map(|token| token.expose_secret().to_owned())
    }
}

/// Answers refreshes with ever new tokens of this life, and everything else by `play`.
async fn refreshing(life: i64, play: impl Fn(&Seen) -> StubAnswer + Send + Sync + 'static) -> Stub {
    let given = AtomicU32::new(0);
    Stub::start(move |seen| match seen.line.as_str() {
        "POST /api/v1/auth/refresh" => login(ID, given.fetch_add(1, Ordering::SeqCst) + 1, life),
        _ => play(seen),
    })
    .await
}

async fn signed_in(play: impl Fn(&Seen) -> StubAnswer + Send + Sync + 'static) -> (Stub, Home, Api) {
    let stub = refreshing(HOUR, play).await;
    let home = Home::new().with_token("refresh-0").await;
    let api = home.client(&stub);
    api.resume().await.unwrap();
    (stub, home, api)
}
