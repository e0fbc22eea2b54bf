//! Who is signed in, and who refreshes when.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn twenty_refused_calls_cause_one_refresh() {
    let stub = refreshing(HOUR, |seen| match seen.bearer() {
        "access-2" => me(),
        _ => problem(Code::TokenExpired),
    })
    .await;
    let home = Home::new().with_token("refresh-0").await;
    let api = home.client(&stub);
    api.resume().await.unwrap().unwrap();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let api = api.clone();
                async move { api.me().await }
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(stub.count("POST /api/v1/auth/refresh"), 2, "one to resume, one for all twenty");
    assert_eq!(home.token().await.unwrap(), "refresh-2");
}

#[tokio::test]
async fn only_an_ended_session_removes_the_token() {
    for answer in [
        problem(Code::Unavailable).with("retry-after", "7"),
        problem(Code::TooManyRequests),
        problem(Code::Internal),
        problem(Code::Forbidden),
        // A captive portal, a proxy that wants a password of its own, a server that was set up anew.
        typed(401, "text/html", "<html>Sign in to this network</html>"),
        json(401, serde_json::to_string(&ro_co_shared::Problem::new(Code::SessionEnded, "")).unwrap()),
        said(401, "{}"),
        problem(Code::Unauthenticated),
        json(200, "{}"),
        json(502, "<html>"),
        StubAnswer::HangUp,
    ] {
        let said = answer.clone();
        let stub = Stub::start(move |_| said.clone()).await;
        let home = Home::new().with_token("refresh-0").await;
        let failure = home.client(&stub).resume().await.unwrap_err();
        assert_ne!(failure, Failure::SignedOut, "{answer:?}");
        assert_eq!(home.token().await.unwrap(), "refresh-0", "{answer:?}");
    }
    for code in [Code::SessionEnded, Code::RefreshReused] {
        let stub = Stub::start(move |_| problem(code)).await;
        let home = Home::new().with_token("refresh-0").await;
        assert_eq!(home.client(&stub).resume().await.unwrap_err(), Failure::SignedOut);
        assert_eq!(home.token().await, None);
    }
}

#[tokio::test]
async fn waiters_share_a_failed_refresh_too() {
    let stub = Stub::start(|_| problem(Code::Unavailable).with("retry-after", "7")).await;
    let home = Home::new().with_token("refresh-0").await;
    let api = home.client(&stub);
    let failures = futures_util::future::join_all((0..20).map(|_| api.me())).await;
    for failure in failures {
        assert!(
            matches!(failure, Err(Failure::Busy { retry_after, .. }) if retry_after == Duration::from_secs(7))
        );
    }
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn the_new_refresh_token_is_safe_before_the_new_access_token_is_used() {
    let home = Home::new().with_token("refresh-0").await;
    let file = home.dir.path().join("ro-co").join("token-local");
    let stub = refreshing(HOUR, move |seen| {
        let number = seen.bearer().strip_prefix("access-").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("refresh-{number}"));
        me()
    })
    .await;
    let api = home.client(&stub);
    api.resume().await.unwrap();
    api.me().await.unwrap();
    let bearers: Vec<_> = stub.seen().iter().map(|seen| seen.bearer().to_owned()).collect();
    assert_eq!(bearers, ["refresh-0", "access-1"]);
}

#[tokio::test]
async fn two_processes_spend_the_stored_token_one_after_the_other() {
    let stub = refreshing(HOUR, |_| me()).await;
    let home = Home::new().with_token("refresh-0").await;
    let (one, two) = (home.client(&stub), home.client(&stub));
    let (a, b) = tokio::join!(one.resume(), two.resume());
    assert!(a.unwrap().is_some() && b.unwrap().is_some());
    let spent: Vec<_> = stub.seen().iter().map(|seen| seen.bearer().to_owned()).collect();
    assert_eq!(spent, ["refresh-0", "refresh-1"], "the second one took up the first one's successor");
    assert_eq!(home.token().await.unwrap(), "refresh-2");
}

