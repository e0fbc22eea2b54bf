//! BCrypt, read only: hashes that imported accounts bring with them. None is ever made here.
//!
//! BCrypt sees the first 72 bytes of a password and a NUL behind it, over and over. So a longer password is compared
//! by its first 72 bytes, as it was where the hash was made: it must keep working. And `a`, `a\0a`, `a\0a\0a` are one
//! password to it; as whatever was typed is what counts from then on, one with a NUL in it is never right.

use std::str::FromStr;

use bcrypt::HashParts;

/// Twice as dear with each step. 10 is usual and takes some 50 ms; at 14 it is a second, in which its thread does
/// nothing else. Whoever knows the address of an account can have its hash computed, so dearer ones are refused.
const MOST_COST: u32 = 14;
/// What the library accepts at least.
const LEAST_COST: u32 = 4;

/// Whether this is a hash that [`matches()`] computes. Not so `$2x$`, which marks the hashes of a faulty version.
pub(super) fn is(stored: &str) -> bool {
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|version| stored.starts_with(version));
    known
        && HashParts::from_str(stored).is_ok_and(|parts| (LEAST_COST..=MOST_COST).contains(&parts.get_cost()))
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
        bcrypt::hash_with_salt(password, LEAST_COST, [7; 16]).unwrap().to_string()
    }

    #[test]
    fn all_three_names_of_the_same_hash_are_known() {
        for version in ["$2a$", "$2b$", "$2y$"] {
            let stored = ALPHABET.replace("$2a$", version);
            assert!(is(&stored));
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
            assert!(!is(&bad), "{bad}");
        }
        assert!(is(&ALPHABET.replace("$06$", "$14$")));
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
