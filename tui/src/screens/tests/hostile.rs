use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};
use ro_co_shared::{Code, FieldError, Problem, Question};

use crate::{
    api::Failure,
    clean::Clean,
    model::Warning,
    msg::{Msg, Outcome},
    testing::{Client, answer, listing, problem, question, user, versioned},
};

/// Sets the title and the clipboard, clears, leaves the alternate screen, asks for a report, changes direction,
/// hides text in tags, rings, climbs.
const EVIL: &str = "A\u{1b}]0;pwned\u{7}\u{1b}]52;c;cHduZWQ=\u{7}\u{1b}[2J\u{1b}[?1049l\u{1b}[6n\u{9b}31m\u{9d}0;x\u{9c}\u{202e}gnp.exe\u{2067}\u{200b}\u{e0041}\u{e0001}\u{0}\u{7f}a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}Z";

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one frame writes to a real terminal.
fn written(client: &mut Client) -> String {
    let bytes = Bytes::default();
    let size = client.model.core.size;
    let area = Rect::new(0, 0, size.width, size.height);
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(bytes.clone()), options).unwrap();
    client.draw(&mut terminal);
    let written = bytes.0.lock().unwrap().clone();
    String::from_utf8(written).unwrap()
}

/// Checks that everything a terminal would obey comes from us: moving the cursor, colours, showing the cursor.
fn check(client: &mut Client, place: &str) {
    let written = written(client);
    for (at, _) in written.match_indices('\u{1b}') {
        let sequence = &written[at + 1..];
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        let (body, last) = (&sequence[..end], &sequence[end..=end]);
        let ours = body.starts_with('[') && matches!(last, "H" | "m")
            || ["[?25h", "[?25l"].iter().any(|s| sequence.starts_with(s));
        assert!(ours, "{place}: an escape sequence came through: {:?}", &sequence[..=end]);
    }
    let visible = |c: char| !c.is_control() || c == '\u{1b}';
    assert!(written.chars().all(visible), "{place}: a control character came through");
    for bad in ['\u{202e}', '\u{2067}', '\u{200b}', '\u{e0041}', '\u{e0001}', '\u{9b}', '\u{9d}'] {
        assert!(!written.contains(bad), "{place}: {bad:?} came through");
    }
    assert!(!written.contains(&"\u{301}".repeat(9)), "{place}: marks climb over the line above");
}

fn evil_question() -> Question {
    let mut evil = question(1);
    evil.title = EVIL.into();
    evil.description = Some(format!("{EVIL}\n```{EVIL}\n{EVIL}\n```\n\t{EVIL}"));
    evil.author.username = EVIL.into();
    evil.author.avatar_url = EVIL.into();
    evil
}

fn evil_problem() -> Failure {
    let errors = ["title", "description", "username", "email", EVIL]
        .map(|field| FieldError { field: field.into(), message: EVIL.into() });
    Failure::Problem(Box::new(Problem {
        detail: EVIL.into(),
        ..Problem::fields(Code::Invalid, errors.into())
    }))
}

#[test]
fn no_screen_lets_a_servers_text_out_as_anything_but_text() {
    for (width, height) in [(40, 12), (80, 24), (120, 40)] {
        let mut client = Client::started(width, height);
        client.fail(Failure::Offline(Clean::line(EVIL)));
        check(&mut client, "start");

        let mut evil_me = user(1, "ada");
        evil_me.username = EVIL.into();
        evil_me.email = Some(EVIL.into());
        let mut client = Client::started(width, height);
        client.answer(Outcome::Resumed(Some(evil_me)));
        client.answer(Outcome::Questions(listing(vec![evil_question(), question(2)], Some(EVIL))));
        check(&mut client, "list");
        client.fail(evil_problem());
        client.press("d");
        check(&mut client, "confirmation");
        client.press("n p");
        check(&mut client, "profile");
        client.press("q");
        client.fail(evil_problem());
        client.press("enter");
        let calls = client.calls();
        client.reply(calls[0].0, Ok(Outcome::Question(versioned(evil_question(), EVIL))));
        let mut evil_answer = answer(1);
        evil_answer.description = EVIL.into();
        evil_answer.author.username = EVIL.into();
        client.reply(calls[1].0, Ok(Outcome::Answers(listing(vec![evil_answer.clone()], None))));
        check(&mut client, "question");
        client.press("?");
        check(&mut client, "help");
        client.press("esc tab e");
        client.answer(Outcome::Answer(versioned(evil_answer.clone(), EVIL)));
        check(&mut client, "edit");
        client.send(Msg::Paste(EVIL.into()));
        client.press("ctrl-s");
        client.fail(problem(Code::Stale, EVIL));
        client.answer(Outcome::Answer(versioned(evil_answer, EVIL)));
        check(&mut client, "conflict");
        client.press("m");
        client.fail(Failure::SignedOut);
        client.text("x");
        client.press("enter");
        client.fail(evil_problem());
        check(&mut client, "sign in again");
        client.press("esc");
        check(&mut client, "after a refusal");
    }
}

#[test]
fn no_form_lets_a_servers_refusal_out_as_anything_but_text() {
    let mut client = Client::signed_out(80, 24);
    client.text("a@b.cd");
    client.press("tab");
    client.text("x");
    client.press("enter");
    client.fail(evil_problem());
    check(&mut client, "sign in");
    client.press("ctrl-n");
    client.text("ada");
    client.wait(std::time::Duration::from_secs(1));
    client.fail(evil_problem());
    check(&mut client, "sign up");
    let warning = Warning { brief: Clean::line(EVIL), full: Some(Clean::line(EVIL)) };
    client.send(Msg::Warning(Some(warning)));
    client.send(Msg::Error(Clean::line(EVIL)));
    check(&mut client, "warnings");
}
