//! Users, in MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{Document, deserialize_from_document, doc},
    options::Hint,
};
use ro_co_shared::{Content, Email, Role, UserId, Username};

use super::{
    Mongo,
    calls::{MAX_TIME, uncancelled},
    documents::{AccountDoc, date, role_text, uuid},
    fault::{Fault, Taken},
    schema::{
        BY_BCRYPT, BY_EMAIL, BY_EMAIL_CANONICAL, BY_TIME, BY_USERNAME, BY_USERNAME_SKELETON, bcrypt_hashes,
    },
    slice::{narrow, sort},
};
use crate::store::{Account, Accounts, Error, ListQuery, PasswordUpdate, Result};

/// A live account. The one that stands in for the deleted can be read, and is nobody's to change.
pub(super) fn ordinary(id: UserId) -> Result<Document> {
    if id == UserId::DELETED { Err(Error::NotFound) } else { Ok(live(id)) }
}

fn live(id: UserId) -> Document {
    doc! { "_id": uuid(id.0), "deleting": false }
}

#[async_trait]
impl Accounts for Mongo {
    async fn add_account(&self, account: &Account) -> Result<()> {
        match self.accounts.insert(AccountDoc::from(account)).await {
            // Which index is looked at first is the server's own affair: where both are taken, the name is told.
            Err(Fault::Duplicate(Taken::Email)) if !self.username_free(&account.username).await? => {
                Err(Error::Conflict("username"))
            }
            Err(fault) => Err(fault.into()),
            Ok(_) => {
                self.authors.note(account);
                Ok(())
            }
        }
    }

    async fn account(&self, id: UserId) -> Result<Account> {
        let found = self.accounts.find_one(live(id)).await?;
        let account = Account::from(found.ok_or(Error::NotFound)?);
        self.authors.note(&account);
        Ok(account)
    }

    async fn account_by_email(&self, email: &Email) -> Result<Account> {
        let find = |filter, index: &str| {
            let index = Hint::Name(index.to_owned());
            self.accounts.call(|accounts| async move {
                accounts.find_one(filter).hint(index).max_time(MAX_TIME).await
            })
        };
        // Both always, so that time does not tell which of them found it.
        let (typed, canonical) = tokio::join!(find(doc! { "emailKey": email.key() }, BY_EMAIL), async {
            let Some(canonical) = email.canonical() else { return Ok(None) };
            find(doc! { "emailCanonical": canonical }, BY_EMAIL_CANONICAL).await
        });
        // First as it was typed at sign-up: of two accounts whose addresses are one by now, each finds its own.
        let account = Account::from(typed?.or(canonical?).ok_or(Error::NotFound)?);
        // Nobody signs in as the deleted.
        ordinary(account.id).map(|_| account)
    }

    async fn username_free(&self, name: &Username) -> Result<bool> {
        let key = doc! { "usernameKey": name.key() };
        let skeleton = name.skeleton().map(|skeleton| doc! { "usernameSkeleton": skeleton });
        self.both_free((key, BY_USERNAME), (skeleton, BY_USERNAME_SKELETON)).await
    }

    async fn email_free(&self, email: &Email) -> Result<bool> {
        let key = doc! { "emailKey": email.key() };
        let canonical = email.canonical().map(|canonical| doc! { "emailCanonical": canonical });
        self.both_free((key, BY_EMAIL), (canonical, BY_EMAIL_CANONICAL)).await
    }

    async fn accounts(&self, query: ListQuery<()>) -> Result<Vec<Account>> {
        let ListQuery { filter: (), order, slice } = query;
        if slice.size == 0 {
            // To the server, a limit of 0 is none.
            return Ok(Vec::new());
        }
        let mut filter = doc! { "deleting": false, "_id": { "$ne": uuid(UserId::DELETED.0) } };
        let skip = narrow(&mut filter, order, slice);
        let find = self.accounts.call(move |accounts| async move {
            let find = accounts.find(filter).sort(sort(order)).hint(Hint::Name(BY_TIME.to_owned()));
            find.skip(skip).limit(slice.size.into()).max_time(MAX_TIME).await?.try_collect().await
        });
        let docs: Vec<_> = find.await?;
        Ok(docs.into_iter().map(Account::from).collect())
    }

