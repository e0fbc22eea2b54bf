use std::time::Duration;

use ro_co_shared::{Code, FieldError, Problem, Rule as _, Title};

use crate::{
    api::Failure,
    clean::Clean,
    drafts::{Draft, DraftId, DraftOf, TypedText},
    model::cmd::{Cmd, Request},
    msg::{Msg, Outcome},
    term::Edited,
    testing::{Client, NOW, answer, offline, problem, question, questions, sent_text, user, versioned},
};

pub(super) fn adas(of: DraftOf) -> DraftId {
    DraftId { by: user(1, "ada").id, of }
}

pub(super) fn asking() -> Client {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("a");
    client.send(Msg::Draft { id: adas(DraftOf::Question), draft: None });
    client
}

pub(super) fn editing() -> Client {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("e");
    let call = client.answer(Outcome::Question(versioned(question(1), "v1")));
    assert!(matches!(call, Request::Question(_)));
    client
}

#[test]
fn asking_a_question() {
    let mut client = asking();
    client.text("Why?");
    client.press("tab");
    client.text("Because");
    client.press("enter");
    client.text("  of this.");
    client.press("ctrl-s ctrl-s ctrl-s");
    let (req, call) = client.call();
    assert_eq!(sent_text(&call), ("Why?".to_owned(), "Because\n  of this.".to_owned()));
    client.text("typed while sending");
    client.reply(req, Ok(Outcome::Question(versioned(question(50), "v1"))));
    let screen = client.screen();
    assert!(screen.contains("Questions (4)") && screen.contains("Question 50:"), "{screen}");
    assert!(
        client.cmds.iter().any(|cmd| matches!(cmd, Cmd::DropDraft(DraftId { of: DraftOf::Question, .. })))
    );
    assert!(client.saved().is_none_or(|(_, draft)| draft.text.title == "Why?"));
}

#[test]
fn a_retry_goes_under_the_same_key_and_the_next_question_under_another() {
    let mut client = asking();
    client.text("Why?");
    let mut keys = Vec::new();
    for failure in [offline(), Failure::Broken(Clean::line("?")), problem(Code::Internal, "")] {
        client.press("ctrl-s");
        let call = client.fail(failure);
        let Request::Ask { key, .. } = call else { panic!("{call:?}") };
        keys.push(key);
    }
    client.press("ctrl-s");
    client.answer(Outcome::Question(versioned(question(50), "v1")));
    client.press("a");
    client.text("And why?");
    client.press("ctrl-s");
    let (_, call) = client.call();
    let Request::Ask { key: other, .. } = call else { panic!("{call:?}") };
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
    assert_ne!(keys[0], other);
}

#[test]
fn the_rules_are_the_servers_and_nothing_is_sent_against_them() {
    let mut client = asking();
    client.press("ctrl-s");
    assert!(client.screen().contains("✘ Title must not be empty"));
    client.text(&"x".repeat(256));
    client.press("ctrl-s");
    assert!("x".repeat(256).parse::<Title>().is_err());
    assert!(client.screen().contains("at most 255 characters"));
    assert!(client.calls().is_empty());
}

#[test]
fn the_space_around_a_title_counts_nowhere() {
    let mut client = asking();
    let title = "x".repeat(Title::MAX);
    client.text(&format!(" {title} "));
    assert!(client.screen().contains("255/255"));
    client.press("ctrl-s");
    let (_, call) = client.call();
    assert_eq!(sent_text(&call).0, title);
}

#[test]
fn what_the_server_refuses_stands_under_its_field() {
    let mut client = asking();
    client.text("Why?");
    client.press("ctrl-s");
    let errors = vec![FieldError { field: "description".into(), message: "is not polite".into() }];
    client.fail(Failure::Problem(Box::new(Problem::fields(Code::Invalid, errors))));
    let screen = client.screen();
    assert!(screen.contains("✘ Text is not polite") && screen.contains("Why?"), "{screen}");
}

#[test]
fn every_failure_keeps_the_text() {
    for (failure, said) in [
        (offline(), "connection refused"),
        (problem(Code::Forbidden, "Not yours."), "Not yours."),
        (problem(Code::Internal, ""), "The server failed"),
        (
            Failure::Busy { retry_after: Duration::from_secs(7), reason: Clean::line("Slow down.") },
            "try again in 7 s",
        ),
    ] {
        let mut client = asking();
        client.text("Precious words");
        client.press("ctrl-s");
        client.fail(failure);
        let screen = client.screen();
        assert!(screen.contains("Precious words") && screen.contains(said), "{said}: {screen}");
        client.press("ctrl-s");
        assert!(matches!(client.call().1, Request::Ask { .. }), "it can be sent again after: {said}");
    }
}