#[tokio::test]
async fn another_user_signed_in_beside_us() {
    let stub = Stub::start(|seen| match (seen.line.as_str(), seen.bearer()) {
        ("POST /api/v1/auth/refresh", "refresh-0") => login(ID, 1, 0),
        ("POST /api/v1/auth/refresh", _) => login("01936f3e-0000-7000-8000-000000000001", 9, HOUR),
        _ => me(),
    })
    .await;
    let home = Home::new().with_token("refresh-0").await;
    let api = home.client(&stub);
    api.resume().await.unwrap();
    home.tokens().save(SecretString::from("refresh-8")).await;
    assert_eq!(api.me().await.unwrap_err(), Failure::SignedOut, "not in somebody else's name");
    assert_eq!(stub.count("GET /api/v1/user/me"), 0);
    assert_eq!(home.token().await.unwrap(), "refresh-9", "theirs is not lost");
}

#[tokio::test]
async fn renewed_early_and_if_that_fails_used_to_the_end() {
    let (life, refreshes) = (20_000, AtomicU32::new(0));
    let stub = Stub::start(move |seen| match seen.line.as_str() {
        "POST /api/v1/auth/refresh" => match refreshes.fetch_add(1, Ordering::SeqCst) {
            1 => problem(Code::Unavailable),
            n => login(ID, n, life),
        },
        _ => me(),
    })
    .await;
    let home = Home::new().with_token("refresh-x").await;
    let (start, passed) = (std::time::Instant::now(), Arc::new(AtomicU32::new(0)));
    let clock = Arc::clone(&passed);
    let clock = Arc::new(move || start + Duration::from_secs(clock.load(Ordering::SeqCst).into()));
    let api = Api::with(Origin::local(stub.address, None), home.tokens(), None, clock).unwrap();
    api.resume().await.unwrap();
    passed.store(15, Ordering::SeqCst);
    api.me().await.unwrap();
    passed.store(17, Ordering::SeqCst);
    api.me().await.unwrap();
    passed.store(18, Ordering::SeqCst);
    api.me().await.unwrap();
    let bearers: Vec<_> = stub.seen().iter().skip(1).map(|seen| seen.bearer().to_owned()).collect();
    assert_eq!(bearers, ["access-0", "refresh-0", "access-0", "refresh-0", "access-2"]);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_a_refresh() {
    let home = Home::new().with_token("refresh-0").await;
    let (asked, mut was_asked) = tokio::sync::mpsc::unbounded_channel();
    let stub = refreshing(HOUR, |_| me()).await;
    let api = home.client(&stub);
    // Whoever holds the lock between processes keeps the refresh from its first step.
    let lock = home.tokens().exclusive().await;
    let call = tokio::spawn({
        let api = api.clone();
        async move {
            asked.send(()).unwrap();
            api.me().await
        }
    });
    was_asked.recv().await.unwrap();
    let begun = async {
        while api.session().is_idle() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), begun).await.unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    drop(lock);
    api.me().await.unwrap();
    assert_eq!(stub.count("POST /api/v1/auth/refresh"), 1, "the one that was begun");
    assert_eq!(home.token().await.unwrap(), "refresh-1");
}

#[tokio::test]
async fn a_wrong_password_is_no_reason_to_refresh() {
    let stub = refreshing(HOUR, |_| problem(Code::InvalidCredentials)).await;
    let home = Home::new().with_token("refresh-0").await;
    let api = home.client(&stub);
    api.resume().await.unwrap();
    assert!(
        api.change_password("wrong", "staple the next horse").await.unwrap_err().is(Code::InvalidCredentials)
    );
    assert_eq!(stub.count("POST /api/v1/auth/refresh"), 1);
    assert!(home.token().await.is_some());
}

#[tokio::test]
async fn a_token_that_is_always_refused_is_an_error_not_a_loop() {
    let stub = refreshing(HOUR, |_| problem(Code::Unauthenticated)).await;
    let home = Home::new().with_token("refresh-0").await;
    assert!(home.client(&stub).me().await.unwrap_err().is(Code::Unauthenticated));
    assert_eq!(stub.count("GET /api/v1/user/me"), 2);
    assert!(home.token().await.is_some());
}

