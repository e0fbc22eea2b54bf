//! Pictures kept: in memory as pixels and blocks, on disk as PNG.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime},
};

use image::{ImageFormat, ImageReader, ImageResult, Limits, RgbaImage};

use super::{
    AvatarKey,
    blocks::{Block, blocks},
};
use crate::{
    api::Origin,
    places::{file_name, make_private, replace},
};

/// Pictures in memory: 128 of 64 KiB are more than any screen shows.
const IN_MEMORY: usize = 128;
/// Files on disk; at about 3 KiB each, 3 MB.
const ON_DISK: usize = 1000;
/// The largest file that is read back or written.
const LARGEST: usize = 256 << 10;
/// The largest picture that is decoded, in pixels each way.
const MAX_WIDTH: u32 = 512;

/// Decodes a PNG of a reasonable size; a small file may claim to be a picture of many gigabytes.
pub(crate) fn decode(png: &[u8]) -> ImageResult<RgbaImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_WIDTH);
    limits.max_image_height = Some(MAX_WIDTH);
    limits.max_alloc = Some(8 << 20);
    let mut reader = ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
    reader.limits(limits);
    Ok(reader.decode()?.into_rgba8())
}

/// The pictures last used.
#[derive(Default)]
pub(super) struct Memory {
    pictures: HashMap<AvatarKey, CachedPicture>,
    uses: u64,
}

struct CachedPicture {
    picture: Arc<RgbaImage>,
    /// In each size it was drawn in.
    blocks: HashMap<(u16, u16), Arc<[Block]>>,
    good_until: Option<Instant>,
    used: u64,
}

/// A picture in the size of some cells.
pub(super) struct Found {
    pub(super) blocks: Arc<[Block]>,
    /// Whether it need not be loaded again.
    pub(super) good: bool,
}

impl Memory {
    pub(super) fn insert(&mut self, key: AvatarKey, picture: RgbaImage, good_until: Option<Instant>) {
        self.uses += 1;
        let kept =
            CachedPicture { picture: Arc::new(picture), blocks: HashMap::new(), good_until, used: self.uses };
        self.pictures.insert(key, kept);
        if self.pictures.len() > IN_MEMORY {
            let oldest = self.pictures.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.pictures.remove(&key));
        }
    }

    pub(super) fn blocks(&mut self, key: &AvatarKey, size: (u16, u16), now: Instant) -> Option<Found> {
        self.uses += 1;
        let kept = self.pictures.get_mut(key)?;
        kept.used = self.uses;
        let picture = &kept.picture;
        let blocks = kept.blocks.entry(size).or_insert_with(|| blocks(picture, size.0, size.1).into());
        Some(Found { blocks: Arc::clone(blocks), good: kept.is_good(now) })
    }

    pub(super) fn picture(&self, key: &AvatarKey) -> Option<Arc<RgbaImage>> {
        self.pictures.get(key).map(|kept| Arc::clone(&kept.picture))
    }

    pub(super) fn is_good(&self, key: &AvatarKey, now: Instant) -> bool {
        self.pictures.get(key).is_some_and(|kept| kept.is_good(now))
    }
}

impl CachedPicture {
    fn is_good(&self, now: Instant) -> bool {
        self.good_until.is_none_or(|until| now < until)
    }
}

/// The directory of one server's pictures. Everything about it may fail: then they are fetched again.
pub(super) struct Disk {
    dir: PathBuf,
}

impl Disk {
    pub(super) fn new(cache_dir: &Path, origin: &Origin) -> Self {
        Self { dir: cache_dir.join("avatars").join(file_name(origin.key())) }
    }

    /// Where a picture's copy is or would be; the address is the name, escaped, unless it is absurdly long.
    pub(super) fn file(&self, key: &AvatarKey) -> Option<Copy> {
        let name = file_name(key.url());
        (name.len() <= 200).then(|| Copy { path: self.dir.join(name + ".png") })
    }
}

/// One picture's file.
pub(super) struct Copy {
    path: PathBuf,
}

