use std::time::Duration;

use ro_co_shared::{Code, FieldError, Problem};
use secrecy::ExposeSecret;

use crate::{
    api::Failure,
    clean::Clean,
    model::Warning,
    model::cmd::Request,
    msg::{Msg, Outcome},
    testing::{Client, listing, offline, problem, questions, user},
};

const PASSWORD: &str = "seven brown marbles";

fn sign_up_form() -> Client {
    let mut client = Client::signed_out(80, 24);
    client.press("ctrl-n");
    assert!(client.screen().contains("New account"));
    client
}

fn fill(client: &mut Client) {
    client.text("ada");
    client.press("tab");
    client.text("ada@example.org");
    client.press("tab");
    client.text(PASSWORD);
}

#[test]
fn the_session_of_last_time_leads_straight_to_the_list() {
    let mut client = Client::started(80, 24);
    assert!(matches!(client.answer(Outcome::Resumed(Some(user(1, "ada")))), Request::Resume));
    assert!(matches!(
        client.answer(Outcome::Questions(listing(questions(1..4), None))),
        Request::Questions { cursor: None }
    ));
    assert!(client.screen().contains("Question 1"));
}

#[test]
fn a_server_that_is_away_at_the_start_is_asked_again_later_each_time() {
    let mut client = Client::started(80, 24);
    for wait in [1, 2, 4, 8, 16, 32, 32] {
        client.fail(offline());
        assert!(client.screen().contains("connection refused"));
        client.wait(Duration::from_millis(wait * 1_000 - 1));
        assert!(client.calls().is_empty(), "not before {wait} s");
        client.wait(Duration::from_millis(1));
    }
    client.answer(Outcome::Resumed(None));
    assert!(client.screen().contains("Create an account"));
}

#[test]
fn signing_in() {
    let mut client = Client::signed_out(80, 24);
    client.text("ada@example.org");
    client.press("enter");
    client.text(PASSWORD);
    assert!(!client.screen().contains(PASSWORD), "a password is not shown");
    client.press("ctrl-r");
    assert!(client.screen().contains(PASSWORD), "unless it shall be");
    client.press("enter");
    let (req, call) = client.call();
    let Request::LogIn { email, password } = call else { panic!("{call:?}") };
    assert_eq!((email.as_str(), password.expose_secret()), ("ada@example.org", PASSWORD));
    client.press("ctrl-s enter");
    assert!(client.calls().is_empty(), "sent once, however often one presses");
    client.reply(req, Ok(Outcome::User(user(1, "ada"))));
    assert!(matches!(client.call().1, Request::Questions { .. }));
}

#[test]
fn signing_in_with_something_missing_asks_nobody_and_goes_there() {
    let mut client = Client::signed_out(80, 24);
    client.press("ctrl-s");
    assert!(client.calls().is_empty());
    assert!(client.screen().contains("✘ Email is missing"));
    client.text("ada@example.org");
    client.press("ctrl-s");
    assert!(client.screen().contains("✘ Password is missing"));
    client.text("now the password has the focus");
    client.press("ctrl-s");
    assert!(matches!(client.call().1, Request::LogIn { .. }));
}

#[test]
fn every_failure_of_signing_in_is_said_and_nothing_typed_is_lost() {
    let busy =
        Failure::Busy { retry_after: Duration::from_secs(30), reason: Clean::line("Too many sign-ins.") };
    for (failure, said) in [
        (problem(Code::InvalidCredentials, ""), "The address or the password is wrong"),
        (offline(), "connection refused"),
        (busy, "try again in 30 s"),
        (Failure::Broken(Clean::line("the answer is not JSON")), "the answer is not JSON"),
        (problem(Code::Forbidden, "This account is suspended."), "suspended"),
    ] {
        let mut client = Client::signed_out(80, 24);
        client.text("ada@example.org");
        client.press("tab");
        client.text(PASSWORD);
        client.press("enter");
        client.fail(failure);
        let screen = client.screen();
        assert!(screen.contains(said) && screen.contains("ada@example.org"), "{said}: {screen}");
        client.press("ctrl-s");
        assert!(matches!(client.call().1, Request::LogIn { .. }), "it can be tried again after: {said}");
    }
}

