//! What is kept of a text, for whom, and for how long.

use ro_co_shared::Code;

use super::composing::{adas, asking};
use crate::{
    drafts::{Draft, DraftId, DraftOf, TypedText},
    model::cmd::Cmd,
    msg::{Msg, Outcome},
    testing::{Client, NOW, problem, question, questions, sent_text, user, versioned},
};

#[test]
fn with_a_text_goes_the_draft_of_its_change() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("d y");
    client.answer(Outcome::Done);
    let id = adas(DraftOf::EditQuestion(question(1).id));
    assert!(client.cmds.iter().any(|cmd| matches!(cmd, Cmd::DropDraft(dropped) if *dropped == id)));

    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("e");
    client.fail(problem(Code::NotFound, ""));
    assert!(client.screen().contains("was deleted"));
    client.press("esc");
    assert!(client.cmds.iter().any(|cmd| matches!(cmd, Cmd::DropDraft(dropped) if *dropped == id)));
}

#[test]
fn a_draft_that_was_thrown_away_is_not_said_to_be_back() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("a");
    let draft = Draft { text: TypedText::new("Half", ""), key: String::new(), etag: None, saved_at: NOW };
    client.send(Msg::Draft { id: adas(DraftOf::Question), draft: Some(draft) });
    let screen = client.screen();
    assert!(screen.contains("Draft restored") && screen.contains("[ ask ]"), "nothing is covered: {screen}");
    client.press("ctrl-x y");
    assert!(!client.screen().contains("Draft restored"));
}

#[test]
fn another_users_draft_is_none_of_mine() {
    let mut client = asking();
    let id = DraftId { by: user(2, "bob").id, of: DraftOf::Question };
    let draft = Draft { text: TypedText::new("Bob's", ""), key: String::new(), etag: None, saved_at: NOW };
    client.send(Msg::Draft { id, draft: Some(draft) });
    assert!(!client.screen().contains("Bob's"));
}

#[test]
fn what_cannot_be_seen_is_not_shown_and_not_lost() {
    let odd = "a\u{200c}b\u{202e}c\u{2028}\u{feff}d";
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("e");
    let mut theirs = question(1);
    let title = "a\u{200c}b\u{feff}c\u{ad}d";
    (theirs.title, theirs.description) = (title.into(), Some(odd.into()));
    client.answer(Outcome::Question(versioned(theirs, "v1")));
    assert!(client.screen().contains("abc d"), "a line separator takes a cell: {}", client.screen());
    client.text("!");
    client.press("ctrl-s");
    let (_, call) = client.call();
    assert_eq!(sent_text(&call), (format!("{title}!"), odd.to_owned()));
}

#[test]
fn the_counter_counts_while_one_types() {
    let mut client = asking();
    client.send(Msg::Paste("x".repeat(229)));
    assert!(!client.screen().contains("/255"));
    client.text("x");
    assert!(client.screen().contains("230/255"));
    client.press("tab");
    client.send(Msg::Paste("y".repeat(10_001)));
    assert!(client.screen().contains("10,001/10,000"), "{}", client.screen());
}
