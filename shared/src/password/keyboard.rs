//! Keys that lie beside each other on a keyboard.

use zeroize::Zeroizing;

/// How many keys make a walk.
const WALK: usize = 6;

/// Quarters of a key by which each row starts further right than the row of digits.
const ROW_OFFSETS: [i32; 4] = [0, 2, 3, 5];

/// The width of a key in the same unit.
const KEY: i32 = 4;

/// The rows of the common layouts from the digits down, without and with Shift where that is another character than the
/// same letter.
const LAYOUTS: [[&str; 4]; 5] = [
    ["1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "yxcvbnm,.-"],
    ["!\"§$%&/()=?`", "qwertzuiopü*", "asdfghjklöä'", "yxcvbnm;:_"],
    ["1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"],
    ["!@#$%^&*()_+", "qwertyuiop{}", "asdfghjkl:\"", "zxcvbnm<>?"],
    ["&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "wxcvbn,;:!"],
];

/// The columns one after the other, downwards.
const COLUMNS: [&str; 2] =
    ["1qay2wsx3edc4rfv5tgb6zhn7ujm8ik,9ol.0pö-", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/"];

/// Whether six keys in a row follow a straight line, a zigzag (`1q2w3e`) or the columns (`1qay2wsx`), in either
/// direction.
pub(super) fn has_walk(password: &str) -> bool {
    let keys: Zeroizing<Vec<char>> = Zeroizing::new(password.chars().flat_map(char::to_lowercase).collect());
    keys.windows(WALK).any(|keys| {
        LAYOUTS.iter().any(|layout| follows_one_pattern(keys, layout))
            || COLUMNS.iter().any(|columns| {
                columns.contains(&keys.iter().collect::<String>())
                    || columns.contains(&keys.iter().rev().collect::<String>())
            })
    })
}

/// Whether each step leads to a neighbouring key and equals the step before it or the one before that.
fn follows_one_pattern(keys: &[char], layout: &[&str; 4]) -> bool {
    let places: Option<Vec<(i32, i32)>> = keys.iter().map(|key| place(*key, layout)).collect();
    let Some(places) = places else { return false };
    let steps: Vec<_> =
        places.windows(2).map(|pair| (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1)).collect();
    steps.iter().all(|step| is_neighbour(*step)) && steps.windows(3).all(|steps| steps[2] == steps[0])
}

/// Where the middle of a key is: quarters of a key from the left, rows from the top.
fn place(key: char, layout: &[&str; 4]) -> Option<(i32, i32)> {
    (0..).zip(layout).zip(ROW_OFFSETS).find_map(|((row, keys), offset)| {
        let (column, _) = (0..).zip(keys.chars()).find(|(_, other)| *other == key)?;
        Some((column * KEY + offset, row))
    })
}

fn is_neighbour((right, down): (i32, i32)) -> bool {
    match down {
        0 => right.abs() == KEY,
        -1 | 1 => right.abs() < 2 * KEY,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_of_six_keys_are_found() {
        for walk in [
            "qwertz",
            "QWERTY",
            "azerty",
            "poiuzt",
            "asdfgh",
            "lkjhgf",
            "yxcvbn",
            "1234567",
            "098765",
            "!\"§$%&",
            "!@#$%^",
            "1q2w3e4r",
            "q1w2e3",
            "1qay2wsx",
            "1qaz2w",
            "xsw2za",
            "an asdfgh in between",
            "2wsx3e",
        ] {
            assert!(has_walk(walk), "{walk}");
        }
        for none in [
            "",
            "qwert",
            "correct horse battery",
            "wasser",
            "typewriter",
            "property",
            "redress",
            "12345 6789",
            "ρδφγηξ",
        ] {
            assert!(!has_walk(none), "{none}");
        }
    }
}
