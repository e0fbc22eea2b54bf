//! Refreshes with an `Idempotency-Key`: who may repeat one, for how long, and when that ends the session.

use std::sync::Arc;

use super::make::{DAY, HOUR, SECOND, at, at_once, hash, signed_in, token, user};
use crate::store::{RefreshAttempt, Refreshed, Session, Store};

const MINUTE: i64 = 60 * SECOND;

/// The token of a generation, with the SHA-256 of a key.
fn keyed(session: &Session, generation: u32, key: u8) -> RefreshAttempt {
    RefreshAttempt { key: Some([key; 32]), ..token(session, generation) }
}

/// `'o'` for a rotation, `'r'` for a replay, `'!'` for reuse, `'x'` for an ended session.
async fn refresh(store: &dyn Store, attempt: &RefreshAttempt, millis: i64) -> char {
    match store.refresh(attempt, at(millis)).await.unwrap() {
        Refreshed::Rotated(_) => 'o',
        Refreshed::Replayed(_) => 'r',
        Refreshed::Reused(_) => '!',
        Refreshed::Ended => 'x',
    }
}

async fn ada(store: &dyn Store) -> Session {
    let id = user(store, "ada").await;
    signed_in(store, id, 0).await
}

pub(super) async fn the_same_key_repeats_its_rotation_as_long_as_the_session_lives(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    let attempt = keyed(&one, 0, 7);
    assert_eq!(refresh(&*store, &attempt, 0).await, 'o');
    let kept = store.session(one.id).await.unwrap();
    assert!(kept.keyed && !kept.grace_used);
    assert_eq!(kept.refresh_key, Some(([7; 32], 0)));
    for millis in [SECOND, HOUR, DAY, 14 * DAY - 1] {
        assert_eq!(refresh(&*store, &attempt, millis).await, 'r', "{millis}");
    }
    let kept = store.session(one.id).await.unwrap();
    assert!(!kept.grace_used && kept.replays == 4);
    assert_eq!(refresh(&*store, &attempt, 14 * DAY).await, 'x');
}

pub(super) async fn a_key_counts_for_the_rotation_it_made(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    assert_eq!(refresh(&*store, &keyed(&one, 0, 7), 0).await, 'o');
    assert_eq!(refresh(&*store, &token(&one, 1), HOUR).await, 'o', "without a key");
    assert_eq!(store.session(one.id).await.unwrap().refresh_key, None);
    assert_eq!(refresh(&*store, &keyed(&one, 1, 7), HOUR + MINUTE).await, '!', "the key of another rotation");
}

pub(super) async fn another_key_or_none_is_accepted_once_within_a_minute(store: Arc<dyn Store>) {
    let id = user(&*store, "ada").await;
    for other in [None, Some([8; 32])] {
        let one = signed_in(&*store, id, 0).await;
        let other = RefreshAttempt { key: other, ..token(&one, 0) };
        assert_eq!(refresh(&*store, &keyed(&one, 0, 7), 0).await, 'o');
        assert_eq!(refresh(&*store, &other, MINUTE - 1).await, 'r');
        assert!(store.session(one.id).await.unwrap().grace_used);
        assert_eq!(refresh(&*store, &keyed(&one, 0, 7), MINUTE - 1).await, 'r', "its own key");
        assert_eq!(refresh(&*store, &other, MINUTE - 1).await, '!');
        assert_eq!(refresh(&*store, &keyed(&one, 0, 7), MINUTE - 1).await, 'x');

        let late = signed_in(&*store, id, 0).await;
        assert_eq!(refresh(&*store, &keyed(&late, 0, 7), 0).await, 'o');
        let other = RefreshAttempt { session: late.id, ..other };
        assert_eq!(refresh(&*store, &other, MINUTE).await, '!');
    }
}

pub(super) async fn the_minute_is_granted_once_in_the_life_of_a_session(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    assert_eq!(refresh(&*store, &keyed(&one, 0, 1), 0).await, 'o');
    assert_eq!(refresh(&*store, &keyed(&one, 0, 2), SECOND).await, 'r');
    assert_eq!(refresh(&*store, &keyed(&one, 1, 3), DAY).await, 'o');
    assert_eq!(refresh(&*store, &keyed(&one, 1, 4), DAY + SECOND).await, '!');
}

