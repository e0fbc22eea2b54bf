//! `/auth`: signing up, in and out.

use std::sync::Arc;

use poem::{Request, http::header, web::Data};
use poem_openapi::{OpenApi, param::Query};
use ro_co_shared::{
    Code, Credentials, Email, Errors, FieldError, Login, NewUser, Role, SignOut, SignUp, UserId, Username,
};

use super::{
    Tag,
    payload::{Body, Done, Json},
    users::MadeUser,
};
use crate::{
    app::App,
    auth::RefreshBearer,
    error::{ApiError, Clash, Credential, OperationError, Plain},
    limits::{AnonymousRateLimit, Attempt},
    password::Verdict,
    store::{self, Account},
};

pub(super) struct Auth;

/// How often a login begins anew because the password was changed in the middle of it.
const LOGIN_ATTEMPTS: usize = 3;

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Tag::Auth")]
impl Auth {
    /// Sign up
    ///
    /// Makes an account. Name and address must be free; when one is taken, `errors` says which.
    #[oai(path = "/signup", method = "post", operation_id = "signUp")]
    async fn sign_up(
        &self,
        open: AnonymousRateLimit,
        app: Data<&Arc<App>>,
        body: Body<SignUp>,
    ) -> Result<MadeUser, OperationError<Clash>> {
        let NewUser { username, email, password } = body.checked;
        // Both at once, and before the dear hash; the store's indexes have the last word.
        let free = [
            ("username", app.store.username_free(&username).await?),
            ("email", app.store.email_free(&email).await?),
        ];
        refuse_taken(&free)?;
        let account = Account {
            id: UserId::new(),
            avatar_seed: username.to_string(),
            password: app.passwords.hash(password.expose()).await.inspect_err(|_| app.limits.refund(open))?,
            username,
            email,
            role: Role::User,
            verified: false,
            suspended: false,
            created_at: app.clock.now(),
            avatar_version: 1,
        };
        app.store.add_account(&account).await?;
        Ok(MadeUser::new(&account))
    }

    /// Check a name
    ///
    /// Tells whether a name is free: 200 when it is, 409 when it is taken, 400 when it is no valid name.
    #[oai(path = "/signup/username", method = "get", operation_id = "checkUsername")]
    async fn username(
        &self,
        _open: AnonymousRateLimit,
        app: Data<&Arc<App>>,
        /// The name.
        username: Query<ro_co_shared::Input<Username>>,
    ) -> Result<Done, OperationError<Clash>> {
        let mut errors = Errors::default();
        let Some(name) = username.0.check("username", &mut errors) else {
            return Err(ApiError::fields(errors.into_vec()).into());
        };
        refuse_taken(&[("username", app.store.username_free(&name).await?)])?;
        Ok(Done)
    }

    /// Log in
    ///
    /// Opens a session. Whatever is wrong, the answer is the same, and takes the same time. After five failures the
    /// next attempt has to wait: 429, even with the right password.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        open: AnonymousRateLimit,
        request: &Request,
        app: Data<&Arc<App>>,
        body: Body<Credentials>,
    ) -> Result<Json<Login>, OperationError<Credential>> {
        let (email, password) = body.checked;
        let attempt = app.limits.attempt(email.as_ref(), open)?;
        for _ in 0..LOGIN_ATTEMPTS {
            let Some((account, hash)) =
                verified(&app, email.as_ref(), password.expose(), (open, &attempt)).await?
            else {
                continue;
            };
            if let Some(login) = app.open_session(&account, &hash, device(request)).await? {
                return Ok(Json(login));
            }
        }
        Err(store::Error::Unavailable("the password changes all the time".into()).into())
    }

    /// Refresh
    ///
    /// Spends the refresh token for a new pair of tokens. Repeating it, as after a lost answer, gives the same
    /// refresh token again. A spent one that comes back later ends the session.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh")]
    async fn refresh(
        &self,
        _open: AnonymousRateLimit,
        token: RefreshBearer,
        app: Data<&Arc<App>>,
    ) -> Result<Json<Login>, OperationError<Plain>> {
        Ok(Json(app.refresh(&token.0).await?))
    }

    /// Log out
    ///
    /// Ends the session of the refresh token in the body. Repeating it is fine.
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn logout(
        &self,
        _open: AnonymousRateLimit,
        app: Data<&Arc<App>>,
        body: Body<SignOut>,
    ) -> Result<Done, OperationError<Plain>> {
        app.sign_out(body.checked.as_str()).await?;
        Ok(Done)
    }
}

/// The account that this password is right for, and the hash it was checked against or has got now; `None` when
/// somebody else replaced that hash meanwhile.
async fn verified(
    app: &App,
    email: Option<&Email>,
    password: &str,
    (open, attempt): (AnonymousRateLimit, &Attempt<'_>),
) -> Result<Option<(Account, String)>, ApiError> {
    let account = match email {
        None => None,
        Some(email) => match app.store.account_by_email(email).await {
            Ok(account) => Some(account),
            Err(store::Error::NotFound) => None,
            Err(e) => return Err(e.into()),
        },
    };
    let stored = account.as_ref().map(|a| a.password.as_str());
    let verdict = app.passwords.verify(password, stored).await.inspect_err(|_| {
        attempt.undo();
        app.limits.refund(open);
    })?;
    let Some(account) = account.filter(|a| verdict != Verdict::Wrong && !a.suspended) else {
        return Err(ApiError::new(Code::InvalidCredentials, ""));
    };
    attempt.succeeded();
    let Verdict::Rehashed(new) = verdict else {
        let hash = account.password.clone();
        return Ok(Some((account, hash)));
    };
    match app.store.set_password(account.id, &account.password, &new).await {
        Ok(()) => Ok(Some((account, new))),
        Err(store::Error::Stale) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn refuse_taken(free: &[(&str, bool)]) -> Result<(), ApiError> {
    let taken: Vec<FieldError> = free
        .iter()
        .filter(|(_, free)| !free)
        .map(|(field, _)| FieldError { field: (*field).into(), message: "is taken".into() })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    Err(ApiError::about(Code::Taken, taken))
}

/// What signs in, in its own words.
fn device(request: &Request) -> String {
    let agent = request.header(header::USER_AGENT).unwrap_or_default();
    agent.chars().filter(|c| !c.is_control()).take(128).collect()
}
