//! Whatever the rules of the fields let in comes out as it was.

use std::sync::Arc;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use ro_co_shared::{Body, QuestionId, Rule, Timestamp, Title};

use super::make::{answer, answer_text, answers_to, edit, newest, owner, question, user};
use crate::store::{Question, Store};

/// Texts as people and attackers write them.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-zA-Z0-9 '\"\\\\%_;-]{1,20}",
        "[\u{1F300}-\u{1FAFF}\u{200D}\u{FE0F}\u{300}-\u{36F}\u{202E}]{1,8}",
        Just("\0".to_owned()),
        Just("\r\n\t".to_owned()),
    ];
    proptest::collection::vec(piece, 1..40).prop_map(|pieces| pieces.concat())
}

pub(super) async fn any_text_comes_out_as_it_went_in(store: Arc<dyn Store>) {
    let ada = user(&*store, "ada").await;
    let mut runner = TestRunner::new(Config::default());
    let rows = (text(), proptest::option::of(text()), any::<i64>(), any::<[u8; 16]>());
    for _ in 0..64 {
        let (title, description, millis, id) = rows.new_tree(&mut runner).unwrap().current();
        let new = Question {
            id: QuestionId(uuid::Uuid::from_bytes(id)),
            text: super::make::text(&title, description.as_deref()),
            ..question(ada, &title, Timestamp(millis))
        };
        let row = store.add_question(&new).await.unwrap().row;
        assert_eq!((row.id, &row.text), (new.id, &new.text));
        assert_eq!((row.created_at, row.updated_at), (Timestamp(millis), Timestamp(millis)));
        assert_eq!(store.question(new.id).await.unwrap(), row);
        assert_eq!(store.questions(newest(1)).await.unwrap(), [row]);

        let new = answer(new.id, ada, &title, Timestamp(millis));
        let row = store.add_answer(&new).await.unwrap().row;
        assert_eq!((&row.text, row.created_at), (&new.text, Timestamp(millis)));
        let text = description.unwrap_or_default();
        let edited = store
            .edit_answer(new.id, &edit(owner(ada), answer_text(&text), None, Timestamp(!millis)))
            .await
            .unwrap();
        assert_eq!((&edited.text, edited.updated_at), (&answer_text(&text), Timestamp(!millis)));
        assert_eq!(store.answers(answers_to(new.question, 9)).await.unwrap(), [edited]);
        store.delete_question(new.question, owner(ada)).await.unwrap();
    }
}

pub(super) async fn the_longest_texts_fit(store: Arc<dyn Store>) {
    let ada = user(&*store, &"Ǆ".repeat(30)).await;
    let (title, body) = ("🦀".repeat(Title::MAX), "🦀".repeat(Body::MAX));
    let longest = super::make::text(&title, Some(&body));
    let new = Question { text: longest.clone(), ..question(ada, &title, Timestamp(i64::MAX)) };
    let row = store.add_question(&new).await.unwrap().row;
    assert_eq!(row.text, longest);
    let row = store.add_answer(&answer(new.id, ada, &body, Timestamp(i64::MIN))).await.unwrap().row;
    assert_eq!((row.text, row.created_at), (answer_text(&body), Timestamp(i64::MIN)));
    assert_eq!(store.questions(newest(1)).await.unwrap().len(), 1);
    assert_eq!(store.answers(answers_to(new.id, 1)).await.unwrap().len(), 1);
}
