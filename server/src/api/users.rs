//! `/user`: users, their names and passwords.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Path, Query},
};
use ro_co_shared::{
    API_PATH, ChangePassword, ChangeUsername, Code, Content, DeleteMe, Errors, Input, Invalid, Optional,
    PageNumber, PageSize, User, UserId,
};

use super::{
    Tag,
    cursor::{CursorText, ListAddress},
    header::Header,
    listing::{Listed, PageParams, PageResult, id},
    payload::{Body, Done, Json},
};
use crate::{
    app::App,
    auth::{AnyCaller, Caller, ClientNetwork, wrong_field},
    avatar::avatar_url,
    base_path::BasePath,
    error::{
        AccountDeletion, AdminsOnly, ApiError, Clash, Missing, OperationError, OwnDeletion, PasswordChanged,
        Plain,
    },
    password::Verdict,
    permissions::Permissions,
    store::{self, Account, Order},
};

pub(super) struct Users;

/// A user as everybody sees them.
fn as_others(account: &Account, base_path: &BasePath) -> User {
    User {
        id: account.id,
        username: account.username.to_string(),
        avatar_url: avatar_url(base_path, account.id, account.avatar_version),
        email: None,
        role: None,
        verified: None,
        created_at: None,
        suspended: None,
        password_expires_at: None,
    }
}

/// A user as they see themself, and as admins see them.
fn as_self(account: &Account, base_path: &BasePath) -> User {
    User {
        email: Some(account.email.to_string()),
        role: Some(account.role),
        verified: Some(account.verified),
        created_at: Some(account.created_at),
        suspended: Some(account.suspended),
        password_expires_at: account.password_expires_at,
        ..as_others(account, base_path)
    }
}

/// A user that was made or renamed.
#[derive(ApiResponse)]
pub(super) enum MadeUser {
    /// The user, as seen by themself.
    #[oai(status = 201)]
    Made(Json<User>, #[oai(header = "Location")] String),
}

impl MadeUser {
    pub(super) fn new(account: &Account, base_path: &BasePath) -> Self {
        let location = base_path.api_url(format_args!("/user/{}", account.id));
        Self::Made(Json(as_self(account, base_path)), location)
    }
}

/// The list of all accounts.
fn list() -> ListAddress {
    ListAddress {
        name: "users",
        path: format!("{API_PATH}/user/all"),
        query: String::new(),
        order: Order::Oldest,
        default_order: Order::Oldest,
    }
}

#[OpenApi(prefix_path = "/api/v1/user", tag = "Tag::Users")]
impl Users {
    /// Who am I
    ///
    /// The caller, with the fields that others do not see.
    #[oai(path = "/me", method = "get", operation_id = "me")]
    async fn me(&self, caller: AnyCaller, app: Data<&Arc<App>>) -> Result<Json<User>, OperationError<Plain>> {
        Ok(Json(as_self(&app.store.account(caller.0.user).await?, &app.settings.base_path)))
    }

    /// Read a user
    ///
    /// Public fields only, unless it is the caller or the caller is an admin.
    #[oai(path = "/:id", method = "get", operation_id = "getUser")]
    async fn user(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// The user's id.
        id: Path<Input<UserId>>,
    ) -> Result<Json<User>, OperationError<Missing>> {
        let account = app.store.account(self::id("id", &id.0)?).await?;
        let whole = caller.may(Permissions::VIEW_ACCOUNTS) || caller.user == account.id;
        let base_path = &app.settings.base_path;
        Ok(Json(if whole { as_self(&account, base_path) } else { as_others(&account, base_path) }))
    }

    /// Change my name
    ///
    /// The picture stays.
    #[oai(path = "/", method = "put", operation_id = "changeUsername")]
    async fn rename(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        body: Body<ChangeUsername>,
    ) -> Result<MadeUser, OperationError<Clash>> {
        if body.checked.is_reserved() {
            return Err(ApiError::from(store::Error::Conflict("username")).into());
        }
        let account = app.store.rename(caller.user, &body.checked).await?;
        Ok(MadeUser::new(&account, &app.settings.base_path))
    }

