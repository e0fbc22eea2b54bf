//! Refresh tokens: one deterministic successor, a window for lost answers, an end for thieves.

use std::sync::Arc;

use ro_co_shared::SessionId;

use super::make::{DAY, HOUR, SECOND, T0, at, at_once, hash, session, signed_in, token, user};
use crate::store::{RefreshAttempt, Refreshed, Session, Store};

async fn ada(store: &dyn Store) -> Session {
    let id = user(store, "ada").await;
    signed_in(store, id, 0).await
}

async fn refresh(store: &dyn Store, attempt: &RefreshAttempt, millis: i64) -> Refreshed {
    store.refresh(attempt, at(millis)).await.unwrap()
}

pub(super) async fn rotates_the_current_token(store: Arc<dyn Store>) {
    let before = ada(&*store).await;
    let Refreshed::Rotated(after) = refresh(&*store, &token(&before, 0), HOUR).await else {
        panic!("not rotated")
    };
    let expected = Session {
        generation: 1,
        current: hash(1),
        previous: Some(hash(0)),
        rotated_at: at(HOUR),
        last_seen: at(HOUR),
        expires_at: at(HOUR + 14 * DAY),
        ..before
    };
    assert_eq!(after, expected);
    assert_eq!(store.session(expected.id).await.unwrap(), expected);

    // What was noted about the old token is not about the new one.
    refresh(&*store, &token(&expected, 0), HOUR).await;
    let Refreshed::Rotated(third) = refresh(&*store, &token(&expected, 1), 2 * HOUR).await else {
        panic!("not rotated")
    };
    assert!(third.replays == 0 && third.generation == 2);
}

pub(super) async fn never_outlives_the_absolute_end(store: Arc<dyn Store>) {
    let id = user(&*store, "ada").await;
    let one = Session { absolute_at: at(3 * DAY), ..session(id, T0) };
    store.add_session(&one, 20).await.unwrap();
    let Refreshed::Rotated(after) = refresh(&*store, &token(&one, 0), DAY).await else {
        panic!("not rotated")
    };
    assert_eq!(after.expires_at, at(3 * DAY));
    assert_eq!(refresh(&*store, &token(&one, 1), 3 * DAY).await, Refreshed::Ended);
}

pub(super) async fn eight_at_once_agree(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    for generation in 0..20 {
        let attempt = token(&one, generation);
        let now = at(i64::from(generation) * HOUR + 1);
        let results = at_once(8, |_| {
            let (store, attempt) = (Arc::clone(&store), attempt.clone());
            async move { store.refresh(&attempt, now).await }
        })
        .await;
        let mut rotations = 0;
        for result in results {
            let (Refreshed::Rotated(session) | Refreshed::Replayed(session)) = &result.as_ref().unwrap()
            else {
                panic!("{result:?}")
            };
            rotations += usize::from(matches!(result, Ok(Refreshed::Rotated(_))));
            assert_eq!((session.generation, session.current), (generation + 1, hash(generation + 1)));
            assert_eq!(session.expires_at, now.plus_millis(14 * DAY), "the successor comes out equal");
        }
        assert_eq!(rotations, 1);
    }
}

pub(super) async fn an_unused_successor_is_given_out_however_often(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    let Refreshed::Rotated(rotated) = refresh(&*store, &token(&one, 0), HOUR).await else {
        panic!("not rotated")
    };
    for replay in 1..=100_u32 {
        // Every fourteen minutes, as a web client does that never picks the successor up: for almost a day.
        let millis = HOUR + i64::from(replay) * 14 * 60 * SECOND;
        let expected = Session { replays: replay, ..rotated.clone() };
        assert_eq!(refresh(&*store, &token(&one, 0), millis).await, Refreshed::Replayed(expected));
    }
    let last = HOUR + DAY - 1;
    assert!(matches!(refresh(&*store, &token(&one, 0), last).await, Refreshed::Replayed(_)));
    assert!(matches!(refresh(&*store, &token(&one, 0), last + 1).await, Refreshed::Reused(_)));
}

pub(super) async fn an_older_generation_ends_the_session(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    refresh(&*store, &token(&one, 0), 1).await;
    refresh(&*store, &token(&one, 1), 2).await;
    // The grandparent, well inside the window.
    let Refreshed::Reused(ended) = refresh(&*store, &token(&one, 0), 3).await else { panic!("not noticed") };
    assert_eq!(ended.ended, Some((at(3), "reuse".to_owned())));
    assert_eq!(store.session(one.id).await.unwrap(), ended);
    assert_eq!(
        refresh(&*store, &token(&one, 2), 4).await,
        Refreshed::Ended,
        "the live token is dead as well"
    );
}

pub(super) async fn another_secret_changes_nothing(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    let wrong = RefreshAttempt { hash: [1; 32], ..token(&one, 0) };
    assert_eq!(refresh(&*store, &wrong, 1).await, Refreshed::Ended);
    assert_eq!(store.session(one.id).await.unwrap(), one);
    assert!(matches!(refresh(&*store, &token(&one, 0), 2).await, Refreshed::Rotated(_)));
}

pub(super) async fn a_token_from_the_future_changes_nothing(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    // As after a backup was put back: the client is ahead of the store.
    assert_eq!(refresh(&*store, &token(&one, 3), 1).await, Refreshed::Ended);
    assert_eq!(store.session(one.id).await.unwrap(), one);
}

pub(super) async fn ended_expired_and_unknown_are_ended(store: Arc<dyn Store>) {
    let id = user(&*store, "ada").await;
    let unknown = RefreshAttempt { session: SessionId::new(), ..token(&session(id, T0), 0) };
    assert_eq!(refresh(&*store, &unknown, 1).await, Refreshed::Ended);

    let ended = signed_in(&*store, id, 0).await;
    store.end_session(ended.id, "logout", at(1)).await.unwrap();
    assert_eq!(refresh(&*store, &token(&ended, 0), 2).await, Refreshed::Ended);

    let expired = Session { expires_at: at(10), ..session(id, T0) };
    store.add_session(&expired, 20).await.unwrap();
    assert_eq!(refresh(&*store, &token(&expired, 0), 10).await, Refreshed::Ended);
    assert_eq!(store.session(expired.id).await.unwrap(), expired);
    assert!(matches!(refresh(&*store, &token(&expired, 0), 9).await, Refreshed::Rotated(_)));

    // The replay of a token whose successor has expired.
    let brief = RefreshAttempt { idle_ms: 10, ..token(&signed_in(&*store, id, 0).await, 0) };
    assert!(matches!(refresh(&*store, &brief, 1).await, Refreshed::Rotated(_)));
    assert_eq!(refresh(&*store, &brief, 11).await, Refreshed::Ended);
}

pub(super) async fn a_reused_session_stays_ended(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    refresh(&*store, &token(&one, 0), 1).await;
    refresh(&*store, &token(&one, 1), 2).await;
    let results = at_once(4, |_| {
        let (store, stolen) = (Arc::clone(&store), token(&one, 0));
        async move { store.refresh(&stolen, at(3)).await }
    })
    .await;
    let reused = results.iter().filter(|result| matches!(result, Ok(Refreshed::Reused(_)))).count();
    let ended = results.iter().filter(|result| matches!(result, Ok(Refreshed::Ended))).count();
    assert_eq!((reused, ended), (1, 3), "{results:?}");
}
