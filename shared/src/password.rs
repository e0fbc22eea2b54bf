//! Passwords: the rule for a new one, and the absence of any rule for a given one.

mod common;
mod keyboard;

use std::{cmp::Reverse, collections::HashSet, fmt, str::FromStr};

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;
use zxcvbn::{Score, feedback::Feedback, zxcvbn};

use crate::{
    input::{Field, Invalid},
    text::{Rule, check_length},
};

/// A password for sign-up or change: 10 to 128 characters after NFC, no control characters, hard to guess.
pub struct NewPassword(Zeroizing<String>);

/// A password given to sign in: checked against the stored hash only, never against the rule.
pub struct GivenPassword(Zeroizing<String>);

/// How hard a password is to guess.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strength {
    /// 0 (guessed at once) to 4; 3 is needed.
    pub score: u8,
    /// What is wrong with it or would make it stronger, as a sentence; `None` where there is nothing to say.
    pub hint: Option<String>,
}

impl Rule for NewPassword {
    const MIN: usize = 10;
    const MAX: usize = 128;
    const FORMAT: Option<&'static str> = Some("password");
    const PATTERN: Option<&'static str> = Some(r"^[^\x00-\x1F\x7F-\x9F]*$");
}

impl Rule for GivenPassword {
    const MIN: usize = 1;
    const MAX: usize = 10_000;
    const FORMAT: Option<&'static str> = Some("password");
}

impl NewPassword {
    /// The fewest points [`Strength::score`] must have.
    pub const SCORE: u8 = 3;

    /// Checks a password; `context` is what an attacker would try first: the user's name and address.
    pub fn parse(text: &str, context: &[&str]) -> Result<Self, Invalid> {
        let password: Self = text.parse()?;
        let strength = Strength::of(&password.0, context);
        if strength.score < Self::SCORE {
            let hint = strength.hint.unwrap_or_else(|| "Add another word or two.".into());
            return Err(Invalid(format!("is too easy to guess. {hint}")));
        }
        Ok(password)
    }

    /// The password itself, in NFC.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is still strong when these words are known, which were not at hand when it was parsed.
    pub fn check_context(&self, context: &[&str]) -> Result<(), Invalid> {
        Self::parse(&self.0, context).map(|_| ())
    }
}

/// Length and characters only; [`NewPassword::check_context`] is the rest of the rule.
impl FromStr for NewPassword {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        check_length::<Self>(text)?;
        let password = Zeroizing::new(text.nfc().collect::<String>());
        check_length::<Self>(&password)?;
        if password.chars().any(char::is_control) {
            return Err(Invalid::new("must not contain control characters"));
        }
        Ok(Self(password))
    }
}

impl Field for NewPassword {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl GivenPassword {
    /// The password itself, in NFC as it was stored.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Field for GivenPassword {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        check_length::<Self>(text)?;
        Ok(Self(Zeroizing::new(text.nfc().collect())))
    }
}

impl Strength {
    /// Rates a password, in milliseconds whatever it is: by its first 64 characters, of which four different ones count
    /// as letters in disguise. The names in `context` and those of the product add nothing to it, neither do digits
    /// behind a common password or neighbouring keys.
    pub fn of(password: &str, context: &[&str]) -> Self {
        let refused = |hint: &str| Self { score: 0, hint: Some(hint.into()) };
        if common::is_common(password) {
            return refused("It is a common word or password. Add unrelated words.");
        }
        if keyboard::has_walk(password) {
            return refused("It has six neighbouring keys in a row. Use words instead.");
        }
        let names = names(context);
        let judged = bounded(&without_names(password, &names));
        let known: HashSet<&str> = names.iter().map(String::as_str).collect();
        let letters = possible_letters(&judged);
        // A word that cannot be in it keeps its place, which is its rank, and costs no time.
        let words = common::words().map(|word| {
            let possible = !known.contains(word) && word.chars().all(|c| letters.contains(&c));
            if possible { word } else { "" }
        });
        let mut inputs: Vec<&str> = names.iter().map(String::as_str).collect();
        inputs.extend(words);
        let entropy = zxcvbn(&judged, &inputs);
        let score = match entropy.score() {
            Score::Zero => 0,
            Score::One => 1,
            Score::Two => 2,
            Score::Three => 3,
            _ => 4,
        };
        Self { score, hint: entropy.feedback().and_then(first_hint) }
    }
}