#[test]
fn a_name_is_looked_up_when_typing_pauses_and_only_the_last_one_counts() {
    let mut client = sign_up_form();
    client.text("ad");
    client.wait(Duration::from_secs(1));
    assert!(client.calls().is_empty(), "too short to be anybody's");
    assert!(client.screen().contains("must have at least 3 characters"));
    client.text("a");
    client.wait(Duration::from_millis(249));
    assert!(client.calls().is_empty());
    client.wait(Duration::from_millis(1));
    let (first, call) = client.call();
    assert!(matches!(call, Request::NameFree(name) if name == "ada"));
    assert!(client.screen().contains("checking"));
    client.text("m");
    client.reply(first, Ok(Outcome::NameFree(false)));
    assert!(!client.screen().contains("taken"), "that answer is about another name");
    client.wait(Duration::from_millis(250));
    client.answer(Outcome::NameFree(true));
    assert!(client.screen().contains("✔ free"));
    client.press("backspace");
    client.wait(Duration::from_millis(250));
    client.answer(Outcome::NameFree(false));
    assert!(client.screen().contains("✘ taken"));
    client.text("x");
    client.wait(Duration::from_millis(250));
    client.fail(offline());
    assert!(client.screen().contains("cannot be checked now"));
}

#[test]
fn a_name_check_that_has_to_wait_waits_by_itself_and_is_for_the_latest_name() {
    let busy = || Failure::Busy { retry_after: Duration::from_secs(3), reason: Clean::line("Too many.") };
    let mut client = sign_up_form();
    client.text("ada");
    client.wait(Duration::from_millis(250));
    client.fail(busy());
    let screen = client.screen();
    assert!(!screen.contains("Too many") && !screen.contains("again in"), "not the user's affair: {screen}");
    client.wait(Duration::from_millis(2_999));
    assert!(client.calls().is_empty());
    client.wait(Duration::from_millis(1));
    client.fail(busy());
    client.text("m");
    client.wait(Duration::from_secs(4));
    assert!(matches!(client.answer(Outcome::NameFree(true)), Request::NameFree(name) if name == "adam"));
    assert!(client.screen().contains("✔ free"));
}

#[test]
fn a_weak_password_says_why_and_a_strong_one_that_it_is() {
    let mut client = sign_up_form();
    client.press("tab tab");
    client.text("short");
    assert!(client.screen().contains("must have at least 10 characters"));
    client.text("short");
    assert!(client.screen().contains("is too easy to guess"));
    for _ in 0..10 {
        client.press("backspace");
    }
    client.text(PASSWORD);
    assert!(client.screen().contains("▰▰▰"), "{}", client.screen());
    assert!(client.screen().contains("strong enough"));
}

#[test]
fn signing_up_signs_in_too() {
    let mut client = sign_up_form();
    fill(&mut client);
    client.press("ctrl-s");
    let (req, call) = client.call();
    assert!(matches!(call, Request::SignUp { username, .. } if username == "ada"));
    client.press("ctrl-s");
    assert!(client.calls().is_empty());
    client.reply(req, Ok(Outcome::User(user(1, "ada"))));
    assert!(matches!(client.answer(Outcome::User(user(1, "ada"))), Request::LogIn { .. }));
    assert!(matches!(client.call().1, Request::Questions { .. }));
    assert!(client.screen().contains("Welcome"));
}

#[test]
fn an_account_without_a_sign_in_ends_at_the_form_that_knows_the_address() {
    let mut client = sign_up_form();
    fill(&mut client);
    client.press("ctrl-s");
    client.answer(Outcome::User(user(1, "ada")));
    client.fail(offline());
    let screen = client.screen();
    assert!(screen.contains("Account created") && screen.contains("ada@example.org"), "{screen}");
}

