//! Which names can be chosen, and what they are compared by.

use unicode_normalization::UnicodeNormalization;
use unicode_script::{Script, UnicodeScript};
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};

use crate::{
    canonical::{fold_case, username_skeleton},
    input::Invalid,
    text::{check_length, code_point, invisible, layout, spaces, text},
    unicode::{is_digit, is_hidden, is_letter, is_mark, is_word_letter},
};

/// Combining marks in a row. Vietnamese, Thai, Hebrew and the scripts of India need three at most; more of them climb
/// over the lines above.
const MAX_MARKS: usize = 3;

/// Punctuation of names, and the space.
const PUNCTUATION: &str = " ._-";

/// Names that would pass for the software or for those who run it, without punctuation. Compared by skeleton.
const RESERVED: &[&str] = &[
    "admin",
    "administration",
    "administrator",
    "anonymous",
    "deleted",
    "deleteduser",
    "mod",
    "moderation",
    "moderator",
    "moderators",
    "official",
    "operator",
    "roco",
    "rocoserver",
    "root",
    "security",
    "staff",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "team",
    "webmaster",
];

/// No ASCII beside what a name may have, no space at either end, nothing invisible; of other scripts, letters, digits
/// and their marks only.
const NAME: &str = concat!(
    r"^[^\x00- !-,/:-@\[-^`{-\x9F",
    spaces!(),
    layout!(),
    invisible!(),
    r"]([^\x00-\x1F!-,/:-@\[-^`{-\x9F",
    layout!(),
    invisible!(),
    r"]*[^\x00- !-,/:-@\[-^`{-\x9F",
    spaces!(),
    layout!(),
    invisible!(),
    "])?$"
);

text!(
    /// A user's name as shown: 3 to 64 characters in NFKC; letters and digits of one script with their marks, single
    /// spaces, `.`, `_`, `-`; at least one letter.
    Username, 3..=64, pattern NAME => |text| {
        check_length::<Username>(text)?;
        if let Some(c) = text.chars().find(|c| !Username::may_have(*c)) {
            return Err(not_allowed(c));
        }
        let name = join_spaces(text.nfkc());
        check_length::<Username>(&name)?;
        if name.starts_with(' ') || name.ends_with(' ') {
            return Err(Invalid::new("must not start or end with a space"));
        }
        check_marks(&name)?;
        if !name.chars().any(is_word_letter) {
            return Err(Invalid::new("must have at least one letter"));
        }
        if !name.replace(' ', "").as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive) {
            return Err(Invalid::new("mixes letters of several scripts: write it in one"));
        }
        Ok(name)
    }
);

impl Username {
    /// Whether a name may have this character somewhere, as it is or in NFKC. A spacing accent (`¨`) is a space and a mark
    /// in NFKC, and no space to whoever typed it.
    pub fn may_have(c: char) -> bool {
        c.nfkc().all(|part| is_allowed(part) && (part != ' ' || c.is_whitespace()))
    }

    /// Whether it would pass for the software or for those who run it: taken for everybody.
    pub fn is_reserved(&self) -> bool {
        let skeleton = |text: &str| username_skeleton(&text.replace(|c| PUNCTUATION.contains(c), ""));
        let name = skeleton(&self.0);
        RESERVED.iter().any(|reserved| skeleton(reserved) == name)
    }

    /// The comparison key of the previous release: two names that differ in case only have one.
    pub fn key(&self) -> String {
        fold_case(&self.0)
    }

    /// The comparison key: two names that look alike have one, see [`username_skeleton`]. `None` for an unchecked name
    /// of which nothing can be seen.
    pub fn skeleton(&self) -> Option<String> {
        Some(username_skeleton(&self.0)).filter(|skeleton| !skeleton.is_empty())
    }
}

/// Runs of spaces look like one.
fn join_spaces(text: impl Iterator<Item = char>) -> String {
    let mut joined = String::new();
    for c in text {
        if c != ' ' || !joined.ends_with(' ') {
            joined.push(c);
        }
    }
    joined
}

