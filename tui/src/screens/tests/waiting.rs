//! The server asks to wait: the user sees for how long, and the client waits by itself with what is its own.

use std::time::Duration;

use crate::{
    api::Failure,
    clean::Clean,
    model::cmd::Request,
    msg::Outcome,
    testing::{Client, listing, offline, question, questions, versioned},
};

fn busy(seconds: u64) -> Failure {
    Failure::Busy { retry_after: Duration::from_secs(seconds), reason: Clean::line("Too many of these.") }
}

#[test]
fn a_refused_post_counts_down_and_keeps_the_text() {
    let mut client = Client::with(80, 24, vec![]);
    client.press("a");
    client.calls();
    client.text("Precious words");
    client.press("ctrl-s");
    client.fail(busy(30));
    for (seconds, left) in [(0, "30 s"), (1, "29 s"), (28, "1 s")] {
        client.wait(Duration::from_secs(seconds));
        let screen = client.screen();
        assert!(screen.contains(&format!("try again in {left}")), "{left}: {screen}");
        assert!(screen.contains("Precious words") && screen.contains("Too many of these. Please wait."));
    }
    client.wait(Duration::from_secs(1));
    let screen = client.screen();
    assert!(screen.contains("You can try again now") && !screen.contains("try again in"), "{screen}");
    assert!(client.calls().is_empty(), "whether it is sent again is up to the user");
    client.press("ctrl-s");
    let call = client.answer(Outcome::Question(versioned(question(9), "v1")));
    assert!(matches!(call, Request::Ask { text, .. } if text.title.as_str() == "Precious words"));
}

#[test]
fn a_refused_read_is_repeated_when_its_time_has_come_and_not_before() {
    let mut client = Client::signed_in(80, 24);
    client.fail(busy(5));
    assert!(client.screen().contains("next try in 5 s"), "{}", client.screen());
    client.wait(Duration::from_millis(4_999));
    assert!(client.calls().is_empty());
    client.wait(Duration::from_millis(1));
    client.answer(Outcome::Questions(listing(questions(1..=3), None)));
    assert!(!client.screen().contains("next try"));
}

#[test]
fn who_waits_says_so_whatever_is_on_the_screen() {
    type Steps = fn(&mut Client);
    let cases: [(&str, Steps); 4] = [
        ("signing in", |client| {
            client.text("ada@example.org");
            client.press("tab");
            client.text("correct horse battery");
            client.press("enter");
        }),
        ("marking", |client| client.press("m")),
        ("deleting", |client| {
            client.press("d");
            client.press("y");
        }),
        ("another picture", |client| {
            client.press("p");
            client.calls();
            client.press("n");
        }),
    ];
    for (what, steps) in cases {
        let mut client = match what {
            "signing in" => Client::signed_out(40, 12),
            _ => Client::with(40, 12, questions(1..=3)),
        };
        steps(&mut client);
        client.fail(busy(42));
        let screen = client.screen();
        assert!(screen.contains("again in 42 s"), "{what}: {screen}");
    }
}

#[test]
fn being_offline_is_no_such_wait() {
    let mut client = Client::signed_out(80, 24);
    client.text("ada@example.org");
    client.press("tab");
    client.text("correct horse battery");
    client.press("enter");
    client.fail(offline());
    assert!(!client.screen().contains("try again in"), "{}", client.screen());
}
