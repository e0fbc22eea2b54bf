//! The comparison keys of names and email addresses, of accounts that have none or whose keys are of other Unicode tables.

use ro_co_shared::{Email, TEXT_VERSION, UserId, Username};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

/// Computes the keys of accounts without them, and of all where the stored ones are of another version of the tables. Of
/// accounts whose keys collide, the oldest has the key; the others have none until it is gone, and are logged.
pub(super) fn update(db: &mut Connection) -> rusqlite::Result<()> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored: Option<Vec<u8>> = change
        .query_row("SELECT value FROM meta WHERE name = 'text_version'", [], |row| row.get(0))
        .optional()?;
    let version = TEXT_VERSION.to_string().into_bytes();
    if stored.as_ref() != Some(&version) {
        change.execute("UPDATE accounts SET username_skeleton = NULL, email_canonical = NULL", [])?;
        change.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('text_version', ?1)", [version])?;
    }
    add_missing(&change)?;
    change.commit()
}

fn add_missing(db: &Connection) -> rusqlite::Result<()> {
    let mut accounts = db.prepare(
        "SELECT id, username, email FROM accounts
        WHERE id <> ?1 AND deleting IS NULL AND (username_skeleton IS NULL OR email_canonical IS NULL)
        ORDER BY created_at, id",
    )?;
    let mut set_skeleton =
        db.prepare("UPDATE OR IGNORE accounts SET username_skeleton = ?2 WHERE id = ?1")?;
    let mut set_canonical = db.prepare("UPDATE OR IGNORE accounts SET email_canonical = ?2 WHERE id = ?1")?;
    let rows = accounts.query_map([UserId::DELETED.0.as_bytes()], |row| {
        Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    for (id, username, email) in rows.collect::<rusqlite::Result<Vec<_>>>()? {
        for (field, statement, key) in [
            ("username", &mut set_skeleton, Username::unchecked(username).skeleton()),
            ("email", &mut set_canonical, Email::unchecked(email).canonical()),
        ] {
            let Some(key) = key else { continue };
            if statement.execute(params![id, key])? == 0 {
                let account = Uuid::from_bytes(id);
                tracing::warn!(%account, field, "Comparison key belongs to another account");
            }
        }
    }
    Ok(())
}
