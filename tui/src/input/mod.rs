//! From keys and clicks to actions.

mod action;
mod keys;
mod layout;
mod mouse;

pub(crate) use action::{Action, ActionInfo, MOVES};
pub(crate) use keys::{Chord, Context, KeyMap, Meaning};
pub(crate) use layout::on_us_keyboard;
pub(crate) use mouse::{Hit, Hits, Pointer};
