//! Pictures, in MongoDB.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use ro_co_shared::UserId;

use super::{
    Mongo,
    documents::{V, date, uuid},
    fault::{Fault, ask},
};
use crate::store::{AvatarImage, Avatars, Result};

#[async_trait]
impl Avatars for Mongo {
    async fn avatar(&self, user: UserId, version: i64) -> Result<Option<AvatarImage>> {
        let found = ask(self.avatars.find_one(doc! { "_id": uuid(user.0), "version": version })).await?;
        Ok(found.map(AvatarImage::from))
    }

    /// Written first, and taken back if the account does not have this version: whoever changes or deletes the account
    /// meanwhile drops the picture after that, so none is left that nobody drops.
    async fn keep_avatar(&self, user: UserId, version: i64, image: &AvatarImage) -> Result<bool> {
        let older = doc! { "_id": uuid(user.0), "version": { "$lte": version } };
        let picture = doc! {
            "$set": { "v": V, "version": version, "svg": &image.svg, "createdAt": date(image.created_at) },
        };
        match ask(self.avatars.update_one(older, picture).upsert(true)).await {
            // One of a later version is there, or was put there at this moment.
            Err(Fault::Duplicate(_)) => return Ok(false),
            kept => kept?,
        };
        let accounts = self.accounts.clone_with_type::<Document>();
        let current = doc! { "_id": uuid(user.0), "deleting": false, "avatarVersion": version };
        if ask(accounts.find_one(current).projection(doc! { "_id": 1 })).await?.is_some() {
            return Ok(true);
        }
        ask(self.avatars.delete_one(doc! { "_id": uuid(user.0), "version": version })).await?;
        Ok(false)
    }
}

impl Mongo {
    /// Drops the stored picture of an account that got another one, or was deleted.
    pub(super) async fn forget_avatar(&self, user: UserId, below: i64) -> Result<()> {
        ask(self.avatars.delete_one(doc! { "_id": uuid(user.0), "version": { "$lt": below } })).await?;
        Ok(())
    }
}
