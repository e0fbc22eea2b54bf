//! Why a write met no row: its filter names the row, its owner and perhaps its version.

use ro_co_shared::UserId;
use rusqlite::{Connection, Row};

use super::{id, sql::Sql};
use crate::store::{Error, Principal, Result};

/// Reads the row once to tell what was wrong. `sql` gives the `author` of the row with the id `?1`.
pub(super) fn why_none(db: &Connection, sql: Sql, key: uuid::Uuid, principal: Principal) -> Result<Error> {
    Ok(match sql.one(db, [key.as_bytes()], author)? {
        None => Error::NotFound,
        Some(author) if !principal.may_edit(UserId(author)) => Error::Denied,
        // It is there, and the caller's: only the version is left.
        Some(_) => Error::Stale,
    })
}

fn author(row: &Row<'_>) -> rusqlite::Result<uuid::Uuid> {
    id(row, "author")
}
