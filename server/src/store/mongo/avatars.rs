//! Pictures, in MongoDB.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use ro_co_shared::UserId;

use super::{
    Mongo,
    calls::{MAX_TIME, uncancelled},
    documents::{V, date, uuid},
    fault::Fault,
};
use crate::store::{AvatarImage, Avatars, Result};

#[async_trait]
impl Avatars for Mongo {
    async fn avatar(&self, user: UserId, version: i64) -> Result<Option<AvatarImage>> {
        let found = self.avatars.find_one(doc! { "_id": uuid(user.0), "version": version }).await?;
        Ok(found.map(AvatarImage::from))
    }

    async fn keep_avatar(&self, user: UserId, version: i64, image: &AvatarImage) -> Result<bool> {
        let (store, image) = (self.clone(), image.clone());
        uncancelled(async move { store.keep_picture(user, version, &image).await }).await
    }
}

impl Mongo {
    /// Written first, and taken back if the account does not have this version: whoever changes or deletes the account
    /// meanwhile drops the picture after that, so none is left that nobody drops.
    async fn keep_picture(&self, user: UserId, version: i64, image: &AvatarImage) -> Result<bool> {
        let older = doc! { "_id": uuid(user.0), "version": { "$lte": version } };
        let picture = doc! {
            "$set": { "v": V, "version": version, "svg": &image.svg, "createdAt": date(image.created_at) },
        };
        let keep =
            self.avatars.call(|avatars| async move { avatars.update_one(older, picture).upsert(true).await });
        match keep.await {
            // One of a later version is there, or was put there at this moment.
            Err(Fault::Duplicate(_)) => return Ok(false),
            kept => kept?,
        };
        let current = doc! { "_id": uuid(user.0), "deleting": false, "avatarVersion": version };
        let find = self.accounts.of::<Document>().call(|accounts| async move {
            accounts.find_one(current).projection(doc! { "_id": 1 }).max_time(MAX_TIME).await
        });
        if find.await?.is_some() {
            return Ok(true);
        }
        self.avatars.delete_one(doc! { "_id": uuid(user.0), "version": version }).await?;
        Ok(false)
    }

    /// Drops the stored picture of an account that got another one, or was deleted.
    pub(super) async fn forget_avatar(&self, user: UserId, below: i64) -> Result<()> {
        self.avatars.delete_one(doc! { "_id": uuid(user.0), "version": { "$lt": below } }).await?;
        Ok(())
    }
}