fn is_allowed(c: char) -> bool {
    PUNCTUATION.contains(c)
        || (is_letter(c) || is_digit(c) || is_mark(c)) && !is_hidden(c) && c.identifier_allowed()
}

fn not_allowed(c: char) -> Invalid {
    if is_hidden(c) || c.is_whitespace() {
        return Invalid(format!("must not contain invisible characters: remove {}", code_point(c)));
    }
    if is_letter(c) || is_mark(c) {
        return Invalid(format!("must not contain {}, which is not in common use: replace it", shown(c)));
    }
    Invalid(format!("may have letters, digits, spaces and . _ - only: remove {}", shown(c)))
}

/// A mark would be drawn onto the quotation mark before it.
fn shown(c: char) -> String {
    if is_mark(c) { code_point(c) } else { format!("“{c}”") }
}

fn check_marks(name: &str) -> Result<(), Invalid> {
    let (mut base, mut marks) = (None, 0);
    for c in name.chars() {
        if !is_mark(c) {
            (base, marks) = (Some(c), 0);
            continue;
        }
        if !base.is_some_and(|base| is_letter(base) && can_carry(base, c)) {
            return Err(Invalid(format!(
                "must have combining marks only after a letter of their script: remove {}",
                code_point(c)
            )));
        }
        marks += 1;
        if marks > MAX_MARKS {
            return Err(Invalid(format!("must have at most {MAX_MARKS} combining marks in a row")));
        }
    }
    Ok(())
}

