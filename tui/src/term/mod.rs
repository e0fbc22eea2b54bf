//! Terminal set-up and restore.

mod editor;
mod signals;

use std::{
    io::{self, Write, stdout},
    sync::{
        Mutex, Once, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ThreadId},
};

use crossterm::{
    clipboard::CopyToClipboard,
    cursor::{Hide, Show},
    event::{
        DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
        EnableFocusChange, EnableMouseCapture, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags,
        PushKeyboardEnhancementFlags,
    },
    execute, queue,
    style::Print,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, SetTitle,
        disable_raw_mode, enable_raw_mode,
    },
};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

pub use editor::{Edited, EditorFile, edit};
pub use signals::{Signal, Signals};

use crate::{clean::Clean, log};

/// The window's title is put on a stack of the terminal and taken off it again (xterm's `CSI 22 ; 2 t`).
const PUSH_TITLE: &str = "\x1b[22;2t";
const POP_TITLE: &str = "\x1b[23;2t";

/// Whether the terminal is in full-screen mode. Global, for the panic hook.
static OURS: AtomicBool = AtomicBool::new(false);
/// Whether the terminal tells keys apart that look the same otherwise (kitty's keyboard protocol).
static ENHANCED_KEYS: AtomicBool = AtomicBool::new(false);

/// The window's title, to be set again after another program had the terminal.
static TITLE: Mutex<Option<Clean>> = Mutex::new(None);

/// The terminal's modes as the program found them: an editor may leave it in others.
static FOUND: OnceLock<Termios> = OnceLock::new();

/// What to switch on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whether the mouse is captured; Shift-drag still selects text.
    pub mouse: bool,
}

/// The terminal while it is ours: raw mode, alternate screen, paste and focus reports. Dropping it gives it back.
#[derive(Debug)]
pub struct Term {
    options: Options,
}

impl Term {
    /// Takes the terminal over, and makes a panic of this thread give it back before its message is printed.
    pub fn enter(options: Options) -> io::Result<Self> {
        restore_on_panic();
        if let Ok(modes) = tcgetattr(io::stdin()) {
            FOUND.get_or_init(|| modes);
        }
        let mut term = Self { options };
        term.reenter()?;
        Ok(term)
    }

    /// Gives the terminal back, to run something else in it. Drop the event stream first.
    pub fn leave(&mut self) -> io::Result<()> {
        give_back()
    }

    /// Enters it again. The screen must be redrawn.
    pub fn reenter(&mut self) -> io::Result<()> {
        restore_modes()?;
        enable_raw_mode()?;
        OURS.store(true, Ordering::Release);
        let mut out = stdout();
        execute!(
            out,
            Print(PUSH_TITLE),
            EnterAlternateScreen,
            Hide,
            EnableBracketedPaste,
            EnableFocusChange
        )?;
        if self.options.mouse {
            execute!(out, EnableMouseCapture)?;
        }
        if ENHANCED_KEYS.load(Ordering::Acquire) {
            push_keys()?;
        }
        let title = TITLE.lock().unwrap_or_else(PoisonError::into_inner).clone();
        title.map_or(Ok(()), |title| execute!(out, SetTitle(title)))
    }

    /// Ctrl-Z: gives the terminal back, stops this process as the shell expects, and takes the terminal over again
    /// when it is continued. Drop the event stream first.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.leave()?;
        // Sent to this very thread, which therefore stops before the next line; a signal to the process might stop
        // it only after the escape sequences below went out to the shell.
        signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)?;
        self.reenter()
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        restore();
    }
}

/// Puts the terminal back as it was, whatever state it is in. Harmless when repeated.
pub fn restore() {
    // A failure cannot be reported.
    let _ = give_back();
}

fn give_back() -> io::Result<()> {
    if !OURS.swap(false, Ordering::AcqRel) {
        return Ok(());
    }
    let mut out = stdout();
    let keys =
        if ENHANCED_KEYS.load(Ordering::Acquire) { queue!(out, PopKeyboardEnhancementFlags) } else { Ok(()) };
    let written = execute!(
        out,
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Print(POP_TITLE),
        Show,
        // A panic may come in the middle of a frame, which would then never be shown.
        EndSynchronizedUpdate,
    );
    // Also when the terminal does not take the rest any more.
    disable_raw_mode().and_then(|()| restore_modes()).and(keys).and(written)
}

fn restore_modes() -> io::Result<()> {
    match FOUND.get() {
        Some(modes) => Ok(tcsetattr(io::stdin(), OptionalActions::Now, modes)?),
        None => Ok(()),
    }
}

/// Makes a panic of the calling thread restore the terminal before its message is printed. A panic of another
/// thread ends one task, not the program: its message goes to the log, not into the screen.
fn restore_on_panic() {
    static HOOK: Once = Once::new();
    static OWNER: OnceLock<ThreadId> = OnceLock::new();
    OWNER.get_or_init(|| thread::current().id());
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let ours = OURS.load(Ordering::Acquire);
            if ours && OWNER.get() != Some(&thread::current().id()) {
                log::record(panic);
                return;
            }
            restore();
            before(panic);
            // A failure to print cannot be reported.
            let _ = writeln!(io::stderr(), "ro-co: this is a fault of the program{}", log::hint());
        }));
    });
}

/// Whether the terminal speaks kitty's keyboard protocol, asked with a limit of 2 s; the protocol is switched on then.
/// An error means that it answers nothing at all. Only in raw mode, and before there is an event stream.
pub(crate) fn handshake() -> io::Result<()> {
    if crossterm::terminal::supports_keyboard_enhancement()? && !ENHANCED_KEYS.swap(true, Ordering::AcqRel) {
        push_keys()?;
    }
    Ok(())
}

fn push_keys() -> io::Result<()> {
    execute!(stdout(), PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES))
}

/// Starts a frame that the terminal shows at once.
pub fn begin_frame() -> io::Result<()> {
    queue!(stdout(), BeginSynchronizedUpdate)
}

/// Ends it.
pub fn end_frame() -> io::Result<()> {
    execute!(stdout(), EndSynchronizedUpdate)
}

/// Sets the window's title until the terminal is given back.
pub fn title(text: &Clean) -> io::Result<()> {
    let text = Clean::line(text.as_str());
    execute!(stdout(), SetTitle(&text))?;
    *TITLE.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    Ok(())
}

/// Puts text on the user's clipboard (OSC 52). Terminals that do not allow it ignore it.
pub fn copy(text: &str) -> io::Result<()> {
    execute!(stdout(), CopyToClipboard::to_clipboard_from(text))
}
