//! Users.

use std::sync::Arc;

use ro_co_shared::{Content, Email, Role, UserId, Username};

use super::{
    assert_fails,
    make::{T0, account, after, at, at_once, first, from, user},
};
use crate::store::{Account, Error, Order, PasswordUpdate, Position, Store};

fn name(text: &str) -> Username {
    text.parse().unwrap()
}

fn address(text: &str) -> Email {
    text.parse().unwrap()
}

pub(super) async fn what_goes_in_comes_out(store: Arc<dyn Store>) {
    let plain = account("Ada Lovelace");
    let unusual = Account {
        role: Role::Admin,
        verified: true,
        suspended: true,
        password_expires_at: Some(at(7)),
        created_at: at(-12_345),
        avatar_seed: "😀 seed/with?odd&parts".to_owned(),
        avatar_version: 41,
        ..account("Zoë_Größe.99")
    };
    for one in [plain, unusual] {
        store.add_account(&one).await.unwrap();
        assert!(store.account(one.id).await.unwrap() == one);
        assert!(store.account_by_email(&one.email).await.unwrap() == one);
    }
}

/// A store holds what was chosen by the rules of its time.
pub(super) async fn names_and_email_addresses_that_no_rule_allows_come_out(store: Arc<dyn Store>) {
    let old = Account {
        username: Username::unchecked("\u{3164}\u{3164} а1\u{34F}"),
        email: Email::unchecked("ada@xn--zzzzzz--.example"),
        ..account("old")
    };
    store.add_account(&old).await.unwrap();
    assert!(store.account(old.id).await.unwrap() == old);
    let given = Email::unchecked("ADA@xn--zzzzzz--.example");
    assert!(store.account_by_email(&given).await.unwrap() == old);
    let listed = store.accounts(first((), Order::Oldest, 10)).await.unwrap();
    assert!(listed.contains(&old));
    assert!(store.rename(old.id, &name("new")).await.unwrap().username == name("new"));
}

pub(super) async fn names_and_addresses_are_unique_in_any_case(store: Arc<dyn Store>) {
    let first = account("Größe");
    store.add_account(&first).await.unwrap();

    let same_name = Account { email: address("other@example.org"), ..account("GRÖSSE") };
    assert_fails!(store.add_account(&same_name).await, Error::Conflict("username"));
    let shouted = address(&first.email.as_str().to_uppercase());
    let same_address = Account { email: shouted.clone(), ..account("other") };
    assert_fails!(store.add_account(&same_address).await, Error::Conflict("email"));

    assert!(!store.username_free(&name("gröSSe")).await.unwrap());
    assert!(store.username_free(&name("grosse")).await.unwrap());
    assert!(!store.email_free(&shouted).await.unwrap());
    assert!(store.email_free(&address("other@example.org")).await.unwrap());
    assert!(store.account_by_email(&shouted).await.unwrap() == first);
    assert_fails!(store.account(same_name.id).await, Error::NotFound);
}

pub(super) async fn names_that_look_alike_are_one(store: Arc<dyn Store>) {
    store.add_account(&account("ada")).await.unwrap();
    let cyrillic = Account { username: Username::unchecked("\u{430}da"), ..account("other") };
    assert_fails!(store.add_account(&cyrillic).await, Error::Conflict("username"));
    assert!(!store.username_free(&cyrillic.username).await.unwrap());
    let eve = account("eve");
    store.add_account(&eve).await.unwrap();
    assert_fails!(store.rename(eve.id, &cyrillic.username).await, Error::Conflict("username"));
    // Whoever renames away leaves the name free, also for its doubles.
    store.rename(eve.id, &name("mallory")).await.unwrap();
    assert!(store.username_free(&Username::unchecked("\u{435}ve")).await.unwrap());
}

pub(super) async fn a_domain_is_one_in_both_forms_of_idna(store: Arc<dyn Store>) {
    let ada = Account { email: address("ada@bücher.example"), ..account("ada") };
    store.add_account(&ada).await.unwrap();
    let ascii = address("Ada@xn--bcher-kva.example");
    assert!(store.account_by_email(&ascii).await.unwrap() == ada);
    assert!(!store.email_free(&ascii).await.unwrap());
    let double = Account { email: ascii, ..account("double") };
    assert_fails!(store.add_account(&double).await, Error::Conflict("email"));
    // One address in this release: the previous one compares them so.
    store.add_account(&Account { email: address("bob@straße.example"), ..account("bob") }).await.unwrap();
    assert!(!store.email_free(&address("bob@strasse.example")).await.unwrap());
}

