//! Text made harmless for a terminal.

use std::fmt;

use ro_co_shared::unicode::{is_emoji, is_ignorable, is_mark, is_variation_selector};

/// Marks allowed on one base letter; real languages need five at most, "zalgo" text climbs over its neighbours with dozens.
const MAX_MARKS: usize = 8;

/// Text that can be shown: no control characters, no invisible or direction-changing ones.
///
/// Text from a server, a file or an error message reaches a widget, the title or a standard stream only through
/// this type. Widgets alone are not enough: ratatui drops control characters, but lets through the direction
/// overrides that make `exe.txt` of `txt.exe`, and plain output has no such filter at all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Clean(String);

impl Clean {
    /// Several lines: newlines and tabs stay.
    pub fn text(text: &str) -> Self {
        let mut out = Cleaner::with_capacity(text.len());
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\r' if rest.peek() == Some(&'\n') => {}
                '\u{2028}' | '\u{2029}' => out.push('\n', None),
                '\n' | '\t' => out.push_as_is(c),
                _ => out.push(c, rest.peek().copied()),
            }
        }
        Self(out.text)
    }

    /// One line: each newline or tab becomes a space.
    pub fn line(text: &str) -> Self {
        Self(Self::text(text).0.replace(['\n', '\t'], " "))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Clean {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Words of this program itself.
impl From<&'static str> for Clean {
    fn from(text: &'static str) -> Self {
        Self::text(text)
    }
}

struct Cleaner {
    text: String,
    marks: usize,
}

impl Cleaner {
    fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), marks: 0 }
    }

    fn push_as_is(&mut self, c: char) {
        self.marks = 0;
        self.text.push(c);
    }

    fn push(&mut self, c: char, next: Option<char>) {
        if c.is_control() {
            self.push_as_is(if c == '\n' { '\n' } else { char::REPLACEMENT_CHARACTER });
        } else if c == '\u{200D}' {
            // A family or a profession is one emoji made of several; without the joiner it falls apart.
            if next.is_some_and(is_emoji) && self.ends_with_emoji() {
                self.text.push(c);
            }
        } else if is_ignorable(c) && !is_variation_selector(c) {
            // Dropped.
        } else if is_mark(c) {
            self.marks += 1;
            if self.marks <= MAX_MARKS {
                self.text.push(c);
            }
        } else {
            self.push_as_is(c);
        }
    }

    fn ends_with_emoji(&self) -> bool {
        self.text.chars().rev().find(|c| !is_variation_selector(*c)).is_some_and(is_emoji)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_lose_their_escape() {
        assert_eq!(
            Clean::line("A\x1b[31mB\x1b]0;pwn\x07C\u{9b}31mD").as_str(),
            "A\u{FFFD}[31mB\u{FFFD}]0;pwn\u{FFFD}C\u{FFFD}31mD"
        );
    }

    #[test]
    fn a_file_name_cannot_run_backwards() {
        assert_eq!(Clean::line("holiday\u{202E}gpj.exe\u{2067}\u{200B}\u{E0041}").as_str(), "holidaygpj.exe");
    }

    #[test]
    fn whatever_is_ignorable_goes() {
        let ignorable =
            "\u{AD}\u{34F}\u{61C}\u{115F}\u{3164}\u{FFA0}\u{180E}\u{2065}\u{FFF9}\u{1D173}\u{E0001}\u{13430}";
        assert_eq!(Clean::line(&format!("a{ignorable}b")).as_str(), "ab");
        let visible = "\u{600}١ ⠀⠃ ❤\u{FE0F} 葛\u{E0100}";
        assert_eq!(Clean::line(visible).as_str(), visible);
    }

    #[test]
    fn families_stay_together_and_other_joiners_go() {
        let family = "👩🏽\u{200D}👩\u{200D}👧 ❤\u{FE0F}\u{200D}🔥";
        assert_eq!(Clean::line(family).as_str(), family);
        assert_eq!(Clean::line("ro\u{200D}co \u{200D}👧\u{200D}").as_str(), "roco 👧");
    }

    #[test]
    fn marks_pile_up_eight_high() {
        let zalgo = format!("a{}b", "\u{301}".repeat(40));
        assert_eq!(Clean::line(&zalgo).as_str(), format!("a{}b", "\u{301}".repeat(8)));
    }

    #[test]
    fn line_ends_of_all_kinds() {
        assert_eq!(Clean::text("a\r\nb\u{2028}c\td\re").as_str(), "a\nb\nc\td\u{FFFD}e");
        assert_eq!(Clean::line("a\r\nb\tc").as_str(), "a b c");
    }

    fn hostile() -> impl Strategy<Value = String> {
        let pool = prop::sample::select(vec![
            '\x1b',
            '\u{9b}',
            '\u{9d}',
            '\x07',
            '\u{202E}',
            '\u{2066}',
            '\u{200D}',
            '\u{200B}',
            '\u{FEFF}',
            '\u{E0041}',
            '\u{3164}',
            '\u{AD}',
            '\u{85}',
            '\u{2028}',
            '\u{301}',
            '\u{FE0F}',
            '👩',
            '❤',
            'a',
            '中',
            '\n',
            '\r',
            '\t',
            '\0',
            '\x7f',
        ]);
        prop::collection::vec(prop_oneof![4 => pool, 1 => any::<char>()], 0..64)
            .prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn nothing_dangerous_comes_out(text in hostile()) {
            let clean = Clean::text(&text).into_string();
            for c in clean.chars() {
                prop_assert!(c == '\n' || c == '\t' || !c.is_control(), "{c:?}");
                prop_assert!(c == '\u{200D}' || is_variation_selector(c) || !is_ignorable(c), "{c:?}");
            }
            prop_assert!(!Clean::line(&text).as_str().contains(['\n', '\t']));
        }

        #[test]
        fn cleaning_twice_changes_nothing(text in hostile()) {
            let once = Clean::text(&text);
            prop_assert_eq!(Clean::text(once.as_str()), once);
        }

        #[test]
        fn plain_text_is_left_alone(text in "[ -~äöüßéñ中文語한국어а-яא-ת🙂🎉\n\t]{0,200}") {
            prop_assert_eq!(Clean::text(&text).into_string(), text);
        }
    }
}
