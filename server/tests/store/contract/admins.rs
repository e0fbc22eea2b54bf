//! The last admin stays one.

use std::sync::Arc;

use ro_co_shared::{Content, Role, UserId};

use super::{
    assert_fails,
    make::{account, at_once, user},
};
use crate::store::{Account, Error, Store};

async fn admin(store: &dyn Store, name: &str) -> UserId {
    let account = Account { role: Role::Admin, ..account(name) };
    store.add_account(&account).await.unwrap();
    account.id
}

/// Each way to take an admin away.
const WAYS: usize = 4;

async fn take_away(store: &dyn Store, id: UserId, way: usize) -> Result<(), Error> {
    match way {
        0 => store.set_role(id, Role::User).await.map(drop),
        1 => store.set_suspended(id, true).await.map(drop),
        2 => store.delete_account(id, Content::Keep).await,
        _ => store.delete_account(id, Content::Erase).await,
    }
}

/// How many live, unsuspended admins of these there are.
async fn admins(store: &dyn Store, ids: &[UserId]) -> usize {
    let mut count = 0;
    for id in ids {
        let account = store.account(*id).await;
        count += usize::from(account.is_ok_and(|one| one.role == Role::Admin && !one.suspended));
    }
    count
}

pub(super) async fn the_last_one_stays(store: Arc<dyn Store>) {
    let store = &*store;
    let ada = admin(store, "ada").await;
    user(store, "bob").await;
    for way in 0..WAYS {
        let before = store.account(ada).await.unwrap();
        assert_fails!(take_away(store, ada, way).await, Error::LastAdmin);
        assert!(store.account(ada).await.unwrap() == before);
        // With another one it is allowed, and then that one is the last.
        let other = admin(store, &format!("other {way}")).await;
        take_away(store, other, way).await.unwrap();
        assert_fails!(take_away(store, ada, way).await, Error::LastAdmin);
    }
}

pub(super) async fn a_suspended_or_deleted_admin_does_not_count(store: Arc<dyn Store>) {
    let store = &*store;
    let (ada, bob, eve) = (admin(store, "ada").await, admin(store, "bob").await, admin(store, "eve").await);
    store.set_suspended(bob, true).await.unwrap();
    store.delete_account(eve, Content::Keep).await.unwrap();
    assert_fails!(store.set_role(ada, Role::User).await, Error::LastAdmin);
    // Who does not count may go.
    store.set_role(bob, Role::User).await.unwrap();
    store.set_role(bob, Role::Admin).await.unwrap();
    assert_fails!(store.set_role(ada, Role::User).await, Error::LastAdmin);
    let back = store.set_suspended(bob, false).await.unwrap();
    assert!(!back.suspended && back.role == Role::Admin);
    store.set_role(ada, Role::User).await.unwrap();
    assert_fails!(store.delete_account(bob, Content::Keep).await, Error::LastAdmin);
    store.delete_account(ada, Content::Keep).await.unwrap();
}

pub(super) async fn setting_what_is_set_is_no_change(store: Arc<dyn Store>) {
    let ada = admin(&*store, "ada").await;
    store.set_role(ada, Role::Admin).await.unwrap();
    store.set_suspended(ada, false).await.unwrap();
    let bob = user(&*store, "bob").await;
    store.set_role(bob, Role::User).await.unwrap();
    assert!(store.set_suspended(bob, true).await.unwrap().suspended);
}

pub(super) async fn of_two_who_take_each_other_away_one_is_left(store: Arc<dyn Store>) {
    let mut left = admin(&*store, "ada").await;
    for way in 0..WAYS {
        let pair = [left, admin(&*store, &format!("other {way}")).await];
        let results = at_once(2, |i| {
            let store = Arc::clone(&store);
            async move { take_away(&*store, pair[i], way).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{way}: {results:?}");
        assert!(results.iter().any(|result| matches!(result, Err(Error::LastAdmin))), "{way}: {results:?}");
        assert_eq!(admins(&*store, &pair).await, 1);
        left = if results[0].is_ok() { pair[1] } else { pair[0] };
    }
}

pub(super) async fn eight_at_once_leave_one(store: Arc<dyn Store>) {
    let mut ids = Vec::new();
    for i in 0..8 {
        ids.push(admin(&*store, &format!("admin {i}")).await);
    }
    let all = ids.clone();
    let results = at_once(8, |i| {
        let (store, id) = (Arc::clone(&store), all[i]);
        async move { take_away(&*store, id, i % WAYS).await }
    })
    .await;
    assert_eq!(admins(&*store, &ids).await, 1, "{results:?}");
}
