//! Leases of background jobs, in SQLite.

use std::time::Duration;

use async_trait::async_trait;
use ro_co_shared::Timestamp;
use rusqlite::params;

use super::{Sqlite, sql::statements};
use crate::store::{Jobs, MAX_LEASE, Result};

statements! {
    /// Of another holder's lease, one that is over; or one that reaches too far ahead, for the clock was set back.
    LEASE = "INSERT INTO jobs (name, holder, lease_until) VALUES (?1, ?2, ?3 + ?4) ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder, lease_until = excluded.lease_until
        WHERE holder IS excluded.holder OR lease_until <= ?3 OR lease_until > ?3 + ?5";
    RELEASE = "UPDATE jobs SET holder = NULL, lease_until = 0 WHERE name = ?1 AND holder = ?2";
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Jobs for Sqlite {
    async fn lease(&self, job: &str, holder: &str, span: Duration) -> Result<bool> {
        let (job, holder) = (job.to_owned(), holder.to_owned());
        self.write(move |db| {
            let values = params![job, holder, Timestamp::now().0, millis(span), millis(MAX_LEASE)];
            Ok(LEASE.run(db, values)? == 1)
        })
        .await
    }

    async fn release(&self, job: &str, holder: &str) -> Result<()> {
        let (job, holder) = (job.to_owned(), holder.to_owned());
        self.write(move |db| Ok(RELEASE.run(db, params![job, holder]).map(drop)?)).await
    }
}
