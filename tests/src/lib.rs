//! Shared helpers of Ro-Co's black-box tests: the built programs, started as a user starts them, and their peers
//! (a terminal, a keyring, an avatar service, an HTTP client that sends arbitrary bytes).
//!
//! Nothing here depends on the server's or the client's code; only on the wire types of `ro-co-shared`.

pub mod breaking;
pub mod contract;
pub mod failover;
pub mod home;
pub mod http;
pub mod keyring;
pub mod mongo;
pub mod mongo_dump;
pub mod needs;
pub mod netns;
pub mod node;
pub mod person;
pub mod previous;
pub mod programs;
pub mod recorder;
pub mod server;
pub mod steps;
pub mod stub;
pub mod terminal;
pub mod wait;

pub use home::Home;
pub use http::{Reply, Request};
pub use keyring::Keyring;
pub use node::DiceBear;
pub use person::Person;
pub use server::{Options, Server};
pub use stub::{Gate, Stub, StubResponse};
pub use terminal::Terminal;
