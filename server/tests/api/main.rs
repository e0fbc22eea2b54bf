//! The API as a client sees it, in process: one binary, so that everything is linked once.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod accounts;
mod base_path;
mod compression;
mod content;
mod hash_queue;
mod input;
mod limits;
mod lists;
mod origins;
mod password_reset;
mod rights;
mod sessions;
mod support;
mod upgrade;
