//! Sign-ins, in MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{Bson, Document, doc},
    options::Hint,
};
use ro_co_shared::{SessionId, Timestamp, UserId};

use super::{
    Mongo,
    calls::{MAX_TIME, uncancelled},
    deletion::{Id, batch, delete, ids},
    documents::{SessionDoc, bytes, date, uuid},
    schema::{BY_END, BY_USER},
    slice::sort,
};
use crate::store::{Accounts, Error, Order, RefreshAttempt, Refreshed, Result, Session, Sessions};

/// Narrows a filter down to sessions whose tokens are worth something.
fn live(mut filter: Document, now: Timestamp) -> Document {
    filter.insert("endedAt", Bson::Null);
    filter.insert("expiresAt", doc! { "$gt": date(now) });
    filter.insert("absoluteAt", doc! { "$gt": date(now) });
    filter
}

/// Ends what the filter meets.
fn end(reason: &str, now: Timestamp) -> Vec<Document> {
    vec![doc! { "$set": {
        "endedAt": date(now), "endReason": { "$literal": reason },
        "over": { "$min": [date(now), "$expiresAt", "$absoluteAt"] },
    } }]
}

#[async_trait]
impl Sessions for Mongo {
    async fn add_session(&self, session: &Session, most: usize) -> Result<()> {
        if session.user == UserId::DELETED {
            return Err(Error::NotFound);
        }
        let (store, session) = (self.clone(), session.clone());
        uncancelled(async move { store.keep_session(&session, most).await }).await
    }

    async fn session(&self, id: SessionId) -> Result<Session> {
        let found = self.sessions.find_one(doc! { "_id": uuid(id.0) }).await?;
        Ok(found.ok_or(Error::NotFound)?.try_into()?)
    }

    async fn refresh(&self, token: &RefreshAttempt, now: Timestamp) -> Result<Refreshed> {
        if let Some(rotated) = self.step(rotation(token, now)).await? {
            return Ok(Refreshed::Rotated(rotated));
        }
        if let Some(replayed) = self.step(replay(token, now)).await? {
            return Ok(Refreshed::Replayed(replayed));
        }
        let older =
            doc! { "_id": uuid(token.session.0), "generation": { "$gt": i64::from(token.generation) } };
        let ended = self.step((live(older, now), end("reuse", now))).await?;
        Ok(ended.map_or(Refreshed::Ended, Refreshed::Reused))
    }

    async fn end_session(&self, id: SessionId, reason: &str, now: Timestamp) -> Result<()> {
        let open = doc! { "_id": uuid(id.0), "endedAt": Bson::Null };
        self.sessions.update_one(open, end(reason, now)).await?;
        Ok(())
    }

    async fn end_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
        reason: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut theirs = doc! { "user": uuid(user.0) };
        if let Some(except) = except {
            theirs.insert("_id", doc! { "$ne": uuid(except.0) });
        }
        let (theirs, end) = (live(theirs, now), end(reason, now));
        let update = self.sessions.call(|sessions| async move {
            sessions.update_many(theirs, end).hint(Hint::Name(BY_USER.to_owned())).await
        });
        update.await?;
        Ok(())
    }

    async fn purge_sessions(&self, before: Timestamp) -> Result<u64> {
        let over = || doc! { "over": { "$lt": date(before) } };
        let mut purged = 0;
        while let Some(sessions) = batch::<Id, _>(&self.sessions, over(), BY_END).await? {
            purged += sessions.len() as u64;
            delete(&self.sessions, ids(&sessions)).await?;
        }
        Ok(purged)
    }
}

