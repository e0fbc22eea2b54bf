use ro_co_shared::Code;

use super::composing::editing;
use crate::{
    model::cmd::Call,
    msg::Outcome,
    testing::{Client, problem, question, versioned},
};

fn in_conflict() -> Client {
    let mut client = editing();
    client.text(" (mine)");
    client.press("ctrl-s");
    client.fail(problem(Code::Stale, ""));
    let mut theirs = question(1);
    theirs.title = "Their title".into();
    theirs.description = Some("Their text".into());
    assert!(matches!(client.answer(Outcome::Question(versioned(theirs, "v2"))), Call::Question(_)));
    let screen = client.screen();
    assert!(screen.contains("Changed by somebody else") && screen.contains("Their text"), "{screen}");
    client
}

#[test]
fn in_a_conflict_mine_replaces_theirs_knowingly() {
    let mut client = in_conflict();
    client.press("m");
    let (_, call) = client.call();
    let Call::EditQuestion { title, etag, .. } = call else { panic!("{call:?}") };
    assert!(title.ends_with("(mine)"));
    assert_eq!(etag.as_deref(), Some("v2"), "against the version that was shown");
}

#[test]
fn in_a_conflict_theirs_can_be_taken_and_mine_is_one_undo_away() {
    let mut client = in_conflict();
    client.press("t");
    assert!(client.calls().is_empty());
    let screen = client.screen();
    assert!(screen.contains("Their title") && !screen.contains("(mine)"), "{screen}");
    client.press("ctrl-7 ctrl-7");
    assert!(client.screen().contains("(mine)"), "{}", client.screen());
}

#[test]
fn in_a_conflict_one_can_go_on_writing() {
    let mut client = in_conflict();
    client.press("esc");
    assert!(client.screen().contains("(mine)"));
    client.press("ctrl-s");
    let (_, call) = client.call();
    assert!(
        matches!(call, Call::EditQuestion { etag: Some(etag), .. } if etag == "v1"),
        "still against the old one"
    );
}