impl Copy {
    /// The picture; a file that holds none is removed.
    pub(super) fn read(&self) -> Option<RgbaImage> {
        let mut png = Vec::new();
        File::open(&self.path).ok()?.take(LARGEST as u64 + 1).read_to_end(&mut png).ok()?;
        let picture = (png.len() <= LARGEST).then(|| decode(&png).ok()).flatten();
        if picture.is_none() {
            let _ = fs::remove_file(&self.path);
        }
        picture
    }

    pub(super) fn write(&self, png: &[u8]) {
        if let (Some(dir), true) = (self.path.parent(), png.len() <= LARGEST) {
            let written = make_private(dir).and_then(|()| replace(&self.path, png)).and_then(|()| prune(dir));
            if let Err(error) = written {
                tracing::debug!(dir = %dir.display(), %error, "a picture cannot be kept on disk");
            }
        }
    }
}

/// Removes the oldest quarter when there are too many files.
fn prune(dir: &Path) -> io::Result<()> {
    let names: Vec<PathBuf> = fs::read_dir(dir)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    if names.len() <= ON_DISK {
        return Ok(());
    }
    let age = |path: &PathBuf| {
        fs::metadata(path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let mut dated: Vec<_> = names.into_iter().map(|path| (age(&path), path)).collect();
    dated.sort();
    dated.iter().take(ON_DISK / 4).try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> AvatarKey {
        AvatarKey::new(&format!("/api/v1/user/{n}/icon?v=1"))
    }

    #[test]
    fn memory_holds_the_pictures_last_used() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for n in 0..=IN_MEMORY {
            memory.insert(key(n), RgbaImage::new(1, 1), None);
            assert!(memory.blocks(&key(0), (1, 1), now).is_some(), "used in between");
        }
        assert!(!memory.is_good(&key(1), now));
        assert_eq!(memory.pictures.len(), IN_MEMORY);
    }

    #[test]
    fn a_placeholder_is_shown_on_but_is_not_good_for_long() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let until = now + std::time::Duration::from_secs(5);
        memory.insert(key(0), RgbaImage::new(1, 1), Some(until));
        assert!(memory.blocks(&key(0), (1, 1), now).unwrap().good);
        assert!(!memory.blocks(&key(0), (1, 1), until).unwrap().good);
    }

    #[test]
    fn the_disk_does_not_fill_up_and_broken_files_go() {
        let home = tempfile::tempdir().unwrap();
        let disk = Disk::new(home.path(), &Origin::local("127.0.0.1:1".parse().unwrap(), None));
        let mut png = Vec::new();
        RgbaImage::new(2, 2).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
        let copy = disk.file(&key(0)).unwrap();
        copy.write(&png);
        assert_eq!(copy.read().unwrap().dimensions(), (2, 2));
        fs::write(&copy.path, &png[..png.len() / 2]).unwrap();
        assert!(copy.read().is_none());
        assert!(!copy.path.exists());
        for n in 0..ON_DISK {
            fs::write(disk.dir.join(n.to_string()), "").unwrap();
        }
        copy.write(&png);
        assert_eq!(fs::read_dir(&disk.dir).unwrap().count(), ON_DISK + 1 - ON_DISK / 4);
        assert!(copy.path.exists(), "the latest stays");
        assert!(disk.file(&AvatarKey::new(&"x".repeat(300))).is_none());
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut png = Vec::new();
        RgbaImage::new(2, 2).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
        // The header claims 60,000 pixels each way; its checksum is set right.
        for at in [16, 20] {
            png[at..at + 4].copy_from_slice(&60_000u32.to_be_bytes());
        }
        let sum = crc(&png[12..29]);
        png[29..33].copy_from_slice(&sum.to_be_bytes());
        let error = decode(&png).unwrap_err();
        assert!(matches!(error, image::ImageError::Limits(_)), "{error:?}");
        for junk in [&b""[..], b"<svg/>", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"] {
            decode(junk).unwrap_err();
        }
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(
                crc ^ u32::from(*byte),
                |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 },
            )
        })
    }
}
