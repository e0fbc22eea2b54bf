//! Passwords and words that are tried first.

use std::sync::LazyLock;

use zeroize::Zeroizing;

/// The 10,000 most used passwords in lower case, without what stands behind their last letter.
const COMMON_PASSWORDS: &str = include_str!("../../data/common-passwords.txt");

/// German words by frequency, with `ae` beside `ä`.
const GERMAN_WORDS: &str = include_str!("../../data/german-words.txt");

/// The product and its site.
pub(super) const PRODUCT: &[&str] = &["ro-co", "roco", "rosenheim"];

/// German words that are used in passwords more than in sentences.
const PASSWORD_WORDS: &[&str] = &[
    "passwort",
    "kennwort",
    "geheim",
    "hochschule",
    "universität",
    "universitaet",
    "student",
    "studentin",
    "studium",
    "studieren",
    "semester",
    "mensa",
    "bayern",
    "münchen",
    "muenchen",
    "deutschland",
    "fußball",
    "fussball",
    "sonnenschein",
    "liebling",
    "schatzi",
    "frühling",
    "fruehling",
    "sommer",
    "herbst",
    "winter",
    "januar",
    "februar",
    "märz",
    "maerz",
    "april",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
    "montag",
    "dienstag",
    "mittwoch",
    "donnerstag",
    "freitag",
    "samstag",
    "sonntag",
];

/// Passphrases everybody has read of, without what separates their words.
const KNOWN_PASSPHRASES: &[&str] = &["correcthorsebatterystaple"];

/// Shorter stems say nothing about what stands behind them.
const MIN_STEM: usize = 4;

/// What `zxcvbn` is told beside its own lists, the likeliest first: a word's place is how many guesses it costs.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let words = PRODUCT.iter().chain(PASSWORD_WORDS).map(ToString::to_string);
    let years = (1950..2050).map(|year: u16| year.to_string());
    words.chain(years).chain(GERMAN_WORDS.lines().map(str::to_owned)).collect()
});

pub(super) fn words<'a>() -> impl Iterator<Item = &'a str> {
    WORDS.iter().map(String::as_str)
}

/// Whether it is one of the most used passwords, or one word of these lists, with digits and punctuation around it.
pub(super) fn is_common(password: &str) -> bool {
    let lower = Zeroizing::new(password.to_lowercase());
    let stem = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    if stem.chars().count() < MIN_STEM {
        return false;
    }
    let word = stem.trim_start_matches(|c: char| !c.is_alphabetic());
    let joined: Zeroizing<String> = Zeroizing::new(stem.chars().filter(|c| c.is_alphanumeric()).collect());
    COMMON_PASSWORDS.lines().any(|common| common == stem || common == word)
        || words().any(|common| common == word)
        || KNOWN_PASSPHRASES.contains(&joined.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_password_stays_one_whatever_stands_behind_it() {
        for common in [
            "passwort123456",
            "Passwort!?2026",
            "1q2w3e4r5t6y!!",
            "iloveyou1987",
            "2026Freitag!!",
            "Rosenheim123!",
            "correcthorsebatterystaple",
            "Correct Horse Battery Staple!",
            "correct-horse-battery-staple",
        ] {
            assert!(is_common(common), "{common}");
        }
        for other in ["correct horse battery", "x98234712390", "password and more", "", "8403221966"] {
            assert!(!is_common(other), "{other}");
        }
    }

    #[test]
    fn the_lists_are_what_the_rule_compares_with() {
        let stems: Vec<&str> = COMMON_PASSWORDS.lines().collect();
        assert!(stems.is_sorted() && stems.len() > 5_000);
        for word in stems.into_iter().chain(words().filter(|word| word.parse::<u16>().is_err())) {
            assert!(word.len() >= MIN_STEM && word.ends_with(char::is_alphabetic), "{word}");
            assert_eq!(word, word.to_lowercase());
        }
    }
}
