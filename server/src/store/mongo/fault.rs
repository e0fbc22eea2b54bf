//! From the driver's errors to the store's.
//!
//! What the driver says about an error may quote the document it is about, with names and addresses in it. Only
//! codes and their names are kept.

use mongodb::error::{Error as Driver, ErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure};

use super::{
    calls::CALLER_LIMIT,
    schema::{BY_EMAIL, BY_EMAIL_CANONICAL, BY_USERNAME, BY_USERNAME_SKELETON},
};
use crate::store::Error;

/// Why a call to MongoDB failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Another document has this value of a unique index.
    #[error("a document with this value is there already")]
    Duplicate(Taken),
    /// Another server has made the collection meanwhile.
    #[error("the collection is there already")]
    Exists,
    /// The user of the database may not do this.
    #[error("the user of the database may not do this")]
    Unauthorized,
    /// The user or the password is wrong.
    #[error("the database refuses the user or the password")]
    Unauthenticated,
    /// No node answers, the primary is changing, or a majority is missing. A write may or may not have happened.
    #[error("{0}")]
    Away(String),
    /// It took too long. A write may or may not have happened.
    #[error("no answer within {} s", CALLER_LIMIT.as_secs())]
    Late,
    /// The driver does not speak to servers this old.
    #[error("the database is too old")]
    TooOld,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
    /// A document that this program did not write.
    #[error("{0} is in the database")]
    Malformed(&'static str),
}

/// Of what there is one already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    Id,
    Username,
    Email,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Duplicate(Taken::Id) => Self::Conflict("id"),
            Fault::Duplicate(Taken::Username) => Self::Conflict("username"),
            Fault::Duplicate(Taken::Email) => Self::Conflict("email"),
            Fault::Away(_) | Fault::Late => Self::Unavailable(fault.into()),
            _ => Self::Broken(fault.into()),
        }
    }
}

impl From<Driver> for Fault {
    fn from(error: Driver) -> Self {
        let retryable = error.contains_label(RETRYABLE_WRITE_ERROR);
        match *error.kind {
            ErrorKind::Io(e) => Self::Away(format!("the connection to the database broke: {}", e.kind())),
            ErrorKind::ServerSelection { message, .. } => Self::Away(message),
            ErrorKind::ConnectionPoolCleared { .. } => Self::Away("the connections were dropped".to_owned()),
            ErrorKind::DnsResolve { .. } => Self::Away("the database's name is not known".to_owned()),
            ErrorKind::Shutdown => Self::Away("the store is closed".to_owned()),
            ErrorKind::Authentication { .. } => Self::Unauthenticated,
            ErrorKind::Command(e) => Self::coded(e.code, &e.code_name, &e.message, retryable),
            ErrorKind::Write(WriteFailure::WriteError(e)) => {
                Self::coded(e.code, e.code_name.as_deref().unwrap_or_default(), &e.message, retryable)
            }
            ErrorKind::Write(WriteFailure::WriteConcernError(e)) => {
                Self::coded(e.code, &e.code_name, "", true)
            }
            ErrorKind::IncompatibleServer { .. } => Self::TooOld,
            ErrorKind::InvalidResponse { .. } => {
                Self::Failed("the database's answer was not understood".to_owned())
            }
            ErrorKind::Bson(_) => Self::Malformed("a document of another shape"),
            _ => Self::Failed("the driver failed".to_owned()),
        }
    }
}

impl Fault {
    /// An error that the server gave a code.
    pub(super) fn coded(code: i32, name: &str, message: &str, retryable: bool) -> Self {
        match code {
            11000 | 11001 => Self::Duplicate(taken(message)),
            48 => Self::Exists,
            13 => Self::Unauthorized,
            18 => Self::Unauthenticated,
            _ if retryable || passes(code) => Self::Away(format!("the database answered {code} ({name})")),
            _ => Self::Failed(format!("the database answered {code} ({name})")),
        }
    }
}

/// Which index a duplicate was found in: `... index: NAME dup key: ...`.
fn taken(message: &str) -> Taken {
    match message.split_once(" index: ").and_then(|(_, rest)| rest.split_once(' ')) {
        Some((BY_USERNAME | BY_USERNAME_SKELETON, _)) => Taken::Username,
        Some((BY_EMAIL | BY_EMAIL_CANONICAL, _)) => Taken::Email,
        _ => Taken::Id,
    }
}

/// Whether the same call may succeed when the deployment is well again. The codes are those of `error_codes.yml` in
/// MongoDB's source.
fn passes(code: i32) -> bool {
    matches!(
        code,
        // Lost nodes and connections: HostUnreachable, HostNotFound, NetworkTimeout, SocketException.
        6 | 7 | 89 | 9001
        // Locks, conflicts, limits of time: LockTimeout, LockBusy, MaxTimeMSExpired, WriteConflict, ExceededTimeLimit.
        | 24 | 46 | 50 | 112 | 262
        // No majority: WriteConcernFailed, UnsatisfiableWriteConcern, ReadConcernMajorityNotAvailableYet.
        | 64 | 100 | 134
        // A primary that comes or goes: ShutdownInProgress, FailedToSatisfyReadPreference, PrimarySteppedDown,
        // NotWritablePrimary and its kin, Interrupted..., NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary.
        | 91 | 133 | 189 | 10058 | 10107 | 11600 | 11601 | 11602 | 13435 | 13436
        // Cursors and plans that were killed by such an event, a shard that moved, a full disk.
        | 43 | 63 | 150 | 175 | 237 | 13388 | 14031
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_is_told_by_its_index_and_quotes_nothing() {
        let message = |index: &str| {
            format!(
                "E11000 duplicate key error collection: ro-co.accounts index: {index} dup key: {{ k: \" index: email \" }}"
            )
        };
        assert_eq!(taken(&message(BY_USERNAME)), Taken::Username);
        assert_eq!(taken(&message(BY_EMAIL)), Taken::Email);
        assert_eq!(taken(&message(BY_USERNAME_SKELETON)), Taken::Username);
        assert_eq!(taken(&message(BY_EMAIL_CANONICAL)), Taken::Email);
        assert_eq!(taken(&message("_id_")), Taken::Id);
        let error = Fault::coded(11000, "DuplicateKey", &message(BY_EMAIL), false);
        assert!(matches!(Error::from(error), Error::Conflict("email")));
        let other = Fault::coded(8000, "AtlasError", "ada@example.org", false);
        assert!(!other.to_string().contains("ada"), "{other}");
    }

    #[test]
    fn what_passes_is_unavailable_and_the_rest_is_broken() {
        for (code, retryable) in [(10107, false), (64, true), (50, false), (8000, true)] {
            assert!(matches!(Fault::coded(code, "", "", retryable).into(), Error::Unavailable(_)), "{code}");
        }
        for code in [2, 13, 18, 121, 8000] {
            assert!(matches!(Fault::coded(code, "", "", false).into(), Error::Broken(_)), "{code}");
        }
        assert!(matches!(Fault::Late.into(), Error::Unavailable(_)));
    }
}
