//! Documents as MongoDB keeps them. Each carries `v`, the version of its own shape, so that a later program can tell
//! which shape it reads. What is being deleted says so in `deleting` (see `deletion`).

mod account;
mod answer;
mod avatar;
mod question;
mod session;

use mongodb::bson::{Binary, DateTime, Uuid as BsonUuid, spec::BinarySubtype};
use ro_co_shared::Timestamp;
use uuid::Uuid;

use super::fault::Fault;

pub(super) use account::{AccountDoc, Fate, role_text};
pub(super) use answer::{ANSWER_FIELDS, AnswerDoc};
pub(super) use avatar::AvatarDoc;
pub(super) use question::{QUESTION_FIELDS, QuestionDoc};
pub(super) use session::SessionDoc;

/// The shape that this program writes.
pub(super) const V: i32 = 1;

/// A field of a shape: its name, its type of BSON's, whether it is [`REQUIRED`].
pub(super) type ShapeField = (&'static str, &'static str, bool);

pub(super) const REQUIRED: bool = true;
pub(super) const OPTIONAL: bool = false;

/// An id as a UUID of BSON's, whose order is that of its bytes.
pub(super) fn uuid(id: Uuid) -> BsonUuid {
    BsonUuid::from_bytes(id.into_bytes())
}

/// An id as read.
pub(super) fn id(uuid: BsonUuid) -> Uuid {
    Uuid::from_bytes(uuid.bytes())
}

/// A time as a date of BSON's, which holds milliseconds too.
pub(super) fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.0)
}

fn time(date: DateTime) -> Timestamp {
    Timestamp(date.timestamp_millis())
}

/// A hash as bytes.
pub(super) fn bytes(hash: &[u8; 32]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: hash.to_vec() }
}

fn hash(binary: &Binary) -> Result<[u8; 32], Fault> {
    binary.bytes.as_slice().try_into().map_err(|_| Fault::Malformed("a hash of another length"))
}
