//! Questions.

use std::sync::Arc;

use ro_co_shared::{QuestionId, UserId};

use super::{
    assert_fails,
    make::{T0, admin, answered, asked, at, at_once, edit, newest, owner, question, text, user},
};
use crate::store::{
    AuthorSummary, Created, CreatedAt, Error, Question, QuestionFilter, Store, StoredQuestion,
};

pub(super) async fn what_goes_in_comes_out(store: Arc<dyn Store>) {
    let ada = user(&*store, "Ada Lovelace").await;
    for (description, millis) in [(Some("With\n\ta tab and a robot \u{1F916}"), 1), (None, -1)] {
        let new = Question { text: text("Why?", description), ..question(ada, "Why?", at(millis)) };
        let expected = StoredQuestion {
            id: new.id,
            text: text("Why?", description),
            created_at: at(millis),
            updated_at: at(millis),
            answered: false,
            answers: 0,
            version: 1,
            author: AuthorSummary { id: ada, username: "Ada Lovelace".to_owned(), avatar_version: 0 },
        };
        let asked = store.add_question(&new).await.unwrap();
        assert_eq!(asked, Created { row: expected.clone(), created: true });
        assert_eq!(store.question(new.id).await.unwrap(), expected);
        assert!(store.questions(newest(10)).await.unwrap().contains(&expected));
    }
    // The author is shown as they are now.
    store.rename(ada, &"Countess".parse().unwrap()).await.unwrap();
    store.set_avatar_seed(ada, "another").await.unwrap();
    for shown in store.questions(newest(10)).await.unwrap() {
        assert_eq!(
            shown.author,
            AuthorSummary { id: ada, username: "Countess".to_owned(), avatar_version: 1 }
        );
    }
}

pub(super) async fn needs_an_author(store: Arc<dyn Store>) {
    let orphan = question(UserId::new(), "Who am I?", T0);
    assert_fails!(store.add_question(&orphan).await, Error::NotFound);
    assert_fails!(store.question(orphan.id).await, Error::NotFound);
}

pub(super) async fn the_same_request_again_is_the_same_row(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let new = question(ada, "Why?", T0);
    store.add_question(&new).await.unwrap();
    let edited =
        store.edit_question(new.id, &edit(owner(ada), text("Why not?", None), None, at(5))).await.unwrap();
    // The repeat comes later than the first.
    let repeat = Question { created_at: CreatedAt::Now(at(9)), ..new };
    let again = store.add_question(&repeat).await.unwrap();
    assert_eq!(again, Created { row: edited, created: false }, "the row as it stands now");
    assert_eq!(store.count_questions(QuestionFilter::default()).await.unwrap(), 1);
}

pub(super) async fn another_request_with_the_same_key_conflicts(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let new = question(ada, "Why?", T0);
    let Created { row, .. } = store.add_question(&new).await.unwrap();
    let other = Question { fingerprint: [9; 32], text: text("Another", None), ..new.clone() };
    assert_fails!(store.add_question(&other).await, Error::Conflict("Idempotency-Key"));
    let foreign = Question { author: bob, ..new };
    assert_fails!(store.add_question(&foreign).await, Error::Conflict("Idempotency-Key"));
    assert_eq!(store.question(row.id).await.unwrap(), row);
}

pub(super) async fn eight_at_once_make_one_row(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    for round in 0..10 {
        let new = question(ada, "Why?", at(round));
        let results = at_once(8, |_| {
            let (store, new) = (Arc::clone(&store), new.clone());
            async move { store.add_question(&new).await }
        })
        .await;
        let rows: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!(rows.iter().filter(|asked| asked.created).count(), 1);
        assert!(rows.iter().all(|asked| asked.row == rows[0].row));
    }
    assert_eq!(store.count_questions(QuestionFilter::default()).await.unwrap(), 10);
}

pub(super) async fn editing(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let before = asked(&*store, ada, "Why?", 0).await;
    let after =
        store.edit_question(before.id, &edit(owner(ada), text("How?", None), None, at(5))).await.unwrap();
    let expected = StoredQuestion { text: text("How?", None), updated_at: at(5), version: 2, ..before };
    assert_eq!(after, expected);
    assert_eq!(store.question(expected.id).await.unwrap(), expected);
}

pub(super) async fn a_stale_version_changes_nothing(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let before = asked(&*store, ada, "Why?", 0).await;
    for wrong in [0, 2, i64::MIN, i64::MAX] {
        let edit = store
            .edit_question(before.id, &edit(owner(ada), text("How?", Some("!")), Some(wrong), at(5)))
            .await;
        assert_fails!(edit, Error::Stale);
    }
    assert_eq!(store.question(before.id).await.unwrap(), before);
    // Who may not write at all is not told about versions.
    let foreign =
        store.edit_question(before.id, &edit(owner(UserId::new()), text("How?", None), Some(9), at(5))).await;
    assert_fails!(foreign, Error::Denied);
}

