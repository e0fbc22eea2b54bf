//! A server that asks the client to wait is left alone.

use std::time::Duration;

use ro_co_shared::{QuestionId, UserId};

use super::*;

/// A client whose time the test moves, in seconds.
fn timed(home: &Home, stub: &Stub) -> (Api, Arc<AtomicU32>) {
    let (start, passed) = (Instant::now(), Arc::new(AtomicU32::new(0)));
    let seconds = Arc::clone(&passed);
    let clock = Arc::new(move || start + Duration::from_secs(seconds.load(Ordering::SeqCst).into()));
    (Api::with(Origin::local(stub.address, None), home.tokens(), None, clock).unwrap(), passed)
}

#[track_caller]
fn wait<T: std::fmt::Debug>(answer: Result<T, Failure>) -> u64 {
    match answer {
        Err(Failure::Busy { retry_after, reason }) => {
            assert!(!reason.as_str().is_empty());
            retry_after.as_secs()
        }
        other => panic!("busy is expected, not {other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_sent_until_the_wait_is_over() {
    for code in [Code::TooManyRequests, Code::Unavailable] {
        let stub = Stub::start(move |_| problem(code).with("retry-after", "30")).await;
        let (home, password) = (Home::new(), "correct horse battery");
        let (api, passed) = timed(&home, &stub);
        assert_eq!(wait(api.login("ada@example.org", password).await), 30);
        passed.store(20, Ordering::SeqCst);
        for _ in 0..10 {
            assert_eq!(wait(api.login("ada@example.org", password).await), 10, "what is left of it");
        }
        assert_eq!(stub.count("POST /api/v1/auth/login"), 1);
        assert_eq!(
            wait(api.sign_up("ada", "ada@example.org", password).await),
            30,
            "another operation is asked for"
        );
        passed.store(30, Ordering::SeqCst);
        assert_eq!(wait(api.login("ada@example.org", password).await), 30);
        assert_eq!(stub.count("POST /api/v1/auth/login"), 2);
    }
}

#[tokio::test]
async fn a_busy_refresh_keeps_the_token_and_is_not_repeated_before_its_time() {
    let asked = AtomicU32::new(0);
    let stub = Stub::start(move |seen| match seen.line.as_str() {
        "POST /api/v1/auth/refresh" => match asked.fetch_add(1, Ordering::SeqCst) {
            0 => problem(Code::TooManyRequests).with("retry-after", "7"),
            number => login(ID, number, HOUR),
        },
        _ => me(),
    })
    .await;
    let home = Home::new().with_token("refresh-0").await;
    let (api, passed) = timed(&home, &stub);
    for _ in 0..20 {
        assert_eq!(wait(api.me().await), 7);
    }
    assert_eq!(stub.seen().len(), 1);
    assert_eq!(home.token().await.unwrap(), "refresh-0");
    passed.store(7, Ordering::SeqCst);
    api.me().await.unwrap();
    assert_eq!(home.token().await.unwrap(), "refresh-1");
}

#[tokio::test]
async fn pictures_wait_together_and_hold_up_nothing_else() {
    let stub = refreshing(HOUR, |seen| {
        if seen.line.contains("icon.png") {
            problem(Code::TooManyRequests).with("retry-after", "3")
        } else {
            json(200, "[]")
        }
    })
    .await;
    let home = Home::new().with_token("refresh-0").await;
    let (api, _) = timed(&home, &stub);
    for _ in 0..100 {
        let url = format!("/api/v1/user/{}/icon?v=1", UserId::new());
        assert_eq!(wait(api.avatar(&url, 128).await), 3);
    }
    assert_eq!(stub.count("GET /api/v1/user/"), 1);
    api.questions(None).await.unwrap();
    api.answers(QuestionId::new(), None).await.unwrap();
}
