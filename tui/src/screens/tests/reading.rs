use std::time::Duration;

use ro_co_shared::{Code, QuestionId};
use uuid::Uuid;

use crate::{
    input::{Hit, Pointer},
    model::cmd::Request,
    msg::{Msg, Outcome},
    testing::{Client, NOW, answer, listing, offline, problem, question, questions, versioned},
};

/// The line the selection's mark is on.
fn selected(client: &mut Client) -> String {
    let screen = client.screen();
    screen.lines().find(|line| line.starts_with('▌')).unwrap_or_default().to_owned()
}

#[test]
fn moving_about_by_letters_arrows_and_pages() {
    let mut client = Client::with(80, 24, questions(1..=30));
    for (keys, expected) in [
        ("j", 2),
        ("down", 3),
        ("k", 2),
        ("up", 1),
        ("up", 1),
        ("G", 30),
        ("j", 30),
        ("g g", 1),
        ("end", 30),
        ("home", 1),
        ("pgdn", 6),
        ("pgup", 1),
        ("g j", 2),
    ] {
        client.press(keys);
        assert!(selected(&mut client).contains(&format!("Question {expected}:")), "after {keys}");
    }
}

#[test]
fn only_what_is_seen_is_drawn_of_ten_thousand() {
    let mut client = Client::with(80, 24, questions(1..=10_000));
    let rows = |client: &mut Client| {
        client.screen();
        (0..24)
            .filter_map(|y| match client.hits.at(ratatui::layout::Position::new(10, y)) {
                Some(Hit::Question(id)) => Some(id),
                _ => None,
            })
            .collect::<std::collections::HashSet<_>>()
            .len()
    };
    assert_eq!(rows(&mut client), 5);
    client.press("G");
    assert_eq!(rows(&mut client), 5);
    assert!(client.screen().contains("Question 10000:"));
}

#[test]
fn the_next_page_is_read_before_the_end_is_reached_and_once() {
    let mut client = Client::signed_in(80, 24);
    client.answer(Outcome::Questions(listing(questions(1..=100), Some("after-100"))));
    assert!(client.calls().is_empty());
    client.press("G");
    let (req, call) = client.call();
    assert!(matches!(&call, Request::Questions { cursor: Some(cursor) } if cursor == "after-100"));
    client.press("k j k j");
    assert!(client.calls().is_empty(), "it is in flight already");
    client.reply(req, Ok(Outcome::Questions(listing(questions(100..=120), None))));
    assert!(selected(&mut client).contains("Question 100:"), "the selection stays");
    client.press("G");
    assert!(selected(&mut client).contains("Question 120:"));
    assert!(client.screen().contains("Questions (120)"), "100 was on both pages");
    assert!(client.calls().is_empty(), "there is no more");
}

#[test]
fn a_page_that_fails_is_said_at_the_end_and_tried_again() {
    let mut client = Client::signed_in(80, 24);
    client.answer(Outcome::Questions(listing(questions(1..=5), Some("after-5"))));
    client.fail(offline());
    client.press("G");
    assert!(client.screen().contains("connection refused"));
    client.wait(Duration::from_secs(2));
    client.answer(Outcome::Questions(listing(questions(6..=7), None)));
    assert!(client.screen().contains("Questions (7)"));
}

#[test]
fn fresh_questions_do_not_move_what_is_selected() {
    let mut client = Client::with(80, 24, questions(10..=30));
    client.press("j j j j j j");
    let before = client.screen();
    assert!(selected(&mut client).contains("Question 16:"));
    client.press("R");
    client.answer(Outcome::Questions(listing(questions(5..=30), None)));
    assert!(selected(&mut client).contains("Question 16:"));
    let rows = |screen: &str| screen.lines().skip(1).take(20).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&client.screen()), rows(&before), "not a line has moved");
}

#[test]
fn a_reload_at_the_top_shows_what_is_new() {
    let mut client = Client::with(80, 24, questions(10..=30));
    client.press("R");
    client.answer(Outcome::Questions(listing(questions(9..=30), None)));
    assert!(client.screen().contains("Question 9:"), "{}", client.screen());
    assert!(selected(&mut client).contains("Question 10:"), "the selection stays with its question");
    client.press("k R");
    client.answer(Outcome::Questions(listing(questions(1..=30), None)));
    assert!(selected(&mut client).contains("Question 1:"), "unless that is pushed off the screen");
    client.press("j j R");
    client.answer(Outcome::Questions(listing(questions(1..=30), None)));
    assert!(selected(&mut client).contains("Question 3:"));
}