pub(super) async fn when_both_are_taken_the_name_is_told(store: Arc<dyn Store>) {
    store.add_account(&account("ada")).await.unwrap();
    store.add_account(&account("bob")).await.unwrap();
    assert_fails!(store.add_account(&account("ADA")).await, Error::Conflict("username"));
    let crossed = Account { email: account("ada").email, ..account("bob") };
    assert_fails!(store.add_account(&crossed).await, Error::Conflict("username"));
}

pub(super) async fn two_at_once_for_one_name(store: Arc<dyn Store>) {
    for round in 0..25 {
        let results = at_once(2, |i| {
            let store = Arc::clone(&store);
            let text = if i == 0 { format!("Racer {round}") } else { format!("rACER {round}") };
            let racer =
                Account { email: address(&format!("racer{round}.{i}@example.org")), ..account(&text) };
            async move { store.add_account(&racer).await }
        })
        .await;
        one_won(&results, "username");
    }
}

pub(super) async fn two_at_once_for_one_address(store: Arc<dyn Store>) {
    for round in 0..25 {
        let results = at_once(2, |i| {
            let store = Arc::clone(&store);
            let racer = Account {
                email: address(&format!("racer{round}@example.org")),
                ..account(&format!("racer {round} {i}"))
            };
            async move { store.add_account(&racer).await }
        })
        .await;
        one_won(&results, "email");
    }
}

fn one_won(results: &[Result<(), Error>], field: &str) {
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(
        results.iter().any(|result| matches!(result, Err(Error::Conflict(named)) if *named == field)),
        "{results:?}"
    );
}

pub(super) async fn renaming(store: Arc<dyn Store>) {
    let ada = account("ada");
    store.add_account(&ada).await.unwrap();
    let bob = user(&*store, "bob").await;

    assert_fails!(store.rename(bob, &name("ADA")).await, Error::Conflict("username"));
    assert_eq!(store.account(bob).await.unwrap().username.as_str(), "bob");
    // Another case of one's own name is no conflict with oneself.
    let renamed = store.rename(ada.id, &name("Ada")).await.unwrap();
    assert!(renamed == Account { username: name("Ada"), ..ada });
    assert!(store.account(ada.id).await.unwrap() == renamed);

    store.rename(ada.id, &name("Countess")).await.unwrap();
    store.rename(bob, &name("ada")).await.unwrap();
}

