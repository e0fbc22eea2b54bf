//! The two colours behind a robot.

use aws_lc_rs::digest::{SHA256, digest};

/// Clear enough beside each other, and behind any robot; RGB in hexadecimal.
const PALETTE: [&str; 12] = [
    "93ac23", "bd9c13", "4f9da6", "7a6ff0", "d9648a", "e08e45", "5aa469", "3f88c5", "b25fd0", "c75146",
    "2a9d8f", "8d99ae",
];

/// Two different colours, the same ones for the same seed each time.
pub(super) fn colours(seed: &str) -> [&'static str; 2] {
    let hash = digest(&SHA256, seed.as_bytes());
    let byte = |at: usize| hash.as_ref().get(at).copied().map_or(0, usize::from);
    let first = byte(0) % PALETTE.len();
    let second = (first + 1 + byte(1) % (PALETTE.len() - 1)) % PALETTE.len();
    [PALETTE[first], PALETTE[second]]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_pair_of_different_colours_comes_up() {
        let pairs: HashSet<_> = (0..5_000).map(|n| colours(&n.to_string())).collect();
        assert_eq!(pairs.len(), PALETTE.len() * (PALETTE.len() - 1));
        assert!(pairs.iter().all(|[first, second]| first != second));
    }

    #[test]
    fn a_seed_keeps_its_colours() {
        assert_eq!(colours("Ada Lovelace"), colours("Ada Lovelace"));
    }
}
