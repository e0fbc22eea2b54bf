use ro_co_shared::Code;

use super::composing::{adas, editing};
use crate::{
    drafts::{Draft, DraftOf, TypedText},
    model::cmd::{Cmd, Request},
    msg::{Msg, Outcome},
    testing::{Client, NOW, listing, offline, problem, question, questions, sent_text, versioned},
};

fn in_conflict() -> Client {
    let mut client = editing();
    client.text(" (mine)");
    client.press("ctrl-s");
    client.fail(problem(Code::Stale, ""));
    let mut theirs = question(1);
    theirs.title = "Their title".into();
    theirs.description = Some("Their text".into());
    assert!(matches!(client.answer(Outcome::Question(versioned(theirs, "v2"))), Request::Question(_)));
    let screen = client.screen();
    assert!(screen.contains("Edit conflict") && screen.contains("Their text"), "{screen}");
    client
}

#[test]
fn in_a_conflict_mine_replaces_theirs_knowingly() {
    let mut client = in_conflict();
    client.press("m");
    let (_, call) = client.call();
    let Request::EditQuestion { text, etag, .. } = call else { panic!("{call:?}") };
    let title = text.title.as_str();
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
    client.press("ctrl-7");
    let screen = client.screen();
    assert!(
        screen.contains("(mine)") && !screen.contains("Their text"),
        "title and text in one step: {screen}"
    );
}

#[test]
fn in_a_conflict_one_can_go_on_writing() {
    let mut client = in_conflict();
    client.press("esc");
    assert!(client.screen().contains("(mine)"));
    client.press("ctrl-s");
    let (_, call) = client.call();
    assert!(
        matches!(call, Request::EditQuestion { etag: Some(etag), .. } if etag == "v1"),
        "still against the old one"
    );
}

/// The text that was sent, as the server has it now.
fn stored(call: &Request, etag: &str) -> Outcome {
    let (title, body) = sent_text(call);
    let mut question = question(1);
    (question.title, question.description) = (title, Some(body));
    Outcome::Question(versioned(question, etag))
}

#[test]
fn a_save_whose_answer_was_lost_is_recognised_when_it_is_repeated() {
    let mut client = editing();
    client.text(" (mine)");
    client.press("ctrl-s");
    let sent = client.fail(offline());
    client.press("ctrl-s");
    client.fail(problem(Code::Stale, ""));
    client.answer(stored(&sent, "v2"));
    let screen = client.screen();
    assert!(
        screen.contains("Saved.") && screen.contains("(mine)") && !screen.contains("Edit conflict"),
        "{screen}"
    );
    assert!(client.calls().is_empty());
}

#[test]
fn what_was_typed_after_a_lost_answer_goes_on_top_of_it() {
    let mut client = editing();
    client.text(" (mine)");
    client.press("ctrl-s");
    let sent = client.fail(offline());
    client.text(" and more");
    client.press("ctrl-s");
    client.fail(problem(Code::Stale, ""));
    client.answer(stored(&sent, "v2"));
    let (_, call) = client.call();
    let Request::EditQuestion { text, etag, .. } = call else { panic!("{call:?}") };
    let title = text.title.as_str();
    assert!(title.ends_with("(mine) and more") && etag.as_deref() == Some("v2"), "{title} {etag:?}");
    assert!(!client.screen().contains("Edit conflict"));
}

#[test]
fn a_draft_that_was_saved_before_a_crash_is_no_conflict() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("e");
    let draft = Draft {
        text: TypedText::new("Mine", "text"),
        key: String::new(),
        etag: Some("v1".into()),
        saved_at: NOW,
    };
    let id = adas(DraftOf::EditQuestion(question(1).id));
    client.send(Msg::Draft { id, draft: Some(draft) });
    let mut mine = question(1);
    (mine.title, mine.description) = ("Mine".into(), Some("text".into()));
    client.answer(Outcome::Question(versioned(mine, "v2")));
    let screen = client.screen();
    assert!(screen.contains("Saved.") && screen.contains("Questions (3)"), "{screen}");
    assert!(client.cmds.iter().any(|cmd| matches!(cmd, Cmd::DropDraft(dropped) if *dropped == id)));
}

#[test]
fn a_question_that_is_open_is_edited_without_another_read() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("enter");
    for (req, call) in client.calls() {
        client.reply(
            req,
            Ok(match call {
                Request::Question(_) => Outcome::Question(versioned(question(1), "v4")),
                _ => Outcome::Answers(listing(vec![], None)),
            }),
        );
    }
    client.press("e");
    assert!(client.calls().is_empty());
    client.text("!");
    client.press("ctrl-s");
    let (req, call) = client.call();
    let outcome = stored(&call, "v5");
    assert!(matches!(call, Request::EditQuestion { etag: Some(etag), .. } if etag == "v4"));
    client.reply(req, Ok(outcome));
    client.press("e");
    client.text("?");
    client.press("ctrl-s");
    let (_, call) = client.call();
    let Request::EditQuestion { text, etag, .. } = call else { panic!("{call:?}") };
    let title = text.title.as_str();
    assert!(title.ends_with("!?") && etag.as_deref() == Some("v5"), "{title} {etag:?}");
}
