use std::{
    io::Cursor,
    sync::atomic::{AtomicBool, Ordering},
};

use image::{ImageFormat, Rgba};
use ratatui::{buffer::CellDiffOption, style::Color};

use super::*;
use crate::{
    api::{
        Origin,
        stub::{Stub, StubAnswer, json},
    },
    token::{TokenStoreChoice, Tokens},
};

const URL: &str = "/api/v1/user/01936f3e-0000-7000-8000-000000000000/icon?v=1";
const AREA: Rect = Rect { x: 0, y: 0, width: 4, height: 2 };

fn png() -> Vec<u8> {
    let mut png = Vec::new();
    let green = RgbaImage::from_pixel(16, 16, Rgba([0, 255, 0, 255]));
    green.write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
    png
}

fn picture(max_age: &str) -> StubAnswer {
    StubAnswer::Say {
        status: 200,
        headers: vec![("cache-control", format!("private, max-age={max_age}"))],
        body: png(),
    }
}

/// A server that signs everybody in and answers requests for pictures like this.
async fn stub(play: impl Fn() -> StubAnswer + Send + Sync + 'static) -> Stub {
    let login = r#"{"id":"01936f3e-0000-7000-8000-000000000000","username":"ada","avatarUrl":"/x","email":"a@b.c","role":"USER",
        "verified":false,"createdAt":"2026-11-22T13:22:07.123Z","suspended":false,"token":"t","refreshToken":"r",
        "tokenExpiresIn":60000,"refreshExpiresIn":60000}"#;
    Stub::start(move |seen| if seen.line.ends_with("/auth/login") { json(200, login) } else { play() }).await
}

async fn avatars(stub: &Stub, dir: Option<PathBuf>, choice: AvatarChoice) -> Avatars {
    in_colours(stub, dir, choice, Colours::True).await
}

async fn in_colours(stub: &Stub, dir: Option<PathBuf>, choice: AvatarChoice, colours: Colours) -> Avatars {
    let api = Api::new(Origin::local(stub.address, None), Tokens::new(TokenStoreChoice::None, "local", None))
        .unwrap();
    api.login("a@b.c", "x").await.unwrap();
    Avatars::new(api, dir, choice, colours)
}

fn draw(avatars: &Avatars) -> (Buffer, Placements) {
    draw_on(Graphics::None, avatars)
}

fn draw_on(graphics: Graphics, avatars: &Avatars) -> (Buffer, Placements) {
    let (mut buf, mut placements) = (Buffer::empty(Rect::new(0, 0, 6, 4)), Placements::on(graphics));
    let key = AvatarKey::new(URL);
    avatars.draw(&mut buf, AREA, AREA, (&key, &Clean::line("ada")), &mut placements);
    avatars.draw(&mut buf, AREA, AREA, (&key, &Clean::line("ada")), &mut placements);
    (buf, placements)
}

#[tokio::test]
async fn initials_until_the_picture_is_there() {
    let stub = stub(|| picture("86400")).await;
    let avatars = avatars(&stub, None, AvatarChoice::Blocks).await;
    let (buf, placements) = draw(&avatars);
    assert_eq!(buf[(1, 1)].symbol(), "A");
    assert_eq!(placements.missing(), [AvatarKey::new(URL)], "asked for once");
    avatars.load(AvatarKey::new(URL)).await.unwrap();
    let (buf, placements) = draw(&avatars);
    assert_eq!((buf[(1, 1)].symbol(), buf[(1, 1)].bg), (" ", Color::Rgb(0, 255, 0)));
    assert!(placements.missing().is_empty());
}

#[tokio::test]
async fn ten_at_once_fetch_once_and_the_next_run_not_at_all() {
    let (stub, home) = (stub(|| picture("86400")).await, tempfile::tempdir().unwrap());
    let dir = || Some(home.path().join("cache"));
    let first = avatars(&stub, dir(), AvatarChoice::Auto).await;
    let loads = (0..10).map(|_| first.load(AvatarKey::new(URL)));
    assert!(futures_util::future::join_all(loads).await.into_iter().all(|load| load.is_ok()));
    assert_eq!(stub.count("GET "), 1);
    let second = avatars(&stub, dir(), AvatarChoice::Auto).await;
    second.load(AvatarKey::new(URL)).await.unwrap();
    assert_eq!(stub.count("GET "), 1);
    assert!(second.picture(&AvatarKey::new(URL)).is_some());
}

#[tokio::test]
async fn a_placeholder_is_not_kept_on_disk() {
    let (stub, home) = (stub(|| picture("5")).await, tempfile::tempdir().unwrap());
    for fetched in 1..3 {
        let avatars = avatars(&stub, Some(home.path().into()), AvatarChoice::Auto).await;
        avatars.load(AvatarKey::new(URL)).await.unwrap();
        assert_eq!(stub.count("GET "), fetched);
    }
}

#[tokio::test]
async fn what_is_no_picture_leaves_the_initials() {
    let good = Arc::new(AtomicBool::new(false));
    let turn = Arc::clone(&good);
    let stub =
        stub(move || if turn.load(Ordering::SeqCst) { picture("86400") } else { json(200, "<svg/>") }).await;
    let avatars = avatars(&stub, None, AvatarChoice::Auto).await;
    assert!(matches!(avatars.load(AvatarKey::new(URL)).await, Err(Failure::Broken(_))));
    assert_eq!(draw(&avatars).0[(1, 1)].symbol(), "A");
    good.store(true, Ordering::SeqCst);
    avatars.load(AvatarKey::new(URL)).await.unwrap();
    assert_eq!(draw(&avatars).0[(1, 1)].symbol(), " ");
}

#[tokio::test]
async fn who_wants_none_gets_initials_and_nothing_is_fetched() {
    let stub = stub(|| picture("86400")).await;
    let avatars = avatars(&stub, None, AvatarChoice::Off).await;
    let (buf, placements) = draw(&avatars);
    assert_eq!(buf[(1, 1)].symbol(), "A");
    assert!(placements.missing().is_empty());
}

#[tokio::test]
async fn sixteen_colours_are_enough_for_a_real_picture() {
    let stub = stub(|| picture("86400")).await;
    let avatars = in_colours(&stub, None, AvatarChoice::Auto, Colours::Sixteen).await;
    assert!(draw(&avatars).1.missing().is_empty(), "nothing is fetched that cannot be shown");
    assert_eq!(draw_on(Graphics::Sixel, &avatars).1.missing(), [AvatarKey::new(URL)]);
    avatars.load(AvatarKey::new(URL)).await.unwrap();
    let (mut buf, placements) = draw_on(Graphics::Sixel, &avatars);
    assert_eq!(buf[(1, 1)].symbol(), "A", "under the picture");
    Painter::new(Graphics::Sixel).prepare(&mut buf, &placements);
    assert_eq!(buf[(1, 1)].diff_option, CellDiffOption::AlwaysUpdate, "the picture is wanted here");
}
