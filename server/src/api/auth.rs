//! `/auth`: signing up, in and out.

use std::sync::Arc;

use poem::{Request, http::header, web::Data};
use poem_openapi::{OpenApi, param::Query};
use ro_co_shared::{Credentials, Errors, Login, Optional, SignOut, SignUp, Username};

use super::{
    Tag,
    header::Header,
    payload::{Body, Done, Json},
    users::MadeUser,
};
use crate::{
    app::App,
    auth::{LoginAttempt, RefreshBearer, refuse_taken},
    error::{ApiError, Clash, Credential, OperationError, Plain},
    idempotency::{IdempotencyKey, key_digest},
    limits::AnonymousRateLimit,
};

pub(super) struct Auth;

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Tag::Auth")]
impl Auth {
    /// Sign up
    ///
    /// Makes an account. Name and address must be free; when one is taken, `errors` says which.
    #[oai(path = "/signup", method = "post", operation_id = "signUp")]
    async fn sign_up(
        &self,
        client: AnonymousRateLimit,
        app: Data<&Arc<App>>,
        body: Body<SignUp>,
    ) -> Result<MadeUser, OperationError<Clash>> {
        let account = app.sign_up(body.checked, client).await?;
        Ok(MadeUser::new(&account, &app.settings.base_path))
    }

    /// Check a name
    ///
    /// Tells whether a name is free: 200 when it is, 409 when it is taken, looks like a taken one or is reserved, 400
    /// when it is no valid name.
    #[oai(path = "/signup/username", method = "get", operation_id = "checkUsername")]
    async fn username(
        &self,
        _client: AnonymousRateLimit,
        app: Data<&Arc<App>>,
        /// The name.
        username: Query<ro_co_shared::Input<Username>>,
    ) -> Result<Done, OperationError<Clash>> {
        let mut errors = Errors::default();
        let Some(name) = username.0.check("username", &mut errors) else {
            return Err(ApiError::fields(errors.into_vec()).into());
        };
        refuse_taken(&[("username", app.username_free(&name).await?)])?;
        Ok(Done)
    }

    /// Log in
    ///
    /// Opens a session. Whatever is wrong, the answer is the same, and takes the same time. After five failures the
    /// next attempt has to wait: 429, even with the right password.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        client: AnonymousRateLimit,
        request: &Request,
        app: Data<&Arc<App>>,
        body: Body<Credentials>,
    ) -> Result<Json<Login>, OperationError<Credential>> {
        let (email, password) = body.checked;
        let attempt = LoginAttempt { email, password, device: device(request), client };
        Ok(Json(app.log_in(attempt).await?))
    }

    /// Refresh
    ///
    /// Spends the refresh token for a new pair of tokens. Repeating it with the same `Idempotency-Key`, as after a lost
    /// answer, gives the same refresh token again. With another key or none a spent token is accepted once, for a minute
    /// (in a session that never sent a key: for a day); after that it ends the session.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh")]
    async fn refresh(
        &self,
        _client: AnonymousRateLimit,
        token: RefreshBearer,
        app: Data<&Arc<App>>,
        /// Any text of 1 to 255 visible ASCII characters, random for each refresh and the same when it is repeated.
        #[oai(name = "Idempotency-Key")]
        key: Header<Optional<IdempotencyKey>>,
    ) -> Result<Json<Login>, OperationError<Plain>> {
        Ok(Json(app.refresh(&token.0, key_digest(&key.0)?).await?))
    }

    /// Log out
    ///
    /// Ends the session of the refresh token in the body. Repeating it is fine.
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn logout(
        &self,
        _client: AnonymousRateLimit,
        app: Data<&Arc<App>>,
        body: Body<SignOut>,
    ) -> Result<Done, OperationError<Plain>> {
        app.sign_out(body.checked.as_str()).await?;
        Ok(Done)
    }
}

/// The client's `User-Agent`, cut to 128 characters.
fn device(request: &Request) -> String {
    let agent = request.header(header::USER_AGENT).unwrap_or_default();
    agent.chars().filter(|c| !c.is_control()).take(128).collect()
}
