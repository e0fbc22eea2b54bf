//! Rate limits: ordinary use is not limited, excess is, and others are not affected.

use std::time::Duration;

use ro_co_server::{Settings, limits::Policy};
use ro_co_shared::{Code, Problem};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Test, operations};

const SIGN_UP: &str = "/api/v1/auth/signup";
const LOGIN: &str = "/api/v1/auth/login";

/// A server that trusts the peer of these tests, which have no socket, as a proxy.
fn behind_proxy() -> Test {
    let proxies = ["0.0.0.0".parse().unwrap()].into_iter().collect();
    Test::with(Settings { recheck: Duration::ZERO, proxies, ..Settings::default() })
}

async fn post(test: &Test, from: &str, path: &str, body: &Value) -> Answer {
    test.call("POST", path, &[("X-Forwarded-For", from)], Some(body.to_string().as_bytes())).await
}

/// A request with an empty object, which costs no hash.
async fn empty(test: &Test, from: &str, path: &str) -> u16 {
    post(test, from, path, &json!({})).await.status
}

async fn login(test: &Test, from: &str, name: &str, password: &str) -> Answer {
    let body = json!({"email": format!("{name}@example.org"), "password": password});
    post(test, from, LOGIN, &body).await
}

/// The `Retry-After` of a 429 in seconds.
#[track_caller]
fn wait(answer: &Answer) -> i64 {
    assert_eq!((answer.status, answer.problem().code), (429, Code::TooManyRequests));
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_a_rate_limit_with_retry_after() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let token = format!("Bearer {}", ada.token);
    for (path, method, _) in operations() {
        let path = path.replace("{id}", "x").replace("{questionId}", "x");
        let headers = [("Authorization", token.as_str())];
        let call = || test.call(&method, &path, &headers, None);
        let mut refused = None;
        for _ in 0..6_000 {
            let answer = call().await;
            if answer.status == 429 {
                refused = Some(answer);
                break;
            }
        }
        let wait = wait(&refused.unwrap_or_else(|| panic!("{method} {path} has no limit")));
        assert!((1..=60).contains(&wait), "{method} {path}: {wait} s");
        test.clock.advance(wait * 1_000);
        assert_ne!(call().await.status, 429, "{method} {path} after the {wait} s it asked for");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lecture_hall_behind_one_ip_address_signs_in_within_three_minutes() {
    let test = behind_proxy();
    let hall = "192.0.2.1";
    for student in 0..300 {
        for typed in 0..10 {
            let path = format!("{SIGN_UP}/username?username=student%20{student}{typed}");
            test.call("GET", &path, &[("X-Forwarded-For", hall)], None).await.expect(200);
        }
        // Each mistypes once.
        for path in [SIGN_UP, LOGIN, LOGIN, "/api/v1/auth/logout"] {
            assert_eq!(empty(&test, hall, path).await, 400, "student {student}: {path}");
        }
        test.clock.advance(600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_one_ip_address_limits_only_that_address() {
    let test = behind_proxy();
    while empty(&test, "2001:db8::1", LOGIN).await != 429 {}
    assert_eq!(empty(&test, "2001:db8::ffff:2", LOGIN).await, 429, "another address of the same network");
    assert_eq!(empty(&test, "2001:db8:0:1::1", LOGIN).await, 400, "another network");
    assert_eq!(empty(&test, "2001:db8::1", SIGN_UP).await, 400, "another kind of request");
    let refused = post(&test, "2001:db8::1", LOGIN, &json!({})).await;
    test.clock.advance(wait(&refused) * 1_000);
    assert_eq!(empty(&test, "2001:db8::1", LOGIN).await, 400);
    assert_eq!(empty(&test, "2001:db8::1", LOGIN).await, 429, "one at a time from here on");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_forwarding_headers_are_ignored() {
    let direct = Test::new();
    let mut from = 0;
    while empty(&direct, &format!("198.51.100.{}", from % 250), LOGIN).await != 429 {
        from += 1;
    }
    assert_eq!(from, 600, "one budget for all of them");
    let proxied = behind_proxy();
    for from in 0..=600 {
        let forged = format!("198.51.100.{}, 192.0.2.1", from % 250);
        let expected = if from < 600 { 400 } else { 429 };
        assert_eq!(
            empty(&proxied, &forged, LOGIN).await,
            expected,
            "hops left of the client are its own words"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn password_guessing_is_limited_without_locking_out_the_owner() {
    let test = behind_proxy();
    test.person("ada").await;
    for _ in 0..5 {
        login(&test, "192.0.2.1", "ada", "not the password").await.expect(401);
    }
    assert_eq!(wait(&login(&test, "192.0.2.1", "ada", PASSWORD).await), 1, "even with the right one");
    for _ in 0..100 {
        assert_eq!(wait(&login(&test, "192.0.2.1", "ada", "not the password").await), 1);
    }
    login(&test, "192.0.2.2", "ada", PASSWORD).await.expect(200);
    login(&test, "192.0.2.1", "bob", "not the password").await.expect(401);
    test.clock.advance(1_000);
    login(&test, "192.0.2.1", "ada", "not the password").await.expect(401);
    assert_eq!(wait(&login(&test, "192.0.2.1", "ada", PASSWORD).await), 2);
    test.clock.advance(2_000);
    login(&test, "192.0.2.1", "ada", PASSWORD).await.expect(200);
    login(&test, "192.0.2.1", "ada", "not the password").await.expect(401);
    login(&test, "192.0.2.1", "ada", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_email_addresses_are_limited_like_known_ones() {
    let test = behind_proxy();
    test.person("ada").await;
    let mut seen: Vec<Vec<(u16, Option<i64>, Problem)>> = Vec::new();
    for name in ["ada", "nobody"] {
        let mut answers = Vec::new();
        for n in 0..8 {
            let answer = login(&test, "192.0.2.1", name, "not the password").await;
            let wait = (answer.status == 429).then(|| wait(&answer));
            answers.push((answer.status, wait, Problem { instance: String::new(), ..answer.problem() }));
            if n > 5 {
                test.clock.advance(wait.unwrap_or(0) * 1_000);
            }
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].iter().any(|(status, ..)| *status == 429));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_guesses_are_counted_individually() {
    let test = behind_proxy();
    let guesses = (0..30).map(|_| login(&test, "192.0.2.1", "ada", "not the password"));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(looked_at, 5, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_concurrent_avatars_are_within_the_limit() {
    let test = Test::new();
    let ada = test.person("ada").await;
    let paths: Vec<_> = (0..100).map(|n| format!("/api/v1/user/{}/icon?v={n}", ada.id)).collect();
    for answer in futures_util::future::join_all(paths.iter().map(|path| test.get(&ada, path))).await {
        answer.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_are_per_user() {
    let test = Test::new();
    let (ada, bob) = (test.person("ada").await, test.person("bob").await);
    while test.get(&ada, "/api/v1/user/me").await.status != 429 {}
    test.get(&bob, "/api/v1/user/me").await.expect(200);
    test.ask(&ada, "Why can I still ask?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_off_and_guesses() {
    for policy in [Policy::Off, Policy::Guesses] {
        let test = Test::with(Settings { limits: policy, ..Settings::default() });
        let ada = test.person("ada").await;
        for _ in 0..700 {
            assert_eq!(empty(&test, "192.0.2.1", LOGIN).await, 400);
            test.get(&ada, "/api/v1/user/me").await.expect(200);
        }
        for _ in 0..5 {
            login(&test, "192.0.2.1", "ada", "not the password").await.expect(401);
        }
        let sixth = login(&test, "192.0.2.1", "ada", "not the password").await.status;
        assert_eq!(sixth, if policy == Policy::Off { 401 } else { 429 });
    }
}
