//! What the black-box tests of Ro-Co share: the built programs started as a user starts them, and the other ends
//! they talk to (a terminal, a keyring, an avatar service, a client that says exactly what it is told to).
//!
//! Nothing here knows the server's or the client's code; only the wire types of `ro-co-shared`.

pub mod breaking;
pub mod contract;
pub mod failover;
pub mod home;
pub mod http;
pub mod keyring;
pub mod mongo;
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
pub use stub::{Gate, Said, Stub};
pub use terminal::Terminal;
