//! Accounts, sessions and pictures.

use std::time::Duration;

use reqwest::{Method, header::CACHE_CONTROL};
use ro_co_shared::{
    API_PATH, ChangePassword, ChangeUsername, Code, Content, Credentials, DeleteMe, SignUp, User, UserId,
};

use super::{Api, Failure, http::HttpRequest};

/// A picture that may be kept for less than this is a placeholder for one that is still being fetched.
const PROVISIONAL: Duration = Duration::from_mins(1);

/// A picture as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// The bytes, which say of themselves that they are PNG.
    pub png: Vec<u8>,
    /// How long it is good for, if it is a placeholder; a real picture's address changes with the picture.
    pub good_for: Option<Duration>,
}

impl Api {
    /// Makes an account; the user still has to sign in. A taken name or address is a `Problem` that names the field.
    pub async fn sign_up(&self, username: &str, email: &str, password: &str) -> Result<User, Failure> {
        let body = SignUp { username: username.into(), email: email.into(), password: password.into() };
        self.open(HttpRequest::new(Method::POST, "/auth/signup").json(&body)).await?.json()
    }

    /// Whether a name is free. One that is no valid name is a `Problem` that says why.
    pub async fn name_free(&self, username: &str) -> Result<bool, Failure> {
        match self.open(HttpRequest::get("/auth/signup/username").query("username", username)).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is(Code::Taken) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Signs in and keeps the sign-in for the next start.
    pub async fn login(&self, email: &str, password: &str) -> Result<User, Failure> {
        let body = Credentials { email: email.into(), password: password.into() };
        let login = self.open(HttpRequest::new(Method::POST, "/auth/login").json(&body)).await?.json()?;
        Ok(self.session().open(login).await)
    }

    /// Signs in with what an earlier run kept; `None` when it kept nothing, [`Failure::SignedOut`] when that session
    /// has ended. May take as long as a person needs to unlock their keyring (see `TokenState::waiting`).
    pub async fn resume(&self) -> Result<Option<User>, Failure> {
        self.ensure_server().await?;
        self.session().resume().await
    }

    /// Signs out: here in any case. An error says that the server could not be told.
    pub async fn logout(&self) -> Result<(), Failure> {
        if let Err(nobody) = self.ensure_server().await {
            self.session().forget().await;
            return Err(nobody);
        }
        self.session().close().await
    }

    /// The user who is signed in.
    pub async fn me(&self) -> Result<User, Failure> {
        self.own(HttpRequest::get("/user/me")).await?.json()
    }

    /// A user, as others see them.
    pub async fn user(&self, id: UserId) -> Result<User, Failure> {
        self.own(HttpRequest::get(format!("/user/{id}"))).await?.json()
    }

    /// Changes the name of the user who is signed in.
    pub async fn rename(&self, username: &str) -> Result<User, Failure> {
        let body = ChangeUsername { username: username.into() };
        self.own(HttpRequest::new(Method::PUT, "/user").json(&body)).await?.json()
    }

    /// Changes the password; all other sessions of the user end.
    pub async fn change_password(&self, current: &str, new: &str) -> Result<(), Failure> {
        let body = ChangePassword { current_password: current.into(), new_password: new.into() };
        self.own(HttpRequest::new(Method::PUT, "/user/password").json(&body)).await.map(drop)
    }

    /// Deletes the account of the user who is signed in, and the session with it.
    pub async fn delete_me(&self, password: &str, content: Content) -> Result<(), Failure> {
        let content = match content {
            Content::Keep => "keep",
            Content::Erase => "erase",
        };
        let body = DeleteMe { password: password.into(), content: content.into() };
        self.own(HttpRequest::new(Method::POST, "/user/me/delete").json(&body)).await?;
        self.session().forget().await;
        Ok(())
    }

    /// Gives the user who is signed in another picture. Its address is in [`Api::me`] then.
    pub async fn new_avatar(&self) -> Result<(), Failure> {
        self.own(HttpRequest::new(Method::PUT, "/user/icon")).await.map(drop)
    }

    /// The picture at this `avatarUrl` as PNG, `size` pixels wide and high (16 to 256).
    pub async fn avatar(&self, avatar_url: &str, size: u16) -> Result<Fetched, Failure> {
        let (id, version) = picture(avatar_url).ok_or_else(|| {
            Failure::Broken("the address of this picture is not one of this server's".into())
        })?;
        let call = HttpRequest::get(format!("/user/{id}/icon.png")).query("size", size.to_string());
        let call = if let Some(version) = version { call.query("v", version) } else { call };
        let reply = self.own(call.png()).await?;
        let good_for = reply.header(&CACHE_CONTROL).and_then(max_age).filter(|age| *age < PROVISIONAL);
        Ok(Fetched { png: reply.into_body(), good_for })
    }
}

/// Whose picture this is, and which version. Nothing else of the address is used: it comes from the server, and the
/// request made of it carries the user's token.
fn picture(avatar_url: &str) -> Option<(UserId, Option<&str>)> {
    // Before it stands the path that the server is served under, if any.
    let (_, rest) = avatar_url.rsplit_once(API_PATH)?;
    let rest = rest.strip_prefix("/user/")?;
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let id = path.strip_suffix("/icon")?.parse().ok()?;
    Some((id, query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("v=")))))
}

fn max_age(cache_control: &str) -> Option<Duration> {
    let seconds = cache_control.split(',').find_map(|part| part.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_of_this_servers_users() {
        let id = "01936f3e-0000-7000-8000-000000000000";
        let url = format!("/api/v1/user/{id}/icon?v=7");
        let (user, version) = picture(&url).unwrap();
        assert_eq!((user.to_string().as_str(), version), (id, Some("7")));
        assert_eq!(picture(&format!("/roco{url}")).unwrap(), (user, version));
        assert!(picture(&format!("/api/v1/user/{id}/icon")).is_some_and(|(_, version)| version.is_none()));
        for foreign in [
            "",
            "https://evil.example/icon",
            "//evil.example/api/v1/user/x/icon",
            "/api/v1/user/../auth/icon",
        ] {
            assert!(picture(foreign).is_none(), "{foreign}");
        }
    }
}