#[tokio::test]
async fn signing_in_and_out() {
    let stub = Stub::start(|seen| match seen.line.as_str() {
        "POST /api/v1/auth/login" => login(ID, 1, HOUR),
        _ => json(200, ""),
    })
    .await;
    let home = Home::new();
    let api = home.client(&stub);
    assert_eq!(api.resume().await.unwrap(), None);
    assert_eq!(api.me().await.unwrap_err(), Failure::SignedOut);
    let user = api.login("ada@example.org", "correct horse battery").await.unwrap();
    assert_eq!(user.email.as_deref(), Some("ada@example.org"));
    assert_eq!(home.token().await.unwrap(), "refresh-1");
    api.logout().await.unwrap();
    assert_eq!(home.token().await, None);
    let seen = stub.seen();
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(seen[0].header("user-agent"), Some(concat!("ro-co/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(
        (seen[1].line.as_str(), seen[1].body.as_str()),
        ("POST /api/v1/auth/logout", r#"{"refreshToken":"refresh-1"}"#)
    );
    api.logout().await.unwrap();
    assert_eq!(stub.seen().len(), 2, "nothing to say the second time");
}

#[tokio::test]
async fn signed_out_here_even_if_the_server_is_gone() {
    let stub = refreshing(HOUR, |_| StubAnswer::HangUp).await;
    let home = Home::new().with_token("refresh-0").await;
    let api = home.client(&stub);
    api.resume().await.unwrap();
    assert!(matches!(api.logout().await, Err(Failure::Offline(_))));
    assert_eq!(home.token().await, None);
}

#[tokio::test]
async fn a_refresh_is_repeated_with_its_key_until_its_answer_is_saved() {
    let refreshes = AtomicU32::new(0);
    let stub = Stub::start(move |seen| match seen.line.as_str() {
        "POST /api/v1/auth/refresh" => match refreshes.fetch_add(1, Ordering::SeqCst) {
            0 => problem(Code::Unavailable),
            // Twice, for it is repeated at once where the connection broke.
            1 | 2 => StubAnswer::HangUp,
            n => login(ID, n, 0),
        },
        _ => me(),
    })
    .await;
    let home = Home::new().with_token("refresh-0").await;
    home.client(&stub).resume().await.unwrap_err();
    // The process has died, and another one goes on.
    home.client(&stub).resume().await.unwrap_err();
    let api = home.client(&stub);
    api.resume().await.unwrap().unwrap();
    api.me().await.unwrap();
    let seen: Vec<_> = stub.seen().into_iter().filter(|seen| seen.line.contains("/auth/refresh")).collect();
    let key = |n: usize| seen[n].header("idempotency-key").unwrap().to_owned();
    assert!((1..4).all(|n| key(n) == key(0)), "one key for one token");
    assert!(seen[..4].iter().all(|seen| seen.bearer() == "refresh-0"));
    assert_ne!(key(4), key(0), "another one for the next");
    assert_eq!(home.refresh_key(), None, "and none is left once the new token is saved");
}

#[tokio::test]
async fn the_key_is_kept_before_the_request_and_a_stale_one_is_not_used() {
    let home = Home::new().with_token("refresh-0").await;
    let file = home.refresh_key_file();
    std::fs::write(&file, "0000 6c84fb90-12c4-11e1-840d-7b25c5ee775a").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, private).unwrap();
    let kept = file.clone();
    let stub = refreshing(HOUR, |_| me()).await;
    let watched = Stub::start(move |seen| {
        let key = seen.header("idempotency-key").unwrap();
        assert!(std::fs::read_to_string(&kept).unwrap().ends_with(key));
        assert_ne!(key, "6c84fb90-12c4-11e1-840d-7b25c5ee775a", "that was of another token");
        login(ID, 1, HOUR)
    })
    .await;
    home.client(&watched).resume().await.unwrap().unwrap();
    assert_eq!(home.token().await.unwrap(), "refresh-1", "the token's own file holds nothing else");
    home.client(&stub).resume().await.unwrap().unwrap();
}
