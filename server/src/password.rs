//! Password hashing: Argon2id on a pool of its own.
//!
//! A pool, because `spawn_blocking` lets hundreds of hashes start at once and glibc keeps each one's 19 MiB.
//! Each thread owns its memory, taken at its first hash; the queue is bounded, and a full one is a 503.
//! Imported accounts bring a BCrypt hash, which is good for one sign-in and then replaced (`bcrypt`).

mod bcrypt;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::keys::random;

/// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How many hashes may wait.
const QUEUE: usize = 32;
/// What a stored hash may ask for at most; one that asks for more is not ours.
const MOST_MEMORY_KIB: u32 = 128 * 1024;
const MOST_PASSES: u32 = 10;
const MOST_LANES: u32 = 8;
/// A hash of nobody's password: verifying against it costs what verifying a real one costs.
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cm8tY28gZHVtbXkgc2FsdA$O7R+kNCEVRFcXTeWZl0nS0oVhV5nJoZW5PzcaHOAbDA";

/// Why there is no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Too many hashes are waiting.
    #[error("too many passwords are being checked")]
    Busy,
    /// The system gave no randomness, or a hash thread died.
    #[error("a password could not be hashed")]
    Failed,
}

/// The outcome of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is not the password.
    Wrong,
    /// It is.
    Right,
    /// It is, and the stored hash was made in another way than today's: this is what to store from now on.
    Rehashed(String),
}

/// The pool. Clones share it; the threads end with the last clone.
#[derive(Clone)]
pub struct Passwords(SyncSender<Job>);

struct Job {
    password: Zeroizing<String>,
    /// What to check against; nothing to make a new hash.
    stored: Option<String>,
    reply: oneshot::Sender<Result<Done, Error>>,
}

enum Done {
    Hash(String),
    Verdict(Verdict),
}

impl Passwords {
    /// Starts a pool with half a thread for each core, one at least and two at most.
    pub fn new() -> Self {
        let threads = thread::available_parallelism().map_or(1, |n| (n.get() / 2).clamp(1, 2));
        let (sender, receiver) = sync_channel(QUEUE);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads {
            let receiver = Arc::clone(&receiver);
            thread::spawn(move || work(&receiver));
        }
        Self(sender)
    }

    /// A new hash, as a PHC string.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        match self.submit(password, None).await? {
            Done::Hash(hash) => Ok(hash),
            Done::Verdict(_) => Err(Error::Failed),
        }
    }

    /// Checks a password. Without a stored hash (nobody has that address) it takes as long and is wrong.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, Error> {
        let known = stored.filter(|hash| !hash.is_empty());
        match self.submit(password, Some(known.unwrap_or(DUMMY).to_owned())).await? {
            Done::Verdict(verdict) if known.is_some() => Ok(verdict),
            Done::Verdict(_) => Ok(Verdict::Wrong),
            Done::Hash(_) => Err(Error::Failed),
        }
    }

    async fn submit(&self, password: &str, stored: Option<String>) -> Result<Done, Error> {
        let (reply, answer) = oneshot::channel();
        let job = Job { password: Zeroizing::new(password.to_owned()), stored, reply };
        self.0.try_send(job).map_err(|e| match e {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::Failed,
        })?;
        answer.await.map_err(|_| Error::Failed)?
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

/// One thread: takes jobs until the last [`Passwords`] is gone.
fn work(jobs: &Mutex<Receiver<Job>>) {
    let mut memory = Vec::new();
    loop {
        // The lock is held while waiting: the others wait for the lock instead of for a job, which is the same.
        let Ok(job) = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv() else { return };
        // Whoever asked has gone: the work would be for nobody.
        if job.reply.is_closed() {
            continue;
        }
        let done = match &job.stored {
            None => new_hash(&job.password, &mut memory).map(Done::Hash),
            Some(stored) => check(&job.password, stored, &mut memory).map(Done::Verdict),
        };
        let _ = job.reply.send(done);
    }
}

fn new_hash(password: &str, memory: &mut Vec<Block>) -> Result<String, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| Error::Failed)?;
    let salt = random::<16>().ok_or(Error::Failed)?;
    let output = derive(password, &salt, &params, memory).ok_or(Error::Failed)?;
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|_| Error::Failed)?,
        salt: Some(Salt::new(&salt).map_err(|_| Error::Failed)?),
        hash: Some(Output::new(&output).map_err(|_| Error::Failed)?),
    }
    .to_string())
}

fn check(password: &str, stored: &str, memory: &mut Vec<Block>) -> Result<Verdict, Error> {
    if bcrypt::is(stored) {
        return if bcrypt::matches(password, stored) {
            new_hash(password, memory).map(Verdict::Rehashed)
        } else {
            Ok(Verdict::Wrong)
        };
    }
    let Some((params, salt, expected)) = read(stored) else { return Ok(Verdict::Wrong) };
    let actual = derive(password, &salt, &params, memory).ok_or(Error::Failed)?;
    if verify_slices_are_equal(&actual, &expected).is_err() {
        return Ok(Verdict::Wrong);
    }
    if (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES) {
        return Ok(Verdict::Right);
    }
    new_hash(password, memory).map(Verdict::Rehashed)
}