/// Characters that stand for letters, by the table of zxcvbn 3.1.1 (matching/mod.rs), which is that of the original.
const LETTERLIKE: &str = "4@8({[<3691!|70$5+%2";

/// What an attacker tries first, in lower case: what stands before the @ and each part of a name are as well known as
/// the whole.
fn names(context: &[&str]) -> Vec<String> {
    /// No name or email address is longer, and each part costs time.
    const MAX_CONTEXT: usize = 254;
    let parts = |text: &str| -> Vec<String> {
        let separators = [' ', '.', '_', '-', '@', '+'];
        std::iter::once(text)
            .chain(text.split('@'))
            .chain(text.split(separators))
            .map(str::to_lowercase)
            .collect()
    };
    let bounded = context.iter().map(|text| text.chars().take(MAX_CONTEXT).collect::<String>());
    bounded.flat_map(|text| parts(&text)).filter(|part| !part.is_empty()).collect()
}

/// The password as it is, or in lower case without the names in it. `zxcvbn` counts each of them as a word of its own,
/// so that `ro-co-ro-co` would pass.
fn without_names(password: &str, names: &[String]) -> Zeroizing<String> {
    /// Two letters stand in many words.
    const MIN_NAME: usize = 3;
    let lower = Zeroizing::new(password.to_lowercase());
    let mut names: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .chain(common::PRODUCT.iter().copied())
        .filter(|name| name.chars().count() >= MIN_NAME)
        .collect();
    // A whole name before its parts.
    names.sort_by_key(|name| Reverse(name.len()));
    let rest = names.iter().fold(lower.clone(), |rest, name| Zeroizing::new(rest.replace(name, "")));
    if rest == lower { Zeroizing::new(password.to_owned()) } else { rest }
}

/// The part of a password that is judged, in milliseconds whatever it is: its first 64 characters, with four different
/// characters that may stand for letters.
///
/// `zxcvbn` tries all ways to read those characters, each on every part of the password: 576 ways for one that has all
/// of them, which takes seconds, and whoever signs up could have that done. A further such character counts as one
/// that stands for nothing; nobody guesses words with more than four of them replaced in different ways.
fn bounded(password: &str) -> Zeroizing<String> {
    const MAX_JUDGED: usize = 64;
    const MAX_REPLACEMENTS: usize = 4;
    let mut read = String::with_capacity(MAX_REPLACEMENTS);
    let judged = password.chars().take(MAX_JUDGED).map(|c| {
        if !LETTERLIKE.contains(c) || read.contains(c) {
            return c;
        }
        if read.chars().count() == MAX_REPLACEMENTS {
            return '~';
        }
        read.push(c);
        c
    });
    Zeroizing::new(judged.collect())
}

/// The letters in a password, and those its other characters may stand for.
fn possible_letters(password: &str) -> HashSet<char> {
    /// What stands for a letter stands for one of these.
    const REPLACED: &str = "abcegilostxz";
    let lower = password.chars().flat_map(char::to_lowercase);
    if password.contains(|c| LETTERLIKE.contains(c)) {
        lower.chain(REPLACED.chars()).collect()
    } else {
        lower.collect()
    }
}

fn first_hint(feedback: &Feedback) -> Option<String> {
    feedback
        .warning()
        .map(|w| w.to_string())
        .or_else(|| feedback.suggestions().first().map(ToString::to_string))
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(..)")
    }
}

