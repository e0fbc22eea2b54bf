//! Whether a directory lies on another machine: SQLite's write-ahead log needs memory shared by all who use the
//! file, which network file systems do not give (<https://sqlite.org/wal.html>, "Overview").

use std::{io, path::Path};

/// The name of the network file system the directory is on; `None` where it is local or cannot be told.
#[cfg(target_os = "linux")]
pub(super) fn kind_of(dir: &Path) -> io::Result<Option<String>> {
    let magic = rustix::fs::statfs(dir)?.f_type;
    // The field is of different widths and signs; the numbers are of 32 bits everywhere.
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "the numbers are of 32 bits")]
    let magic = magic as u32;
    Ok(network_name(magic, || mounted_as(dir)))
}

/// Elsewhere nothing is refused.
#[cfg(not(target_os = "linux"))]
pub(super) fn kind_of(_: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// By the number `statfs` gives (see its manual page, and `linux/magic.h`). FUSE has one number for all its file systems;
/// `fuse` is asked for the type in the table of mounts then.
fn network_name(magic: u32, fuse: impl FnOnce() -> Option<String>) -> Option<String> {
    let name = match magic {
        0x6969 => "NFS",
        0x517B => "SMB",
        0xFF53_4D42 => "CIFS",
        0xFE53_4D42 => "SMB2",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x564C => "NCP",
        0x0102_1997 => "9P",
        0x6573_5546 => return fuse().filter(|kind| is_remote_fuse(kind)),
        _ => return None,
    };
    Some(name.to_owned())
}

/// FUSE file systems whose files are on another machine; the others (encryption, NTFS, overlays) are local.
fn is_remote_fuse(kind: &str) -> bool {
    let name = kind.strip_prefix("fuse.").unwrap_or(kind);
    [
        "sshfs",
        "rclone",
        "davfs",
        "davfs2",
        "s3fs",
        "gcsfuse",
        "gvfsd-fuse",
        "curlftpfs",
        "smbnetfs",
        "glusterfs",
    ]
    .contains(&name)
}

#[cfg(target_os = "linux")]
fn mounted_as(dir: &Path) -> Option<String> {
    let device = rustix::fs::stat(dir).ok()?.st_dev;
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    mount_type(&std::fs::read_to_string("/proc/self/mountinfo").ok()?, &device)
}

/// The type of the file system on a device, from the text of `/proc/self/mountinfo` (its format is in `proc(5)`).
fn mount_type(table: &str, device: &str) -> Option<String> {
    let line = table.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    line.split(" - ").nth(1)?.split(' ').next().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_number() {
        let no_fuse = || -> Option<String> { panic!("only FUSE needs the table of mounts") };
        for (magic, name) in [
            (0x6969, "NFS"),
            (0xFF53_4D42, "CIFS"),
            (0xFE53_4D42, "SMB2"),
            (0x517B, "SMB"),
            (0x6B41_4653, "AFS"),
        ] {
            assert_eq!(network_name(magic, no_fuse).as_deref(), Some(name));
        }
        // ext4, xfs, btrfs, tmpfs, overlay, zfs
        for magic in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1] {
            assert_eq!(network_name(magic, no_fuse), None, "{magic:x}");
        }
    }

    #[test]
    fn of_fuse_only_the_remote_ones() {
        let fuse = |kind: &str| network_name(0x6573_5546, || Some(kind.to_owned()));
        assert_eq!(fuse("fuse.sshfs").as_deref(), Some("fuse.sshfs"));
        assert_eq!(fuse("fuse.gocryptfs"), None);
        assert_eq!(fuse("fuseblk"), None);
        assert_eq!(network_name(0x6573_5546, || None), None);
    }

    #[test]
    fn the_table_of_mounts_is_read_by_device() {
        let table = "22 27 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n\
                     98 27 0:53 / /home/ada/lab rw,nosuid - fuse.sshfs lab:/srv rw,user_id=1000\n";
        assert_eq!(mount_type(table, "0:53").as_deref(), Some("fuse.sshfs"));
        assert_eq!(mount_type(table, "0:5"), None);
    }

    #[test]
    fn a_temporary_directory_is_local() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(kind_of(dir.path()).unwrap(), None);
    }
}
