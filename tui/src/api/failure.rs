//! Why a call gave no answer.

use std::{error::Error as _, io, time::Duration};

use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use ro_co_shared::{Code, Problem};

use crate::clean::Clean;

/// The longest pause a server may ask for, and the longest ours does; a mistaken or hostile `Retry-After` does not
/// lock a client up for a day.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Why a call gave no answer. All texts in it are clean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The server said no, and why.
    Problem(Box<Problem>),
    /// Nobody is signed in any more: ask for the password.
    SignedOut,
    /// The server was not reached, or went away in the middle.
    Offline(Clean),
    /// The server is busy or not well (429, 503): try again after the time given.
    Busy {
        /// How long the server asks to be left alone.
        retry_after: Duration,
        /// What it said.
        reason: Clean,
    },
    /// The answer was not understood.
    Broken(Clean),
}

impl Failure {
    /// The failure in one sentence.
    pub fn words(&self) -> Clean {
        match self {
            Self::Problem(problem) => Clean::line(&problem.detail),
            Self::SignedOut => "you are signed out".into(),
            Self::Offline(why) | Self::Broken(why) => why.clone(),
            Self::Busy { retry_after, reason } => {
                let (reason, wait) = (reason.as_str().trim_end_matches('.'), whole_seconds(*retry_after));
                Clean::line(&format!("{reason}. Try again in {wait} s."))
            }
        }
    }

    /// What an answer that is no success says. A body that is no [`Problem`] is never shown.
    pub(super) fn of_reply(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let problem = serde_json::from_slice::<Problem>(body).ok().map(clean);
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            let reason = problem.map_or_else(|| "the server is busy".into(), |p| Clean::line(&p.detail));
            return Self::Busy { retry_after: pause(headers), reason };
        }
        match problem {
            Some(problem) => Self::Problem(Box::new(problem)),
            None => Self::Broken(Clean::line(&format!("the server answered {status}, without a reason"))),
        }
    }

    /// What a failed exchange says: the innermost cause, which is the one that helps, unless it is the operating
    /// system's word for a server that is not there ("Connection refused (os error 111)").
    pub(super) fn of_exchange(error: &reqwest::Error) -> Self {
        let silent = || {
            // Of the address no more than this: the query may hold what is nobody else's business.
            let at = error.url().map(|url| format!(" at {}", url.origin().ascii_serialization()));
            Self::Offline(Clean::line(&format!("the server does not answer{}", at.unwrap_or_default())))
        };
        if error.is_timeout() {
            return silent();
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let is_of_system = cause.downcast_ref::<io::Error>().is_some_and(|io| io.raw_os_error().is_some());
        if error.is_connect() && is_of_system {
            return silent();
        }
        let what = if error.is_connect() {
            "the server cannot be reached"
        } else {
            "the connection to the server broke"
        };
        // An error without a cause of its own is reqwest's, whose text has the address with its query in it.
        let why =
            if error.source().is_some() && !is_of_system { format!("{what}: {cause}") } else { what.into() };
        Self::Offline(Clean::line(&why))
    }

    /// Whether the server's code is this one.
    pub fn is(&self, code: Code) -> bool {
        matches!(self, Self::Problem(problem) if problem.code == code)
    }
}

/// A wait in seconds, as people read it: never shorter than it is.
pub(crate) fn whole_seconds(wait: Duration) -> u128 {
    wait.as_millis().div_ceil(1_000).max(1)
}

fn pause(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(1)).clamp(Duration::from_secs(1), LONGEST_PAUSE)
}

fn clean(problem: Problem) -> Problem {
    let line = |text: String| Clean::line(&text).into_string();
    Problem {
        kind: line(problem.kind),
        title: line(problem.title),
        detail: line(problem.detail),
        instance: line(problem.instance),
        error_message: line(problem.error_message),
        errors: problem
            .errors
            .into_iter()
            .map(|e| ro_co_shared::FieldError { field: line(e.field), message: line(e.message) })
            .collect(),
        ..problem
    }
}