/// Whether anybody can ever sign in with this hash, which was made elsewhere.
#[cfg(feature = "mongodb")]
pub(crate) fn is_usable(stored: &str) -> bool {
    bcrypt::is(stored) || read(stored).is_some()
}

/// The parts of a stored hash, unless it asks for more than we would ever have stored.
fn read(stored: &str) -> Option<(Params, Vec<u8>, Vec<u8>)> {
    let hash = PasswordHash::new(stored).ok()?;
    if hash.algorithm != Algorithm::Argon2id.ident() {
        return None;
    }
    let params = Params::try_from(&hash).ok()?;
    let modest =
        params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_PASSES && params.p_cost() <= MOST_LANES;
    let (salt, expected) = (hash.salt?, hash.hash?);
    (modest && expected.len() == 32).then(|| (params, salt.as_ref().to_vec(), expected.as_bytes().to_vec()))
}

fn derive(password: &str, salt: &[u8], params: &Params, memory: &mut Vec<Block>) -> Option<[u8; 32]> {
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

    #[tokio::test]
    async fn right_is_right_and_wrong_is_wrong() {
        let pool = Passwords::new();
        let hash = pool.hash("correct horse battery").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(pool.verify("correct horse battery", Some(&hash)).await.unwrap(), Verdict::Right);
        assert_eq!(pool.verify("correct horse batterz", Some(&hash)).await.unwrap(), Verdict::Wrong);
        assert_ne!(pool.hash("correct horse battery").await.unwrap(), hash, "each hash has its own salt");
    }

    #[tokio::test]
    async fn nobody_has_a_password_and_the_dummy_is_as_dear_as_a_real_hash() {
        assert!(
            read(DUMMY)
                .is_some_and(|(p, ..)| (p.m_cost(), p.t_cost(), p.p_cost()) == (MEMORY_KIB, PASSES, LANES))
        );
        let pool = Passwords::new();
        assert_eq!(pool.verify("anything", None).await.unwrap(), Verdict::Wrong);
        assert_eq!(pool.verify("", Some("")).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn weaker_hashes_are_replaced_at_the_first_chance() {
        let params = Params::new(8 * 1024, 1, 1, None).unwrap();
        let output = derive("old password", &[7; 16], &params, &mut Vec::new()).unwrap();
        let old = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(19),
            params: ParamsString::try_from(&params).unwrap(),
            salt: Some(Salt::new(&[7; 16]).unwrap()),
            hash: Some(Output::new(&output).unwrap()),
        };
        let pool = Passwords::new();
        let Verdict::Rehashed(new) = pool.verify("old password", Some(&old.to_string())).await.unwrap()
        else {
            panic!("not rehashed");
        };
        assert_eq!(pool.verify("old password", Some(&new)).await.unwrap(), Verdict::Right);
    }

    #[tokio::test]
    async fn a_bcrypt_hash_is_good_for_one_sign_in_and_the_whole_password_counts_from_then_on() {
        let pool = Passwords::new();
        let typed = "correct horse battery staple, ".repeat(4);
        let old = ::bcrypt::hash_with_salt(&typed, 4, [7; 16]).unwrap().to_string();
        assert_eq!(pool.verify("another", Some(&old)).await.unwrap(), Verdict::Wrong);
        let Verdict::Rehashed(new) = pool.verify(&typed, Some(&old)).await.unwrap() else {
            panic!("not rehashed");
        };
        assert!(new.starts_with("$argon2id$"), "{new}");
        assert_eq!(pool.verify(&typed, Some(&new)).await.unwrap(), Verdict::Right);
        assert_eq!(pool.verify(&typed[..72], Some(&new)).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn hashes_that_ask_for_the_moon_are_refused_unread() {
        let pool = Passwords::new();
        for bad in [
            DUMMY.replace("m=19456", "m=4294967295"),
            DUMMY.replace("t=2", "t=11"),
            DUMMY.replace("argon2id", "argon2d"),
            "$2b$12$abcdefghijklmnopqrstuv".into(),
            "garbage".into(),
        ] {
            assert_eq!(pool.verify("x", Some(&bad)).await.unwrap(), Verdict::Wrong, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_instead_of_waiting() {
        let pool = Passwords::new();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..QUEUE * 3 {
            let pool = pool.clone();
            waiting.spawn(async move { pool.hash("correct horse battery").await });
        }
        let results = waiting.join_all().await;
        assert!(results.contains(&Err(Error::Busy)));
        assert!(results.iter().filter(|r| r.is_ok()).count() >= QUEUE);
    }
}
