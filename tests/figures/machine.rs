//! Build sizes and process resources.

use std::{collections::HashSet, fs, process::Command};

use ro_co_tests::programs::{program, workspace};

use crate::row;

/// Sizes of the programs, and their number of crates.
pub(crate) fn programs() {
    for (name, options) in [("ro-co", ""), ("ro-co-server", ""), ("ro-co", "--no-default-features")] {
        let crates = format!("crates in {name} {options}");
        row(crates.trim_end(), &crates_in(name, options).to_string());
    }
    for name in ["ro-co", "ro-co-server"] {
        let bytes = fs::metadata(program(name)).unwrap().len();
        row(&format!("size of {name} (stripped)"), &format!("{} MB", tenths(bytes, 1_000_000)));
    }
}

fn crates_in(package: &str, options: &str) -> usize {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--prefix", "none", "--edges", "normal,build", "-p", package]);
    tree.args(options.split_whitespace()).current_dir(workspace());
    let output = tree.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(" (*)")).collect::<HashSet<_>>().len()
}

/// Resident memory of a process, as `12.3 MB`.
pub(crate) fn resident(pid: u32) -> String {
    format!("{} MB", tenths(resident_kib(pid) * 1024, 1_000_000))
}

/// Resident memory of a process in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    kib.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Processor time a process has used so far, in the kernel's ticks (usually 10 ms).
pub(crate) fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in parentheses may hold anything; the 14th and 15th fields are user and system time.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn tenths(n: u64, unit: u64) -> String {
    let tenths = n * 10 / unit;
    format!("{}.{}", tenths / 10, tenths % 10)
}
