//! Names and texts that break today's rules, mended as far as that needs no invention.

use std::str::FromStr;

use mongodb::bson::oid::ObjectId;
use ro_co_shared::{
    Body, Rule, Title, Username,
    unicode::{is_bidi_control, is_ignorable},
};

/// A text that keeps the rules, and whether anything but space around it was changed for that.
pub(super) struct Mended<T> {
    /// The text.
    pub(super) text: T,
    /// Whether it is another one than before.
    pub(super) changed: bool,
}

/// The name as it is, or without invisible characters, with `_` for each other one that a name may not have, and cut to
/// the maximum length. Where that is too short, reserved or no name for another reason, the id stands behind what is
/// left.
pub(super) fn name(given: &str, id: ObjectId) -> Option<Mended<Username>> {
    if let Some(text) = free(given.trim()) {
        return Some(Mended { changed: text.as_str() != given, text });
    }
    let allowed = |c: char| if Username::may_have(c) { c } else { '_' };
    let visible = |word: &str| word.chars().filter(|c| !is_ignorable(*c)).map(allowed).collect::<String>();
    let words: Vec<String> = given.split_whitespace().map(visible).collect();
    let cut: String = words.join(" ").chars().take(Username::MAX).collect();
    let text = free(cut.trim()).or_else(|| name_with(cut.trim(), &id.to_hex()[18..]))?;
    Some(Mended { text, changed: true })
}

/// The name, unless it is reserved or none.
fn free(name: &str) -> Option<Username> {
    name.parse().ok().filter(|name: &Username| !name.is_reserved())
}

/// As much of the name as stands before `behind` in a name that can be chosen.
pub(super) fn name_with(name: &str, behind: &str) -> Option<Username> {
    let available = Username::MAX - 1 - behind.len();
    let ends = name.char_indices().map(|(start, c)| start + c.len_utf8()).take(available);
    let ends: Vec<usize> = ends.collect();
    let starts = ends.into_iter().rev().map(|end| name[..end].trim()).chain(["user"]);
    starts
        .filter(|start| start.contains(char::is_alphanumeric))
        .find_map(|start| free(&format!("{start}-{behind}")))
}

/// The title in one line without control characters, cut to the maximum length; nothing if it is empty.
pub(super) fn title(given: &str) -> Option<Mended<Title>> {
    mended(given, |c| match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        c => (!c.is_control() && !is_bidi_control(c)).then_some(c),
    })
}

/// The text without control characters, cut to the maximum length; nothing if it is empty.
pub(super) fn body(given: &str) -> Option<Mended<Body>> {
    mended(given, |c| (!c.is_control() || "\n\r\t".contains(c)).then_some(c))
}

fn mended<T: FromStr + Rule>(given: &str, allowed: fn(char) -> Option<char>) -> Option<Mended<T>> {
    if let Ok(text) = given.parse() {
        return Some(Mended { text, changed: false });
    }
    if given.chars().all(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let plain: String = given.chars().filter_map(allowed).collect();
    let plain = plain.trim();
    // The ellipsis stands for what is cut off, and for what was never visible.
    let text = plain.parse().or_else(|_| {
        let mut cut: String = plain.chars().take(T::MAX - 1).collect();
        cut.push('…');
        cut.parse()
    });
    text.ok().map(|text| Mended { text, changed: true })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> ObjectId {
        ObjectId::parse_str("5f8f1e2c9b3e4a0017c2d4e6").unwrap()
    }

    #[test]
    fn names() {
        let cases = [
            ("Ada Lovelace", "Ada Lovelace", false),
            ("Žofie", "Žofie", false),
            (" ada ", "ada", true),
            ("ＡＤＡ", "ADA", true),
            ("ada@home!", "ada_home_", true),
            ("a\tda  b\u{1b}[31m", "a da b__31m", true),
            ("ed", "ed-c2d4e6", true),
            ("", "user-c2d4e6", true),
            ("\n", "user-c2d4e6", true),
            ("½", "user-c2d4e6", true),
            ("admin", "admin-c2d4e6", true),
            ("\u{3164}\u{3164}\u{3164}", "user-c2d4e6", true),
            ("ada\u{3164}", "ada", true),
            ("Ada  Lovelace", "Ada Lovelace", true),
            ("Ada Лавлейс", "Ada-c2d4e6", true),
            ("विक्रम", "विक्रम", false),
            ("x\u{302}\u{303}\u{304}\u{301}y", "x\u{302}\u{303}\u{304}-c2d4e6", true),
        ];
        for (given, expected, changed) in cases {
            let mended = name(given, id()).unwrap();
            assert_eq!((mended.text.as_str(), mended.changed), (expected, changed), "{given:?}");
        }
        assert_eq!(name(&"x".repeat(70), id()).unwrap().text.as_str(), "x".repeat(64));
        assert_eq!(
            name_with(&"x".repeat(64), "c2d4e6").unwrap().as_str(),
            format!("{}-c2d4e6", "x".repeat(57))
        );
    }

    #[test]
    fn titles_and_bodies() {
        let title = |given: &str| title(given).map(|m| (m.text.to_string(), m.changed));
        assert_eq!(title(" Why? "), Some(("Why?".into(), false)));
        assert_eq!(title("a\nb\u{1b}c"), Some(("a bc".into(), true)));
        assert_eq!(title(&"ü".repeat(256)), Some((format!("{}…", "ü".repeat(254)), true)));
        assert_eq!(title("a\u{2028}b\u{202E}c"), Some(("a bc".into(), true)));
        assert_eq!(title("\u{200B}\u{FEFF}"), Some(("\u{200B}\u{FEFF}…".into(), true)));
        assert_eq!(title("\u{202E}"), Some(("…".into(), true)));
        assert_eq!(title(" \u{0} "), None);
        let body = |given: &str| body(given).map(|m| (m.text.to_string(), m.changed));
        assert_eq!(body("a\r\nb"), Some(("a\nb".into(), false)));
        assert_eq!(body("a\r\nb\u{7}"), Some(("a\nb".into(), true)));
        assert_eq!(body(&"x".repeat(10_001)), Some((format!("{}…", "x".repeat(9_999)), true)));
        assert_eq!(body("\u{0}\n"), None);
    }

    proptest! {
        #[test]
        fn every_name_is_mended(given in ".{0,90}|[\\x00-\\x7f]{0,90}|[½㎏ﷺ]{0,90}") {
            prop_assert!(name(&given, id()).is_some());
            prop_assert!(name_with(&given, &id().to_hex()).is_some_and(|name| name.as_str().ends_with("-5f8f1e2c9b3e4a0017c2d4e6")));
        }

        #[test]
        fn what_shows_anything_is_kept(given in "\\PC{1,300}") {
            prop_assert_eq!(title(&given).is_some(), !given.trim().is_empty());
            prop_assert_eq!(body(&given).is_some(), !given.trim().is_empty());
        }
    }
}
