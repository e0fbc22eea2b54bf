//! Standard output and standard error of the commands: a closed or full stream never panics.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

/// Writes a line to standard output and flushes it. The error is the exit code: when the reader of a pipe has gone, the
/// command ends without a message.
pub(crate) fn print_line(line: &str) -> Result<(), ExitCode> {
    try_print(&format!("{line}\n")).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => cannot_write(&error),
    })
}

/// Writes a long text to standard output. A reader that has seen enough of it (`| head`) is not an error.
pub(crate) fn print_document(text: &str) -> Result<(), ExitCode> {
    match try_print(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(cannot_write(&error)),
        _ => Ok(()),
    }
}

/// Writes text to standard output and flushes it.
pub(crate) fn try_print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes why a command failed to standard error and returns its exit code.
pub(crate) fn fail(code: u8, why: &str) -> ExitCode {
    // If standard error cannot be written either, the exit code is all that is left.
    let _ = writeln!(io::stderr(), "ro-co-server: {why}");
    ExitCode::from(code)
}

fn cannot_write(error: &io::Error) -> ExitCode {
    fail(1, &format!("cannot write to standard output: {error}"))
}

/// Writes what the command line's parser has to say (help, version, an error) and returns the exit code.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Err(failed) if !error.use_stderr() && failed.kind() != ErrorKind::BrokenPipe => cannot_write(&failed),
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
    }
}
