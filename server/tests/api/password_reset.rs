//! Passwords that an operator set, and hashes that an import brought.

use ro_co_server::{admin::PasswordReset, store::Account};
use ro_co_shared::{Code, Login, Role, UserId};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Test, operations};

const DAY: i64 = 24 * 3_600_000;
const NEW: &str = "another wooden marble run";

/// A new password, as `admin reset-password` sets it.
async fn reset(test: &Test, name: &str) -> String {
    let store = &*test.app.store;
    let reset = PasswordReset::prepare(store, &format!("{name}@example.org")).await.unwrap();
    let password = reset.password().to_owned();
    reset.apply(store, &test.clock).await.unwrap();
    password
}

async fn log_in(test: &Test, name: &str, password: &str) -> Answer {
    let body = json!({"email": format!("{name}@example.org"), "password": password});
    test.send(None, "POST", "/api/v1/auth/login", body).await
}

fn login_of(answer: &Answer) -> Login {
    serde_json::from_slice(&answer.body).unwrap()
}

async fn change(test: &Test, who: &Login, current: &str, new: &str) -> Answer {
    let body = json!({"currentPassword": current, "newPassword": new});
    test.send(Some(who), "PUT", "/api/v1/user/password", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_password_opens_nothing_but_its_own_change() {
    let test = Test::new();
    let before = test.person("ada").await;
    let password = reset(&test, "ada").await;
    test.get(&before, "/api/v1/user/me").await.expect(401);
    log_in(&test, "ada", PASSWORD).await.expect(401);

    let ada = login_of(&log_in(&test, "ada", &password).await.expect(200));
    let expires = ada.password_expires_at.unwrap();
    assert!((DAY - 60_000..=DAY).contains(&(expires.0 - test.clock.now().0)));
    let me = test.get(&ada, "/api/v1/user/me").await.expect(200).json();
    assert_eq!(me["passwordExpiresAt"], json!(expires));
    for (path, method, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        let secured = operation["security"][0].get("accessToken").is_some();
        if !secured || ["me", "changePassword"].contains(&id) {
            continue;
        }
        let path = path.replace("{id}", "x").replace("{questionId}", "x");
        let answer = test.send(Some(&ada), &method, &path, Value::Null).await.expect(403);
        assert_eq!(answer.problem().code, Code::PasswordChangeRequired, "{id}");
    }
    let ada = login_of(&test.refresh(&ada.refresh_token).await.expect(200));
    assert_eq!(ada.password_expires_at, Some(expires));

    let same = change(&test, &ada, &password, &password).await.expect(400);
    assert_eq!(same.fields(), ["newPassword"]);
    change(&test, &ada, &password, NEW).await.expect(200);
    assert_eq!(test.get(&ada, "/api/v1/user/me").await.expect(200).json().get("passwordExpiresAt"), None);
    test.ask(&ada, "May I ask again?").await;
    test.clock.advance(2 * DAY);
    assert_eq!(login_of(&log_in(&test, "ada", NEW).await.expect(200)).password_expires_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_password_works_for_a_day_and_may_be_reset_again() {
    let test = Test::new();
    test.person("ada").await;
    let first = reset(&test, "ada").await;
    let second = reset(&test, "ada").await;
    log_in(&test, "ada", &first).await.expect(401);
    let ada = login_of(&log_in(&test, "ada", &second).await.expect(200));
    test.clock.advance(DAY + 1);
    let late = log_in(&test, "ada", &second).await.expect(401);
    assert_eq!(late.problem().code, Code::InvalidCredentials);
    let ada = login_of(&test.refresh(&ada.refresh_token).await.expect(200));
    let refused = change(&test, &ada, &second, NEW).await.expect(403);
    assert_eq!(refused.fields(), ["currentPassword"]);
    let third = reset(&test, "ada").await;
    log_in(&test, "ada", &third).await.expect(200);
}

/// An account as an import adds it.
async fn imported(test: &Test, name: &str, password: &str) -> Account {
    let account = Account {
        id: UserId::new(),
        username: name.parse().unwrap(),
        email: format!("{name}@example.org").parse().unwrap(),
        password: bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string(),
        password_expires_at: None,
        role: Role::User,
        verified: false,
        suspended: false,
        created_at: test.clock.now(),
        avatar_seed: name.into(),
        avatar_version: 1,
    };
    test.app.store.add_account(&account).await.unwrap();
    account
}

#[tokio::test(start_paused = true)]
async fn while_a_bcrypt_hash_is_left_every_refused_login_takes_the_same_time() {
    let test = Test::new();
    test.person("ada").await;
    let timed = async |name: &str, password: &str| {
        let began = tokio::time::Instant::now();
        let status = log_in(&test, name, password).await.status;
        (status, began.elapsed().as_millis())
    };
    assert_eq!(timed("ada", "wrong").await, (401, 0), "none is left: at once");
    imported(&test, "eve", PASSWORD).await;
    for name in ["ada", "eve", "nobody"] {
        assert_eq!(timed(name, "wrong").await, (401, 1_000), "{name}");
    }
    assert_eq!(timed("eve", PASSWORD).await, (200, 0), "the right one does not wait, and is the last");
    for name in ["ada", "eve", "nobody"] {
        assert_eq!(timed(name, "wrong").await, (401, 0), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_client_hangs_up_is_finished() {
    let test = Test::new();
    let (ada, elsewhere) = (test.person("ada").await, test.login("ada").await);
    let old = test.app.store.account(ada.id).await.unwrap().password;
    let mut change = Box::pin(change(&test, &ada, PASSWORD, NEW));
    // Until the first write, the new hash, is done; the sessions come after it.
    while test.app.store.account(ada.id).await.unwrap().password == old {
        let _ = futures_util::poll!(&mut change);
    }
    drop(change);
    let ended = async || test.get(&elsewhere, "/api/v1/user/me").await.status == 401;
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !ended().await {
        assert!(std::time::Instant::now() < limit, "the other session goes on");
    }
}
