//! Users, in SQLite.

use async_trait::async_trait;
use ro_co_shared::{Content, Email, Role, Timestamp, UserId, Username};
use rusqlite::{Connection, Row, params};

use super::{
    Sqlite, avatars,
    fault::is_duplicate,
    id,
    slice::{Bounds, page},
    sql::statements,
};
use crate::store::{Account, Accounts, Error, ListQuery, Order, PasswordUpdate, Result};

macro_rules! columns {
    () => {
        "id, username, email, password, role, verified, suspended, created_at, avatar_seed, avatar_version,
        password_expires_at"
    };
}

statements! {
    INSERT = "INSERT INTO accounts (id, username, username_key, email, email_key, password, role, verified, suspended,
        created_at, avatar_seed, avatar_version, password_expires_at, username_skeleton, email_canonical)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    BY_ID = concat!("SELECT ", columns!(), " FROM accounts WHERE id = ?1 AND deleting IS NULL");
    BY_EMAIL = concat!("SELECT ", columns!(), " FROM accounts WHERE email_key = ?1");
    BY_CANONICAL = concat!("SELECT ", columns!(), " FROM accounts WHERE email_canonical = ?1");
    USERNAME_TAKEN = "SELECT 1 FROM accounts WHERE username_key = ?1 OR username_skeleton = ?2 LIMIT 1";
    EMAIL_TAKEN = "SELECT 1 FROM accounts WHERE email_key = ?1 OR email_canonical = ?2 LIMIT 1";
    NEWEST = concat!("SELECT ", columns!(), " FROM accounts a WHERE id <> ?5 AND deleting IS NULL AND ", page!(newest "a"));
    OLDEST = concat!("SELECT ", columns!(), " FROM accounts a WHERE id <> ?5 AND deleting IS NULL AND ", page!(oldest "a"));
    RENAME = concat!(
        "UPDATE accounts SET username = ?2, username_key = ?3, username_skeleton = ?4 WHERE id = ?1 AND deleting IS NULL RETURNING ", columns!()
    );
    SET_PASSWORD = "UPDATE accounts SET password = ?3, password_expires_at = ?4 WHERE id = ?1 AND password = ?2 AND deleting IS NULL";
    BCRYPT = "SELECT 1 FROM accounts WHERE password >= '$2' AND password < '$3' LIMIT 1";
    SET_ROLE = concat!("UPDATE accounts SET role = ?2 WHERE id = ?1 AND deleting IS NULL RETURNING ", columns!());
    SET_SUSPENDED = concat!("UPDATE accounts SET suspended = ?2 WHERE id = ?1 AND deleting IS NULL RETURNING ", columns!());
    /// Whether this is an unsuspended admin, and no other one is. An account that is being deleted is suspended.
    IS_LAST_ADMIN = "SELECT 1 FROM accounts WHERE id = ?1 AND role = 'ADMIN' AND suspended = 0 AND NOT EXISTS (
        SELECT 1 FROM accounts INDEXED BY accounts_admins WHERE role = 'ADMIN' AND suspended = 0 AND id <> ?1)";
    SET_SEED = concat!(
        "UPDATE accounts SET avatar_seed = ?2, avatar_version = avatar_version + 1 WHERE id = ?1 AND deleting IS NULL RETURNING ", columns!()
    );
}

/// The account that stands in for the deleted can be read, and is nobody's to change.
fn ordinary(id: UserId) -> Result<()> {
    if id == UserId::DELETED { Err(Error::NotFound) } else { Ok(()) }
}

/// The comparison key of the previous release, and that of this one where there is one.
type Keys = (String, Option<String>);

fn name_keys(name: &Username) -> Keys {
    (name.key(), name.skeleton())
}

fn email_keys(email: &Email) -> Keys {
    (email.key(), email.canonical())
}

/// Where several fields are taken, the name is told: the order in which SQLite looks at its indexes is its own.
fn taken(db: &Connection, account: &Account, error: rusqlite::Error) -> Error {
    let taken = |sql: super::sql::Sql, keys: Keys| sql.one(db, params![keys.0, keys.1], |_| Ok(()));
    match (
        taken(USERNAME_TAKEN, name_keys(&account.username)),
        taken(EMAIL_TAKEN, email_keys(&account.email)),
    ) {
        _ if !is_duplicate(&error) => error.into(),
        (Err(error), _) | (_, Err(error)) => error.into(),
        (Ok(Some(())), _) => Error::Conflict("username"),
        (_, Ok(Some(()))) => Error::Conflict("email"),
        _ => Error::Conflict("id"),
    }
}

#[async_trait]
impl Accounts for Sqlite {
    async fn add_account(&self, account: &Account) -> Result<()> {
        let account = account.clone();
        self.write(move |db| insert(db, &account).map_err(|error| taken(db, &account, error))).await
    }

    async fn account(&self, id: UserId) -> Result<Account> {
        self.read(move |db| BY_ID.one(db, [id.0.as_bytes()], account)?.ok_or(Error::NotFound)).await
    }

    async fn account_by_email(&self, email: &Email) -> Result<Account> {
        let (key, canonical) = email_keys(email);
        let found = self.read(move |db| {
            // First as it was typed at sign-up: of two accounts whose addresses are one by now, each finds its own.
            match BY_EMAIL.one(db, [&key], account)? {
                Some(found) => Ok(found),
                None => BY_CANONICAL.one(db, [&canonical], account)?.ok_or(Error::NotFound),
            }
        });
        let found = found.await?;
        // Nobody signs in as the deleted.
        ordinary(found.id).map(|()| found)
    }

