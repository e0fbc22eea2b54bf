//! Sign-ins, in SQLite.

use async_trait::async_trait;
use ro_co_shared::{SessionId, Timestamp, UserId};
use rusqlite::{Connection, Row, named_params, params};

use super::{
    Sqlite,
    fault::{is_duplicate, parent_missing},
    id,
    sql::statements,
};
use crate::store::{Error, RefreshAttempt, Refreshed, Result, Session, Sessions};

/// How many sessions are forgotten in one write, so that others need not wait for all of them.
const PURGE: u32 = 500;

macro_rules! columns {
    () => {
        "id, user, generation, current, previous, rotated_at, replays, created_at, last_seen, expires_at,
        absolute_at, ended_at, end_reason, device, keyed, refresh_key, refresh_key_generation, grace_used"
    };
}

/// The key of the rotation that made the session's current token.
macro_rules! same_key {
    () => {
        "(:key IS NOT NULL AND refresh_key IS :key AND refresh_key_generation IS :generation)"
    };
}

/// A session that never sent a key, within a day.
macro_rules! never_keyed {
    () => {
        "(keyed = 0 AND :key IS NULL AND rotated_at > :now - :replay)"
    };
}

macro_rules! is_live {
    () => {
        " AND ended_at IS NULL AND expires_at > :now AND absolute_at > :now "
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO sessions (", columns!(), ")
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
    );
    END_OLDEST = concat!(
        "UPDATE sessions SET ended_at = :now, end_reason = 'limit' WHERE id IN (
            SELECT id FROM sessions WHERE user = :user AND id <> :new", is_live!(), "
            ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET :others)"
    );
    BY_ID = concat!("SELECT ", columns!(), " FROM sessions WHERE id = ?1");
    /// Step 1: compare and set.
    ROTATE = concat!(
        "UPDATE sessions SET generation = generation + 1, current = :next, previous = current, rotated_at = :now,
            replays = 0, last_seen = :now, expires_at = min(:expires, absolute_at), keyed = keyed OR :key IS NOT NULL,
            refresh_key = :key, refresh_key_generation = iif(:key IS NULL, NULL, generation)
        WHERE id = :id AND generation = :generation AND current = :hash", is_live!(), "RETURNING ", columns!()
    );
    /// Step 2: a write, and not a read, so that it is ordered after the rotation it repeats.
    REPLAY = concat!(
        "UPDATE sessions SET replays = replays + 1, keyed = keyed OR :key IS NOT NULL,
            grace_used = grace_used OR NOT (", same_key!(), " OR ", never_keyed!(), ")
        WHERE id = :id AND generation = :generation + 1 AND previous = :hash", is_live!(), "
            AND (", same_key!(), " OR ", never_keyed!(), " OR (grace_used = 0 AND rotated_at > :now - :grace))
        RETURNING ", columns!()
    );
    /// Step 3.
    END_REUSED = concat!(
        "UPDATE sessions SET ended_at = :now, end_reason = 'reuse'
        WHERE id = :id AND generation > :generation", is_live!(), "RETURNING ", columns!()
    );
    END = "UPDATE sessions SET ended_at = ?2, end_reason = ?3 WHERE id = ?1 AND ended_at IS NULL";
    END_ALL = concat!(
        "UPDATE sessions SET ended_at = :now, end_reason = :reason WHERE user = :user AND id IS NOT :except",
        is_live!()
    );
    /// The expression is that of the index `sessions_over`.
    PURGE_SOME = "DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions WHERE min(coalesce(ended_at, expires_at), expires_at, absolute_at) < ?1 LIMIT ?2)";
}

#[async_trait]
impl Sessions for Sqlite {
    async fn add_session(&self, session: &Session, most: usize) -> Result<()> {
        if session.user == UserId::DELETED {
            return Err(Error::NotFound);
        }
        let session = session.clone();
        self.write(move |db| add(db, &session, most)).await
    }

    async fn session(&self, id: SessionId) -> Result<Session> {
        self.read(move |db| BY_ID.one(db, [id.0.as_bytes()], session)?.ok_or(Error::NotFound)).await
    }

    async fn refresh(&self, attempt: &RefreshAttempt, now: Timestamp) -> Result<Refreshed> {
        let attempt = attempt.clone();
        self.write(move |db| Ok(refresh(db, &attempt, now)?)).await
    }

