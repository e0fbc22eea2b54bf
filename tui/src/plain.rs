//! Commands without a screen: they print and end.

use std::{
    env, fs,
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

use image::{
    RgbaImage,
    imageops::{FilterType, resize},
};
use ro_co_shared::{Code, User};

use crate::{
    api::{Api, Failure},
    avatar::{AvatarChoice, decode, print_in_shell, probe_shell},
    clean::Clean,
    log,
    places::AppDirs,
};

/// The size of a picture in the shell, in cells.
const PICTURE: (u32, u32) = (20, 10);
/// Pixels each way asked of the server: the most it gives.
const PIXELS: u16 = 256;

/// `ro-co whoami`: name, address and server; exit code 1 when not signed in.
pub async fn whoami(api: &Api) -> ExitCode {
    end(who(api).await.map(|user| {
        let email = user.email.unwrap_or_default();
        writeln!(
            io::stdout(),
            "{} <{}> on {}",
            Clean::line(&user.username),
            Clean::line(&email),
            api.origin()
        )
    }))
}

/// `ro-co avatar [USER]`: a picture in the plain shell, as `choice` says; `user` is `me` or an id.
pub async fn avatar(api: &Api, user: &str, choice: AvatarChoice) -> ExitCode {
    end(face_of(api, user, choice).await.map(|(name, picture)| show(&name, picture.as_ref(), choice)))
}

/// `ro-co logs`: prints what the log holds, the oldest line first.
pub fn logs(places: Option<&AppDirs>) -> ExitCode {
    let Some(places) = places else {
        say("there is no home directory to keep a log in");
        return ExitCode::FAILURE;
    };
    let dir = log::dir(&places.state);
    match log::files(&places.state) {
        Ok(files) if !files.is_empty() => end(Ok(files.iter().try_for_each(|file| print_log(file)))),
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            say(&format!("{} cannot be read: {why}", dir.display()));
            ExitCode::FAILURE
        }
        _ => {
            say(&format!("there is no log in {} yet", dir.display()));
            ExitCode::FAILURE
        }
    }
}

fn print_log(file: &Path) -> io::Result<()> {
    // What is no UTF-8 is shown as such; what could move the cursor is taken away.
    let text = String::from_utf8_lossy(&fs::read(file)?).into_owned();
    io::stdout().lock().write_all(Clean::text(&text).as_str().as_bytes())
}

/// Says what went wrong. A reader that has gone away (`ro-co logs | head`) is no error; a full disk is one.
fn end(done: Result<io::Result<()>, Clean>) -> ExitCode {
    let done = match done {
        Ok(written) => written.and_then(|()| io::stdout().flush()).or_else(|why| unless_reader_left(&why)),
        Err(why) => Err(why),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(why.as_str());
            ExitCode::FAILURE
        }
    }
}

fn unless_reader_left(why: &io::Error) -> Result<(), Clean> {
    if why.kind() == io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(Clean::line(&format!("standard output cannot be written: {why}")))
}

/// Says it where there is no screen, in the way of every program of the shell: by name.
pub(crate) fn say(text: &str) {
    // A failure to print cannot be reported.
    let _ = writeln!(io::stderr(), "ro-co: {}", Clean::text(text));
}

/// Whose session an earlier run left; the error is a line for the user.
async fn who(api: &Api) -> Result<User, Clean> {
    let mut changes = api.tokens().changes();
    let telling = async {
        if changes.wait_for(|state| state.waiting).await.is_ok() {
            say("waiting for your keyring to be unlocked");
        }
        std::future::pending::<()>().await;
    };
    let resumed = tokio::select! {
        resumed = api.resume() => resumed,
        () = telling => Ok(None),
    };
    let why = match resumed {
        Ok(Some(user)) => return Ok(user),
        Ok(None) => api.tokens().state().reason.map(|reason| format!(" ({reason})")).unwrap_or_default(),
        Err(Failure::SignedOut) => ": the session has ended".into(),
        Err(failure) => return Err(failure.words()),
    };
    Err(Clean::line(&format!("not signed in on {}{why}", api.origin())))
}

/// A user's name, and their picture if pictures are wanted.
async fn face_of(api: &Api, user: &str, choice: AvatarChoice) -> Result<(Clean, Option<RgbaImage>), Clean> {
    let me = who(api).await?;
    let user = if user == "me" { me } else { somebody(api, user).await? };
    let name = Clean::line(&user.username);
    if choice == AvatarChoice::Off {
        return Ok((name, None));
    }
    let fetched = api.avatar(&user.avatar_url, PIXELS).await.map_err(|failure| failure.words())?;
    let picture = decode(&fetched.png).map_err(|_| Clean::from("the picture cannot be read"))?;
    Ok((name, Some(picture)))
}