    async fn username_free(&self, name: &Username) -> Result<bool> {
        let (key, skeleton) = name_keys(name);
        self.read(move |db| Ok(USERNAME_TAKEN.one(db, params![key, skeleton], |_| Ok(()))?.is_none())).await
    }

    async fn email_free(&self, email: &Email) -> Result<bool> {
        let (key, canonical) = email_keys(email);
        self.read(move |db| Ok(EMAIL_TAKEN.one(db, params![key, canonical], |_| Ok(()))?.is_none())).await
    }

    async fn accounts(&self, query: ListQuery<()>) -> Result<Vec<Account>> {
        self.read(move |db| {
            let Bounds { time, id, size, skip } = Bounds::of(query.slice, query.order);
            let sql = match query.order {
                Order::Newest => NEWEST,
                Order::Oldest => OLDEST,
            };
            Ok(sql.all(db, params![time, id, size, skip, UserId::DELETED.0.as_bytes()], account)?)
        })
        .await
    }

    async fn rename(&self, id: UserId, name: &Username) -> Result<Account> {
        ordinary(id)?;
        let name = name.clone();
        self.write(move |db| {
            let (key, skeleton) = name_keys(&name);
            match RENAME.one(db, params![id.0.as_bytes(), name.as_str(), key, skeleton], account) {
                Err(error) if is_duplicate(&error) => Err(Error::Conflict("username")),
                renamed => renamed?.ok_or(Error::NotFound),
            }
        })
        .await
    }

    async fn set_password(&self, id: UserId, update: PasswordUpdate<'_>) -> Result<()> {
        ordinary(id)?;
        let (old, new) = (update.old.to_owned(), update.new.to_owned());
        let expires_at = update.expires_at.map(|at| at.0);
        self.write(move |db| {
            if SET_PASSWORD.run(db, params![id.0.as_bytes(), old, new, expires_at])? == 1 {
                return Ok(());
            }
            let there = BY_ID.one(db, [id.0.as_bytes()], |_| Ok(()))?.is_some();
            Err(if there { Error::Stale } else { Error::NotFound })
        })
        .await
    }

    async fn has_bcrypt_hashes(&self) -> Result<bool> {
        self.read(|db| Ok(BCRYPT.one(db, [], |_| Ok(()))?.is_some())).await
    }

    async fn set_role(&self, id: UserId, role: Role) -> Result<Account> {
        ordinary(id)?;
        self.write(move |db| {
            if role != Role::Admin {
                keep_last_admin(db, id)?;
            }
            SET_ROLE.one(db, params![id.0.as_bytes(), role_text(role)], account)?.ok_or(Error::NotFound)
        })
        .await
    }

    async fn set_suspended(&self, id: UserId, suspended: bool) -> Result<Account> {
        ordinary(id)?;
        self.write(move |db| {
            if suspended {
                keep_last_admin(db, id)?;
            }
            SET_SUSPENDED.one(db, params![id.0.as_bytes(), suspended], account)?.ok_or(Error::NotFound)
        })
        .await
    }

    async fn set_avatar_seed(&self, id: UserId, seed: &str) -> Result<Account> {
        ordinary(id)?;
        let seed = seed.to_owned();
        self.write(move |db| {
            let changed = SET_SEED.one(db, params![id.0.as_bytes(), seed], account)?;
            avatars::forget(db, id)?;
            changed.ok_or(Error::NotFound)
        })
        .await
    }

    async fn delete_account(&self, id: UserId, content: Content) -> Result<()> {
        ordinary(id)?;
        self.delete(id, content).await
    }
}

fn insert(db: &Connection, account: &Account) -> rusqlite::Result<()> {
    let values = params![
        account.id.0.as_bytes(),
        account.username.as_str(),
        account.username.key(),
        account.email.as_str(),
        account.email.key(),
        account.password,
        role_text(account.role),
        account.verified,
        account.suspended,
        account.created_at.0,
        account.avatar_seed,
        account.avatar_version,
        account.password_expires_at.map(|at| at.0),
        name_keys(&account.username).1,
        email_keys(&account.email).1,
    ];
    INSERT.run(db, values).map(drop)
}

/// Refuses what would take the last admin away.
pub(super) fn keep_last_admin(db: &Connection, id: UserId) -> Result<()> {
    match IS_LAST_ADMIN.one(db, [id.0.as_bytes()], |_| Ok(()))? {
        Some(()) => Err(Error::LastAdmin),
        None => Ok(()),
    }
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::User | Role::Unknown => "USER",
        Role::Admin => "ADMIN",
    }
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: UserId(id(row, "id")?),
        username: Username::unchecked(row.get::<_, String>("username")?),
        email: Email::unchecked(row.get::<_, String>("email")?),
        password: row.get("password")?,
        password_expires_at: row.get::<_, Option<i64>>("password_expires_at")?.map(Timestamp),
        role: if row.get_ref("role")?.as_str()? == role_text(Role::Admin) { Role::Admin } else { Role::User },
        verified: row.get("verified")?,
        suspended: row.get("suspended")?,
        created_at: Timestamp(row.get("created_at")?),
        avatar_seed: row.get("avatar_seed")?,
        avatar_version: row.get("avatar_version")?,
    })
}
