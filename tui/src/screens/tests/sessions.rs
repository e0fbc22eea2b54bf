use std::time::Duration;

use ro_co_shared::Code;

use crate::{
    api::Failure,
    model::cmd::Request,
    msg::Outcome,
    testing::{Client, listing, offline, problem, question, questions, user, versioned},
};

#[test]
fn an_ended_session_asks_for_the_password_over_the_screen_and_carries_on() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("a");
    client.calls();
    client.text("Still here?");
    client.press("ctrl-s");
    let (asked, call) = client.call();
    let Request::Ask { key, .. } = call else { panic!("{call:?}") };
    client.reply(asked, Err(Failure::SignedOut));
    let screen = client.screen();
    assert!(screen.contains("Session ended") && screen.contains("again as ada"), "{screen}");

    client.text("wrong");
    client.press("enter");
    client.fail(problem(Code::InvalidCredentials, ""));
    assert!(client.screen().contains("password is wrong"));
    client.press("enter");
    let call = client.answer(Outcome::User(user(1, "ada")));
    assert!(matches!(call, Request::LogIn { email, .. } if email == "ada@example.org"));

    let (again, call) = client.call();
    assert_eq!(again, asked, "the very same request goes on");
    assert!(matches!(call, Request::Ask { key: again, .. } if again == key), "under the same key");
    client.reply(again, Ok(Outcome::Question(versioned(question(9), "v1"))));
    assert!(client.screen().contains("Question 9:"));
}

#[test]
fn several_requests_that_find_the_session_ended_ask_once_and_all_go_on() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("enter");
    let calls = client.calls();
    for (req, _) in &calls {
        client.reply(*req, Err(Failure::SignedOut));
    }
    client.text("seven brown marbles");
    client.press("enter");
    client.answer(Outcome::User(user(1, "ada")));
    let again: Vec<_> = client.calls().into_iter().map(|(req, _)| req).collect();
    assert_eq!(again, calls.into_iter().map(|(req, _)| req).collect::<Vec<_>>());
    assert!(!client.screen().contains("Session ended"));
}

#[test]
fn not_signing_in_again_keeps_the_text() {
    let mut client = Client::with(80, 24, vec![]);
    client.press("a");
    client.calls();
    client.text("Precious words");
    client.press("ctrl-s");
    client.fail(Failure::SignedOut);
    client.press("esc");
    let screen = client.screen();
    assert!(screen.contains("Precious words") && screen.contains("signed out"), "{screen}");
    client.press("ctrl-s");
    assert!(matches!(client.call().1, Request::Ask { .. }), "and it can be sent later");
}

#[test]
fn a_confirmation_survives_the_end_of_a_session() {
    let mut client = Client::with(80, 24, questions(1..=2));
    client.press("d y");
    client.fail(Failure::SignedOut);
    client.text("seven brown marbles");
    client.press("enter");
    client.answer(Outcome::User(user(1, "ada")));
    assert!(matches!(client.answer(Outcome::Done), Request::DeleteQuestion(_)));
    assert!(client.screen().contains("Questions (1)"), "{}", client.screen());
}

#[test]
fn logging_out_forgets_the_user_but_not_the_address() {
    let mut client = Client::with(80, 24, questions(1..=2));
    client.press("p");
    assert!(client.screen().contains("ada@example.org"));
    client.press("L L");
    assert!(matches!(client.answer(Outcome::Done), Request::LogOut));
    let screen = client.screen();
    assert!(screen.contains("Create an account") && screen.contains("ada@example.org"), "{screen}");
    assert!(client.model.core.me.is_none());
}

#[test]
fn logging_out_without_a_server_says_that_the_session_may_live_on() {
    let mut client = Client::with(80, 24, vec![]);
    client.press("p L");
    client.fail(offline());
    let screen = client.screen();
    assert!(
        screen.contains("Signed out on this machine, but") && screen.contains("Create an account"),
        "{screen}"
    );
}

#[test]
fn what_was_on_its_way_at_logout_reaches_nobody() {
    let mut client = Client::with(80, 24, vec![]);
    client.press("R");
    let (reload, _) = client.call();
    client.press("p L");
    client.answer(Outcome::Done);
    client.reply(reload, Err(Failure::SignedOut));
    assert!(!client.screen().contains("Session ended"));
}

#[test]
fn a_new_picture_is_everywhere_at_once() {
    let mut client = Client::with(80, 24, questions([1]));
    client.press("p n n");
    let mut me = user(1, "ada");
    me.avatar_url = "/api/v1/user/1/icon?v=2".into();
    assert!(matches!(client.answer(Outcome::User(me)), Request::NewAvatar));
    client.press("q");
    let shown = client.model.core.me.as_ref().unwrap().person.avatar.url().to_owned();
    assert_eq!(shown, "/api/v1/user/1/icon?v=2");
}

#[test]
fn the_server_comes_back_and_it_is_said() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("R");
    client.fail(offline());
    client.wait(Duration::from_millis(500));
    assert!(client.screen().contains("next try in 1 s"), "{}", client.screen());
    client.wait(Duration::from_millis(500));
    client.answer(Outcome::Questions(listing(questions(1..=3), None)));
    assert!(client.screen().contains("Connected again."));
    assert_eq!(client.calls().len(), 0);
}

#[test]
fn ones_own_page_says_where_the_log_is() {
    let mut client = Client::with(80, 24, vec![]);
    client.model.core.log_dir = Some("/state/ro-co/log".into());
    client.press("p");
    assert!(client.screen().contains("log /state/ro-co/log"), "{}", client.screen());
}