#[test]
fn what_is_missing_is_said_under_each_field_and_the_first_one_gets_the_focus() {
    let mut client = sign_up_form();
    client.press("tab tab");
    client.text(PASSWORD);
    client.press("ctrl-s");
    assert!(client.calls().is_empty());
    let screen = client.screen();
    for said in ["Please correct: Name, Email.", "✘ Name must have at least", "✘ Email is not an"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    client.text("ada");
    assert!(client.screen().contains("│ada "), "the name has the focus");
}

#[test]
fn what_the_server_refuses_is_said_under_its_field() {
    let mut client = sign_up_form();
    fill(&mut client);
    client.press("ctrl-s");
    let errors = vec![FieldError { field: "email".into(), message: "belongs to somebody else".into() }];
    client.fail(Failure::Problem(Box::new(Problem::fields(Code::Taken, errors))));
    let screen = client.screen();
    assert!(screen.contains("✘ Email belongs to somebody else"), "{screen}");
    client.text("x");
    assert!(client.screen().contains("ada@example.orgx"), "the field has the focus, its text is still there");
}

#[test]
fn whoever_signs_up_is_told_where_the_name_may_go() {
    let mut client = sign_up_form();
    assert!(client.screen().contains("DiceBear"));
    client.model.core.server.sends_usernames = false;
    assert!(!client.screen().contains("DiceBear"));
}

#[test]
fn back_and_forth_between_the_forms() {
    let mut client = Client::signed_out(80, 24);
    client.click("Create an account");
    assert!(client.screen().contains("New account"));
    client.click("Sign in instead");
    assert!(client.screen().contains("Sign in, or create an account."));
    client.press("ctrl-c");
    assert!(client.has_quit());
}

#[test]
fn after_a_wrong_password_typing_replaces_it() {
    let mut client = Client::signed_out(80, 24);
    client.text("ada@example.org");
    client.press("enter");
    client.text("wrong");
    client.press("enter");
    client.fail(problem(Code::InvalidCredentials, ""));
    client.text(PASSWORD);
    client.press("enter");
    let (_, call) = client.call();
    let Request::LogIn { password, .. } = call else { panic!("{call:?}") };
    assert_eq!(password.expose_secret(), PASSWORD);
}

#[test]
fn a_password_that_could_not_be_sent_is_still_there() {
    let mut client = Client::signed_out(80, 24);
    client.text("ada@example.org");
    client.press("enter");
    client.text("seven brown");
    client.press("enter");
    client.fail(offline());
    client.text(" marbles");
    client.press("enter");
    let (_, call) = client.call();
    let Request::LogIn { password, .. } = call else { panic!("{call:?}") };
    assert_eq!(password.expose_secret(), PASSWORD);
}

#[test]
fn what_is_wrong_is_named_until_it_is_mended() {
    let mut client = sign_up_form();
    client.text("ada");
    client.press("ctrl-s");
    assert!(client.screen().contains("Please correct: Email, Password."));
    client.text("ada@example.org");
    assert!(client.screen().contains("Please correct: Password."));
    client.press("tab");
    client.text("s");
    assert!(!client.screen().contains("Please correct"), "{}", client.screen());
}

#[test]
fn an_address_is_judged_when_its_field_is_left() {
    for leave in ["tab", "enter", "shift-tab"] {
        let mut client = sign_up_form();
        client.press("tab");
        client.text("nowhere");
        assert!(!client.screen().contains("is not an email address"));
        client.press(leave);
        assert!(client.screen().contains("✘ Email is not an"), "{leave}");
    }
    let mut client = sign_up_form();
    client.press("tab tab");
    assert!(!client.screen().contains("✘ Email"), "nothing is typed yet");
}

#[test]
fn a_sign_in_that_is_not_kept_is_said_once_in_full_and_on_the_users_page() {
    let warning = Warning {
        brief: "sign-in not saved: no keyring service".into(),
        full: Some("Start with --token-store file.".into()),
    };
    let mut client = Client::with(80, 24, vec![]);
    client.send(Msg::Warning(Some(warning.clone())));
    let screen = client.screen();
    assert!(screen.contains("--token-store file") && screen.contains("no keyring service\n"), "{screen}");
    client.wait(Duration::from_secs(30));
    client.send(Msg::Warning(Some(warning)));
    assert!(!client.screen().contains("--token-store file"), "said already");
    client.press("p");
    assert!(client.screen().contains("--token-store file"));
}

#[test]
fn the_way_to_an_id() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("p");
    assert!(client.screen().contains(&user(1, "ada").id.to_string()));
    client.press("esc j w");
    let screen = client.screen();
    assert!(screen.contains("Author") && screen.contains(&user(2, "bob").id.to_string()), "{screen}");
    client.press("esc enter w");
    assert!(client.screen().contains(&user(2, "bob").id.to_string()));
}

#[test]
fn a_server_that_moved_has_another_address() {
    let mut client = Client::with(80, 24, vec![]);
    client.send(Msg::Moved(Clean::line("http://127.0.0.1:8099")));
    assert!(client.screen().contains("http://127.0.0.1:8099"));
}

#[test]
fn a_message_goes_when_it_is_no_longer_true() {
    let mut client = Client::with(80, 24, vec![]);
    client.press("R");
    client.fail(offline());
    assert!(client.screen().contains("No connection"));
    client.wait(Duration::from_secs(1));
    client.answer(Outcome::Questions(listing(vec![], None)));
    let screen = client.screen();
    assert!(screen.contains("Connected again") && !screen.contains("No connection"), "{screen}");
    client.press("R");
    client.fail(offline());
    assert!(!client.screen().contains("Connected again"));
}
