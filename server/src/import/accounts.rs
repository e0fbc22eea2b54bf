//! Users become accounts.

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::oid::ObjectId;
use ro_co_shared::{Email, Role, UserId};

use super::{
    Error, Judged, Kind, WIDTH, Work, ids,
    report::{Change, End, Why},
    row::Row,
    texts,
};
use crate::{
    avatar, password,
    store::{self, Account},
};

/// The picture an account starts with.
const FIRST_PICTURE: i64 = 1;

/// An account that can be added, and what was done to it.
struct Draft {
    id: ObjectId,
    account: Account,
    picture: Option<String>,
    changes: Vec<Change>,
}

/// Adds them all: at once, but for those that would clash with one before them in this batch. So the older of two
/// keeps its name, however fast the store is.
pub(super) async fn add(work: &Work<'_>, rows: Vec<Row>) -> Result<Vec<Judged>, Error> {
    let mut judged = Vec::new();
    let (mut first, mut again) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for row in rows {
        match draft(&row) {
            Err(why) => judged.push(Judged { id: row.id, end: End::Skipped(why), changes: Vec::new() }),
            Ok(draft) => {
                let name = seen.insert(draft.account.username.key());
                let address = seen.insert(draft.account.email.key());
                if name && address { &mut first } else { &mut again }.push(draft);
            }
        }
    }
    let adding = stream::iter(first).map(|draft| keep(work, draft)).buffered(WIDTH);
    judged.extend(adding.try_collect::<Vec<_>>().await?);
    for draft in again {
        judged.push(keep(work, draft).await?);
    }
    Ok(judged)
}

fn draft(row: &Row) -> Result<Draft, Why> {
    let email: Email = row.text("email").and_then(Email::mended).ok_or(Why::NoAddress)?;
    let mut changes = Vec::new();
    let given = row.text("displayName").unwrap_or_default();
    let name = texts::name(given, row.id).ok_or(Why::NameTaken)?;
    if name.changed {
        changes.push(Change(Why::NameMended, Some(name.text.to_string())));
    }
    let given = row.picture();
    let picture = given.and_then(avatar::harmless);
    if given.is_some() && picture.is_none() {
        changes.push(Why::NoPicture.into());
    }
    let password = password(row.text("password").unwrap_or_default());
    if password.is_empty() {
        changes.push(Change(Why::NoPassword, Some(format!("ro-co-server admin reset-password {email}"))));
    }
    let account = Account {
        id: UserId(ids::uuid(Kind::User, row.id)),
        avatar_seed: name.text.to_string(),
        username: name.text,
        email,
        password,
        role: role(row.text("role").unwrap_or_default()),
        verified: row.flag("verified"),
        suspended: false,
        password_expires_at: None,
        created_at: ids::time(row.id),
        avatar_version: FIRST_PICTURE,
    };
    Ok(Draft { id: row.id, account, picture, changes })
}

/// The hash, if anybody can sign in with it. Spring Security may write before it how it was made.
fn password(stored: &str) -> String {
    let hash = stored.strip_prefix("{bcrypt}").unwrap_or(stored);
    if password::is_usable(hash) { hash.to_owned() } else { String::new() }
}

/// Whatever is no admin is a user.
fn role(name: &str) -> Role {
    if ["ADMIN", "ROLE_ADMIN"].contains(&name) { Role::Admin } else { Role::User }
}

/// Adds an account, under another name if its own is taken.
async fn keep(work: &Work<'_>, mut draft: Draft) -> Result<Judged, Error> {
    let hex = draft.id.to_hex();
    let name = draft.account.username.to_string();
    // Six digits are enough unless somebody wanted a clash.
    for behind in [None, Some(&hex[18..]), Some(&hex[..])] {
        if let Some(renamed) = behind.and_then(|behind| texts::name_with(&name, behind)) {
            draft.account.avatar_seed = renamed.to_string();
            draft.account.username = renamed;
        }
        let skipped = |why| Ok(Judged { id: draft.id, end: End::Skipped(why), changes: Vec::new() });
        let end = match work.target.add_account(&draft.account).await {
            Err(store::Error::Conflict("username")) => continue,
            Err(store::Error::Conflict(_)) => return skipped(Why::AddressTaken),
            Ok(true) => End::Added,
            Ok(false) => End::There,
            Err(error) => return Err(error.into()),
        };
        if let Some(svg) = draft.picture {
            work.target.add_picture(draft.account.id, FIRST_PICTURE, svg, work.now).await?;
        }
        if behind.is_some() {
            draft.changes.retain(|Change(why, _)| *why != Why::NameMended);
            draft.changes.push(Change(Why::NameReplaced, Some(draft.account.username.to_string())));
        }
        return Ok(Judged { id: draft.id, end, changes: draft.changes });
    }
    Ok(Judged { id: draft.id, end: End::Skipped(Why::NameTaken), changes: Vec::new() })
}
