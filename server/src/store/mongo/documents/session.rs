//! Sessions.

use mongodb::bson::{Binary, DateTime, Uuid as BsonUuid};
use ro_co_shared::{SessionId, UserId};
use serde::{Deserialize, Serialize};

use super::{V, bytes, date, hash, id, time, uuid};
use crate::store::{Session, mongo::fault::Fault};

/// A session. `over` is when it stopped, or will stop, being worth anything: the key of what is forgotten.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store::mongo) struct SessionDoc {
    #[serde(rename = "_id")]
    id: BsonUuid,
    v: i32,
    user: BsonUuid,
    generation: i64,
    current: Binary,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Binary>,
    rotated_at: DateTime,
    replays: i64,
    created_at: DateTime,
    last_seen: DateTime,
    expires_at: DateTime,
    absolute_at: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<String>,
    over: DateTime,
    device: String,
    /// Missing, as the three below, where a server of version 1 wrote the session.
    #[serde(default)]
    keyed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_key: Option<Binary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_key_generation: Option<i64>,
    #[serde(default)]
    grace_used: bool,
}

impl From<&Session> for SessionDoc {
    fn from(session: &Session) -> Self {
        let (ended_at, end_reason) = session.ended.clone().unzip();
        let over = ended_at.unwrap_or(session.expires_at).min(session.expires_at).min(session.absolute_at);
        Self {
            id: uuid(session.id.0),
            v: V,
            user: uuid(session.user.0),
            generation: session.generation.into(),
            current: bytes(&session.current),
            previous: session.previous.as_ref().map(bytes),
            rotated_at: date(session.rotated_at),
            replays: session.replays.into(),
            created_at: date(session.created_at),
            last_seen: date(session.last_seen),
            expires_at: date(session.expires_at),
            absolute_at: date(session.absolute_at),
            ended_at: ended_at.map(date),
            end_reason,
            over: date(over),
            device: session.device.clone(),
            keyed: session.keyed,
            refresh_key: session.refresh_key.as_ref().map(|(key, _)| bytes(key)),
            refresh_key_generation: session.refresh_key.map(|(_, generation)| generation.into()),
            grace_used: session.grace_used,
        }
    }
}

impl TryFrom<SessionDoc> for Session {
    type Error = Fault;

    fn try_from(doc: SessionDoc) -> Result<Self, Fault> {
        let number = |n: i64| u32::try_from(n).map_err(|_| Fault::Malformed("a number out of range"));
        let key = doc.refresh_key.as_ref().map(hash).transpose()?;
        Ok(Self {
            id: SessionId(id(doc.id)),
            user: UserId(id(doc.user)),
            generation: number(doc.generation)?,
            current: hash(&doc.current)?,
            previous: doc.previous.as_ref().map(hash).transpose()?,
            rotated_at: time(doc.rotated_at),
            replays: number(doc.replays)?,
            created_at: time(doc.created_at),
            last_seen: time(doc.last_seen),
            expires_at: time(doc.expires_at),
            absolute_at: time(doc.absolute_at),
            ended: doc.ended_at.map(time).zip(doc.end_reason),
            device: doc.device,
            keyed: doc.keyed,
            refresh_key: key.zip(doc.refresh_key_generation.map(number).transpose()?),
            grace_used: doc.grace_used,
        })
    }
}
