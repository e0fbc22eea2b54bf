//! Pictures, in SQLite.

use async_trait::async_trait;
use ro_co_shared::{Timestamp, UserId};
use rusqlite::{Connection, Row, params};

use super::{Sqlite, sql::statements};
use crate::store::{AvatarImage, Avatars, Result};

statements! {
    BY_USER = "SELECT svg, created_at FROM avatars WHERE user = ?1 AND version = ?2";
    /// One write: the account is asked for its version in the insert itself.
    KEEP = "INSERT INTO avatars (user, version, svg, created_at)
        SELECT id, avatar_version, ?3, ?4 FROM accounts WHERE id = ?1 AND avatar_version = ?2
        ON CONFLICT (user) DO UPDATE SET version = excluded.version, svg = excluded.svg, created_at = excluded.created_at";
    FORGET = "DELETE FROM avatars WHERE user = ?1";
}

#[async_trait]
impl Avatars for Sqlite {
    async fn avatar(&self, user: UserId, version: i64) -> Result<Option<AvatarImage>> {
        self.read(move |db| Ok(BY_USER.one(db, params![user.0.as_bytes(), version], image)?)).await
    }

    async fn keep_avatar(&self, user: UserId, version: i64, image: &AvatarImage) -> Result<bool> {
        let AvatarImage { svg, created_at } = image.clone();
        self.write(move |db| Ok(KEEP.run(db, params![user.0.as_bytes(), version, svg, created_at.0])? == 1))
            .await
    }
}

/// Drops the stored picture of an account that gets another one.
pub(super) fn forget(db: &Connection, user: UserId) -> rusqlite::Result<()> {
    FORGET.run(db, [user.0.as_bytes()]).map(drop)
}

fn image(row: &Row<'_>) -> rusqlite::Result<AvatarImage> {
    Ok(AvatarImage { svg: row.get("svg")?, created_at: Timestamp(row.get("created_at")?) })
}
