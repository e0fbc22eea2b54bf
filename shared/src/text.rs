//! Bounded strings: parse, don't validate. A value of one of these types has been checked.

use std::{fmt, str::FromStr};

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use unicode_normalization::UnicodeNormalization;

use crate::{
    canonical::{email_canonical, fold_case, username_skeleton},
    input::{Field, Invalid},
};

/// What the OpenAPI document says about a string; lengths count Unicode scalar values.
pub trait Rule {
    /// Fewest characters.
    const MIN: usize;
    /// Most characters.
    const MAX: usize;
    /// The `format` keyword, for tools that know it.
    const FORMAT: Option<&'static str> = None;
    /// The `pattern` keyword (ECMA 262), anchored, for some generators match from the start only. It says all that an
    /// expression can say without properties of Unicode, which not every language's expressions know.
    const PATTERN: Option<&'static str> = None;
}

/// Whether the number of characters is within the rule.
pub(crate) fn check_length<R: Rule>(text: &str) -> Result<(), Invalid> {
    if text.chars().take(R::MIN).count() < R::MIN {
        return Err(match R::MIN {
            1 => Invalid::new("must not be empty"),
            min => Invalid(format!("must have at least {min} characters")),
        });
    }
    check_most::<R>(text)
}

/// Whether there are no more characters than the rule allows.
fn check_most<R: Rule>(text: &str) -> Result<(), Invalid> {
    // Looking stops one past the limit: a 10 MB text costs no more than a long one.
    match text.chars().nth(R::MAX) {
        None => Ok(()),
        Some(_) => Err(Invalid(format!("must have at most {} characters", R::MAX))),
    }
}

/// Newlines in one form: CRLF and CR become LF.
fn unify_newlines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn refuse_controls(text: &str, allowed: &[char]) -> Result<(), Invalid> {
    match text.chars().find(|c| c.is_control() && !allowed.contains(c)) {
        None => Ok(()),
        Some('\n') => Err(Invalid::new("must be a single line")),
        Some(c) => {
            Err(Invalid(format!("must not contain control characters (found U+{:04X})", u32::from(c))))
        }
    }
}

/// No ASCII beside what a name may have, and no space at either end; of other scripts, letters and digits only.
const NAME: &str =
    r"^[^\x00- !-,/:-@\[-^`{-\xA0]([^\x00-\x1F!-,/:-@\[-^`{-\x9F]*[^\x00- !-,/:-@\[-^`{-\xA0])?$";

/// Spaces of all kinds (`White_Space`), then something else, and no control characters.
///
/// Written so that it is read once from left to right, however long the text is.
const LINE: &str = r"^[ \u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]*[^\x00- \x7F-\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000][^\x00-\x1F\x7F-\x9F]*$";

