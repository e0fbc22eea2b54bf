//! Failures of API requests.

use std::{error::Error as _, io, time::Duration};

use reqwest::{
    StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER},
};
use ro_co_shared::{API_PATH, Code, Problem};

use crate::clean::Clean;

/// The longest pause a server may ask for, and the longest ours does; a mistaken or hostile `Retry-After` does not
/// lock a client up for a day.
const MAX_PAUSE: Duration = Duration::from_mins(15);

/// Failures of API requests. All texts in it are clean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The server said no, and why.
    Problem(Box<Problem>),
    /// The session has ended: ask for the password.
    SignedOut,
    /// The server was not reached, or went away in the middle.
    Offline(Clean),
    /// Something answered that is not a Ro-Co server: a proxy, or a network that asks for a sign-in of its own.
    Foreign(Clean),
    /// The server is busy or not well (429, 503): try again after the time given.
    Busy {
        /// How long the server asks the client to wait.
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
            Self::Offline(why) | Self::Foreign(why) | Self::Broken(why) => why.clone(),
            Self::Busy { retry_after, reason } => {
                let (reason, wait) = (reason.as_str().trim_end_matches('.'), whole_seconds(*retry_after));
                Clean::line(&format!("{reason}. Try again in {wait} s."))
            }
        }
    }

    /// What an answer that is no success says. A body that is no [`Problem`] is never shown: every error of a Ro-Co
    /// server is one, and says so in its media type, so anything else comes from a proxy.
    pub(super) fn of_reply(origin: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let problem =
            is_problem(headers).then(|| serde_json::from_slice::<Problem>(body).ok().map(clean)).flatten();
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            let reason = problem.map_or_else(|| "the server is busy".into(), |p| Clean::line(&p.detail));
            return Self::Busy { retry_after: pause(headers), reason };
        }
        match problem {
            Some(problem) => Self::Problem(Box::new(problem)),
            None => Self::foreign(origin, status, headers),
        }
    }

    /// What an answer means that no Ro-Co server gives.
    pub(super) fn foreign(origin: &str, status: StatusCode, headers: &HeaderMap) -> Self {
        let text = match redirect_target(origin, headers).filter(|_| status.is_redirection()) {
            Some(target) => format!("{origin} redirects to {target}: start with --server {target}"),
            None => format!(
                "{origin} answered, but not as a Ro-Co server does (HTTP {}): a proxy, or a network that asks \
                 you to sign in, may be in between",
                status.as_u16()
            ),
        };
        Self::Foreign(Clean::line(&text))
    }

    /// What a failed exchange says: the innermost cause, which is the one that helps, unless it is the operating
    /// system's word for a server that is not there ("Connection refused (os error 111)").
    pub(super) fn of_exchange(error: &reqwest::Error) -> Self {
        let silent = || {
            // The origin only: the query may hold private data.
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
            "the connection to the server was lost"
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

fn is_problem(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/problem+json"))
}

/// The media type of an answer, without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next().map(str::trim)
}

/// The server a redirect leads to, as `--server` takes it.
fn redirect_target(origin: &str, headers: &HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let asked = Url::parse(origin).ok()?;
    let url = asked.join(location).ok()?;
    let server = url.origin().ascii_serialization();
    let target = match url.path().split_once(API_PATH) {
        Some((path, _)) => format!("{server}{path}"),
        // Another page of the same host is no server.
        None if url.origin() == asked.origin() => return None,
        None => server,
    };
    Some(target).filter(|target| url.has_host() && target != origin)
}

fn pause(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(1)).clamp(Duration::from_secs(1), MAX_PAUSE)
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
