//! Answers.

use std::sync::Arc;

use ro_co_shared::{AnswerId, QuestionId, UserId};

use super::{
    assert_fails,
    make::{T0, admin, answer, answer_text, answers_to, asked, at, at_once, edit, owner, user},
};
use crate::store::{Answer, AuthorSummary, Created, CreatedAt, Error, Store, StoredAnswer};

async fn ada_asks(store: &dyn Store) -> (UserId, QuestionId) {
    let ada = user(store, "ada").await;
    (ada, asked(store, ada, "Why?", 0).await.id)
}

pub(super) async fn what_goes_in_comes_out(store: Arc<dyn Store>) {
    let (ada, question) = ada_asks(&*store).await;
    let new = answer(question, ada, "Because \u{1F469}\u{200D}\u{1F4BB}.", at(3));
    let expected = StoredAnswer {
        id: new.id,
        question,
        text: new.text.clone(),
        created_at: at(3),
        updated_at: at(3),
        version: 1,
        author: AuthorSummary { id: ada, username: "ada".to_owned(), avatar_version: 0 },
    };
    assert_eq!(store.add_answer(&new).await.unwrap(), Created { row: expected.clone(), created: true });
    assert_eq!(store.answer(new.id).await.unwrap(), expected);
    assert_eq!(store.answers(answers_to(question, 10)).await.unwrap(), [expected]);
}

pub(super) async fn needs_a_question_and_an_author(store: Arc<dyn Store>) {
    let (ada, question) = ada_asks(&*store).await;
    for orphan in [answer(QuestionId::new(), ada, "?", T0), answer(question, UserId::new(), "?", T0)] {
        assert_fails!(store.add_answer(&orphan).await, Error::NotFound);
        assert_fails!(store.answer(orphan.id).await, Error::NotFound);
    }
    assert_eq!(store.question(question).await.unwrap().answers, 0);
}

pub(super) async fn the_same_request_again_is_the_same_row(store: Arc<dyn Store>) {
    let (ada, question) = ada_asks(&*store).await;
    let new = answer(question, ada, "Because.", T0);
    store.add_answer(&new).await.unwrap();
    let edited =
        store.edit_answer(new.id, &edit(owner(ada), answer_text("Therefore."), None, at(1))).await.unwrap();
    let again = store.add_answer(&Answer { created_at: CreatedAt::Now(at(2)), ..new }).await.unwrap();
    assert_eq!(again, Created { row: edited, created: false });
    assert_eq!(store.count_answers(question).await.unwrap(), 1);
}

pub(super) async fn another_request_with_the_same_key_conflicts(store: Arc<dyn Store>) {
    let (ada, question) = ada_asks(&*store).await;
    let bob = user(&*store, "bob").await;
    let new = answer(question, ada, "Because.", T0);
    let Created { row, .. } = store.add_answer(&new).await.unwrap();
    let other = Answer { fingerprint: [9; 32], ..new.clone() };
    assert_fails!(store.add_answer(&other).await, Error::Conflict("Idempotency-Key"));
    let foreign = Answer { author: bob, ..new };
    assert_fails!(store.add_answer(&foreign).await, Error::Conflict("Idempotency-Key"));
    assert_eq!(store.answer(row.id).await.unwrap(), row);
}

pub(super) async fn eight_at_once_make_one_row(store: Arc<dyn Store>) {
    let (ada, question) = ada_asks(&*store).await;
    for round in 0..10 {
        let new = answer(question, ada, "Because.", at(round));
        let results = at_once(8, |_| {
            let (store, new) = (Arc::clone(&store), new.clone());
            async move { store.add_answer(&new).await }
        })
        .await;
        let rows: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!(rows.iter().filter(|asked| asked.created).count(), 1);
        assert!(rows.iter().all(|asked| asked.row == rows[0].row));
    }
    assert_eq!(store.question(question).await.unwrap().answers, 10);
}

