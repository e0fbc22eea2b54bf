//! Sign-ins, apart from their refresh.

use std::sync::Arc;

use ro_co_shared::{Content, SessionId, UserId};

use super::{
    assert_fails,
    make::{DAY, HOUR, T0, at, hash, session, signed_in, user},
};
use crate::store::{Error, Session, Store};

/// Which of the sessions have not ended.
async fn open(store: &dyn Store, sessions: &[SessionId]) -> Vec<bool> {
    let mut open = Vec::new();
    for id in sessions {
        open.push(store.session(*id).await.unwrap().ended.is_none());
    }
    open
}

pub(super) async fn what_goes_in_comes_out(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let fresh = session(ada, T0);
    let worn = Session {
        generation: u32::MAX,
        current: hash(9),
        previous: Some(hash(8)),
        rotated_at: at(1),
        replays: 19,
        keyed: true,
        refresh_key: Some((hash(7), u32::MAX - 1)),
        grace_used: true,
        last_seen: at(2),
        expires_at: at(3),
        absolute_at: at(4),
        ended: Some((at(5), "logout".to_owned())),
        device: "Mozilla/5.0 (\u{1F9A6}; \"quoted\")".to_owned(),
        ..session(ada, at(-1))
    };
    for one in [fresh, worn] {
        store.add_session(&one, 20).await.unwrap();
        assert_eq!(store.session(one.id).await.unwrap(), one);
    }
    assert_fails!(store.session(SessionId::new()).await, Error::NotFound);
}

pub(super) async fn needs_a_user(store: Arc<dyn Store>) {
    let orphan = session(UserId::new(), T0);
    assert_fails!(store.add_session(&orphan, 20).await, Error::NotFound);
    assert_fails!(store.session(orphan.id).await, Error::NotFound);
}

pub(super) async fn the_oldest_live_ones_end_beyond_the_limit(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let others = signed_in(&*store, bob, 0).await.id;
    let mut ids = Vec::new();
    for i in 0..5 {
        let one = session(ada, at(i));
        store.add_session(&one, 3).await.unwrap();
        ids.push(one.id);
    }
    assert_eq!(open(&*store, &ids).await, [false, false, true, true, true]);
    let (ended_at, _) = store.session(ids[0]).await.unwrap().ended.unwrap();
    assert_eq!(ended_at, at(3), "at the moment the fourth was made");
    assert_eq!(open(&*store, &[others]).await, [true]);

    // The new one counts and stays, also where it is the only one allowed.
    let last = session(ada, at(9));
    store.add_session(&last, 1).await.unwrap();
    assert_eq!(open(&*store, &ids).await, [false; 5]);
    assert_eq!(open(&*store, &[last.id]).await, [true]);
}

pub(super) async fn ended_and_expired_ones_do_not_count(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let old = signed_in(&*store, ada, 0).await;
    let expired = Session { expires_at: at(5), ..session(ada, at(1)) };
    let over = Session { absolute_at: at(5), ..session(ada, at(2)) };
    let ended = Session { ended: Some((at(3), "logout".to_owned())), ..session(ada, at(3)) };
    for one in [&expired, &over, &ended] {
        store.add_session(one, 20).await.unwrap();
    }
    let new = session(ada, at(10));
    store.add_session(&new, 2).await.unwrap();
    assert_eq!(open(&*store, &[old.id, expired.id, over.id, new.id]).await, [true; 4]);
    assert_eq!(store.session(ended.id).await.unwrap(), ended);
}

pub(super) async fn ending_is_repeatable(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let one = signed_in(&*store, ada, 0).await;
    store.end_session(one.id, "logout", at(7)).await.unwrap();
    store.end_session(one.id, "again", at(8)).await.unwrap();
    store.end_session(SessionId::new(), "logout", at(8)).await.unwrap();
    let ended = store.session(one.id).await.unwrap();
    assert_eq!(ended.ended, Some((at(7), "logout".to_owned())), "the first end is the end");
    assert!(!ended.is_live(at(7)));
}

pub(super) async fn ending_all_but_one(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let [a, b, c] = [0, 1, 2].map(|i| session(ada, at(i)));
    for one in [&a, &b, &c] {
        store.add_session(one, 20).await.unwrap();
    }
    let other = signed_in(&*store, bob, 0).await;
    store.end_session(a.id, "logout", at(3)).await.unwrap();

    store.end_sessions(ada, Some(b.id), "password", at(4)).await.unwrap();
    assert_eq!(open(&*store, &[a.id, b.id, c.id, other.id]).await, [false, true, false, true]);
    assert_eq!(store.session(a.id).await.unwrap().ended.unwrap().1, "logout");
    assert_eq!(store.session(c.id).await.unwrap().ended, Some((at(4), "password".to_owned())));

    store.end_sessions(ada, None, "logout", at(5)).await.unwrap();
    assert_eq!(open(&*store, &[b.id, other.id]).await, [false, true]);
    store.end_sessions(UserId::new(), None, "logout", at(5)).await.unwrap();
}

pub(super) async fn purging(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let live = signed_in(&*store, ada, 0).await;
    let ended = Session { ended: Some((at(HOUR), "logout".to_owned())), ..session(ada, T0) };
    let expired = Session { expires_at: at(HOUR), ..session(ada, T0) };
    let over = Session { absolute_at: at(HOUR), ..session(ada, T0) };
    for one in [&ended, &expired, &over] {
        store.add_session(one, 20).await.unwrap();
    }
    assert_eq!(store.purge_sessions(at(HOUR)).await.unwrap(), 0, "what ended at that moment stays");
    assert_eq!(store.purge_sessions(at(HOUR + 1)).await.unwrap(), 3);
    assert_eq!(store.purge_sessions(at(HOUR + 1)).await.unwrap(), 0);
    for gone in [ended.id, expired.id, over.id] {
        assert_fails!(store.session(gone).await, Error::NotFound);
    }
    assert_eq!(store.session(live.id).await.unwrap(), live);
    assert_eq!(store.purge_sessions(at(15 * DAY)).await.unwrap(), 1);
}

pub(super) async fn go_with_their_account(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let (hers, his) = (signed_in(&*store, ada, 0).await, signed_in(&*store, bob, 0).await);
    store.delete_account(ada, Content::Keep).await.unwrap();
    assert_fails!(store.session(hers.id).await, Error::NotFound);
    assert_eq!(store.session(his.id).await.unwrap(), his);
}