#[test]
fn only_an_answer_of_the_server_is_a_connection() {
    let mut client = Client::started(80, 24);
    assert!(client.screen().contains("connecting"));
    client.answer(Outcome::Resumed(None));
    let screen = client.screen();
    assert!(screen.contains("not connected") && !screen.contains("online"), "{screen}");
    let mut client = Client::signed_in(80, 24);
    client.answer(Outcome::Questions(listing(vec![], None)));
    assert!(client.screen().contains("online"));
}

#[test]
fn a_reload_that_fails_keeps_the_old_list_and_tries_again() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("f5");
    assert!(client.screen().contains("Question 1:"), "still there while loading");
    client.fail(offline());
    let screen = client.screen();
    assert!(screen.contains("Question 1:") && screen.contains("offline"), "{screen}");
    client.wait(Duration::from_secs(1));
    client.answer(Outcome::Questions(listing(questions(0..=3), None)));
    let screen = client.screen();
    assert!(screen.contains("online") && screen.contains("Questions (4)"), "{screen}");
}

#[test]
fn an_answer_to_an_outdated_reload_is_dropped() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("R");
    let (first, _) = client.call();
    client.press("R");
    let (second, _) = client.call();
    client.reply(second, Ok(Outcome::Questions(listing(questions(1..=2), None))));
    client.reply(first, Ok(Outcome::Questions(listing(questions(1..=9), None))));
    assert!(client.screen().contains("Questions (2)"));
}

#[test]
fn a_spinner_turns_only_while_something_takes_long() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.wait(Duration::from_secs(10));
    client.press("R");
    let spins = |client: &mut Client| {
        client.screen().lines().next().unwrap().contains(['⠋', '⠙', '⠸', '⠴', '⠦', '⠧', '⠇', '⠏'])
    };
    client.wait(Duration::from_millis(149));
    assert!(!spins(&mut client));
    client.wait(Duration::from_millis(1));
    assert!(spins(&mut client));
    client.answer(Outcome::Questions(listing(questions(1..=3), None)));
    assert!(!spins(&mut client));
}

#[test]
fn nothing_wakes_an_idle_client_but_an_age_and_that_once_a_minute_at_most() {
    let mut client = Client::with(80, 24, questions(1..=30));
    client.wait(Duration::from_secs(60));
    let first = client.model.wake().unwrap() - client.model.core.now.run;
    assert!(first > Duration::from_secs(1) && first <= Duration::from_secs(60), "{first:?}");
    client.wait(Duration::from_hours(24 * 60));
    let day = client.model.wake().unwrap() - client.model.core.now.run;
    assert!(day > Duration::from_hours(1), "dates change once a day at most: {day:?}");
    let mut form = Client::signed_out(80, 24);
    assert_eq!(form.model.wake(), None, "a form waits for its user");
    form.text("ada");
    assert_eq!(form.model.wake(), None);
}

#[test]
fn ages_grow_while_one_looks() {
    let mut client = Client::with(80, 24, questions([1]));
    assert!(client.screen().contains("1 min ago"));
    client.wait(Duration::from_secs(61));
    assert!(client.screen().contains("2 min ago"));
}

#[test]
fn a_click_selects_and_a_click_on_what_is_selected_opens() {
    let mut client = Client::with(80, 24, questions(1..=5));
    client.click("Question 2:");
    assert!(selected(&mut client).contains("Question 2:"));
    client.click("Question 2:");
    let calls = client.calls();
    assert!(matches!(calls[0].1, Request::Question(id) if id == QuestionId(Uuid::from_u128(2))), "{calls:?}");
}

#[test]
fn a_click_in_the_footer_does_what_it_says_and_the_wheel_moves() {
    let mut client = Client::with(80, 24, questions(1..=5));
    client.send(Msg::Pointer(Pointer::Wheel(3)));
    assert!(selected(&mut client).contains("Question 2:"));
    client.click("a ask");
    assert!(client.screen().contains("New question"));
}

