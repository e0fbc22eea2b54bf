//! The state that screens share: no I/O, no clock, no randomness.

mod clock;
pub(crate) mod cmd;
mod content;
mod paged_list;
mod paging;
mod remote;
mod req_id;
mod revision;
mod state;
mod toast;
mod ui_error;

use std::time::Duration;

pub(crate) use clock::{Moment, age, age_stays, date};
pub(crate) use content::{Answer, Me, Person, Question};
pub(crate) use paged_list::{PagedList, Part};
pub(crate) use paging::Paged;
pub(crate) use remote::Remote;
pub(crate) use req_id::ReqId;
pub(crate) use revision::Revision;
pub(crate) use state::{Change, Connection, Core, Server, Warning};
pub(crate) use toast::{ToastTopic, Toasts, Tone};
pub(crate) use ui_error::{ErrorKind, UiError};

/// Waits shorter than this show no spinner.
pub(crate) const SPINNER_AFTER: Duration = Duration::from_millis(150);
/// How long a picture of the spinner stays.
pub(crate) const SPINNER_STEP: Duration = Duration::from_millis(100);
