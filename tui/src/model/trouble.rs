//! A failure in the words of the screen.

use std::time::Duration;

use ro_co_shared::{Code, Problem};

use crate::{api::Failure, clean::Clean};

/// What a failure means for what the user can do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The server cannot be reached; trying again may help.
    Offline,
    /// The server wants to be asked again later.
    Busy(Duration),
    /// The thing was changed by somebody else.
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
pub(crate) struct Trouble {
    /// One sentence.
    pub(crate) text: Clean,
    /// What it means.
    pub(crate) kind: Kind,
    /// The fields that are wrong, by their name on the wire, each with a reason that reads on after its name.
    pub(crate) fields: Vec<(String, Clean)>,
}

impl Trouble {
    /// A refusal in these words.
    pub(crate) fn said(text: &str) -> Self {
        Self { text: Clean::line(text), kind: Kind::Refused, fields: Vec::new() }
    }

    /// Whether waiting may help.
    pub(crate) fn passes(&self) -> bool {
        matches!(self.kind, Kind::Offline | Kind::Busy(_))
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Problem(problem) => (*problem).into(),
            Failure::SignedOut => Self::said("You are signed out."),
            Failure::Offline(why) => {
                Self { kind: Kind::Offline, ..Self::said(&format!("No connection: {}", why.as_str())) }
            }
            Failure::Foreign(why) => Self { kind: Kind::Offline, ..Self::said(why.as_str()) },
            Failure::Busy { retry_after, reason } => {
                // How long is counted down in the status bar.
                let text = format!("{}. Please wait.", reason.as_str().trim_end_matches('.'));
                Self { kind: Kind::Busy(retry_after), ..Self::said(&text) }
            }
            Failure::Broken(why) => Self::said(why.as_str()),
        }
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        let kind = match problem.code {
            Code::Stale => Kind::Stale,
            Code::NotFound => Kind::Gone,
            Code::KeyReused => Kind::KeyReused,
            _ => Kind::Refused,
        };
        let fields = problem.errors.into_iter().map(|e| (e.field, Clean::line(&e.message))).collect();
        Self { text: Clean::line(&problem.detail), kind, fields }
    }
}
