//! Pictures of people: block characters in the buffer, and real pictures on top where the terminal has them.
//!
//! One frame: `placements.clear()`; the view calls [`Avatars::draw`] for each face and [`Placements::occlude`] for each overlay;
//! at the end of the same draw closure [`Painter::prepare`]; after `Terminal::draw`, still inside the synchronized update,
//! [`Painter::commit`]. Then load what [`Placements::missing`] lists.

mod blocks;
mod cache;
mod painter;
mod printer;
mod probe;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use image::RgbaImage;
use ratatui::{buffer::Buffer, layout::Rect};
use tokio::sync::Semaphore;

use self::cache::{Disk, Memory};
pub(crate) use self::{cache::decode, printer::print_in_shell, probe::probe_shell};
pub use self::{
    painter::{Painter, Placements},
    printer::{Printer, Viuer},
    probe::{Graphics, probe},
};
use crate::{
    api::{Api, Failure, Fetched},
    clean::Clean,
};

/// Pixels each way that are asked of the server: a face of 20 by 10 cells has about 200.
const SIZE: u16 = 128;

/// What the user wants to see of pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum AvatarChoice {
    /// Real pictures where the terminal can, block characters elsewhere.
    #[default]
    Auto,
    /// Block characters; the terminal is not asked what it can do.
    Blocks,
    /// None: two initials.
    Off,
}

/// How many colours the terminal shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colours {
    /// None (`NO_COLOR`).
    None,
    /// The sixteen of the user's palette.
    Sixteen,
    /// The 256 of xterm.
    Indexed,
    /// 24 bits.
    True,
}

/// Which picture: the `avatarUrl` as the server gave it. A new picture has a new one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AvatarKey(Arc<str>);

impl AvatarKey {
    /// The picture at this `avatarUrl`.
    pub fn new(avatar_url: &str) -> Self {
        Self(avatar_url.into())
    }

    /// The `avatarUrl`.
    pub fn url(&self) -> &str {
        &self.0
    }
}

/// The pictures: in memory, on disk, from the server. Cheap to clone.
#[derive(Clone)]
pub struct Avatars(Arc<AvatarsInner>);

struct AvatarsInner {
    api: Api,
    choice: AvatarChoice,
    colours: Colours,
    memory: Mutex<Memory>,
    disk: Option<Disk>,
    /// Decoding is work for the processor: two at a time, so that the rest of the client stays quick.
    workers: Arc<Semaphore>,
    /// One turn for each picture that is being loaded.
    turns: Mutex<HashMap<AvatarKey, Arc<tokio::sync::Mutex<()>>>>,
}

impl Avatars {
    /// Fetches by `api`, keeps copies in `cache_dir` when there is one.
    pub fn new(api: Api, cache_dir: Option<PathBuf>, choice: AvatarChoice, colours: Colours) -> Self {
        let disk = cache_dir.map(|dir| Disk::new(&dir, api.origin()));
        Self(Arc::new(AvatarsInner {
            api,
            choice,
            colours,
            memory: Mutex::default(),
            disk,
            workers: Arc::new(Semaphore::new(2)),
            turns: Mutex::default(),
        }))
    }

    /// Draws a face into `area`, clipped to `clip`: blocks when the picture is in memory, else the initials of `name`.
    /// Sixteen colours are too few for blocks: there initials stand under the real picture, where there can be one.
    pub fn draw(
        &self,
        buf: &mut Buffer,
        area: Rect,
        clip: Rect,
        (key, name): (&AvatarKey, &Clean),
        placements: &mut Placements,
    ) {
        let AvatarsInner { choice, colours, .. } = *self.0;
        let in_blocks = matches!(colours, Colours::Indexed | Colours::True);
        let real = colours == Colours::Sixteen && placements.real;
        let found = (choice != AvatarChoice::Off && (in_blocks || real))
            .then(|| {
                let found = self.memory().blocks(key, (area.width, area.height), Instant::now());
                if !found.as_ref().is_some_and(|found| found.good) {
                    placements.miss(key);
                }
                found
            })
            .flatten();
        match &found {
            Some(found) if in_blocks => blocks::paint(&found.blocks, area, clip, buf, colours),
            _ => blocks::initials(name.as_str(), area, clip, buf, colours),
        }
        if found.is_some() && area.intersection(clip).intersection(buf.area) == area {
            placements.want(area, key);
        }
    }

    /// Brings a picture into memory; then draw again. Concurrent calls for one picture fetch once.
    pub async fn load(&self, key: AvatarKey) -> Result<(), Failure> {
        let turn = Arc::clone(lock(&self.0.turns).entry(key.clone()).or_default());
        let _turn = turn.lock().await;
        if self.memory().is_good(&key, Instant::now()) {
            return Ok(());
        }
        let loaded = match self.read_disk(&key).await {
            Some(picture) => Ok((picture, None)),
            None => self.fetch(&key).await,
        };
        lock(&self.0.turns).remove(&key);
        let (picture, good_until) = loaded?;
        self.memory().insert(key, picture, good_until);
        Ok(())
    }

    /// The picture, if it is in memory.
    pub(crate) fn picture(&self, key: &AvatarKey) -> Option<Arc<RgbaImage>> {
        self.memory().picture(key)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.0.memory)
    }

    async fn read_disk(&self, key: &AvatarKey) -> Option<RgbaImage> {
        let file = self.0.disk.as_ref()?.file(key)?;
        self.work(move || file.read()).await.flatten()
    }

    async fn fetch(&self, key: &AvatarKey) -> Result<(RgbaImage, Option<Instant>), Failure> {
        let Fetched { png, good_for } = self.0.api.avatar(key.url(), SIZE).await?;
        let file = self.0.disk.as_ref().and_then(|disk| disk.file(key));
        let picture = self.work(move || {
            let picture = cache::decode(&png).ok()?;
            // A placeholder has the address of the picture to come: it is not worth keeping.
            if let (Some(file), None) = (file, good_for) {
                file.write(&png);
            }
            Some(picture)
        });
        let picture = picture.await.flatten();
        let picture =
            picture.ok_or_else(|| Failure::Broken("the picture is no PNG of a reasonable size".into()))?;
        Ok((picture, good_for.map(|time| Instant::now() + time)))
    }

    /// Does it on one of the two workers.
    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let permit = Arc::clone(&self.0.workers).acquire_owned().await.ok()?;
        let job = move || {
            // Moved in: a caller that goes away must not let a third one start.
            let _permit = permit;
            job()
        };
        tokio::task::spawn_blocking(job).await.ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
