//! What becomes of the content of a deleted account.

use std::sync::Arc;

use ro_co_shared::{Content, Timestamp, UserId};

use super::{
    assert_fails,
    make::{T0, account, answered, answers_to, asked, at, by, owner, user},
};
use crate::store::{AuthorSummary, AvatarImage, Error, QuestionFilter, Store};

pub(super) async fn kept_content_is_the_deleted_users(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let (hers, his) = (asked(&*store, ada, "hers", 0).await, asked(&*store, bob, "his", 1).await);
    let her_answer = answered(&*store, his.id, ada, 2).await;
    answered(&*store, hers.id, bob, 3).await;
    store.delete_account(ada, Content::Keep).await.unwrap();

    assert_fails!(store.account(ada).await, Error::NotFound);
    let nobody = store.account(UserId::DELETED).await.unwrap();
    let nobody = AuthorSummary {
        id: UserId::DELETED,
        username: "deleted user".to_owned(),
        avatar_version: nobody.avatar_version,
    };
    let kept = store.question(hers.id).await.unwrap();
    assert_eq!((&kept.author, kept.answers, kept.text), (&nobody, 1, hers.text));
    assert_eq!(store.answer(her_answer).await.unwrap().author, nobody);
    assert_eq!(store.question(his.id).await.unwrap().answers, 1);

    assert_eq!(store.questions(by(UserId::DELETED, 9)).await.unwrap().len(), 1);
    assert!(store.questions(by(ada, 9)).await.unwrap().is_empty());
    // Nobody owns it now, whoever had the token.
    assert_fails!(store.delete_question(hers.id, owner(ada)).await, Error::Denied);
}

pub(super) async fn what_is_imported_without_an_author_is_the_deleted_users(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let lost = asked(&*store, UserId::DELETED, "lost", 0).await;
    let reply = answered(&*store, lost.id, UserId::DELETED, 1).await;
    for author in [lost.author.clone(), store.answer(reply).await.unwrap().author] {
        assert_eq!((author.id, author.username.as_str()), (UserId::DELETED, "deleted user"));
    }
    assert_eq!(store.question(lost.id).await.unwrap().author, lost.author);
    assert_fails!(store.delete_question(lost.id, owner(ada)).await, Error::Denied);
}

pub(super) async fn erased_content_is_gone_with_all_answers_to_it(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let (hers, his) = (asked(&*store, ada, "hers", 0).await, asked(&*store, bob, "his", 1).await);
    let her_own = answered(&*store, hers.id, ada, 2).await;
    let his_to_her = answered(&*store, hers.id, bob, 3).await;
    let hers_to_him = [answered(&*store, his.id, ada, 4).await, answered(&*store, his.id, ada, 5).await];
    let his_own = answered(&*store, his.id, bob, 6).await;
    store.delete_account(ada, Content::Erase).await.unwrap();

    assert_fails!(store.account(ada).await, Error::NotFound);
    assert_fails!(store.question(hers.id).await, Error::NotFound);
    for gone in [her_own, his_to_her, hers_to_him[0], hers_to_him[1]] {
        assert_fails!(store.answer(gone).await, Error::NotFound);
    }
    assert_eq!(store.question(his.id).await.unwrap().answers, 1);
    assert_eq!(store.count_answers(his.id).await.unwrap(), 1);
    let left = store.answers(answers_to(his.id, 9)).await.unwrap();
    assert_eq!(left.iter().map(|answer| answer.id).collect::<Vec<_>>(), [his_own]);
    assert_eq!(store.count_questions(QuestionFilter::default()).await.unwrap(), 1);
}

pub(super) async fn a_deleted_name_and_address_are_free_again(store: Arc<dyn Store>) {
    let ada = account("ada");
    store.add_account(&ada).await.unwrap();
    store.set_avatar_seed(ada.id, "seed").await.unwrap();
    let image = AvatarImage { svg: "<svg/>".to_owned(), created_at: T0 };
    assert!(store.keep_avatar(ada.id, 1, &image).await.unwrap());
    store.delete_account(ada.id, Content::Keep).await.unwrap();

    assert!(store.username_free(&ada.username).await.unwrap());
    assert!(store.email_free(&ada.email).await.unwrap());
    let next = account("ada");
    store.add_account(&next).await.unwrap();
    assert!(store.account_by_email(&ada.email).await.unwrap() == next);
    assert_eq!(store.avatar(ada.id, 1).await.unwrap(), None);
}

pub(super) async fn deleting_twice_is_not_found(store: Arc<dyn Store>) {
    for content in [Content::Keep, Content::Erase] {
        let ada = user(&*store, "ada").await;
        let late: Timestamp = at(1);
        store.delete_account(ada, content).await.unwrap();
        assert_fails!(store.delete_account(ada, content).await, Error::NotFound);
        store.end_sessions(ada, None, "deleted", late).await.unwrap();
    }
}