impl fmt::Debug for GivenPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenPassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_ten_to_a_hundred_and_twenty_eight() {
        assert!(NewPassword::parse("kX9 vq2Lt", &[]).is_err());
        assert!(NewPassword::parse("kX9 vq2Ltm", &[]).is_ok());
        assert!(NewPassword::parse(&"kX9 vq2L".repeat(16), &[]).is_ok());
        assert!(NewPassword::parse(&"x".repeat(10_000), &[]).is_err());
    }

    #[test]
    fn the_name_and_the_address_do_not_help() {
        assert!(NewPassword::parse("rosalind.kleinschmidt", &[]).is_ok());
        let context = ["Rosalind Kleinschmidt", "rosalind.kleinschmidt@example.org"];
        let why = NewPassword::parse("rosalind.kleinschmidt", &context).unwrap_err();
        assert!(why.0.starts_with("is too easy to guess"), "{why}");
    }

    #[test]
    fn easy_ones_say_why() {
        for (easy, why) in [
            ("password1234", "It is a common word or password. Add unrelated words."),
            ("passwort123456", "It is a common word or password. Add unrelated words."),
            ("correcthorsebatterystaple", "It is a common word or password. Add unrelated words."),
            ("Rosenheim123!", "It is a common word or password. Add unrelated words."),
            ("blue qwertz piano", "It has six neighbouring keys in a row. Use words instead."),
            ("ro-co-ro-co", "Add another word or two. Uncommon words are better."),
            ("RoCo Rosenheim 2026", "Recent years are easy to guess."),
            ("Hochschule 2026", "It is a common word or password. Add unrelated words."),
        ] {
            let refused = NewPassword::parse(easy, &[]).unwrap_err();
            assert_eq!(refused.0, format!("is too easy to guess. {why}"), "{easy}");
        }
    }

    #[test]
    fn passphrases_pass() {
        for good in [
            "correct horse battery",
            "staple the next horse",
            "seven wooden marbles",
            "nine copper kettles",
            "blaue katze tanzt gern",
            "mein hund heisst bello",
            "wir lieben informatik in rosenheim",
            "kX9 vq2Ltm#w",
        ] {
            assert_eq!(NewPassword::parse(good, &["ada", "ada@example.org"]).map(drop), Ok(()), "{good}");
        }
    }

    #[test]
    fn composed_and_decomposed_letters_are_one_password() {
        let (a, b) = ("gr\u{fc}ne wiese 77", "gru\u{308}ne wiese 77");
        assert_eq!(
            NewPassword::parse(a, &[]).unwrap().expose(),
            NewPassword::parse(b, &[]).unwrap().expose()
        );
        assert_eq!(GivenPassword::from_text(b).unwrap().expose(), a);
    }

    #[test]
    fn no_password_takes_long_to_judge() {
        let every_way = "'4@8({[<369&#!1/|0$5+7%2'*6".repeat(5);
        let ways: std::collections::HashSet<char> = bounded(&every_way).chars().collect();
        let letterlike = ways.iter().filter(|c| "4@8({[<3691!|70$5+%2".contains(**c)).count();
        assert_eq!((letterlike, bounded(&every_way).chars().count()), (4, 64));
        assert_eq!(Strength::of(&every_way, &[]).score, 4, "long and wild is strong all the same");
        let late = "password".repeat(8) + "kX9 vq2Lt#mZ 7w";
        assert!(Strength::of(&late, &[]).score < NewPassword::SCORE, "what comes later is not read");
        assert_eq!(
            bounded("p4$$w0rd and 1 more").as_str(),
            "p4$$w0rd and 1 more",
            "people's are judged whole"
        );
    }

    #[test]
    fn digits_in_the_place_of_letters_do_not_help() {
        assert!(NewPassword::parse("p4$$w0rd1234", &[]).is_err());
    }

    #[test]
    fn controls_are_refused() {
        assert!(NewPassword::parse("kX9 vq2\u{0}Ltm", &[]).is_err());
        assert!(NewPassword::parse("kX9 vq2\nLtm", &[]).is_err());
    }
}
