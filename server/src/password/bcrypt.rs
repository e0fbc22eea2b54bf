//! BCrypt hashes of imported accounts are verified here; none is ever made.
//!
//! BCrypt sees the first 72 bytes of a password and a NUL behind it, over and over. So a longer password is compared
//! by its first 72 bytes, as it was where the hash was made: it must keep working. And `a`, `a\0a`, `a\0a\0a` are one
//! password to it; as whatever was typed is what counts from then on, one with a NUL in it is never right.

use std::str::FromStr;

use bcrypt::HashParts;

/// The cost of a hash verified at most: each step doubles the time. 14 takes about a second, in which its thread does
/// nothing else; releases before this one imported hashes up to it.
const MAX_COST: u32 = 14;
/// The cost of a hash imported at most, about a quarter of a second. 10 is usual.
#[cfg(feature = "mongodb")]
const MAX_IMPORTED_COST: u32 = 12;
/// The least cost that the library verifies.
const MIN_COST: u32 = 4;

/// The cost of a BCrypt hash that [`matches()`] computes. `$2x$` is none: it marks the hashes of a faulty version.
fn cost(stored: &str) -> Option<u32> {
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|version| stored.starts_with(version));
    let cost = HashParts::from_str(stored).ok().filter(|_| known)?.get_cost();
    (MIN_COST..=MAX_COST).contains(&cost).then_some(cost)
}

/// Whether [`matches()`] computes this hash.
pub(super) fn is_supported(stored: &str) -> bool {
    cost(stored).is_some()
}

/// Whether an import keeps this hash.
#[cfg(feature = "mongodb")]
pub(super) fn is_importable(stored: &str) -> bool {
    cost(stored).is_some_and(|cost| cost <= MAX_IMPORTED_COST)
}

/// Whether it is the password behind this hash.
pub(super) fn matches(password: &str, stored: &str) -> bool {
    // Computed first: a wrong password takes the same time, whatever is wrong with it.
    let same = bcrypt::verify(password, stored).unwrap_or(false);
    same && !password.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of jBCrypt, which the original's framework is made of: all the letters, twice.
    const ALPHABET: &str = "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC";

    fn hash(password: &str) -> String {
        bcrypt::hash_with_salt(password, MIN_COST, [7; 16]).unwrap().to_string()
    }

    #[test]
    fn all_three_names_of_the_same_hash_are_known() {
        for version in ["$2a$", "$2b$", "$2y$"] {
            let stored = ALPHABET.replace("$2a$", version);
            assert!(is_supported(&stored));
            assert!(matches("abcdefghijklmnopqrstuvwxyz", &stored));
            assert!(!matches("abcdefghijklmnopqrstuvwxyZ", &stored));
        }
    }

    #[test]
    fn others_are_none() {
        for bad in [
            ALPHABET.replace("$2a$", "$2x$"),
            ALPHABET.replace("$06$", "$15$"),
            ALPHABET.replace("$06$", "$31$"),
            ALPHABET.replace("$06$", "$03$"),
            ALPHABET.replace("$06$", "$xx$"),
            ALPHABET.replace("vG", "é"),
            ALPHABET[..59].to_owned(),
            format!("{ALPHABET} "),
            "$2a$".into(),
            "{bcrypt}".to_owned() + ALPHABET,
            String::new(),
        ] {
            assert!(!is_supported(&bad), "{bad}");
        }
        assert!(is_supported(&ALPHABET.replace("$06$", "$14$")));
    }

    #[cfg(feature = "mongodb")]
    #[test]
    fn an_import_keeps_hashes_up_to_cost_12() {
        assert!(is_importable(&ALPHABET.replace("$06$", "$12$")));
        assert!(!is_importable(&ALPHABET.replace("$06$", "$13$")));
    }

    #[test]
    fn the_first_72_bytes_are_compared() {
        let long = "ä".repeat(50);
        assert!(matches(&long, &hash(&long)));
        assert!(matches(&long, &hash(&long[..72])), "as where it was made");
        assert!(!matches(&long[..70], &hash(&long)));
    }

    #[test]
    fn a_nul_is_never_part_of_a_password() {
        assert!(bcrypt::verify("abc\0abc", &hash("abc")).unwrap(), "to BCrypt these are the same");
        assert!(!matches("abc\0abc", &hash("abc")));
        assert!(!matches("abc\0", &hash("abc\0")));
        assert!(matches("", &hash("")));
    }
}