#[test]
fn sending_can_be_stopped() {
    let mut client = asking();
    client.text("Why?");
    client.press("ctrl-s");
    let (req, _) = client.call();
    client.press("esc");
    assert!(client.screen().contains("will not post it twice"));
    assert!(client.cmds.iter().any(|cmd| matches!(cmd, Cmd::Abort(aborted) if *aborted == req)));
    client.reply(req, Ok(Outcome::Question(versioned(question(50), "v1"))));
    assert!(client.screen().contains("Why?"), "a late answer to it changes nothing");
}

#[test]
fn a_key_that_was_used_up_by_an_earlier_text_is_said() {
    let mut client = asking();
    client.text("Why?");
    client.press("ctrl-s");
    let first = client.fail(problem(Code::KeyReused, ""));
    assert!(client.screen().contains("posted already"));
    client.press("ctrl-s");
    let (Request::Ask { key: first, .. }, (_, Request::Ask { key: second, .. })) = (first, client.call())
    else {
        panic!("two questions expected");
    };
    assert_ne!(first, second);
}

#[test]
fn a_draft_is_saved_two_seconds_after_the_first_change_and_on_the_way_out() {
    let mut client = asking();
    client.text("Half");
    client.wait(Duration::from_millis(1_999));
    assert_eq!(client.saved(), None);
    client.text(" a thought");
    client.wait(Duration::from_millis(1));
    let (of, draft) = client.saved().unwrap();
    assert_eq!((of, draft.text.title.as_str()), (DraftOf::Question, "Half a thought"));
    client.wait(Duration::from_secs(60));
    assert_eq!(client.saved(), None, "nothing has changed since");
    client.text("!");
    client.press("esc");
    assert_eq!(client.saved().unwrap().1.text.title, "Half a thought!");
    assert!(client.screen().contains("Questions (3)"));
}

#[test]
fn a_draft_is_saved_when_the_program_ends() {
    let mut client = asking();
    client.text("Half a thought");
    client.press("ctrl-c");
    assert!(client.has_quit());
    let saved = client.cmds.iter().position(|cmd| matches!(cmd, Cmd::SaveDraft { .. })).unwrap();
    let quit = client.cmds.iter().position(|cmd| matches!(cmd, Cmd::Quit)).unwrap();
    assert!(saved < quit);
    let mut killed = asking();
    killed.text("Half a thought");
    killed.send(Msg::Stop);
    assert_eq!(killed.saved().unwrap().1.text.title, "Half a thought");
}

#[test]
fn a_draft_comes_back_with_its_key() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("a");
    assert!(
        client.cmds.iter().any(|cmd| matches!(cmd, Cmd::FindDraft(DraftId { of: DraftOf::Question, .. })))
    );
    let key = "00000000-0000-0000-0000-00000000002a";
    let draft = Draft { text: TypedText::new("Old", "words"), key: key.into(), etag: None, saved_at: NOW };
    client.send(Msg::Draft { id: adas(DraftOf::Question), draft: Some(draft) });
    assert!(client.screen().contains("Draft restored"));
    client.text("er");
    client.press("ctrl-s");
    let (_, call) = client.call();
    assert!(
        matches!(&call, Request::Ask { text, key: sent } if text.title.as_str() == "Older" && sent == key),
        "{call:?}"
    );
}

#[test]
fn a_draft_that_comes_late_does_not_overwrite_what_is_typed() {
    let mut client = Client::with(80, 24, vec![]);
    client.press("a");
    client.text("New");
    let draft = Draft { text: TypedText::new("Old", ""), key: String::new(), etag: None, saved_at: NOW };
    client.send(Msg::Draft { id: adas(DraftOf::Question), draft: Some(draft) });
    let screen = client.screen();
    assert!(screen.contains("New") && !screen.contains("Old"), "{screen}");
}

#[test]
fn throwing_a_text_away_asks_first() {
    let mut client = asking();
    client.text("Nonsense");
    client.press("ctrl-x");
    assert!(client.screen().contains("Discard this text"));
    client.press("n");
    assert!(client.screen().contains("Nonsense"));
    client.press("ctrl-x y");
    assert!(client.screen().contains("Questions (3)"));
    assert!(client.saved().is_none());
    assert!(
        client.cmds.iter().any(|cmd| matches!(cmd, Cmd::DropDraft(DraftId { of: DraftOf::Question, .. })))
    );
}

#[test]
fn answering() {
    let mut client = Client::reading(80, 24, question(1), vec![answer(2)]);
    client.press("r");
    assert!(client.screen().contains("To: Question 1:"));
    client.press("ctrl-s");
    assert!(client.calls().is_empty(), "an empty answer is none");
    client.text("Use retain.");
    client.press("ctrl-s");
    let mut mine = answer(5);
    mine.description = "Use retain.".into();
    let call = client.answer(Outcome::Answer(versioned(mine, "v1")));
    assert!(matches!(call, Request::Reply { text, .. } if text.description.as_str() == "Use retain."));
    let screen = client.screen();
    assert!(
        screen.contains("Use retain.") && screen.lines().any(|l| l.starts_with('▌') && l.contains("ada")),
        "{screen}"
    );
    client.press("q");
    assert!(client.screen().contains("2 answers"), "{}", client.screen());
}

