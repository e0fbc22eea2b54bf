//! Rate limits: ordinary use is not limited, excess is, and others are not affected.

use std::time::Duration;

use ro_co_server::{
    Settings,
    limits::{Policy, Quotas},
};
use ro_co_shared::{Code, Problem};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Test, operations};

const SIGN_UP: &str = "/api/v1/auth/signup";
const LOGIN: &str = "/api/v1/auth/login";
const LOGOUT: &str = "/api/v1/auth/logout";

/// A server that trusts the peer of these tests, which have no socket, as a proxy.
fn behind_proxy() -> Test {
    let proxies = ["0.0.0.0".parse().unwrap()].into_iter().collect();
    Test::with(Settings { recheck: Duration::ZERO, proxies, ..Settings::default() })
}

async fn post(test: &Test, from: &str, path: &str, body: &Value) -> Answer {
    test.call("POST", path, &[("X-Forwarded-For", from)], Some(body.to_string().as_bytes())).await
}

/// A logout with a token that is not one: a valid request, which costs nothing.
async fn logout(test: &Test, from: &str) -> u16 {
    post(test, from, LOGOUT, &json!({"refreshToken": "x"})).await.status
}

/// A request with an empty object, which is refused.
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
    while logout(&test, "2001:db8::1").await != 429 {}
    assert_eq!(logout(&test, "2001:db8::ffff:2").await, 429, "another address of the same network");
    assert_eq!(logout(&test, "2001:db8:0:1::1").await, 200, "another network");
    assert_eq!(empty(&test, "2001:db8::1", SIGN_UP).await, 400, "another kind of request");
    let refused = post(&test, "2001:db8::1", LOGOUT, &json!({"refreshToken": "x"})).await;
    test.clock.advance(wait(&refused) * 1_000);
    let mut more = 0;
    while logout(&test, "2001:db8::1").await != 429 {
        more += 1;
    }
    assert!((5..20).contains(&more), "five a second from here on, not {more}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_forwarding_headers_are_ignored() {
    for (test, hops) in [(Test::new(), ""), (behind_proxy(), ", 192.0.2.1")] {
        let mut sent = 0;
        while logout(&test, &format!("198.51.100.{}{hops}", sent % 250)).await != 429 {
            sent += 1;
        }
        assert!((600..700).contains(&sent), "one budget for all of them, not {sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_does_not_use_up_what_valid_requests_need() {
    let test = behind_proxy();
    let ada = test.person("ada").await;
    let from = ("X-Forwarded-For", "192.0.2.1");
    let mut limited = 0;
    for n in 0..1_600 {
        let answer = match n % 4 {
            0 => {
                test.call("POST", "/api/v1/auth/refresh", &[from, ("Authorization", "Bearer x.y.z")], None)
                    .await
            }
            1 => post(&test, "192.0.2.1", SIGN_UP, &json!([])).await,
            2 => post(&test, "192.0.2.1", LOGOUT, &json!({})).await,
            _ => post(&test, "192.0.2.1", LOGIN, &json!({"email": 1})).await,
        };
        assert!(matches!(answer.status, 400 | 401 | 429), "{}", answer.status);
        limited += i32::from(answer.status == 429);
    }
    assert!((800..=1_000).contains(&limited), "600 were answered, and five a second: {limited}");
    let token = format!("Bearer {}", ada.refresh_token);
    for _ in 0..20 {
        test.call("POST", "/api/v1/auth/refresh", &[from, ("Authorization", &token)], None).await.expect(200);
    }
    login(&test, "192.0.2.1", "ada", PASSWORD).await.expect(200);
    assert_eq!(logout(&test, "192.0.2.1").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_are_limited_by_session() {
    let test = behind_proxy();
    let (ada, bob) = (test.person("ada").await, test.person("bob").await);
    for _ in 0..30 {
        test.refresh(&ada.refresh_token).await.expect(200);
    }
    assert!((1..=20).contains(&wait(&test.refresh(&ada.refresh_token).await)));
    test.refresh(&bob.refresh_token).await.expect(200);
    test.clock.advance(20_000);
    test.refresh(&ada.refresh_token).await.expect(200);
    test.refresh(&ada.refresh_token).await.expect(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_an_account_are_limited_wherever_they_go() {
    let test = behind_proxy();
    test.person("ada").await;
    for (path, first) in [("/nowhere", 404), ("/", 200), ("/openapi.json", 200), ("/api/v1/user/me", 401)] {
        let from = [("X-Forwarded-For", "192.0.2.1")];
        let mut statuses = Vec::new();
        while statuses.last() != Some(&429) {
            assert!(statuses.len() < 6_000, "no limit at {path}");
            statuses.push(test.call("GET", path, &from, None).await.status);
        }
        statuses.pop();
        assert!(statuses.iter().all(|status| *status == first), "{path}");
        assert_eq!(test.call("GET", path, &[("X-Forwarded-For", "192.0.2.2")], None).await.status, first);
        test.clock.advance(600_000);
    }
    let ada = test.login("ada").await;
    test.get(&ada, "/api/v1/user/me").await.expect(200);
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

fn with_quotas(quotas: Quotas) -> Test {
    let proxies = ["0.0.0.0".parse().unwrap()].into_iter().collect();
    Test::with(Settings { recheck: Duration::ZERO, proxies, quotas: Some(quotas), ..Settings::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_a_daily_quota_of_questions_and_answers() {
    let test = with_quotas(Quotas { questions: 3, answers: 2, ..Quotas::default() });
    let (mut ada, bob) = (test.person("ada").await, test.person("bob").await);
    let ask = async |who: &ro_co_shared::Login, key: &str, title: &str| {
        let token = format!("Bearer {}", who.token);
        let headers = [("Authorization", token.as_str()), ("Idempotency-Key", key)];
        let body = json!({"title": title}).to_string();
        test.call("POST", "/api/v1/question", &headers, Some(body.as_bytes())).await
    };
    ask(&ada, "1", "").await.expect(400);
    for _ in 0..5 {
        ask(&ada, "1", "One, however often it is sent?").await.expect(201);
    }
    let question = test.ask(&ada, "Two?").await;
    ask(&ada, "3", "Three?").await.expect(201);
    let refused = ask(&ada, "4", "Four?").await;
    assert!((1..=3_600).contains(&wait(&refused)));
    assert_eq!(refused.problem().detail, "You may ask 3 questions in 24 hours; try again in 25 h.");
    test.ask(&bob, "Somebody else's").await;
    for _ in 0..2 {
        test.answer(&ada, &question, "An answer.").await;
    }
    let body = json!({"description": "One more.", "questionID": question});
    test.send(Some(&ada), "POST", "/api/v1/answer", body).await.expect(429);
    test.clock.advance(25 * 3_600_000);
    ada = test.login("ada").await;
    ask(&ada, "5", "A day later?").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_a_daily_quota_of_bytes_and_edits_count() {
    let test = with_quotas(Quotas { bytes: 1_000, ..Quotas::default() });
    let ada = test.person("ada").await;
    let question = test.ask(&ada, "Short?").await;
    let path = format!("/api/v1/question/{question}");
    let body = json!({"title": "Short?", "description": "x".repeat(500)});
    test.send(Some(&ada), "PUT", "/api/v1/question/01936f3e-0000-7000-8000-000000000000", body.clone())
        .await
        .expect(404);
    test.send(Some(&ada), "PUT", &path, body.clone()).await.expect(200);
    let refused = test.send(Some(&ada), "PUT", &path, body).await;
    assert!(wait(&refused) > 0 && refused.problem().detail.contains("1000 bytes"));
    test.send(Some(&ada), "DELETE", &path, Value::Null).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ip_address_has_a_daily_quota_of_sign_ups() {
    let test = with_quotas(Quotas { sign_ups: 2, ..Quotas::default() });
    let sign_up = async |from: &str, name: &str| {
        let body = json!({"username": name, "email": format!("{name}@example.org"), "password": PASSWORD});
        post(&test, from, SIGN_UP, &body).await
    };
    sign_up("192.0.2.1", "ada").await.expect(201);
    sign_up("192.0.2.1", "ada").await.expect(409);
    sign_up("192.0.2.1", "bob").await.expect(201);
    sign_up("192.0.2.1", "eve").await.expect(429);
    sign_up("192.0.2.2", "eve").await.expect(201);
}
