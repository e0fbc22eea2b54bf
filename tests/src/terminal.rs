//! A terminal emulator: runs a program in a pty, maintains the screen, and answers terminal queries.

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use vt100::{Callbacks, Screen};

use crate::{
    home::Home,
    programs::program,
    wait::{LIMIT, until_within},
};

/// The replies of an xterm to queries.
#[derive(Default)]
struct Answers {
    pending: Vec<u8>,
    titles: Vec<String>,
    clipboard: usize,
}

impl Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        i1: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        c: char,
    ) {
        let first = params.first().and_then(|p| p.first()).copied().unwrap_or(0);
        match (i1, first, c) {
            (None, 0, 'c') => self.pending.extend(b"\x1b[?62;22c"),
            (Some(b'>'), 0, 'c') => self.pending.extend(b"\x1b[>41;380;0c"),
            (None, 5, 'n') => self.pending.extend(b"\x1b[0n"),
            (None, 6, 'n') => {
                let (row, column) = screen.cursor_position();
                self.pending.extend(format!("\x1b[{};{}R", row + 1, column + 1).bytes());
            }
            // An xterm does not answer kitty's keyboard query (`CSI ? u`).
            _ => {}
        }
    }

    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        self.titles.push(String::from_utf8_lossy(title).into_owned());
    }

    fn copy_to_clipboard(&mut self, _: &mut Screen, _: &[u8], _: &[u8]) {
        self.clipboard += 1;
    }
}

type Parser = vt100::Parser<Answers>;

/// A program in a terminal of its own. Dropping it kills the program.
pub struct Terminal {
    parser: Arc<Mutex<Parser>>,
    keyboard: Arc<Mutex<Box<dyn Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    /// The program's home directory, kept while it runs.
    _home: Home,
}

impl Terminal {
    /// Starts `ro-co` with these arguments in a terminal of 80 by 24.
    pub fn client(home: &Home, args: &[&str]) -> Self {
        Self::client_sized(home, args, 80, 24)
    }

    /// Starts `ro-co` in a terminal of this size.
    pub fn client_sized(home: &Home, args: &[&str], columns: u16, rows: u16) -> Self {
        Self::run(home, &program("ro-co"), args, columns, rows)
    }

    /// Starts any program.
    pub fn run(home: &Home, program: &Path, args: &[&str], columns: u16, rows: u16) -> Self {
        let pty = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        command.cwd(home.path());
        for (name, value) in home.environment() {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let parser = vt100::Parser::new_with_callbacks(
            at_least_one(rows),
            at_least_one(columns),
            0,
            Answers::default(),
        );
        let parser = Arc::new(Mutex::new(parser));
        let keyboard = Arc::new(Mutex::new(pty.master.take_writer().unwrap()));
        show(pty.master.try_clone_reader().unwrap(), Arc::clone(&parser), Arc::clone(&keyboard));
        Self { parser, keyboard, child, master: pty.master, _home: home.clone() }
    }

    /// Types this.
    pub fn keys(&self, keys: &str) {
        self.keyboard.lock().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Pastes this, bracketed as terminals do when the program asked for it.
    pub fn paste(&self, text: &str) {
        let bracketed = self.look(Screen::bracketed_paste);
        self.keys(&if bracketed { format!("\x1b[200~{text}\x1b[201~") } else { text.to_owned() });
    }

    /// Clicks with the left button on this cell, counted from 0 (SGR mouse reports).
    pub fn click(&self, column: u16, row: u16) {
        let (column, row) = (column + 1, row + 1);
        self.keys(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
    }

    /// Clicks on this text.
    ///
    /// # Panics
    /// When it is not there.
    #[track_caller]
    pub fn click_on(&self, text: &str) {
        let (column, row) =
            self.find(text).unwrap_or_else(|| panic!("no {text:?} to click on:\n{}", self.screen()));
        self.click(column, row);
    }

    fn find(&self, text: &str) -> Option<(u16, u16)> {
        let columns = self.look(Screen::size).1.get();
        self.look(|screen| {
            screen.rows(0, columns).zip(0..).find_map(|(line, row)| {
                let column = line[..line.find(text)?].chars().count();
                Some((u16::try_from(column).ok()?, row))
            })
        })
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.parser.lock().unwrap().set_size(at_least_one(rows), at_least_one(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// The screen's text.
    pub fn screen(&self) -> String {
        self.look(Screen::contents)
    }

    /// Inspects the screen: a colour, the cursor, a mode.
    pub fn look<T>(&self, read: impl FnOnce(&Screen) -> T) -> T {
        read(self.parser.lock().unwrap().screen())
    }

    /// The window titles set so far.
    pub fn titles(&self) -> Vec<String> {
        self.parser.lock().unwrap().callbacks().titles.clone()
    }

    /// How often the program wrote to the clipboard.
    pub fn copies(&self) -> usize {
        self.parser.lock().unwrap().callbacks().clipboard
    }

    /// Waits until the screen contains this text.
    ///
    /// # Panics
    /// On timeout; the message contains the screen. So do the other waits.
    #[track_caller]
    pub fn wait(&self, text: &str) {
        self.wait_for(&format!("{text:?}"), |screen| screen.contains(text));
    }

    /// Waits until the screen does not contain this text.
    #[track_caller]
    pub fn wait_gone(&self, text: &str) {
        self.wait_for(&format!("{text:?} to go"), |screen| !screen.contains(text));
    }

    /// Waits until `ready` accepts the screen.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut ready: impl FnMut(&str) -> bool) {
        let seen = until_within(LIMIT, || ready(&self.screen()).then_some(()));
        assert!(seen.is_some(), "waited {LIMIT:?} for {what}; the screen:\n{}\n---", self.screen());
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        kill_process(pid.unwrap(), signal).unwrap();
    }

    /// The program's process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }

    /// Waits for the program's exit.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        until_within(LIMIT, || self.child.try_wait().unwrap())
            .unwrap_or_else(|| panic!("still running after {LIMIT:?}; the screen:\n{}\n---", self.screen()))
    }

    /// Waits for the program's exit and checks that it restored the terminal.
    #[track_caller]
    pub fn left_clean(&mut self) -> ExitStatus {
        let status = self.ended();
        let clean = until_within(LIMIT, || self.is_clean().then_some(()));
        assert!(clean.is_some(), "it left the terminal in disorder; the screen:\n{}\n---", self.screen());
        status
    }

    /// Whether every mode that a full-screen program turns on is off.
    pub fn is_clean(&self) -> bool {
        self.look(|screen| {
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn show(
    mut output: Box<dyn Read + Send>,
    parser: Arc<Mutex<Parser>>,
    keyboard: Arc<Mutex<Box<dyn Write + Send>>>,
) {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(n @ 1..) = output.read(&mut buffer) {
            let answers = {
                let mut parser = parser.lock().unwrap();
                parser.process(&buffer[..n]);
                std::mem::take(&mut parser.callbacks_mut().pending)
            };
            if keyboard.lock().unwrap().write_all(&answers).is_err() {
                return;
            }
        }
    });
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn at_least_one(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN)
}
