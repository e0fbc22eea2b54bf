//! Widgets.

mod canvas;
mod field;
mod form;
mod form_view;
mod submission;
mod wrap;

pub(crate) use canvas::{AVATAR, Canvas, body, spinner};
pub(crate) use field::Field;
pub(crate) use form::{Button, Form};
pub(crate) use form_view::{draw_text, form_view, paragraph, paragraphs};
pub(crate) use submission::Submission;
pub(crate) use wrap::{Row, cut, width, wrap, wrap_plain};