    async fn rename(&self, id: UserId, name: &Username) -> Result<Account> {
        let mut keys = doc! { "username": name.as_str(), "usernameKey": name.key() };
        let Some(skeleton) = name.skeleton() else {
            return self.change(id, doc! { "$set": keys, "$unset": { "usernameSkeleton": "" } }).await;
        };
        keys.insert("usernameSkeleton", skeleton);
        self.change(id, doc! { "$set": keys }).await
    }

    async fn set_password(&self, id: UserId, update: PasswordUpdate<'_>) -> Result<()> {
        let mut filter = ordinary(id)?;
        filter.insert("password", update.old);
        let change = if let Some(at) = update.expires_at {
            doc! { "$set": { "password": update.new, "passwordExpiresAt": date(at) } }
        } else {
            doc! { "$set": { "password": update.new }, "$unset": { "passwordExpiresAt": "" } }
        };
        if self.accounts.update_one(filter, change).await? {
            return Ok(());
        }
        self.account(id).await?;
        Err(Error::Stale)
    }

    async fn has_bcrypt_hashes(&self) -> Result<bool> {
        let find = self.accounts.of::<Document>().call(|accounts| async move {
            let find = accounts.find_one(bcrypt_hashes()).hint(Hint::Name(BY_BCRYPT.to_owned()));
            find.projection(doc! { "_id": 1 }).max_time(MAX_TIME).await
        });
        Ok(find.await?.is_some())
    }

    async fn set_role(&self, id: UserId, role: Role) -> Result<Account> {
        let set = doc! { "$set": { "role": role_text(role) } };
        if role == Role::Admin { self.change(id, set).await } else { self.take_admin_away(id, set).await }
    }

    async fn set_suspended(&self, id: UserId, suspended: bool) -> Result<Account> {
        let set = doc! { "$set": { "suspended": suspended } };
        if suspended { self.take_admin_away(id, set).await } else { self.change(id, set).await }
    }

    async fn set_avatar_seed(&self, id: UserId, seed: &str) -> Result<Account> {
        let update = doc! { "$set": { "avatarSeed": seed }, "$inc": { "avatarVersion": 1_i64 } };
        let store = self.clone();
        uncancelled(async move {
            let account = store.change(id, update).await?;
            store.forget_avatar(id, account.avatar_version).await?;
            Ok(account)
        })
        .await
    }

    async fn delete_account(&self, id: UserId, content: Content) -> Result<()> {
        let store = self.clone();
        uncancelled(async move {
            store.mark_account(id, content).await?;
            store.authors.forget(id);
            store.finish_account(id, content.into()).await;
            Ok(())
        })
        .await
    }
}

impl Mongo {
    /// A change that may take an admin away, in several writes.
    async fn take_admin_away(&self, id: UserId, change: Document) -> Result<Account> {
        let store = self.clone();
        let changed = uncancelled(async move { store.change_admin(id, vec![change]).await }).await?;
        let read: std::result::Result<AccountDoc, _> = deserialize_from_document(changed);
        let account = Account::from(read.map_err(|_| Fault::Malformed("an account of another shape"))?);
        self.authors.note(&account);
        Ok(account)
    }

    /// One conditional write, and the account as it is afterwards.
    async fn change(&self, id: UserId, update: Document) -> Result<Account> {
        let changed = self.accounts.change(ordinary(id)?, update).await?;
        let account = Account::from(changed.ok_or(Error::NotFound)?);
        self.authors.note(&account);
        Ok(account)
    }

    /// Whether no account has the key of the previous release, nor that of this one.
    async fn both_free(&self, old: (Document, &str), new: (Option<Document>, &str)) -> Result<bool> {
        let new_free = async {
            let Some(key) = new.0 else { return Ok(true) };
            self.free(key, new.1).await
        };
        let (old_free, new_free) = tokio::try_join!(self.free(old.0, old.1), new_free)?;
        Ok(old_free && new_free)
    }

    /// Whether no account has this key; the index alone can tell.
    async fn free(&self, key: Document, index: &str) -> Result<bool> {
        let covered: Document =
            key.keys().map(|name| (name.clone(), 1.into())).chain([("_id".to_owned(), 0.into())]).collect();
        let index = Hint::Name(index.to_owned());
        let find = self.accounts.of::<Document>().call(|accounts| async move {
            accounts.find_one(key).projection(covered).hint(index).max_time(MAX_TIME).await
        });
        Ok(find.await?.is_none())
    }
}