pub(super) async fn password_is_replaced_only_if_it_still_is_the_old_one(store: Arc<dyn Store>) {
    let ada = account("ada");
    store.add_account(&ada).await.unwrap();
    store.set_password(ada.id, replaced(&ada.password, "second")).await.unwrap();
    assert_fails!(store.set_password(ada.id, replaced(&ada.password, "third")).await, Error::Stale);
    assert_eq!(store.account(ada.id).await.unwrap().password, "second");

    let results = at_once(2, |i| {
        let store = Arc::clone(&store);
        async move { store.set_password(ada.id, replaced("second", &format!("racer {i}"))).await }
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().any(|result| matches!(result, Err(Error::Stale))), "{results:?}");
}

pub(super) async fn roles(store: Arc<dyn Store>) {
    store.add_account(&Account { role: Role::Admin, ..account("admin") }).await.unwrap();
    let ada = account("ada");
    store.add_account(&ada).await.unwrap();
    let promoted = store.set_role(ada.id, Role::Admin).await.unwrap();
    assert!(promoted == Account { role: Role::Admin, ..ada.clone() });
    assert!(store.account(ada.id).await.unwrap() == promoted);
    assert!(store.set_role(ada.id, Role::User).await.unwrap() == ada);
}

pub(super) async fn lists_are_oldest_first(store: Arc<dyn Store>) {
    let mut all = Vec::new();
    for (i, millis) in [30, 10, 20, 20, 40].into_iter().enumerate() {
        let one = Account { created_at: at(millis), ..account(&format!("user {i}")) };
        store.add_account(&one).await.unwrap();
        all.push(one);
    }
    all.sort_by_key(|account| (account.created_at, account.id));
    for order in [Order::Oldest, Order::Newest] {
        let list = first((), order, 2);
        let (mut by_cursor, mut by_number) = (Vec::new(), Vec::new());
        let mut page = store.accounts(list).await.unwrap();
        while let Some(last) = page.last() {
            let next = after(list, last);
            by_cursor.append(&mut page);
            page = store.accounts(next).await.unwrap();
        }
        for rows in [0, 2, 4, 6] {
            by_number.extend(store.accounts(from(list, Position::Skip(rows))).await.unwrap());
        }
        assert!(by_cursor == all && by_number == all);
        assert!(store.accounts(from(list, Position::Skip(u64::MAX))).await.unwrap().is_empty());
        all.reverse();
    }
}

pub(super) async fn missing_accounts_are_not_found(store: Arc<dyn Store>) {
    no_account(&*store, UserId::new()).await;
    assert_fails!(store.account(UserId::new()).await, Error::NotFound);
    assert_fails!(store.account_by_email(&address("who@example.org")).await, Error::NotFound);
}

/// No write finds this account.
async fn no_account(store: &dyn Store, id: UserId) {
    assert_fails!(store.rename(id, &name("whoever")).await, Error::NotFound);
    assert_fails!(store.set_password(id, replaced("", "new")).await, Error::NotFound);
    for role in [Role::User, Role::Admin] {
        assert_fails!(store.set_role(id, role).await, Error::NotFound);
    }
    for suspended in [true, false] {
        assert_fails!(store.set_suspended(id, suspended).await, Error::NotFound);
    }
    assert_fails!(store.set_avatar_seed(id, "seed").await, Error::NotFound);
    assert_fails!(store.delete_account(id, Content::Keep).await, Error::NotFound);
    assert_fails!(store.delete_account(id, Content::Erase).await, Error::NotFound);
    assert_fails!(store.add_session(&super::make::session(id, T0), 20).await, Error::NotFound);
}

pub(super) async fn the_deleted_account_is_nobodys(store: Arc<dyn Store>) {
    let before = store.account(UserId::DELETED).await.unwrap();
    assert_eq!(before.username.as_str(), "deleted user");
    assert!(before.password.is_empty() && before.suspended && before.role == Role::User);

    assert!(!store.username_free(&name("Deleted User")).await.unwrap());
    assert!(!store.email_free(&before.email).await.unwrap());
    assert_fails!(store.account_by_email(&before.email).await, Error::NotFound);
    assert_fails!(store.add_account(&account("DELETED USER")).await, Error::Conflict("username"));
    assert!(store.accounts(first((), Order::Oldest, 10)).await.unwrap().is_empty());

    no_account(&*store, UserId::DELETED).await;
    assert!(store.account(UserId::DELETED).await.unwrap() == before);
}

fn replaced<'a>(old: &'a str, new: &'a str) -> PasswordUpdate<'a> {
    PasswordUpdate { old, new, expires_at: None }
}

pub(super) async fn a_password_expires_until_it_is_replaced(store: Arc<dyn Store>) {
    let ada = account("ada");
    store.add_account(&ada).await.unwrap();
    let reset = PasswordUpdate { expires_at: Some(at(5)), ..replaced(&ada.password, "reset") };
    store.set_password(ada.id, reset).await.unwrap();
    let kept = store.account(ada.id).await.unwrap();
    assert_eq!((kept.password.as_str(), kept.password_expires_at), ("reset", Some(at(5))));
    assert!(!kept.password_expired(at(4)) && kept.password_expired(at(5)));
    store.set_password(ada.id, replaced("reset", "chosen")).await.unwrap();
    assert_eq!(store.account_by_email(&ada.email).await.unwrap().password_expires_at, None);
}

pub(super) async fn bcrypt_hashes_are_found_as_long_as_there_are_any(store: Arc<dyn Store>) {
    store.add_account(&account("ada")).await.unwrap();
    assert!(!store.has_bcrypt_hashes().await.unwrap());
    for version in ["$2a$", "$2b$", "$2y$"] {
        let bob = Account { password: format!("{version}10$abc"), ..account("bob") };
        store.add_account(&bob).await.unwrap();
        assert!(store.has_bcrypt_hashes().await.unwrap(), "{version}");
        store.set_password(bob.id, replaced(&bob.password, "$argon2id$")).await.unwrap();
        assert!(!store.has_bcrypt_hashes().await.unwrap());
        store.delete_account(bob.id, Content::Keep).await.unwrap();
    }
}