    /// Change my password
    ///
    /// Ends all other sessions.
    #[oai(path = "/password", method = "put", operation_id = "changePassword")]
    async fn password(
        &self,
        caller: AnyCaller,
        network: ClientNetwork,
        app: Data<&Arc<App>>,
        body: Body<ChangePassword>,
    ) -> Result<Done, OperationError<PasswordChanged>> {
        app.change_password(caller.0, network.requester(), body.checked).await?;
        Ok(Done)
    }

    /// Delete my account
    ///
    /// Needs the password. What becomes of the caller's content: `keep` (it loses its author) or `erase`. The last admin stays:
    /// 409 `last_admin`.
    #[oai(path = "/me/delete", method = "post", operation_id = "deleteMe")]
    async fn delete_me(
        &self,
        caller: Caller,
        network: ClientNetwork,
        app: Data<&Arc<App>>,
        body: Body<DeleteMe>,
    ) -> Result<Done, OperationError<OwnDeletion>> {
        let (password, content) = body.checked;
        let account = app.store.account(caller.user).await?;
        let requester = network.requester();
        if app.verify_password(requester, password.expose(), &account.password).await? == Verdict::Wrong {
            return Err(wrong_field(Code::Forbidden, "password", &Invalid::new("is wrong")).into());
        }
        delete_account(&app, caller.user, content).await
    }

    /// All users
    ///
    /// Oldest first; for admins. The `Link` header carries the URL of the next page.
    #[oai(path = "/all", method = "get", operation_id = "listUsers")]
    async fn all(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// Which page, from 0; not together with `cursor`.
        page: Query<Optional<PageNumber>>,
        /// How many at most, 10 by default.
        size: Query<Optional<PageSize>>,
        /// Where to go on, from a `Link` header.
        cursor: Query<Optional<CursorText>>,
        /// The tag of the page at hand.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> Result<Listed<User>, OperationError<AdminsOnly>> {
        caller.require(Permissions::VIEW_ACCOUNTS)?;
        let mut errors = Errors::default();
        let start = PageParams { page: &page.0, size: &size.0, cursor: &cursor.0 }.check(&mut errors);
        let start = start.ok_or_else(|| ApiError::fields(errors.into_vec()))?;
        let page = start.of(&app, list())?;
        let _turn = if page.is_deep() { app.limits.slow_read(caller.user).await } else { None };
        let rows = app.store.accounts(page.query(())).await?;
        let found = PageResult { page, rows, total: None, if_none_match: if_none_match.0 };
        Ok(Listed::new(&app, found, |account| as_self(&account, &app.settings.base_path))?)
    }

    /// Delete a user
    ///
    /// Their sessions end at once. For admins; one's own account goes by `deleteMe`. The last admin stays: 409 `last_admin`.
    #[oai(path = "/:id", method = "delete", operation_id = "deleteUser")]
    async fn delete(
        &self,
        caller: Caller,
        app: Data<&Arc<App>>,
        /// The user's id.
        id: Path<Input<UserId>>,
        /// What becomes of their content: `keep` (the default; it loses its author) or `erase`.
        content: Query<Optional<Content>>,
    ) -> Result<Done, OperationError<AccountDeletion>> {
        caller.require(Permissions::DELETE_ACCOUNTS)?;
        let mut errors = Errors::default();
        let (id, content) = (id.0.check("id", &mut errors), content.0.check_text("content", &mut errors));
        let (Some(id), Some(content)) = (id, content) else {
            return Err(ApiError::fields(errors.into_vec()).into());
        };
        if id == caller.user {
            return Err(
                ApiError::new(Code::Forbidden, "your own account goes by POST /user/me/delete").into()
            );
        }
        delete_account(&app, id, content.unwrap_or_default()).await
    }
}

async fn delete_account<S>(app: &Arc<App>, id: UserId, content: Content) -> Result<Done, OperationError<S>> {
    let deleting = Arc::clone(app);
    let deletion = async move {
        deleting.store.delete_account(id, content).await?;
        deleting.sessions.forget_user(id);
        Ok(())
    };
    app.to_completion(deletion).await?;
    Ok(Done)
}
