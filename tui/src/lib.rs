//! The terminal client of Ro-Co as a library, so that tests can drive it in process.
#![cfg_attr(
    test,
    expect(
        clippy::duration_suboptimal_units,
        clippy::format_collect,
        clippy::unchecked_time_subtraction,
        reason = "tests count seconds, build small texts and may fail by panicking"
    )
)]

pub mod api;
pub mod args;
pub mod avatar;
pub mod clean;
pub mod drafts;
pub mod log;
pub mod places;
pub mod plain;
pub mod term;
pub mod token;

mod app;

mod chrome;
mod input;
#[cfg(feature = "local")]
mod local;
mod model;
mod msg;
mod nav;
mod overlay;
mod runtime;
mod screens;
mod start;
#[cfg(test)]
mod testing;
mod texts;
mod theme;
mod update;
mod widgets;

pub use start::start;