/// As [`LINE`], with tabs and newlines.
const TEXT: &str = r"^[\t\n\r \u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]*[^\x00- \x7F-\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000][^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$";

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal $(, format $format:literal)? $(, pattern $pattern:expr)? => $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl Rule for $name {
            const MIN: usize = $min;
            const MAX: usize = $max;
            $(const FORMAT: Option<&'static str> = Some($format);)?
            $(const PATTERN: Option<&'static str> = Some($pattern);)?
        }

        impl $name {
            /// The checked text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The checked text, by value.
            pub fn into_string(self) -> String {
                self.0
            }

            /// Takes a text without checking it: one read back from a store, which was checked by the rules of the
            /// day it was written.
            pub fn unchecked(text: impl Into<String>) -> Self {
                Self(text.into())
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let parse: fn(&str) -> Result<String, Invalid> = $parse;
                parse(text).map(Self)
            }
        }

        impl Field for $name {
            fn from_text(text: &str) -> Result<Self, Invalid> {
                // As it was sent, for so a schema counts: what parsing trims or joins counts too.
                check_most::<$name>(text)?;
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

text!(
    /// A user's name as shown: 3 to 64 characters after NFKC; letters, digits, space, `.`, `_`, `-`.
    Username, 3..=64, pattern NAME => |text| {
        check_length::<Username>(text)?;
        let name: String = text.nfkc().collect();
        check_length::<Username>(&name)?;
        if let Some(c) = name.chars().find(|c| !(c.is_alphanumeric() || " ._-".contains(*c))) {
            let shown = if c.is_control() { format!("U+{:04X}", u32::from(c)) } else { format!("“{c}”") };
            return Err(Invalid(format!("may have letters, digits, spaces and . _ - only (found {shown})")));
        }
        if name.starts_with(' ') || name.ends_with(' ') {
            return Err(Invalid::new("must not start or end with a space"));
        }
        Ok(name)
    }
);

text!(
    /// An e-mail address as typed (RFC 5321 lengths; the domain has at least one dot).
    Email, 6..=254, format "email" => |text| {
        let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
        let no_address = || Invalid::new("is not an e-mail address (expected: name@example.org)");
        // Too short is no address at all; too long is told as such, and before it is parsed.
        check_length::<Email>(text).map_err(|why| if text.len() < Email::MIN { no_address() } else { why })?;
        EmailAddress::parse_with_options(text, options).map_err(|_| no_address())?;
        refuse_controls(text, &[])?;
        Ok(text.to_owned())
    }
);

text!(
    /// The title of a question: one line, 1 to 255 characters after trimming.
    Title, 1..=255, pattern LINE => |text| {
        let title = text.trim();
        refuse_controls(title, &[])?;
        check_length::<Title>(title)?;
        Ok(title.to_owned())
    }
);

text!(
    /// A text of 1 to 10,000 characters: newlines and tabs, no other control characters.
    Body, 1..=10_000, pattern TEXT => |text| {
        let body = unify_newlines(text);
        refuse_controls(&body, &['\n', '\t'])?;
        check_length::<Body>(&body)?;
        if body.trim().is_empty() {
            return Err(Invalid::new("must not be empty"));
        }
        Ok(body)
    }
);

text!(
    /// A refresh token in a body: any text, for only the server's key can tell a good one.
    RefreshText, 1..=4_096 => |text| {
        check_length::<RefreshText>(text)?;
        Ok(text.to_owned())
    }
);

impl Username {
    /// A name from a store: it was chosen by the rules of its time, and stays whatever the rules are now.
    pub fn unchecked(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The comparison key of the previous release: two names that differ in case only have one.
    pub fn key(&self) -> String {
        fold_case(&self.0)
    }

    /// The comparison key: two names that look alike have one, see [`username_skeleton`].
    pub fn skeleton(&self) -> String {
        username_skeleton(&self.0)
    }
}

impl Email {
    /// An email address from a store, or one given to sign in: it was chosen by the rules of its time, and may be no
    /// email address at all.
    pub fn unchecked(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The comparison key of the previous release: two addresses that differ in case only have one.
    pub fn key(&self) -> String {
        fold_case(&self.0)
    }

    /// The comparison key, see [`email_canonical`]; always there for an address that was checked.
    pub fn canonical(&self) -> Option<String> {
        email_canonical(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        for good in ["ada", "Ada Lovelace", "x_y-z.9", "Žofie", "李小龍", "ＦＵＬＬ"] {
            assert!(good.parse::<Username>().is_ok(), "{good}");
        }
        for bad in
            ["ab", "", " ada", "ada ", "a\u{1b}[31mb", "a\u{0}b", "a\nb", "a\u{202e}bc", "a@b", "a\u{200b}bc"]
        {
            assert!(bad.parse::<Username>().is_err(), "{bad:?}");
        }
        assert!("x".repeat(64).parse::<Username>().is_ok());
        assert!("x".repeat(65).parse::<Username>().is_err());
        assert_eq!("ＦＵＬＬ".parse::<Username>().unwrap().as_str(), "FULL");
    }

    #[test]
    fn names_that_differ_in_case_only_are_one() {
        for (a, b) in [("Straße", "STRASSE"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("Ada", "aDA")] {
            assert_eq!(a.parse::<Username>().unwrap().key(), b.parse::<Username>().unwrap().key());
        }
    }

    #[test]
    fn addresses() {
        for good in ["a.b+c@stud.th-rosenheim.de", "x@y.zz", "o'brien@example.org"] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "no-at-sign",
            "a@b",
            "@example.org",
            "a@example.org\n",
            "Ada <a@example.org>",
            "a@[127.0.0.1]",
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
        assert!(format!("{}@example.org", "a".repeat(65)).parse::<Email>().is_err());
        assert!(format!("a@{}.org", "b".repeat(260)).parse::<Email>().is_err());
    }

    #[test]
    fn titles_are_trimmed_single_lines() {
        assert_eq!(" Why? ".parse::<Title>().unwrap().as_str(), "Why?");
        for bad in ["", "   ", "a\nb", "a\tb", "a\u{1b}b", "a\u{9b}b", "a\u{7f}b"] {
            assert!(bad.parse::<Title>().is_err(), "{bad:?}");
        }
        assert!("ü".repeat(255).parse::<Title>().is_ok());
        assert!("ü".repeat(256).parse::<Title>().is_err());
    }

    #[test]
    fn bodies_keep_newlines_in_one_form() {
        assert_eq!("a\r\nb\rc\td".parse::<Body>().unwrap().as_str(), "a\nb\nc\td");
        assert!("\r\n \t".parse::<Body>().is_err());
        assert!("x".repeat(10_001).parse::<Body>().is_err());
    }

    fn matches<R: Rule>(text: &str) -> bool {
        let schema = serde_json::json!({"pattern": R::PATTERN.unwrap()});
        jsonschema::validator_for(&schema).unwrap().is_valid(&text.into())
    }

    #[test]
    fn patterns_say_what_the_rules_say() {
        for good in ["ada", "Ada Lovelace", "x_y-z.9", "Žofie", "李小龍"] {
            assert!(matches::<Username>(good), "{good}");
        }
        for bad in ["", " ada", "ada ", "a\u{1b}b", "a\u{0}b", "a\nb", "a@b", "a[b", "a`b", "a{b"] {
            assert!(!matches::<Username>(bad) && bad.parse::<Username>().is_err(), "{bad:?}");
        }
        for (text, is) in
            [("Why?", true), (" \u{3000}Why? ", true), ("", false), (" \u{2003} ", false), ("a\nb", false)]
        {
            assert_eq!((matches::<Title>(text), text.parse::<Title>().is_ok()), (is, is), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_pattern_of_a_text_is_its_rule(text in "[\\x00-\\x7f\\x80-\\xa1\u{2000}-\u{2030}\u{3000}x]{1,4}") {
            prop_assert_eq!(matches::<Body>(&text), text.parse::<Body>().is_ok());
            // Newlines around a title are taken off before the check, and need no pattern.
            prop_assert!(!matches::<Title>(&text) || text.parse::<Title>().is_ok());
        }

        #[test]
        fn what_passes_once_passes_again_unchanged(text in "\\PC{0,300}|[\\x00-\\x7f]{0,300}") {
            if let Ok(title) = text.parse::<Title>() {
                prop_assert_eq!(title.as_str().parse::<Title>().unwrap(), title);
            }
            if let Ok(body) = text.parse::<Body>() {
                prop_assert_eq!(body.as_str().parse::<Body>().unwrap(), body);
            }
            if let Ok(name) = text.parse::<Username>() {
                prop_assert_eq!(name.as_str().parse::<Username>().unwrap().key(), name.key());
            }
        }

        #[test]
        fn nothing_accepted_holds_an_escape(text in ".*[\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{7f}-\u{9f}].*") {
            prop_assert!(!text.parse::<Body>().is_ok_and(|b| b.as_str().chars().any(|c| c.is_control() && c != '\n' && c != '\t')));
            prop_assert!(!text.parse::<Title>().is_ok_and(|t| t.as_str().chars().any(char::is_control)));
            prop_assert!(!text.parse::<Username>().is_ok_and(|t| t.as_str().chars().any(char::is_control)));
        }
    }
}
