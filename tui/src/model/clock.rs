//! Time as the model sees it: passed in, never read.

use std::time::Duration;

use ro_co_shared::Timestamp;

/// One moment on both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Moment {
    /// By the calendar: for ages. It may jump.
    pub(crate) wall: Timestamp,
    /// Since the program began: for deadlines. It never jumps.
    pub(crate) run: Duration,
}

/// The age of something for people; a date where it is older than four weeks.
pub(crate) fn age(now: Timestamp, then: Timestamp) -> String {
    let minutes = now.since(then).as_secs().max(0) / 60;
    match minutes {
        0 => "just now".into(),
        1..60 => format!("{minutes} min ago"),
        60..1_440 => format!("{} h ago", minutes / 60),
        1_440..40_320 => format!("{} d ago", minutes / 1_440),
        _ => date(then),
    }
}

/// How long the text of [`age`] stays true.
pub(crate) fn age_stays(now: Timestamp, then: Timestamp) -> Duration {
    let seconds = now.since(then).as_secs().max(0).unsigned_abs();
    let step = match seconds {
        0..3_600 => 60,
        3_600..86_400 => 3_600,
        _ => 86_400,
    };
    Duration::from_secs(step - seconds % step)
}

/// The day, in the reader's own zone.
pub(crate) fn date(then: Timestamp) -> String {
    then.to_jiff().to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_as_people_say_them() {
        let at = |seconds: i64| age(Timestamp(seconds * 1_000), Timestamp(0));
        let said = [-5, 0, 59, 60, 3_599, 3_600, 86_399, 86_400, 2_419_199].map(at);
        let expected = [
            "just now",
            "just now",
            "just now",
            "1 min ago",
            "59 min ago",
            "1 h ago",
            "23 h ago",
            "1 d ago",
            "27 d ago",
        ];
        assert_eq!(said, expected);
        assert!(at(2_419_200 + 86_400).starts_with("19"), "a date from here on");
    }

    #[test]
    fn an_age_changes_exactly_when_it_says() {
        for seconds in [0, 59, 60, 61, 3_599, 3_600, 5_000, 86_399, 86_400, 200_000] {
            let now = Timestamp(seconds * 1_000);
            let stays = i64::try_from(age_stays(now, Timestamp(0)).as_millis()).unwrap();
            assert_eq!(age(now.plus_millis(stays - 1), Timestamp(0)), age(now, Timestamp(0)));
            assert_ne!(age(now.plus_millis(stays), Timestamp(0)), age(now, Timestamp(0)));
        }
    }
}
