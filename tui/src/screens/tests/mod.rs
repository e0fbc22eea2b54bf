//! What happens on each screen: keys and answers in, requests and pictures out.

mod composing;
mod conflicts;
mod hostile;
mod keeping;
mod pictures;
mod reading;
mod sessions;
mod signing;
mod waiting;