#[test]
fn a_question_and_its_answers() {
    let mut client = Client::reading(80, 24, question(1), vec![answer(1), answer(2)]);
    let screen = client.screen();
    for text in ["Question 1:", "I hold a `&mut` to list 1", "Answer 1:", "list.retain(|x| x > 1);", "bob · "]
    {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    assert!(!screen.contains("```"), "fences are not shown: {screen}");
}

#[test]
fn a_long_text_scrolls_line_by_line_and_then_goes_on_to_the_next_post() {
    let mut long = question(1);
    long.description = Some((1..=40).map(|n| format!("line {n}\n")).collect());
    let mut client = Client::reading(80, 24, long, vec![answer(1)]);
    client.press("j j j");
    assert!(selected(&mut client).contains("line 2"), "{}", client.screen());
    for _ in 0..60 {
        client.press("j");
    }
    let screen = client.screen();
    assert!(screen.contains("list.retain"), "{screen}");
    client.press("g g");
    assert!(client.screen().contains("Question 1:"));
}

#[test]
fn answers_are_read_on_while_one_scrolls() {
    let mut client = Client::with(80, 24, questions([1]));
    client.press("enter");
    let calls = client.calls();
    client.reply(calls[0].0, Ok(Outcome::Question(versioned(question(1), "v1"))));
    client.reply(calls[1].0, Ok(Outcome::Answers(listing((1..=10).map(answer).collect(), Some("after-10")))));
    assert!(client.calls().is_empty(), "ten answers are more than two screens");
    client.press("G");
    let call = client.answer(Outcome::Answers(listing((11..=12).map(answer).collect(), None)));
    assert!(matches!(call, Request::Answers { cursor: Some(cursor), .. } if cursor == "after-10"));
    client.press("G");
    assert!(client.screen().contains("Answer 12:"));
}

#[test]
fn ones_own_answer_is_found_at_the_end_of_many() {
    let mut client = Client::with(80, 24, questions([1]));
    client.press("enter");
    let calls = client.calls();
    client.reply(calls[0].0, Ok(Outcome::Question(versioned(question(1), "v1"))));
    let first = listing((1..=10).map(answer).collect(), Some("after-10"));
    client.reply(calls[1].0, Ok(Outcome::Answers(first)));
    client.press("r");
    client.text("Mine.");
    client.press("ctrl-s");
    let mut mine = answer(99);
    mine.description = "Mine.".into();
    client.answer(Outcome::Answer(versioned(mine.clone(), "v1")));
    client.answer(Outcome::Answers(listing((11..=20).map(answer).collect(), Some("after-20"))));
    client.answer(Outcome::Answers(listing(vec![answer(21), mine], None)));
    assert!(client.calls().is_empty());
    let screen = client.screen();
    assert!(screen.contains("Mine.") && selected(&mut client).contains("ada"), "{screen}");
}

#[test]
fn what_failed_is_tried_again_when_one_comes_back_to_it() {
    let mut client = Client::with(80, 24, questions([1]));
    client.press("R");
    client.fail(offline());
    client.press("p q");
    assert!(matches!(client.answer(Outcome::Questions(listing(vec![], None))), Request::Questions { .. }));
    assert!(client.screen().contains("No questions yet"));
}

#[test]
fn marking_needs_the_right_to_and_happens_once() {
    let mut client = Client::with(80, 24, questions(1..=2));
    client.press("j m");
    assert!(client.calls().is_empty(), "question 2 is Bob's");
    client.press("k m m");
    let (req, call) = client.call();
    assert!(matches!(call, Request::Mark { answered: true, .. }));
    let mut marked = question(1);
    marked.answered = true;
    client.reply(req, Ok(Outcome::Question(versioned(marked, "v2"))));
    assert!(selected(&mut client).contains("✔ Question 1:"));
    client.press("m");
    client.fail(problem(Code::Forbidden, "This question is not yours."));
    let screen = client.screen();
    assert!(screen.contains("This question is not yours.") && screen.contains("✔ Question 1:"), "{screen}");
    client.wait(Duration::from_secs(10));
    assert!(!client.screen().contains("not yours"), "messages go away by themselves");
}

#[test]
fn deleting_names_the_thing_and_happens_once() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("d");
    assert!(client.screen().contains("“Question 1: why does"), "{}", client.screen());
    client.press("n d esc d q");
    assert!(client.calls().is_empty(), "three times no");
    client.press("d y y enter");
    let (req, call) = client.call();
    assert!(matches!(call, Request::DeleteQuestion(id) if id == QuestionId(Uuid::from_u128(1))));
    client.reply(req, Ok(Outcome::Done));
    let screen = client.screen();
    assert!(screen.contains("Questions (2)") && !screen.contains("Question 1:"), "{screen}");
    client.press("j d");
    assert!(!client.screen().contains("cannot be undone") || client.screen().contains("“Question 3:"));
}

