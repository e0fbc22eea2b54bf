//! Documents as MongoDB keeps them. Each carries `v`, the version of its own shape, so that a later program can tell
//! which shape it reads. What is being deleted says so in `deleting` (see `deletion`).

use mongodb::bson::{Binary, DateTime, Uuid as BsonUuid, spec::BinarySubtype};
use ro_co_shared::{AnswerId, Content, Invalid, QuestionId, Role, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::Fault;
use crate::store::{Account, Actor, Answer, AvatarImage, Question, Session, StoredAnswer, StoredQuestion};

/// The shape that this program writes.
pub(super) const V: i32 = 1;

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

/// The name of a role.
pub(super) fn role_text(role: Role) -> &'static str {
    match role {
        Role::User => "USER",
        Role::Admin => "ADMIN",
    }
}

/// What becomes of the content of a deleted account, as its mark says.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) enum Fate {
    /// It is the deleted user's now.
    Keep,
    /// It goes with the account.
    Erase,
}

impl From<Content> for Fate {
    fn from(content: Content) -> Self {
        match content {
            Content::Keep => Self::Keep,
            Content::Erase => Self::Erase,
        }
    }
}

impl Fate {
    /// As it stands in the mark.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Erase => "erase",
        }
    }
}

/// A live account. One that is being deleted is cut down to its id and its mark.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountDoc {
    #[serde(rename = "_id")]
    id: BsonUuid,
    v: i32,
    username: String,
    username_key: String,
    email: String,
    email_key: String,
    password: String,
    role: String,
    verified: bool,
    suspended: bool,
    created_at: DateTime,
    avatar_seed: String,
    avatar_version: i64,
    deleting: bool,
}

impl From<&Account> for AccountDoc {
    fn from(account: &Account) -> Self {
        Self {
            id: uuid(account.id.0),
            v: V,
            username: account.username.to_string(),
            username_key: account.username.key(),
            email: account.email.to_string(),
            email_key: account.email.key(),
            password: account.password.clone(),
            role: role_text(account.role).to_owned(),
            verified: account.verified,
            suspended: account.suspended,
            created_at: date(account.created_at),
            avatar_seed: account.avatar_seed.clone(),
            avatar_version: account.avatar_version,
            deleting: false,
        }
    }
}

impl TryFrom<AccountDoc> for Account {
    type Error = Fault;

    fn try_from(doc: AccountDoc) -> Result<Self, Fault> {
        let malformed = |_: Invalid| Fault::Malformed("a name or an address that breaks its rule");
        Ok(Self {
            id: UserId(id(doc.id)),
            username: doc.username.parse().map_err(malformed)?,
            email: doc.email.parse().map_err(malformed)?,
            password: doc.password,
            role: if doc.role == role_text(Role::Admin) { Role::Admin } else { Role::User },
            verified: doc.verified,
            suspended: doc.suspended,
            created_at: time(doc.created_at),
            avatar_seed: doc.avatar_seed,
            avatar_version: doc.avatar_version,
        })
    }
}

/// A session. `over` is when it stopped, or will stop, being worth anything: the key of what is forgotten.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionDoc {
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
        }
    }
}

impl TryFrom<SessionDoc> for Session {
    type Error = Fault;

    fn try_from(doc: SessionDoc) -> Result<Self, Fault> {
        let number = |n: i64| u32::try_from(n).map_err(|_| Fault::Malformed("a number out of range"));
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
        })
    }
}

/// A question.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuestionDoc {
    #[serde(rename = "_id")]
    id: BsonUuid,
    v: i32,
    author: BsonUuid,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    created_at: DateTime,
    updated_at: DateTime,
    answered: bool,
    answers: i64,
    version: i64,
    fingerprint: Binary,
    deleting: bool,
}

impl From<&Question> for QuestionDoc {
    fn from(question: &Question) -> Self {
        Self {
            id: uuid(question.id.0),
            v: V,
            author: uuid(question.author.0),
            title: question.title.clone(),
            description: question.description.clone(),
            created_at: date(question.created_at),
            updated_at: date(question.created_at),
            answered: false,
            answers: 0,
            version: 1,
            fingerprint: bytes(&question.fingerprint),
            deleting: false,
        }
    }
}

impl QuestionDoc {
    /// Whose it is.
    pub(super) fn author(&self) -> UserId {
        UserId(id(self.author))
    }

    /// Its place in a list.
    pub(super) fn cursor(&self) -> crate::store::Cursor {
        crate::store::Cursor { created_at: time(self.created_at), id: id(self.id) }
    }

    /// Whether it was made by this very request, and is still there.
    pub(super) fn is_by(&self, question: &Question) -> bool {
        !self.deleting && self.author() == question.author && self.fingerprint.bytes == question.fingerprint
    }

    /// With its author, as a reader sees it.
    pub(super) fn shown(self, author: Actor) -> StoredQuestion {
        StoredQuestion {
            id: QuestionId(id(self.id)),
            title: self.title,
            description: self.description,
            created_at: time(self.created_at),
            updated_at: time(self.updated_at),
            answered: self.answered,
            // Below 0 for a moment where a crash made a deletion count twice; see `deletion::recount`.
            answers: self.answers.max(0),
            version: self.version,
            author,
        }
    }
}

/// An answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerDoc {
    #[serde(rename = "_id")]
    id: BsonUuid,
    v: i32,
    question: BsonUuid,
    author: BsonUuid,
    description: String,
    created_at: DateTime,
    updated_at: DateTime,
    version: i64,
    fingerprint: Binary,
    deleting: bool,
}

impl From<&Answer> for AnswerDoc {
    fn from(answer: &Answer) -> Self {
        Self {
            id: uuid(answer.id.0),
            v: V,
            question: uuid(answer.question.0),
            author: uuid(answer.author.0),
            description: answer.description.clone(),
            created_at: date(answer.created_at),
            updated_at: date(answer.created_at),
            version: 1,
            fingerprint: bytes(&answer.fingerprint),
            deleting: false,
        }
    }
}

impl AnswerDoc {
    /// Whose it is.
    pub(super) fn author(&self) -> UserId {
        UserId(id(self.author))
    }

    /// What it answers.
    pub(super) fn question(&self) -> QuestionId {
        QuestionId(id(self.question))
    }

    /// Its place in a list.
    pub(super) fn cursor(&self) -> crate::store::Cursor {
        crate::store::Cursor { created_at: time(self.created_at), id: id(self.id) }
    }

    /// Whether it was made by this very request, and is still there.
    pub(super) fn is_by(&self, answer: &Answer) -> bool {
        !self.deleting && self.author() == answer.author && self.fingerprint.bytes == answer.fingerprint
    }

    /// With its author, as a reader sees it.
    pub(super) fn shown(self, author: Actor) -> StoredAnswer {
        StoredAnswer {
            id: AnswerId(id(self.id)),
            question: QuestionId(id(self.question)),
            description: self.description,
            created_at: time(self.created_at),
            updated_at: time(self.updated_at),
            version: self.version,
            author,
        }
    }
}

/// A picture, under its user's id.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AvatarDoc {
    svg: String,
    created_at: DateTime,
}

impl From<AvatarDoc> for AvatarImage {
    fn from(doc: AvatarDoc) -> Self {
        Self { svg: doc.svg, created_at: time(doc.created_at) }
    }
}
