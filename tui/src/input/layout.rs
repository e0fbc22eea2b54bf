//! Keyboards that type another script: which Latin letter stands on the same key.
//!
//! A terminal reports the character, and the terminal library discards the key's place that kitty's protocol would
//! tell. So a letter that is bound to nothing is read as the one in its place on a US keyboard.

use crossterm::event::{KeyCode, KeyEvent};

/// The keys of a US keyboard, row by row, as they are typed without and with Shift.
const US: &str = "qwertyuiop[]asdfghjkl;'zxcvbnm,./";
const US_SHIFT: &str = "QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?";

/// The same keys elsewhere. A space stands for a key that types nothing of its script.
const LAYOUTS: [&str; 8] = [
    // Russian.
    "йцукенгшщзхъфывапролджэячсмитьбю ",
    "ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ ",
    // Ukrainian, where it differs.
    "           ї і        є          ",
    "           Ї І        Є          ",
    // Greek.
    " ςερτυθιοπ  ασδφγηξκλ  ζχψωβνμ   ",
    "  ΕΡΤΥΘΙΟΠ  ΑΣΔΦΓΗΞΚΛ  ΖΧΨΩΒΝΜ   ",
    // Hebrew.
    "  קראטוןםפ  שדגכעיחלךף זסבהנמצתץ ",
    // Arabic.
    "ضصثقفغعهخحجدشسيبلاتنمكطئءؤر ىةوزظ",
];

/// The key event that the same keys make on a US keyboard, if they type a letter of another script.
pub(crate) fn on_us_keyboard(key: KeyEvent) -> Option<KeyEvent> {
    let KeyCode::Char(typed) = key.code else { return None };
    if typed.is_ascii() {
        return None;
    }
    LAYOUTS.iter().find_map(|layout| {
        let place = layout.chars().position(|c| c == typed)?;
        let us = if typed.is_uppercase() { US_SHIFT } else { US };
        let letter = us.chars().nth(place)?;
        Some(KeyEvent { code: KeyCode::Char(letter), ..key })
    })
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;

    fn us(typed: char) -> Option<char> {
        let key = KeyEvent::new(KeyCode::Char(typed), KeyModifiers::CONTROL);
        on_us_keyboard(key).map(|key| match (key.code, key.modifiers) {
            (KeyCode::Char(letter), KeyModifiers::CONTROL) => letter,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn letters_of_other_scripts_are_read_by_their_place() {
        for (typed, letter) in [
            ('ы', 's'),
            ('я', 'z'),
            ('П', 'G'),
            ('і', 's'),
            ('ς', 'w'),
            ('Γ', 'G'),
            ('ד', 's'),
            ('ש', 'a'),
            ('س', 's'),
            ('ش', 'a'),
        ] {
            assert_eq!(us(typed), Some(letter), "{typed}");
        }
        for none in ['s', 'ü', 'ß', '中', '🙂', ' '] {
            assert_eq!(us(none), None, "{none}");
        }
    }

    #[test]
    fn each_layout_has_a_key_for_a_key() {
        for layout in LAYOUTS {
            assert_eq!(layout.chars().count(), US.chars().count(), "{layout}");
        }
        assert_eq!(US.chars().count(), US_SHIFT.chars().count());
    }
}
