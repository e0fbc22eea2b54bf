//! The comparison keys of names and email addresses, computed anew when the Unicode tables behind them change.

use ro_co_shared::{TEXT_VERSION, UserId, email_canonical, username_skeleton};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

/// Computes all keys where the stored ones are of another version of the tables. Of accounts whose keys collide, the oldest
/// has the key; the others have none, and are logged.
pub(super) fn update(db: &mut Connection) -> rusqlite::Result<()> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored: Option<Vec<u8>> = change
        .query_row("SELECT value FROM meta WHERE name = 'text_version'", [], |row| row.get(0))
        .optional()?;
    let version = TEXT_VERSION.to_string().into_bytes();
    if stored.as_ref() == Some(&version) {
        return Ok(());
    }
    compute(&change)?;
    change.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('text_version', ?1)", [version])?;
    change.commit()
}

fn compute(db: &Connection) -> rusqlite::Result<()> {
    db.execute("UPDATE accounts SET username_skeleton = NULL, email_canonical = NULL", [])?;
    let mut accounts =
        db.prepare("SELECT id, username, email FROM accounts WHERE id <> ?1 ORDER BY created_at, id")?;
    let mut set_skeleton =
        db.prepare("UPDATE OR IGNORE accounts SET username_skeleton = ?2 WHERE id = ?1")?;
    let mut set_canonical = db.prepare("UPDATE OR IGNORE accounts SET email_canonical = ?2 WHERE id = ?1")?;
    let rows = accounts.query_map([UserId::DELETED.0.as_bytes()], |row| {
        Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    for (id, username, email) in rows.collect::<rusqlite::Result<Vec<_>>>()? {
        let skeleton = Some(username_skeleton(&username)).filter(|skeleton| !skeleton.is_empty());
        for (field, statement, key) in [
            ("username", &mut set_skeleton, skeleton),
            ("email", &mut set_canonical, email_canonical(&email)),
        ] {
            let Some(key) = key else { continue };
            if statement.execute(params![id, key])? == 0 {
                let account = Uuid::from_bytes(id);
                tracing::warn!(%account, field, "Comparison key belongs to an older account");
            }
        }
    }
    Ok(())
}
