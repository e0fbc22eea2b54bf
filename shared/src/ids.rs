//! Identifiers. All are UUIDs, opaque to clients; a newtype each, so that one cannot stand for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::input::{Field, Invalid};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id (UUID version 7: later ids sort later).
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Uuid::try_parse(text).map(Self).map_err(|_| Invalid::new("is not an id (a UUID is expected)"))
            }
        }

        impl Field for $name {
            fn from_text(text: &str) -> Result<Self, Invalid> {
                text.parse()
            }
        }
    };
}

id!(
    /// The id of a user.
    UserId
);
id!(
    /// The id of a question.
    QuestionId
);
id!(
    /// The id of an answer.
    AnswerId
);
id!(
    /// The id of a session: one sign-in on one device.
    SessionId
);

impl UserId {
    /// The user who stands in for every deleted account.
    pub const DELETED: Self = Self(Uuid::nil());
}
