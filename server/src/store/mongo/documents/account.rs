//! Accounts.

use mongodb::bson::{DateTime, Uuid as BsonUuid};
use ro_co_shared::{Content, Email, Role, UserId, Username};
use serde::{Deserialize, Serialize};

use super::{V, date, id, time, uuid};
use crate::store::Account;

/// The name of a role.
pub(in crate::store::mongo) fn role_text(role: Role) -> &'static str {
    match role {
        Role::User | Role::Unknown => "USER",
        Role::Admin => "ADMIN",
    }
}

/// What becomes of the content of a deleted account, as its mark says.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub(in crate::store::mongo) enum Fate {
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
    pub(in crate::store::mongo) fn text(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Erase => "erase",
        }
    }
}

/// A live account. One that is being deleted is cut down to its id and its mark.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store::mongo) struct AccountDoc {
    #[serde(rename = "_id")]
    id: BsonUuid,
    v: i32,
    username: String,
    username_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username_skeleton: Option<String>,
    email: String,
    email_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_canonical: Option<String>,
    password: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_expires_at: Option<DateTime>,
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
            username_skeleton: account.username.skeleton().filter(|_| account.id != UserId::DELETED),
            email: account.email.to_string(),
            email_key: account.email.key(),
            email_canonical: account.email.canonical().filter(|_| account.id != UserId::DELETED),
            password: account.password.clone(),
            password_expires_at: account.password_expires_at.map(date),
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

impl From<AccountDoc> for Account {
    fn from(doc: AccountDoc) -> Self {
        Self {
            id: UserId(id(doc.id)),
            username: Username::unchecked(doc.username),
            email: Email::unchecked(doc.email),
            password: doc.password,
            password_expires_at: doc.password_expires_at.map(time),
            role: if doc.role == role_text(Role::Admin) { Role::Admin } else { Role::User },
            verified: doc.verified,
            suspended: doc.suspended,
            created_at: time(doc.created_at),
            avatar_seed: doc.avatar_seed,
            avatar_version: doc.avatar_version,
        }
    }
}