impl Mongo {
    /// Keeps a session, then ends the oldest beyond the limit.
    async fn keep_session(&self, session: &Session, most: usize) -> Result<()> {
        // One that is added while its account is deleted opens nothing, and goes when the account's mark goes.
        self.account(session.user).await?;
        self.sessions.insert(SessionDoc::from(session)).await?;
        let others = doc! { "user": uuid(session.user.0), "_id": { "$ne": uuid(session.id.0) } };
        let (filter, kept) = (live(others, session.created_at), most.saturating_sub(1) as u64);
        let find = self.sessions.of::<Document>().call(move |sessions| async move {
            let find = sessions.find(filter).sort(sort(Order::Newest)).skip(kept).max_time(MAX_TIME);
            let find = find.projection(doc! { "_id": 1 }).hint(Hint::Name(BY_USER.to_owned()));
            find.await?.try_collect().await
        });
        let beyond: Vec<Document> = find.await?;
        let beyond: Vec<Bson> = beyond.into_iter().filter_map(|mut doc| doc.remove("_id")).collect();
        if !beyond.is_empty() {
            let those = doc! { "_id": { "$in": beyond }, "endedAt": Bson::Null };
            let end = end("limit", session.created_at);
            self.sessions.call(|sessions| async move { sessions.update_many(those, end).await }).await?;
        }
        Ok(())
    }

    /// One step of a refresh, which the driver may repeat: the server remembers what it answered.
    async fn step(&self, (filter, update): (Document, Vec<Document>)) -> Result<Option<Session>> {
        Ok(self.sessions.change(filter, update).await?.map(Session::try_from).transpose()?)
    }
}

/// Step 1: compare and set.
fn rotation(token: &RefreshAttempt, now: Timestamp) -> (Document, Vec<Document>) {
    let filter = doc! {
        "_id": uuid(token.session.0), "generation": i64::from(token.generation), "current": bytes(&token.hash),
    };
    let expires = doc! { "$min": [date(now.plus_millis(token.idle_ms)), "$absoluteAt"] };
    let update = doc! { "$set": {
        "generation": { "$add": ["$generation", 1_i64] },
        "current": bytes(&token.next_hash),
        "previous": "$current",
        "rotatedAt": date(now),
        "replays": 0_i64,
        "lastSeen": date(now),
        "expiresAt": &expires,
        "over": expires,
        "keyed": keyed(token),
        "refreshKey": token.key.as_ref().map_or_else(removed, |key| bytes(key).into()),
        "refreshKeyGeneration": token.key.map_or_else(removed, |_| i64::from(token.generation).into()),
    } };
    (live(filter, now), vec![update])
}

/// Step 2: a write, and not a read, so that it is ordered after the rotation it repeats. What is granted once is taken in
/// the same write.
fn replay(token: &RefreshAttempt, now: Timestamp) -> (Document, Vec<Document>) {
    let within = |millis: i64| date(now.plus_millis(-millis));
    let (granted, is_granted) = if let Some(key) = &token.key {
        let (key, rotated) = (bytes(key), i64::from(token.generation));
        let same = doc! { "$and": [
            { "$eq": ["$refreshKey", &key] }, { "$eq": ["$refreshKeyGeneration", rotated] },
        ] };
        (doc! { "refreshKey": key, "refreshKeyGeneration": rotated }, same)
    } else {
        let day = within(token.replay_ms);
        let never = doc! { "$and": [{ "$ne": ["$keyed", true] }, { "$gt": ["$rotatedAt", day] }] };
        (doc! { "keyed": { "$ne": true }, "rotatedAt": { "$gt": day } }, never)
    };
    let grace = doc! { "graceUsed": { "$ne": true }, "rotatedAt": { "$gt": within(token.grace_ms) } };
    let filter = doc! {
        "_id": uuid(token.session.0), "generation": i64::from(token.generation) + 1, "previous": bytes(&token.hash),
        "$or": [granted, grace],
    };
    let update = doc! { "$set": {
        "replays": { "$add": ["$replays", 1_i64] },
        "keyed": keyed(token),
        "graceUsed": { "$or": ["$graceUsed", { "$not": [is_granted] }] },
    } };
    (live(filter, now), vec![update])
}

/// Whether the session is keyed after this attempt. A missing field counts as false.
fn keyed(token: &RefreshAttempt) -> Document {
    doc! { "$or": ["$keyed", token.key.is_some()] }
}

/// Takes a field away, in the update of a pipeline.
fn removed() -> Bson {
    "$$REMOVE".into()
}
