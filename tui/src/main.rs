//! `ro-co`: Ro-Co in the terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    ro_co::start(ro_co::args::Args::read())
}