    async fn end_session(&self, id: SessionId, reason: &str, now: Timestamp) -> Result<()> {
        let reason = reason.to_owned();
        self.write(move |db| Ok(END.run(db, params![id.0.as_bytes(), now.0, reason]).map(drop)?)).await
    }

    async fn end_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
        reason: &str,
        now: Timestamp,
    ) -> Result<()> {
        let reason = reason.to_owned();
        self.write(move |db| {
            let except = except.as_ref().map(|id| id.0.as_bytes());
            let values = named_params! {":user": user.0.as_bytes(), ":except": except, ":now": now.0, ":reason": reason};
            Ok(END_ALL.run(db, values).map(drop)?)
        })
        .await
    }

    async fn purge_sessions(&self, before: Timestamp) -> Result<u64> {
        let mut purged = 0;
        loop {
            let some = self.write(move |db| Ok(PURGE_SOME.run(db, params![before.0, PURGE])?)).await?;
            purged += some as u64;
            if some < PURGE as usize {
                return Ok(purged);
            }
        }
    }
}

fn add(db: &Connection, session: &Session, most: usize) -> Result<()> {
    let (ended_at, end_reason) = session.ended.clone().unzip();
    let values = params![
        session.id.0.as_bytes(),
        session.user.0.as_bytes(),
        session.generation,
        session.current,
        session.previous,
        session.rotated_at.0,
        session.replays,
        session.created_at.0,
        session.last_seen.0,
        session.expires_at.0,
        session.absolute_at.0,
        ended_at.map(|at| at.0),
        end_reason,
        session.device,
        session.keyed,
        session.refresh_key.map(|(key, _)| key),
        session.refresh_key.map(|(_, generation)| generation),
        session.grace_used,
    ];
    INSERT.run(db, values).map_err(|error| match error {
        error if is_duplicate(&error) => Error::Conflict("id"),
        error => parent_missing(error),
    })?;
    let others = i64::try_from(most.saturating_sub(1)).unwrap_or(i64::MAX);
    let values = named_params! {
        ":user": session.user.0.as_bytes(), ":new": session.id.0.as_bytes(),
        ":now": session.created_at.0, ":others": others,
    };
    END_OLDEST.run(db, values)?;
    Ok(())
}

fn refresh(db: &Connection, token: &RefreshAttempt, now: Timestamp) -> rusqlite::Result<Refreshed> {
    let id = token.session.0.as_bytes();
    let rotation = named_params! {
        ":id": id, ":generation": token.generation, ":hash": token.hash, ":next": token.next_hash,
        ":now": now.0, ":expires": now.plus_millis(token.idle_ms).0, ":key": token.key,
    };
    if let Some(rotated) = ROTATE.one(db, rotation, session)? {
        return Ok(Refreshed::Rotated(rotated));
    }
    let replay = named_params! {
        ":id": id, ":generation": token.generation, ":hash": token.hash, ":now": now.0,
        ":key": token.key, ":replay": token.replay_ms, ":grace": token.grace_ms,
    };
    if let Some(replayed) = REPLAY.one(db, replay, session)? {
        return Ok(Refreshed::Replayed(replayed));
    }
    let reuse = named_params! {":id": id, ":generation": token.generation, ":now": now.0};
    let ended = END_REUSED.one(db, reuse, session)?;
    Ok(ended.map_or(Refreshed::Ended, Refreshed::Reused))
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let time = |column| row.get(column).map(Timestamp);
    let ended_at: Option<i64> = row.get("ended_at")?;
    let key: Option<[u8; 32]> = row.get("refresh_key")?;
    Ok(Session {
        id: SessionId(id(row, "id")?),
        user: UserId(id(row, "user")?),
        generation: row.get("generation")?,
        current: row.get("current")?,
        previous: row.get("previous")?,
        rotated_at: time("rotated_at")?,
        replays: row.get("replays")?,
        created_at: time("created_at")?,
        last_seen: time("last_seen")?,
        expires_at: time("expires_at")?,
        absolute_at: time("absolute_at")?,
        ended: ended_at.map(Timestamp).zip(row.get("end_reason")?),
        device: row.get("device")?,
        keyed: row.get("keyed")?,
        refresh_key: key.zip(row.get("refresh_key_generation")?),
        grace_used: row.get("grace_used")?,
    })
}
