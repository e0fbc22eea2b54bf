//! Tokens: what opens what, for how long, and what ends it.

use std::{pin::pin, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use ro_co_server::{Settings, limits::Policy};
use ro_co_shared::{Code, Login};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Test};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn login_of(answer: &Answer) -> Login {
    serde_json::from_slice(&answer.body).unwrap()
}

/// What a JWT says, unverified.
fn claims(token: &str) -> Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_login_the_answer_is_the_same() {
    let test = Test::new();
    test.person("ada").await;
    let mut bodies = Vec::new();
    for (email, password) in [
        ("ada@example.org", "not the password"),
        ("nobody@example.org", PASSWORD),
        ("no address", PASSWORD),
        ("deleted@invalid.invalid", PASSWORD),
        ("ada@example.org", "short"),
    ] {
        let body = json!({"email": email, "password": password});
        let mut problem = test.send(None, "POST", "/api/v1/auth/login", body).await.expect(401).problem();
        problem.instance.clear();
        bodies.push(problem);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(bodies[0].code, Code::InvalidCredentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_lives_a_quarter_of_an_hour() {
    let test = Test::new();
    let ada = test.person("ada").await;
    assert_eq!(ada.token_expires_in, 15 * MINUTE);
    assert_eq!(claims(&ada.token)["sub"], ada.id.to_string());
    for absent in ["role", "username", "email"] {
        assert!(claims(&ada.token).get(absent).is_none());
    }
    test.clock.advance(15 * MINUTE - 5_000);
    test.get(&ada, "/api/v1/user/me").await.expect(200);
    test.clock.advance(MINUTE);
    let late = test.get(&ada, "/api/v1/user/me").await.expect(401);
    assert_eq!(late.problem().code, Code::TokenExpired);
    let fresh = login_of(&test.refresh(&ada.refresh_token).await.expect(200));
    test.get(&fresh, "/api/v1/user/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeating_a_refresh_gives_the_same_successor() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let first = login_of(&test.refresh(&ada.refresh_token).await.expect(200));
    test.clock.advance(30_000);
    let again = login_of(&test.refresh(&ada.refresh_token).await.expect(200));
    assert_eq!(first.refresh_token, again.refresh_token);
    // A client that never picks the successor up goes on with its first token for a day.
    for _ in 0..23 {
        test.clock.advance(HOUR);
        let again = login_of(&test.refresh(&ada.refresh_token).await.expect(200));
        assert_eq!(again.refresh_token, first.refresh_token);
        test.get(&again, "/api/v1/user/me").await.expect(200);
    }
    test.clock.advance(HOUR);
    test.refresh(&ada.refresh_token).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_key_a_refresh_is_repeated_for_as_long_as_the_session_lives() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let first = login_of(&test.refresh_with(&ada.refresh_token, "k1").await.expect(200));
    test.clock.advance(13 * DAY);
    let again = login_of(&test.refresh_with(&ada.refresh_token, "k1").await.expect(200));
    assert_eq!(first.refresh_token, again.refresh_token);
    let other = test.refresh_with(&ada.refresh_token, "k2").await.expect(401);
    assert_eq!(other.problem().code, Code::RefreshReused);
    for bad in ["", "\u{e9}", &"x".repeat(256)] {
        let answer = test.refresh_with(&ada.refresh_token, bad).await.expect(400);
        assert_eq!(answer.fields(), ["Idempotency-Key"], "{bad:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thief_ahead_and_a_thief_behind_end_the_session_at_the_second_use() {
    let test = Test::new();
    test.person("ada").await;
    for (first, second) in [("thief", "owner"), ("owner", "thief")] {
        let stolen = test.login("ada").await;
        let next = login_of(&test.refresh_with(&stolen.refresh_token, first).await.expect(200));
        let same = login_of(&test.refresh_with(&stolen.refresh_token, second).await.expect(200));
        assert_eq!(next.refresh_token, same.refresh_token, "as two processes of one client might");
        let third = login_of(&test.refresh_with(&next.refresh_token, &format!("{first}2")).await.expect(200));
        let noticed = test.refresh_with(&next.refresh_token, &format!("{second}2")).await.expect(401);
        assert_eq!(noticed.problem().code, Code::RefreshReused);
        let ended = test.refresh_with(&third.refresh_token, &format!("{first}3")).await.expect(401);
        assert_eq!(ended.problem().code, Code::SessionEnded);
        test.get(&third, "/api/v1/user/me").await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_looked_up_is_its_own_users_only() {
    let test = Test::with(Settings::default());
    let (ada, bob) = (test.person("ada").await, test.person("bob").await);
    test.get(&ada, "/api/v1/user/me").await.expect(200);
    let session = serde_json::from_value(claims(&ada.token)["sid"].clone()).unwrap();
    let token = test.app.keys.sign_access(bob.id, session, 0, test.clock.now(), MINUTE).unwrap();
    let forged = Login { token, ..bob };
    assert_eq!(test.get(&forged, "/api/v1/user/me").await.expect(401).problem().code, Code::SessionEnded);
    test.get(&ada, "/api/v1/user/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_at_once_agree() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let refresh = || async { login_of(&test.refresh(&ada.refresh_token).await.expect(200)).refresh_token };
    let (a, b, c, d) = tokio::join!(refresh(), refresh(), refresh(), refresh());
    assert!(a == b && b == c && c == d);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_token_ends_the_session_once_its_successor_was_spent() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let next = login_of(&test.refresh(&ada.refresh_token).await.expect(200));
    let third = login_of(&test.refresh(&next.refresh_token).await.expect(200));
    let stolen = test.refresh(&ada.refresh_token).await.expect(401);
    assert_eq!(stolen.problem().code, Code::RefreshReused);
    assert_eq!(test.refresh(&third.refresh_token).await.expect(401).problem().code, Code::SessionEnded);
    test.get(&third, "/api/v1/user/me").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_two_weeks_of_silence_and_after_a_month_in_any_case() {
    let test = Test::new();
    let ada = test.person("ada").await;
    test.clock.advance(14 * DAY + MINUTE);
    test.refresh(&ada.refresh_token).await.expect(401);

    let mut ada = test.login("ada").await;
    for _ in 0..3 {
        test.clock.advance(9 * DAY);
        ada = login_of(&test.refresh(&ada.refresh_token).await.expect(200));
    }
    assert!(ada.refresh_expires_in <= 3 * DAY, "never past the session's end");
    test.clock.advance(3 * DAY + MINUTE);
    test.refresh(&ada.refresh_token).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_kills_the_refresh_token_and_may_be_repeated() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let body = json!({"refreshToken": ada.refresh_token});
    for _ in 0..2 {
        test.send(None, "POST", "/api/v1/auth/logout", body.clone()).await.expect(200);
    }
    assert_eq!(test.refresh(&ada.refresh_token).await.expect(401).problem().code, Code::SessionEnded);
    test.get(&ada, "/api/v1/user/me").await.expect(401);
    test.send(None, "POST", "/api/v1/auth/logout", json!({"refreshToken": "garbage"})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_kind_of_token_does_not_pass_for_the_other_and_forged_ones_do_nothing() {
    let test = Test::new();
    let ada = test.person("ada").await;
    test.refresh(&ada.token).await.expect(401);
    let swapped = Login { token: ada.refresh_token.clone(), ..ada.clone() };
    test.get(&swapped, "/api/v1/user/me").await.expect(401);

    // A token signed by another server's keys, and this server's token with one letter changed.
    let elsewhere = Test::new().person("ada").await;
    test.get(&elsewhere, "/api/v1/user/me").await.expect(401);
    test.refresh(&elsewhere.refresh_token).await.expect(401);
    let at = ada.refresh_token.len() - 10;
    let letter = if ada.refresh_token.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut changed = ada.refresh_token.clone();
    changed.replace_range(at..=at, letter);
    test.refresh(&changed).await.expect(401);
    let huge = "x".repeat(12_000);
    test.refresh(&huge).await.expect(401);
    test.refresh(&ada.refresh_token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_twenty_first_session_ends_the_first() {
    let test = Test::new();
    let first = test.person("ada").await;
    for _ in 0..20 {
        test.clock.advance(1000);
        test.login("ada").await;
    }
    test.refresh(&first.refresh_token).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_looked_up_is_believed_for_a_while_but_what_this_server_ended_is_not() {
    let test = Test::with(Settings::default());
    let ada = test.person("ada").await;
    test.get(&ada, "/api/v1/user/me").await.expect(200);
    let body = json!({"refreshToken": ada.refresh_token});
    test.send(None, "POST", "/api/v1/auth/logout", body).await.expect(200);
    test.get(&ada, "/api/v1/user/me").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_header_must_be_one_and_say_bearer() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let good = format!("Bearer {}", ada.token);
    test.call("GET", "/api/v1/user/me", &[("Authorization", &format!("bearer {}", ada.token))], None)
        .await
        .expect(200);
    for bad in
        [format!("Basic {}", ada.token), "Bearer".into(), "Bearer ".into(), ada.token.clone(), String::new()]
    {
        test.call("GET", "/api/v1/user/me", &[("Authorization", &bad)], None).await.expect(401);
    }
    test.call("GET", "/api/v1/user/me", &[("Authorization", &good), ("Authorization", &good)], None)
        .await
        .expect(401);
    test.call("GET", "/api/v1/user/me", &[("Cookie", &format!("token={}", ada.token))], None)
        .await
        .expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_of_an_old_password_outlives_its_change() {
    let test = Test::with(Settings { limits: Policy::Off, recheck: Duration::ZERO, ..Settings::default() });
    let ada = test.person("ada").await;
    let login = || {
        let body = json!({"email": "ada@example.org", "password": PASSWORD});
        test.send(None, "POST", "/api/v1/auth/login", body)
    };
    let mut change = pin!(async {
        let body = json!({"currentPassword": PASSWORD, "newPassword": "another wooden marble run"});
        test.send(Some(&ada), "PUT", "/api/v1/user/password", body).await.expect(200);
    });
    // Logins come all the time, so that some have read the old hash, and wait for their turn, when it is replaced. The
    // change waits for the first of them: the queue serves who is signed in before others of their address.
    let (mut coming, mut answers) = (FuturesUnordered::new(), Vec::new());
    loop {
        while coming.len() < 8 {
            coming.push(login());
        }
        tokio::select! {
            () = &mut change, if !answers.is_empty() => break,
            Some(answer) = coming.next() => answers.push(answer),
        }
    }
    answers.extend(coming.collect::<Vec<_>>().await);
    let (opened, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    for answer in &opened {
        test.refresh(&login_of(answer).refresh_token).await.expect(401);
    }
    assert!(!opened.is_empty() && !refused.is_empty(), "logins ended on both sides of the change");
    test.get(&ada, "/api/v1/user/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_changed_meanwhile_opens_nothing() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let account = test.app.store.account(ada.id).await.unwrap();
    let opened = test.app.open_session(&account, "the hash of an older one", "x".into()).await;
    assert!(opened.is_ok_and(|login| login.is_none()));
    let opened = test.app.open_session(&account, &account.password, "x".into()).await;
    assert!(opened.is_ok_and(|login| login.is_some()));
    test.app.store.delete_account(ada.id, ro_co_shared::Content::Keep).await.unwrap();
    let opened = test.app.open_session(&account, &account.password, "x".into()).await;
    assert!(opened.is_ok_and(|login| login.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_one_is_told_that_the_password_is_wrong() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let change = |new: &'static str| {
        let body = json!({"currentPassword": PASSWORD, "newPassword": new});
        test.send(Some(&ada), "PUT", "/api/v1/user/password", body)
    };
    let (a, b) = tokio::join!(change("another wooden marble run"), change("yet another marble run"));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
}