pub(super) async fn the_first_key_makes_a_session_keyed(store: Arc<dyn Store>) {
    let id = user(&*store, "ada").await;
    // By a replay: the rotation recorded no key.
    let one = signed_in(&*store, id, 0).await;
    assert_eq!(refresh(&*store, &token(&one, 0), 0).await, 'o');
    assert_eq!(refresh(&*store, &token(&one, 0), HOUR).await, 'r', "never keyed: for a day");
    assert!(!store.session(one.id).await.unwrap().keyed);
    assert_eq!(refresh(&*store, &keyed(&one, 0, 7), HOUR).await, '!');

    let two = signed_in(&*store, id, 0).await;
    assert_eq!(refresh(&*store, &token(&two, 0), 0).await, 'o');
    assert_eq!(refresh(&*store, &keyed(&two, 0, 7), SECOND).await, 'r');
    let kept = store.session(two.id).await.unwrap();
    assert!(kept.keyed && kept.grace_used);
    assert_eq!(refresh(&*store, &token(&two, 0), 2 * SECOND).await, '!', "keyed now");

    // By a rotation: what was promised to a session without keys ends.
    let three = signed_in(&*store, id, 0).await;
    assert_eq!(refresh(&*store, &keyed(&three, 0, 7), 0).await, 'o');
    assert_eq!(refresh(&*store, &token(&three, 1), HOUR).await, 'o');
    assert_eq!(refresh(&*store, &token(&three, 1), 2 * HOUR).await, '!');
}

pub(super) async fn a_thief_ahead_is_noticed_at_the_second_use(store: Arc<dyn Store>) {
    let id = user(&*store, "ada").await;
    for pause in [SECOND, HOUR] {
        let one = signed_in(&*store, id, 0).await;
        // The thief (key 66) spends each token first; the owner (key 1, 2) comes right behind, within the minute or not.
        assert_eq!(refresh(&*store, &keyed(&one, 0, 66), 0).await, 'o');
        let owner = refresh(&*store, &keyed(&one, 0, 1), pause).await;
        if owner == 'r' {
            assert_eq!(refresh(&*store, &keyed(&one, 1, 67), HOUR).await, 'o');
            assert_eq!(refresh(&*store, &keyed(&one, 1, 2), HOUR + pause).await, '!');
        } else {
            assert_eq!(owner, '!');
        }
        assert!(store.session(one.id).await.unwrap().ended.is_some());
    }
}

pub(super) async fn a_thief_behind_is_noticed_at_the_second_use(store: Arc<dyn Store>) {
    let id = user(&*store, "ada").await;
    for thiefs_key in [None, Some([66; 32])] {
        let one = signed_in(&*store, id, 0).await;
        let stolen = |generation| RefreshAttempt { key: thiefs_key, ..token(&one, generation) };
        assert_eq!(refresh(&*store, &keyed(&one, 0, 1), 0).await, 'o');
        assert_eq!(refresh(&*store, &stolen(0), SECOND).await, 'r', "as a second process of the owner might");
        assert_eq!(refresh(&*store, &keyed(&one, 1, 2), HOUR).await, 'o');
        assert_eq!(refresh(&*store, &stolen(1), HOUR + SECOND).await, '!');
        assert_eq!(refresh(&*store, &keyed(&one, 2, 3), 2 * HOUR).await, 'x', "for both");
    }
}

pub(super) async fn of_many_at_once_with_other_keys_one_is_forgiven(store: Arc<dyn Store>) {
    let one = ada(&*store).await;
    let results = at_once(8, |n| {
        let (store, attempt) = (Arc::clone(&store), keyed(&one, 0, u8::try_from(n).unwrap()));
        async move { store.refresh(&attempt, at(1)).await }
    })
    .await;
    let count = |wanted: fn(&Refreshed) -> bool| {
        results.iter().filter(|result| wanted(result.as_ref().unwrap())).count()
    };
    assert_eq!(count(|result| matches!(result, Refreshed::Rotated(_))), 1);
    assert_eq!(count(|result| matches!(result, Refreshed::Replayed(_))), 1);
    assert_eq!(count(|result| matches!(result, Refreshed::Reused(_))), 1);
    assert_eq!(store.session(one.id).await.unwrap().current, hash(1));
}
