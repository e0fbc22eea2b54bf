//! Bounded strings: parse, don't validate. A value of one of these types has been checked.

use crate::{
    input::Invalid,
    unicode::{is_bidi_control, is_visible},
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
pub(crate) fn check_most<R: Rule>(text: &str) -> Result<(), Invalid> {
    // Looking stops one past the limit: a 10 MB text costs no more than a long one.
    match text.chars().nth(R::MAX) {
        None => Ok(()),
        Some(_) => Err(Invalid(format!("must have at most {} characters", R::MAX))),
    }
}

/// How a message shows a character that may not be visible.
pub(crate) fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// Newlines in one form: CRLF and CR become LF.
fn unify_newlines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Line and paragraph separators and direction controls have no place in a line that stands among others.
fn refuse_layout(line: &str) -> Result<(), Invalid> {
    match line.chars().find(|c| matches!(c, '\u{2028}' | '\u{2029}') || is_bidi_control(*c)) {
        None => Ok(()),
        Some('\u{2028}' | '\u{2029}') => Err(Invalid::new("must be a single line")),
        Some(c) => Err(Invalid(format!("must not change the direction of text: remove {}", code_point(c)))),
    }
}

/// Nobody can read or click a text that shows nothing.
fn require_visible(text: &str) -> Result<(), Invalid> {
    if text.chars().any(is_visible) {
        return Ok(());
    }
    Err(Invalid::new(if text.trim().is_empty() {
        "must not be empty"
    } else {
        "must have at least one visible character"
    }))
}

pub(crate) fn refuse_controls(text: &str, allowed: &[char]) -> Result<(), Invalid> {
    match text.chars().find(|c| c.is_control() && !allowed.contains(c)) {
        None => Ok(()),
        Some('\n') => Err(Invalid::new("must be a single line")),
        Some(c) => Err(Invalid(format!("must not contain control characters: remove {}", code_point(c)))),
    }
}

/// Line and paragraph separators and direction controls, for a class of an expression.
macro_rules! layout {
    () => {
        r"\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069"
    };
}
pub(crate) use layout;

/// What else shows nothing in the first plane and is no space: whatever is ignorable, the blank of Braille.
macro_rules! invisible {
    () => {
        r"\xAD\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200D\u2060-\u2065\u206A-\u206F\u2800\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB"
    };
}
pub(crate) use invisible;

/// Spaces of all kinds (`Zs`).
macro_rules! spaces {
    () => {
        r" \xA0\u1680\u2000-\u200A\u202F\u205F\u3000"
    };
}
pub(crate) use spaces;

/// Anything visible, and no control, line or direction characters.
///
/// Written so that it is read once from left to right, however long the text is.
const LINE: &str = concat!(
    "^[",
    spaces!(),
    invisible!(),
    r"]*[^\x00-\x1F\x7F-\x9F",
    spaces!(),
    layout!(),
    invisible!(),
    r"][^\x00-\x1F\x7F-\x9F",
    layout!(),
    "]*$"
);

/// As [`LINE`], with tabs, newlines and direction controls.
const TEXT: &str = concat!(
    r"^[\t\n\r",
    spaces!(),
    layout!(),
    invisible!(),
    r"]*[^\x00-\x1F\x7F-\x9F",
    spaces!(),
    layout!(),
    invisible!(),
    r"][^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$"
);

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal $(, format $format:literal)? $(, pattern $pattern:expr)? => $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $crate::Rule for $name {
            const MIN: usize = $min;
            const MAX: usize = $max;
            $(const FORMAT: Option<&'static str> = Some($format);)?
            $(const PATTERN: Option<&'static str> = Some($pattern);)?
        }

        impl $name {
            /// The text.
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

        impl std::str::FromStr for $name {
            type Err = $crate::Invalid;

            fn from_str(text: &str) -> Result<Self, $crate::Invalid> {
                let parse: fn(&str) -> Result<String, $crate::Invalid> = $parse;
                parse(text).map(Self)
            }
        }

        impl $crate::Field for $name {
            fn from_text(text: &str) -> Result<Self, $crate::Invalid> {
                // As it was sent, for so a schema counts: what parsing trims or joins counts too.
                $crate::text::check_most::<$name>(text)?;
                text.parse()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text!(
    /// The title of a question: one line, 1 to 255 characters after trimming, one of them visible.
    Title, 1..=255, pattern LINE => |text| {
        let title = text.trim();
        refuse_controls(title, &[])?;
        refuse_layout(title)?;
        require_visible(title)?;
        check_length::<Title>(title)?;
        Ok(title.to_owned())
    }
);

text!(
    /// A text of 1 to 10,000 characters, one of them visible: newlines and tabs, no other control characters.
    Body, 1..=10_000, pattern TEXT => |text| {
        let body = unify_newlines(text);
        refuse_controls(&body, &['\n', '\t'])?;
        check_length::<Body>(&body)?;
        require_visible(&body)?;
        Ok(body)
    }
);

text!(
    /// A refresh token in a body: any text, since only the server's key can tell whether it is valid.
    RefreshText, 1..=4_096 => |text| {
        check_length::<RefreshText>(text)?;
        Ok(text.to_owned())
    }
);

pub(crate) use text;

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_are_trimmed_single_lines() {
        assert_eq!(" Why? ".parse::<Title>().unwrap().as_str(), "Why?");
        for bad in ["", "   ", "a\nb", "a\tb", "a\u{1b}b", "a\u{9b}b", "a\u{7f}b"] {
            assert!(bad.parse::<Title>().is_err(), "{bad:?}");
        }
        for layout in ['\u{2028}', '\u{2029}', '\u{202E}', '\u{2066}', '\u{200E}', '\u{61C}'] {
            let why = format!("a{layout}b").parse::<Title>().unwrap_err();
            assert!(why.0.contains("single line") || why.0.ends_with(&code_point(layout)), "{why}");
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

    #[test]
    fn a_text_shows_something() {
        let fillers =
            "\u{200B}\u{2060}\u{FEFF}\u{AD}\u{3164}\u{115F}\u{FFA0}\u{34F}\u{FE0F}\u{E0041}\u{2800}\u{301}";
        for text in fillers.chars().map(String::from).chain([fillers.into(), format!(" {fillers}\u{3000}")]) {
            let expected = Err(Invalid::new("must have at least one visible character"));
            assert_eq!(text.parse::<Title>().map(drop), expected, "{text:?}");
            assert_eq!(text.parse::<Body>().map(drop), expected, "{text:?}");
            assert!(format!("{text}x").parse::<Title>().is_ok(), "{text:?}");
        }
        for visible in ["?", "字", "🙂", "ا", "ก\u{E33}", "e\u{301}", "👩\u{200D}👧"] {
            assert!(visible.parse::<Title>().is_ok() && visible.parse::<Body>().is_ok(), "{visible:?}");
        }
        assert!("\u{202E}abc".parse::<Body>().is_ok(), "a text may have directions");
    }

    pub(crate) fn matches<R: Rule>(text: &str) -> bool {
        let schema = serde_json::json!({"pattern": R::PATTERN.unwrap()});
        jsonschema::validator_for(&schema).unwrap().is_valid(&text.into())
    }

    #[test]
    fn patterns_say_what_the_rules_say() {
        for (text, is) in [
            ("Why?", true),
            (" \u{3000}Why? ", true),
            ("\u{200B}?\u{AD}", true),
            ("", false),
            (" \u{2003} ", false),
            ("a\nb", false),
            ("\u{3164}\u{2800}\u{FEFF} ", false),
            ("a\u{202E}b", false),
            ("a\u{2028}b", false),
        ] {
            assert_eq!((matches::<Title>(text), text.parse::<Title>().is_ok()), (is, is), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_pattern_of_a_text_is_its_rule(text in "[\\x00-\\x7f\\x80-\\xa1\u{2000}-\u{2070}\u{3000}\u{3164}\u{FEFF}x]{1,4}") {
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
        }

        #[test]
        fn nothing_accepted_holds_an_escape(text in ".*[\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{7f}-\u{9f}].*") {
            prop_assert!(!text.parse::<Body>().is_ok_and(|b| b.as_str().chars().any(|c| c.is_control() && c != '\n' && c != '\t')));
            prop_assert!(!text.parse::<Title>().is_ok_and(|t| t.as_str().chars().any(char::is_control)));
        }
    }
}
