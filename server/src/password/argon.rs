//! Argon2id: PHC strings are made and verified here, in memory that the caller keeps.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::{HashError, Verdict, pool::Memory};
use crate::keys::random;

/// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a stored hash may demand at most; one that demands more was not stored by this program.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 8;
/// A hash of no password of anybody: verifying against it costs what verifying a real one costs.
pub(super) const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cm8tY28gZHVtbXkgc2FsdA$O7R+kNCEVRFcXTeWZl0nS0oVhV5nJoZW5PzcaHOAbDA";

/// The parts of a stored hash.
struct Stored {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// A new hash with a salt of its own.
pub(super) fn hash(password: &str, memory: &mut Memory) -> Result<String, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashError::Failed)?;
    let salt = random::<16>().ok_or(HashError::Failed)?;
    let output = derive(password, &salt, &params, memory).ok_or(HashError::Failed)?;
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|_| HashError::Failed)?,
        salt: Some(Salt::new(&salt).map_err(|_| HashError::Failed)?),
        hash: Some(Output::new(&output).map_err(|_| HashError::Failed)?),
    }
    .to_string())
}

/// Whether it is the password behind a stored hash, and a new hash where that one has other parameters. A hash that
/// cannot be read takes as long as one that can.
pub(super) fn verify(password: &str, stored: &str, memory: &mut Memory) -> Result<Verdict, HashError> {
    let Some(stored) = read(stored) else { return verify_nothing(password, memory) };
    let actual = derive(password, &stored.salt, &stored.params, memory).ok_or(HashError::Failed)?;
    if verify_slices_are_equal(&actual, &stored.output).is_err() {
        return Ok(Verdict::Wrong);
    }
    if (stored.params.m_cost(), stored.params.t_cost(), stored.params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
    {
        return Ok(Verdict::Right);
    }
    hash(password, memory).map(Verdict::Rehashed)
}

/// As long as [`verify`], and always wrong.
pub(super) fn verify_nothing(password: &str, memory: &mut Memory) -> Result<Verdict, HashError> {
    let dummy = read(DUMMY).ok_or(HashError::Failed)?;
    derive(password, &dummy.salt, &dummy.params, memory).ok_or(HashError::Failed)?;
    Ok(Verdict::Wrong)
}

/// Whether [`verify`] can read this hash.
#[cfg(feature = "mongodb")]
pub(super) fn is_readable(stored: &str) -> bool {
    read(stored).is_some()
}

/// The parts of a stored hash, unless it demands more than this program ever stored.
fn read(stored: &str) -> Option<Stored> {
    let hash = PasswordHash::new(stored).ok()?;
    if hash.algorithm != Algorithm::Argon2id.ident() {
        return None;
    }
    let params = Params::try_from(&hash).ok()?;
    let modest =
        params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES && params.p_cost() <= MAX_LANES;
    let (salt, output) = (hash.salt?, hash.hash?);
    let stored = Stored { params, salt: salt.as_ref().to_vec(), output: output.as_bytes().to_vec() };
    (modest && stored.output.len() == 32).then_some(stored)
}

fn derive(password: &str, salt: &[u8], params: &Params, memory: &mut Memory) -> Option<[u8; 32]> {
    let blocks = params.block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut out = [0; 32];
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut out, memory.get_mut(..blocks)?)
        .ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dummy_costs_what_a_real_hash_costs() {
        let params = read(DUMMY).unwrap().params;
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
    }

    #[test]
    fn weaker_hashes_are_replaced_at_the_first_chance() {
        let params = Params::new(8 * 1024, 1, 1, None).unwrap();
        let mut memory = Memory::new();
        let output = derive("old password", &[7; 16], &params, &mut memory).unwrap();
        let old = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(19),
            params: ParamsString::try_from(&params).unwrap(),
            salt: Some(Salt::new(&[7; 16]).unwrap()),
            hash: Some(Output::new(&output).unwrap()),
        };
        let Verdict::Rehashed(new) = verify("old password", &old.to_string(), &mut memory).unwrap() else {
            panic!("not rehashed");
        };
        assert_eq!(verify("old password", &new, &mut memory).unwrap(), Verdict::Right);
    }

    #[test]
    fn hashes_that_demand_too_much_are_refused() {
        let mut memory = Memory::new();
        for bad in [
            DUMMY.replace("m=19456", "m=4294967295"),
            DUMMY.replace("t=2", "t=11"),
            DUMMY.replace("argon2id", "argon2d"),
            "garbage".into(),
        ] {
            assert!(read(&bad).is_none(), "{bad}");
            assert_eq!(verify("x", &bad, &mut memory).unwrap(), Verdict::Wrong, "{bad}");
        }
    }
}
