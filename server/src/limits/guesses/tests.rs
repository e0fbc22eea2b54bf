use std::net::Ipv4Addr;

use super::*;

struct Test {
    clock: Clock,
    guesses: Guesses,
    ada: Email,
}

fn test() -> Test {
    let clock = Clock::default();
    Test { guesses: Guesses::new(clock.clone()), clock, ada: "ada@example.org".parse().unwrap() }
}

fn address(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(n).into()
}

/// A wrong guess. Seconds to wait, rounded up as the client hears them; 0 where it was verified.
fn guess(test: &Test, from: u32) -> u64 {
    match test.guesses.begin(&test.ada, address(from)) {
        Ok(guess) => {
            guess.wrong();
            0
        }
        Err(wait) => super::super::seconds(wait).into(),
    }
}

#[test]
fn five_are_free_then_the_waits_double_up_to_a_quarter_of_an_hour() {
    let test = test();
    let mut waits = Vec::new();
    for _ in 0..18 {
        let wait = match guess(&test, 1) {
            0 => 0,
            wait => {
                test.clock.advance(i64::try_from(wait).unwrap() * 1_000);
                assert_eq!(guess(&test, 1), 0, "when the wait is over there is one attempt");
                wait
            }
        };
        waits.push(wait);
    }
    assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    test.clock.advance(24 * 3_600_000);
    assert_eq!(guess(&test, 1), 0, "a day later it is forgotten");
    assert_eq!(guess(&test, 1), 0);
}

#[test]
fn who_hammers_locks_nobody_out_elsewhere() {
    let test = test();
    for _ in 0..10_000 {
        guess(&test, 1);
    }
    assert!(guess(&test, 1) > 0);
    assert_eq!(guess(&test, 2), 0);
}

#[test]
fn many_addresses_share_what_unknown_ones_have_and_known_ones_do_not_mind() {
    let test = test();
    test.guesses.begin(&test.ada, address(0)).unwrap().right();
    let attempts = (1..1_000).filter(|n| guess(&test, *n) == 0).count();
    assert_eq!(attempts, 99, "one hundred, with the one from home when it was not known yet");
    assert!((1..=60).contains(&guess(&test, 5_000)));
    for _ in 0..5 {
        assert_eq!(guess(&test, 0), 0);
    }
    let bob: Email = "bob@example.org".parse().unwrap();
    assert!(test.guesses.begin(&bob, address(1)).is_ok());
}

#[test]
fn attempts_at_once_are_counted_one_by_one() {
    let test = test();
    let begun: Vec<_> = (0..30).filter_map(|_| test.guesses.begin(&test.ada, address(1)).ok()).collect();
    assert_eq!(begun.len(), 5);
    let elsewhere: Vec<_> = (2..200).filter_map(|n| test.guesses.begin(&test.ada, address(n)).ok()).collect();
    assert_eq!(elsewhere.len(), 95);
}

#[test]
fn success_forgives_and_what_was_not_verified_does_not_count() {
    let test = test();
    for _ in 0..500 {
        drop(test.guesses.begin(&test.ada, address(1)).unwrap());
    }
    assert!(test.guesses.under_way().is_empty());
    for _ in 0..20 {
        test.guesses.begin(&test.ada, address(1)).unwrap().right();
    }
    for _ in 0..5 {
        assert_eq!(guess(&test, 1), 0);
    }
    assert_eq!(guess(&test, 1), 1);
}

#[test]
fn refused_and_unverified_attempts_evict_nothing() {
    let test = test();
    test.guesses.begin(&test.ada, address(0)).unwrap().right();
    let mut wrong = 0;
    while wrong < 9 {
        match guess(&test, 1) {
            0 => wrong += 1,
            wait => test.clock.advance(i64::try_from(wait).unwrap() * 1_000),
        }
    }
    assert_eq!(guess(&test, 1), 16);
    for n in 0..40_000_u32 {
        let email: Email = format!("user{n}@example.org").parse().unwrap();
        drop(test.guesses.begin(&email, address(1)).unwrap());
        assert!(test.guesses.begin(&test.ada, address(1)).is_err());
    }
    test.guesses.wrong.run_pending_tasks();
    test.guesses.unknown.run_pending_tasks();
    assert_eq!((test.guesses.wrong.entry_count(), test.guesses.unknown.entry_count()), (1, 1));
    // The tenth, when its wait is over: then the waits go on where they were.
    test.clock.advance(16_000);
    assert_eq!((guess(&test, 1), guess(&test, 1)), (0, 32));
    assert!(test.guesses.is_known(&test.ada, address(0)));
}

#[test]
fn an_email_address_is_one_whatever_its_case() {
    let test = test();
    let shouted: Email = "ADA@EXAMPLE.ORG".parse().unwrap();
    for _ in 0..5 {
        test.guesses.begin(&shouted, address(1)).unwrap().wrong();
    }
    assert_eq!(guess(&test, 1), 1);
}
