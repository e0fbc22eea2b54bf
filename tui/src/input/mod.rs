//! Input: keys and clicks become actions.

mod action;
mod keys;
mod layout;
mod mouse;

pub(crate) use action::{Action, ActionInfo, MOVES};
pub(crate) use keys::{Chord, Context, KeyMap, KeyResolution};
pub(crate) use layout::on_us_keyboard;
pub(crate) use mouse::{Hit, Hits, Pointer};