#[test]
fn editing_starts_from_what_the_server_has_now() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("e");
    client.text("typed too early");
    assert!(client.screen().contains("Loading the text"));
    let mut newer = question(1);
    newer.title = "Newer title".into();
    client.answer(Outcome::Question(versioned(newer.clone(), "v7")));
    assert!(client.screen().contains("Newer title"));
    client.text("!");
    client.press("ctrl-s");
    newer.title = "Newer title!".into();
    let call = client.answer(Outcome::Question(versioned(newer, "v8")));
    let Request::EditQuestion { text, etag, .. } = call else { panic!("{call:?}") };
    assert_eq!((text.title.as_str(), etag.as_deref()), ("Newer title!", Some("v7")));
    assert!(client.screen().contains("Newer title!") && client.screen().contains("Questions (3)"));
}

#[test]
fn editing_nothing_leaves_no_draft() {
    let mut client = editing();
    client.text("x");
    client.press("backspace esc");
    assert_eq!(client.saved(), None);
}

#[test]
fn what_was_deleted_meanwhile_keeps_my_text() {
    let mut client = editing();
    client.text(" (mine)");
    client.press("ctrl-s");
    client.fail(problem(Code::NotFound, ""));
    let screen = client.screen();
    assert!(screen.contains("was deleted") && screen.contains("(mine)"), "{screen}");
    client.press("esc");
    let id = adas(DraftOf::EditQuestion(question(1).id));
    assert!(
        matches!(client.cmds.last(), Some(Cmd::DropDraft(dropped)) if *dropped == id),
        "{:?}",
        client.cmds
    );
}

#[test]
fn an_edited_draft_remembers_the_version_it_changes() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("e");
    let id = adas(DraftOf::EditQuestion(question(1).id));
    let draft = Draft {
        text: TypedText::new("Mine", "old"),
        key: String::new(),
        etag: Some("v1".into()),
        saved_at: NOW,
    };
    client.send(Msg::Draft { id, draft: Some(draft) });
    client.answer(Outcome::Question(versioned(question(1), "v5")));
    let screen = client.screen();
    assert!(screen.contains("Edit conflict"), "it was changed since: {screen}");
    client.press("m");
    let (_, call) = client.call();
    assert!(
        matches!(call, Request::EditQuestion { text, etag: Some(etag), .. } if text.title.as_str() == "Mine" && etag == "v5")
    );
}

#[test]
fn editing_an_answer() {
    let mut client = Client::reading(80, 24, question(1), vec![answer(1)]);
    client.press("tab e");
    let call = client.answer(Outcome::Answer(versioned(answer(1), "v1")));
    assert!(matches!(call, Request::Answer(_)));
    client.press("ctrl-e");
    let handed = client.cmds.iter().find_map(|cmd| match cmd {
        Cmd::Edit(text) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(handed, Some(answer(1).description), "the text goes to the editor as it is");
    client.send(Msg::Edited(Edited { text: Some("Shorter.".into()), ..Edited::default() }));
    client.press("ctrl-s");
    let mut shorter = answer(1);
    shorter.description = "Shorter.".into();
    let call = client.answer(Outcome::Answer(versioned(shorter, "v2")));
    assert!(
        matches!(call, Request::EditAnswer { text, etag: Some(etag), .. } if text.description.as_str() == "Shorter." && etag == "v1")
    );
    let screen = client.screen();
    assert!(screen.contains("Shorter.") && !screen.contains("collect"), "{screen}");
}

#[test]
fn an_editor_that_fails_loses_nothing() {
    let mut client = asking();
    client.press("tab");
    client.text("My own words.");
    client.send(Msg::Edited(Edited { complaint: Some("Your editor failed.".into()), ..Edited::default() }));
    let screen = client.screen();
    assert!(screen.contains("My own words.") && screen.contains("Your editor failed."), "{screen}");
}

#[test]
fn a_paste_is_one_event_and_may_have_many_lines() {
    let mut client = asking();
    client.send(Msg::Paste("Title in\ntwo lines".into()));
    client.press("tab");
    let text = ["abcdefghijklmnopqrstuvwxyz"; 370].join("\r");
    client.send(Msg::Paste(text.clone()));
    client.press("ctrl-s");
    let (_, call) = client.call();
    assert_eq!(sent_text(&call), ("Title in two lines".to_owned(), text.replace('\r', "\n")));
}