#[test]
fn deleting_what_one_is_reading_goes_back_to_the_list() {
    let mut client = Client::reading(80, 24, question(1), vec![]);
    client.press("d y");
    client.answer(Outcome::Done);
    assert!(client.screen().contains("No questions yet"), "{}", client.screen());
}

#[test]
fn deleting_an_answer_counts_it_out_of_the_list() {
    let mut client = Client::reading(80, 24, question(1), vec![answer(1), answer(2)]);
    client.press("tab d");
    assert!(client.screen().contains("the answer “Answer 1:"), "{}", client.screen());
    client.press("y");
    let call = client.answer(Outcome::Done);
    assert!(matches!(call, Request::DeleteAnswer { .. }));
    let screen = client.screen();
    assert!(!screen.contains("Answer 1:") && screen.contains("Answer 2:"), "{screen}");
    client.press("q");
    assert!(client.screen().contains("no answers"), "it had one: {}", client.screen());
}

#[test]
fn a_question_that_is_gone_is_gone_from_the_list_too() {
    let mut client = Client::with(80, 24, questions(1..=2));
    client.press("enter");
    let calls = client.calls();
    client.reply(calls[0].0, Err(problem(Code::NotFound, "")));
    let screen = client.screen();
    assert!(screen.contains("Questions (1)") && screen.contains("has been deleted"), "{screen}");
    client.reply(calls[1].0, Err(problem(Code::NotFound, "")));
    assert!(client.screen().contains("Questions (1)"));
}

#[test]
fn others_posts_offer_no_edit_and_no_delete() {
    let mut client = Client::reading(80, 24, question(2), vec![answer(2)]);
    client.press("e d m tab e d");
    assert!(client.calls().is_empty());
    let footer = client.screen().lines().nth(22).unwrap().to_owned();
    assert!(footer.contains("answer") && !footer.contains("edit") && !footer.contains("delete"), "{footer}");
}

#[test]
fn the_help_lists_what_is_possible_and_narrows_as_one_types() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("?");
    let screen = client.screen();
    for text in ["mark answered", "ctrl-c", "g g  home", "quit"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    client.text("mark");
    let screen = client.screen();
    assert!(screen.contains("mark answered") && !screen.contains("reload  "), "{screen}");
    client.press("esc");
    assert!(client.screen().contains("Question 1:"));
}

#[test]
fn escape_and_a_key_in_one_breath_are_two_keys() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("? alt+ctrl-c");
    assert!(client.has_quit());
    let mut client = Client::reading(80, 24, question(1), vec![]);
    client.press("alt-j");
    assert!(client.screen().contains("Questions (1)"));
}

#[test]
fn an_edited_post_says_so() {
    let mut edited = answer(2);
    edited.updated_at = NOW;
    let mut client = Client::reading(80, 24, question(1), vec![edited]);
    assert!(client.screen().contains("edited"));
}

#[test]
fn enter_on_a_confirmation_keeps_the_thing() {
    let mut client = Client::with(80, 24, questions(1..=3));
    client.press("d enter");
    assert!(client.calls().is_empty() && !client.screen().contains("Confirm"));
    client.press("d tab enter");
    assert!(matches!(client.call().1, Request::DeleteQuestion(_)), "chosen on purpose");
}

#[test]
fn keys_are_found_on_keyboards_of_other_scripts() {
    let mut client = Client::with(80, 24, questions(1..=30));
    // The places of j, G and g g.
    for (typed, question) in [("о", 2), ("П", 30), ("п", 30), ("п", 1)] {
        client.text(typed);
        assert!(selected(&mut client).contains(&format!("Question {question}:")), "{typed}");
    }
    client.press("a");
    client.text("ы");
    client.press("ctrl-ы");
    let (_, call) = client.call();
    assert!(
        matches!(call, Request::Ask { text, .. } if text.title.as_str() == "ы"),
        "a letter is text, Ctrl and a letter is not"
    );
}
