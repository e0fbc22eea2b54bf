//! Errors as they are shown.

use std::time::Duration;

use ro_co_shared::{Code, Problem};

use crate::{api::Failure, clean::Clean, texts::sign_in};

/// What a failure means for what the user can do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ErrorKind {
    /// The server cannot be reached; trying again may help.
    Offline,
    /// The server asked to retry later.
    Busy(Duration),
    /// Someone else changed it (412).
    Stale,
    /// The thing is gone.
    Gone,
    /// This key has posted another text already.
    KeyReused,
    /// The request was refused; asking again does not help.
    Refused,
}

/// Why something did not work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UiError {
    /// One sentence.
    pub(crate) text: Clean,
    /// What it means.
    pub(crate) kind: ErrorKind,
    /// The fields that are wrong, by their name on the wire, each with a reason that reads on after its name.
    pub(crate) fields: Vec<(String, Clean)>,
}

impl UiError {
    /// A refusal in these words.
    pub(crate) fn refused(text: &str) -> Self {
        Self { text: Clean::line(text), kind: ErrorKind::Refused, fields: Vec::new() }
    }

    /// Whether it is transient.
    pub(crate) fn passes(&self) -> bool {
        matches!(self.kind, ErrorKind::Offline | ErrorKind::Busy(_))
    }
}

impl From<Failure> for UiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Problem(problem) => (*problem).into(),
            Failure::SignedOut => Self::refused(sign_in::SIGNED_OUT),
            Failure::Offline(why) => Self {
                kind: ErrorKind::Offline,
                ..Self::refused(&format!("No connection: {}", why.as_str()))
            },
            Failure::Foreign(why) => Self { kind: ErrorKind::Offline, ..Self::refused(why.as_str()) },
            Failure::Busy { retry_after, reason } => {
                // How long is counted down in the status bar.
                let text = format!("{}. Please wait.", reason.as_str().trim_end_matches('.'));
                Self { kind: ErrorKind::Busy(retry_after), ..Self::refused(&text) }
            }
            Failure::Broken(why) => Self::refused(why.as_str()),
        }
    }
}

impl From<Problem> for UiError {
    fn from(problem: Problem) -> Self {
        let kind = match problem.code {
            Code::Stale => ErrorKind::Stale,
            Code::NotFound => ErrorKind::Gone,
            Code::KeyReused => ErrorKind::KeyReused,
            _ => ErrorKind::Refused,
        };
        let fields = problem.errors.into_iter().map(|e| (e.field, Clean::line(&e.message))).collect();
        Self { text: Clean::line(&problem.detail), kind, fields }
    }
}