pub(super) async fn editing_the_version_one_has_read(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let before = asked(&*store, ada, "Why?", 0).await;
    let results =
        at_once(4, |i| {
            let (store, title) = (Arc::clone(&store), format!("Edit {i}"));
            let (id, version) = (before.id, before.version);
            async move {
                store.edit_question(id, &edit(owner(ada), text(&title, None), Some(version), at(5))).await
            }
        })
        .await;
    let won: Vec<_> = results.iter().flatten().collect();
    assert_eq!(won.len(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| matches!(result, Err(Error::Stale))).count(), 3);
    assert_eq!(&store.question(before.id).await.unwrap(), won[0]);
}

pub(super) async fn marking_leaves_the_text_alone(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let before = asked(&*store, ada, "Why?", 0).await;
    let marked = store.set_answered(before.id, owner(ada), true).await.unwrap();
    assert_eq!(marked, StoredQuestion { answered: true, version: 2, ..before.clone() });
    let again = store.set_answered(before.id, owner(ada), true).await.unwrap();
    assert_eq!(again, marked, "what is so already is no change");
    let open = store.set_answered(before.id, owner(ada), false).await.unwrap();
    assert_eq!(open, StoredQuestion { version: 3, ..before });
    assert_eq!(store.question(open.id).await.unwrap(), open);
}

pub(super) async fn foreign_ones_are_denied_and_unchanged(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let before = asked(&*store, ada, "Why?", 0).await;
    assert_fails!(
        store.edit_question(before.id, &edit(owner(bob), text("Mine", None), None, at(5))).await,
        Error::Denied
    );
    assert_fails!(store.set_answered(before.id, owner(bob), true).await, Error::Denied);
    assert_fails!(store.delete_question(before.id, owner(bob)).await, Error::Denied);
    assert_eq!(store.question(before.id).await.unwrap(), before);
}

pub(super) async fn an_admin_may(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let before = asked(&*store, ada, "Why?", 0).await;
    let edited = store
        .edit_question(before.id, &edit(admin(bob), text("Mended", None), Some(1), at(5)))
        .await
        .unwrap();
    assert_eq!((edited.text.title.as_str(), edited.author.id), ("Mended", ada), "it stays its author's");
    assert_fails!(
        store.edit_question(before.id, &edit(admin(bob), text("!", None), Some(1), at(6))).await,
        Error::Stale
    );
    store.set_answered(before.id, admin(bob), true).await.unwrap();
    store.delete_question(before.id, admin(bob)).await.unwrap();
    assert_fails!(store.question(before.id).await, Error::NotFound);
}

pub(super) async fn missing_ones_are_not_found(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let nowhere = QuestionId::new();
    for by in [owner(ada), admin(ada)] {
        assert_fails!(
            store.edit_question(nowhere, &edit(by, text("?", None), None, T0)).await,
            Error::NotFound
        );
        assert_fails!(
            store.edit_question(nowhere, &edit(by, text("?", None), Some(1), T0)).await,
            Error::NotFound
        );
        assert_fails!(store.set_answered(nowhere, by, true).await, Error::NotFound);
        assert_fails!(store.delete_question(nowhere, by).await, Error::NotFound);
    }
    assert_fails!(store.question(nowhere).await, Error::NotFound);
}

pub(super) async fn deleting_takes_the_answers(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    let (doomed, other) = (asked(&*store, ada, "Why?", 0).await, asked(&*store, ada, "How?", 1).await);
    let mut gone = Vec::new();
    for i in 0..3 {
        gone.push(answered(&*store, doomed.id, bob, i).await);
    }
    let kept = answered(&*store, other.id, bob, 5).await;
    store.delete_question(doomed.id, owner(ada)).await.unwrap();
    assert_fails!(store.delete_question(doomed.id, owner(ada)).await, Error::NotFound);
    for id in gone {
        assert_fails!(store.answer(id).await, Error::NotFound);
    }
    assert_eq!(store.answer(kept).await.unwrap().question, other.id);
    assert_eq!(store.question(other.id).await.unwrap().answers, 1);
}

pub(super) async fn counting(store: Arc<dyn Store>) {
    let (ada, bob) = (user(&*store, "ada").await, user(&*store, "bob").await);
    for i in 0..5 {
        let one = asked(&*store, if i < 3 { ada } else { bob }, "?", i).await;
        if i % 2 == 0 {
            store.set_answered(one.id, admin(ada), true).await.unwrap();
        }
    }
    let mut counts = Vec::new();
    for author in [None, Some(ada), Some(bob), Some(UserId::new())] {
        for mark in [None, Some(true), Some(false)] {
            counts.push(store.count_questions(QuestionFilter { answered: mark, author }).await.unwrap());
        }
    }
    assert_eq!(counts, [5, 3, 2, 3, 2, 1, 2, 1, 1, 0, 0, 0]);
}