async fn somebody(api: &Api, id: &str) -> Result<User, Clean> {
    let Ok(id) = id.parse() else {
        return Err(Clean::line(&format!("“{id}” is not `me` or the id of a user")));
    };
    api.user(id).await.map_err(|failure| {
        if failure.is(Code::NotFound) {
            return Clean::line(&format!("there is no user with the id {id} on {}", api.origin()));
        }
        failure.words()
    })
}

fn show(name: &Clean, picture: Option<&RgbaImage>, choice: AvatarChoice) -> io::Result<()> {
    let plain = !io::stdout().is_terminal() || env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match picture {
        Some(picture) if plain => io::stdout().write_all(shades(picture).as_bytes())?,
        Some(picture) => print_in_shell(picture, PICTURE, probe_shell(choice))?,
        None => {}
    }
    writeln!(io::stdout(), "{name}")
}

/// The picture in characters, darker where it is darker: for pipes and for those who want no colour.
fn shades(picture: &RgbaImage) -> String {
    const INKS: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];
    let small = resize(picture, PICTURE.0, PICTURE.1, FilterType::Triangle);
    let mut text = String::new();
    for row in small.rows() {
        let line: String = row
            .map(|pixel| {
                let [r, g, b, alpha] = pixel.0.map(u32::from);
                // Rec. 601 luma; what is transparent is paper.
                let dark = (255 - (299 * r + 587 * g + 114 * b) / 1000) * alpha / 255;
                INKS[(dark as usize * INKS.len() / 256).min(INKS.len() - 1)]
            })
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use image::Rgba;
    use secrecy::SecretString;

    use super::*;
    use crate::{
        api::{
            Origin,
            stub::{Stub, StubAnswer, json, problem},
        },
        token::{TokenStoreChoice, Tokens},
    };

    const LOGIN: &str = r#"{"id":"01936f3e-0000-7000-8000-000000000000","username":"a\u001b[31m","avatarUrl":"/x","email":"a@b.c",
        "role":"USER","verified":false,"createdAt":"2026-11-22T13:22:07.123Z","suspended":false,"token":"t",
        "refreshToken":"r","tokenExpiresIn":60000,"refreshExpiresIn":60000}"#;

    async fn signed_in(stub: &Stub) -> Api {
        let tokens = Tokens::new(TokenStoreChoice::None, "local", None);
        tokens.save(SecretString::from("refresh")).await;
        Api::new(Origin::local(stub.address, None), tokens).unwrap()
    }

    #[tokio::test]
    async fn nobody_is_said_in_one_line() {
        let stub = Stub::start(|_| problem(ro_co_shared::Code::SessionEnded)).await;
        let api = signed_in(&stub).await;
        let address = api.origin().to_string();
        let said = who(&api).await.unwrap_err();
        assert_eq!(said.as_str(), format!("not signed in on {address}: the session has ended"));
        assert_eq!(who(&api).await.unwrap_err().as_str(), format!("not signed in on {address}"));
        let stub = Stub::start(|_| StubAnswer::HangUp).await;
        let said = who(&signed_in(&stub).await).await.unwrap_err();
        assert!(said.as_str().starts_with("the connection to the server was lost"), "{said}");
    }

    #[tokio::test]
    async fn a_user_that_is_no_id() {
        let stub = Stub::start(|_| json(200, LOGIN)).await;
        let api = signed_in(&stub).await;
        let said = face_of(&api, "bob\u{1b}", AvatarChoice::Auto).await.unwrap_err();
        assert_eq!(said.as_str(), "“bob\u{FFFD}” is not `me` or the id of a user");
    }

    #[tokio::test]
    async fn a_user_that_is_not_there_is_named_and_no_picture_is_asked_for_in_vain() {
        let stub = Stub::start(|seen| {
            if seen.line.contains("/auth/refresh") { json(200, LOGIN) } else { problem(Code::NotFound) }
        })
        .await;
        let api = signed_in(&stub).await;
        let id = "01936f3e-0000-7000-8000-0000000000ff";
        let said = face_of(&api, id, AvatarChoice::Auto).await.unwrap_err();
        assert_eq!(said.as_str(), format!("there is no user with the id {id} on {}", api.origin()));
        let (name, picture) = face_of(&api, "me", AvatarChoice::Off).await.unwrap();
        assert_eq!((name.as_str(), picture), ("a\u{FFFD}[31m", None));
        assert!(stub.seen().iter().all(|seen| !seen.line.contains("icon")));
    }

    #[test]
    fn shades_have_no_escape_sequences() {
        let picture = RgbaImage::from_fn(20, 10, |x, y| match (x < 10, y < 5) {
            (true, true) => Rgba([0, 0, 0, 255]),
            (false, true) => Rgba([128, 128, 128, 255]),
            (true, false) => Rgba([255, 255, 255, 255]),
            (false, false) => Rgba([0, 0, 0, 0]),
        });
        let text = shades(&picture);
        assert_eq!(text.lines().count(), 10);
        assert_eq!(text.lines().next().unwrap(), "@@@@@@@@@@====".to_owned() + "======");
        assert_eq!(text.lines().last().unwrap(), "");
    }
}