pub(super) async fn editing(store: Arc<dyn Store>) {
    let (ada, question) = ada_asks(&*store).await;
    let new = answer(question, ada, "Because.", T0);
    let before = store.add_answer(&new).await.unwrap().row;
    assert_fails!(
        store.edit_answer(new.id, &edit(owner(ada), answer_text("!"), Some(2), at(1))).await,
        Error::Stale
    );
    let after = store
        .edit_answer(new.id, &edit(owner(ada), answer_text("Therefore."), Some(1), at(5)))
        .await
        .unwrap();
    let expected = StoredAnswer { text: answer_text("Therefore."), updated_at: at(5), version: 2, ..before };
    assert_eq!(after, expected);
    assert_eq!(store.answer(new.id).await.unwrap(), expected);
    assert_fails!(
        store.edit_answer(new.id, &edit(owner(ada), answer_text("!"), Some(1), at(6))).await,
        Error::Stale
    );
}

pub(super) async fn foreign_ones_are_denied_and_unchanged(store: Arc<dyn Store>) {
    let (ada, question) = ada_asks(&*store).await;
    let bob = user(&*store, "bob").await;
    let his = store.add_answer(&answer(question, bob, "Because.", T0)).await.unwrap().row;
    // That the question is hers does not make the answer hers.
    assert_fails!(
        store.edit_answer(his.id, &edit(owner(ada), answer_text("Mine"), None, at(5))).await,
        Error::Denied
    );
    assert_fails!(
        store.edit_answer(his.id, &edit(owner(ada), answer_text("Mine"), Some(9), at(5))).await,
        Error::Denied
    );
    assert_fails!(store.delete_answer(his.id, owner(ada)).await, Error::Denied);
    assert_eq!(store.answer(his.id).await.unwrap(), his);
    assert_eq!(store.count_answers(question).await.unwrap(), 1);
}

pub(super) async fn an_admin_may(store: Arc<dyn Store>) {
    let (ada, question) = ada_asks(&*store).await;
    let bob = user(&*store, "bob").await;
    let new = answer(question, ada, "Because.", T0);
    store.add_answer(&new).await.unwrap();
    let edited =
        store.edit_answer(new.id, &edit(admin(bob), answer_text("Mended"), None, at(1))).await.unwrap();
    assert_eq!((edited.text.description.as_str(), edited.author.id), ("Mended", ada));
    store.delete_answer(new.id, admin(bob)).await.unwrap();
    assert_fails!(store.answer(new.id).await, Error::NotFound);
}

pub(super) async fn missing_ones_are_not_found(store: Arc<dyn Store>) {
    let (ada, _) = ada_asks(&*store).await;
    let nowhere = AnswerId::new();
    for by in [owner(ada), admin(ada)] {
        assert_fails!(
            store.edit_answer(nowhere, &edit(by, answer_text("?"), None, T0)).await,
            Error::NotFound
        );
        assert_fails!(
            store.edit_answer(nowhere, &edit(by, answer_text("?"), Some(1), T0)).await,
            Error::NotFound
        );
        assert_fails!(store.delete_answer(nowhere, by).await, Error::NotFound);
    }
    assert_fails!(store.answer(nowhere).await, Error::NotFound);
}

pub(super) async fn the_question_knows_how_many_it_has(store: Arc<dyn Store>) {
    let (ada, question) = ada_asks(&*store).await;
    let before = store.question(question).await.unwrap();
    let mut ids = Vec::new();
    for i in 0..4 {
        let new = answer(question, ada, "Because.", at(i));
        store.add_answer(&new).await.unwrap();
        ids.push(new.id);
    }
    store.edit_answer(ids[0], &edit(owner(ada), answer_text("Therefore."), None, at(9))).await.unwrap();
    store.delete_answer(ids[1], owner(ada)).await.unwrap();
    let after = store.question(question).await.unwrap();
    assert_eq!(after.answers, 3);
    assert_eq!(store.count_answers(question).await.unwrap(), 3);
    assert_eq!(
        (after.version, after.updated_at),
        (before.version, before.updated_at),
        "its text is the same"
    );
    assert_fails!(store.count_answers(QuestionId::new()).await, Error::NotFound);
}