/// Whether a mark belongs to the script of a letter, or to all scripts.
fn can_carry(letter: char, mark: char) -> bool {
    mark.script() == Script::Inherited || letter.script_extension().contains_script(mark.script())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::tests::matches;

    fn refusal(text: &str) -> String {
        text.parse::<Username>().map_or_else(|why| why.0, |name| panic!("{name} is accepted"))
    }

    #[test]
    fn names_of_many_scripts_can_be_chosen() {
        for name in [
            "ada",
            "Ada Lovelace",
            "x_y-z.9",
            "Žofie",
            "李小龍",
            "विक्रम",
            "น้ำผึ้ง",
            "김철수",
            "김Ken",
            "山田 太郎",
            "田中Ken",
            "ヤマダ",
            "Nguyễn Thị",
            "مُحَمَّد",
            "Ελένη",
            "Юрий",
            "მარიამი",
            "தமிழ்",
            "ພອນ",
            "សុខា",
            "አበበ",
            "סבא",
            "xñ\u{303}y",
        ] {
            let parsed: Username = name.parse().unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(parsed.as_str(), name.nfkc().collect::<String>());
            assert!(matches::<Username>(name), "{name}");
        }
        assert_eq!("ＦＵＬＬ".parse::<Username>().unwrap().as_str(), "FULL");
        assert!("x".repeat(64).parse::<Username>().is_ok());
    }

    #[test]
    fn runs_of_spaces_are_joined() {
        assert_eq!("Ada  \u{A0} Lovelace".parse::<Username>().unwrap().as_str(), "Ada Lovelace");
        assert!(refusal("a  ").starts_with("must have at least 3"), "counted after joining");
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (name, expected) in [
            ("ab", "must have at least 3 characters"),
            (&*"x".repeat(65), "must have at most 64 characters"),
            (" ada", "must not start or end with a space"),
            ("ada ", "must not start or end with a space"),
            ("a@b", "may have letters, digits, spaces and . _ - only: remove “@”"),
            ("¨abc", "may have letters, digits, spaces and . _ - only: remove “¨”"),
            ("abc\u{AF}", "may have letters, digits, spaces and . _ - only: remove “\u{AF}”"),
            ("a\u{FC5E}bc", "must not contain “\u{FC5E}”, which is not in common use: replace it"),
            ("a\u{1b}[31mb", "must not contain invisible characters: remove U+001B"),
            ("a\nb", "must not contain invisible characters: remove U+000A"),
            ("a\u{202e}bc", "must not contain invisible characters: remove U+202E"),
            ("a\u{200b}bc", "must not contain invisible characters: remove U+200B"),
            ("\u{3164}\u{3164}\u{3164}", "must not contain invisible characters: remove U+3164"),
            ("ada\u{3164}", "must not contain invisible characters: remove U+3164"),
            ("ada\u{115F}", "must not contain invisible characters: remove U+115F"),
            ("ada\u{34F}", "must not contain invisible characters: remove U+034F"),
            ("ada\u{2800}", "must not contain invisible characters: remove U+2800"),
            ("𓀀𓀁𓀂", "must not contain “𓀀”, which is not in common use: replace it"),
            ("ada\u{93F}", "must have combining marks only after a letter of their script: remove U+093F"),
            ("1\u{301}ab", "must have combining marks only after a letter of their script: remove U+0301"),
            ("\u{301}abc", "must have combining marks only after a letter of their script: remove U+0301"),
            ("x\u{302}\u{303}\u{304}\u{301}y", "must have at most 3 combining marks in a row"),
            ("12.34", "must have at least one letter"),
            ("ʼʼʼ", "must have at least one letter"),
            ("аda", "mixes letters of several scripts: write it in one"),
            ("Ada Лавлейс", "mixes letters of several scripts: write it in one"),
        ] {
            assert_eq!(refusal(name), expected, "{name:?}");
        }
    }

    #[test]
    fn names_that_differ_in_case_only_are_one() {
        for (a, b) in [("Straße", "STRASSE"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("Ada", "aDA")] {
            let [a, b] = [a, b].map(|name| name.parse::<Username>().unwrap());
            assert_eq!((a.key(), a.skeleton()), (b.key(), b.skeleton()));
        }
    }

    #[test]
    fn names_of_the_software_and_of_who_runs_it_are_reserved() {
        for name in [
            "admin",
            "ADMIN",
            "Ro-Co",
            "ro co",
            "r.o_c-o",
            "Deleted User",
            "аdmіn",
            "rооt",
            "System",
            "m0derator",
        ] {
            assert_eq!(Username::unchecked(name).is_reserved(), name != "m0derator", "{name}");
        }
        for name in ["ada", "admin2", "Rooter", "teams"] {
            assert!(!Username::unchecked(name).is_reserved(), "{name}");
        }
    }

    #[test]
    fn the_pattern_refuses_what_the_rule_refuses() {
        for bad in [
            "",
            " ada",
            "ada ",
            "ada\u{3000}",
            "\u{2003}ada",
            "a\u{1b}b",
            "a\u{0}b",
            "a\nb",
            "a@b",
            "a[b",
            "a`b",
            "a{b",
            "a\u{3164}b",
            "a\u{202E}b",
        ] {
            assert!(!matches::<Username>(bad) && bad.parse::<Username>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_name_is_plain_and_stays_itself(
            text in "\\PC{3,64}|[a-zа-яα-ω0-9 ._\u{300}-\u{36F}\u{3164}\u{200B}-\u{200F}]{3,12}|[\u{900}-\u{97F}\u{E00}-\u{E7F}]{3,12}"
        ) {
            let Ok(name) = text.parse::<Username>() else { return Ok(()) };
            prop_assert_eq!(name.as_str().parse::<Username>(), Ok(name.clone()));
            prop_assert!(matches::<Username>(name.as_str()));
            prop_assert!(!name.as_str().chars().any(|c| is_hidden(c) || c.is_control()));
            prop_assert!(!name.as_str().contains("  ") && name.as_str().trim() == name.as_str());
            let shouted = Username::unchecked(name.as_str().to_uppercase());
            prop_assert_eq!((shouted.key(), shouted.skeleton()), (name.key(), name.skeleton()));
        }
    }
}
