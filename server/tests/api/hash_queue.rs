//! A full hash queue: who is refused, whom it delays, and that a refusal changes nothing. Reserved places stand for jobs
//! that wait.

use std::time::Duration;

use ro_co_server::{
    Settings,
    password::{HashSlot, Requester},
};
use serde_json::json;

use crate::support::{Answer, PASSWORD, Test};

/// A server whose peers in these tests, which come from no socket, are a trusted proxy.
fn behind_a_proxy() -> Test {
    let proxies = ["0.0.0.0".parse().unwrap()].into_iter().collect();
    Test::with(Settings { recheck: Duration::ZERO, proxies, ..Settings::default() })
}

async fn log_in(test: &Test, from: &str, name: &str, password: &str) -> Answer {
    let body = json!({"email": format!("{name}@example.org"), "password": password}).to_string();
    test.call("POST", "/api/v1/auth/login", &[("X-Forwarded-For", from)], Some(body.as_bytes())).await
}

/// All places, taken from one IP address.
fn fill(test: &Test, from: &str) -> Vec<HashSlot> {
    let requester = Requester { address: from.parse().unwrap(), known: true };
    std::iter::from_fn(|| test.app.passwords.reserve(requester).ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_full_from_one_address_locks_nobody_out() {
    let test = behind_a_proxy();
    test.person("ada").await;
    log_in(&test, "192.0.2.1", "ada", PASSWORD).await.expect(200);
    let places = fill(&test, "203.0.113.5");
    assert_eq!(places.len(), 32);
    for _ in 0..100 {
        let refused = log_in(&test, "203.0.113.5", "ada", "not the password").await.expect(503);
        assert!(refused.header("retry-after").is_some());
    }
    log_in(&test, "192.0.2.1", "ada", PASSWORD).await.expect(200);
    log_in(&test, "198.51.100.7", "ada", PASSWORD).await.expect(200);
    drop(places);
    // Not one of the hundred was counted, neither against the account there nor against the address.
    for _ in 0..5 {
        log_in(&test, "203.0.113.5", "ada", "not the password").await.expect(401);
    }
    log_in(&test, "203.0.113.5", "ada", "not the password").await.expect(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_guesses_stay_counted_after_many_refused_requests() {
    let test = behind_a_proxy();
    test.person("ada").await;
    let mut wrong = 0;
    while wrong < 9 {
        let answer = log_in(&test, "192.0.2.1", "ada", "not the password").await;
        if answer.status == 401 {
            wrong += 1;
        } else {
            let wait: i64 = answer.expect(429).header("retry-after").unwrap().parse().unwrap();
            test.clock.advance(wait * 1_000);
        }
    }
    let places = fill(&test, "192.0.2.1");
    for n in 0..40_000 {
        log_in(&test, "192.0.2.1", &format!("user{n}"), "not the password").await.expect(503);
    }
    drop(places);
    // The tenth, when its wait is over: then the waits go on where they were.
    test.clock.advance(16_000);
    log_in(&test, "192.0.2.1", "ada", "not the password").await.expect(401);
    let refused = log_in(&test, "192.0.2.1", "ada", PASSWORD).await.expect(429);
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((17..=32).contains(&wait), "{wait} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_no_wrong_guess() {
    let test = behind_a_proxy();
    test.person("ada").await;
    test.app.store.close().await;
    for _ in 0..700 {
        log_in(&test, "192.0.2.1", "ada", "not the password").await.expect(503);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_before_its_hash_leaves_no_guess() {
    let test = behind_a_proxy();
    test.person("ada").await;
    for _ in 0..20 {
        let login = log_in(&test, "192.0.2.1", "ada", "not the password");
        let first_poll = futures_util::FutureExt::now_or_never(login);
        assert!(first_poll.is_none(), "it waits for the store or its hash");
    }
    for _ in 0..5 {
        log_in(&test, "192.0.2.1", "ada", "not the password").await.expect(401);
    }
    log_in(&test, "192.0.2.1", "ada", "not the password").await.expect(429);
}
