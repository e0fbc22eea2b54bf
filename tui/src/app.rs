//! The event loop: messages before input, all of them before a frame, and idle while nothing happens.

use std::{
    collections::VecDeque,
    io::{self, Stdout},
    mem::{self, ManuallyDrop},
    time::Duration,
};

use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_util::StreamExt;
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    layout::{Position, Rect, Size},
};
use ro_co_shared::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use uuid::Uuid;

use crate::{
    api::Api,
    avatar::{AvatarChoice, Avatars, Painter, Placements, probe},
    chrome::view,
    clean::Clean,
    drafts::Drafts,
    input::Hits,
    log,
    model::cmd::Cmd,
    model::{Moment, Server, Warning},
    msg::Msg,
    places::AppDirs,
    runtime::Runtime,
    term::{self, Edited, EditorFile, Options, Signal, Signals, Term},
    theme::Theme,
    token::{StoredIn, TokenState},
    update::{Model, start, update},
    widgets::Canvas,
};

/// The minimum time between two frames.
const FRAME: Duration = Duration::from_millis(16);

/// What the loop is made of.
pub(crate) struct AppParts {
    /// The server.
    pub(crate) api: Api,
    /// The pictures.
    pub(crate) avatars: Avatars,
    /// The drafts.
    pub(crate) drafts: Option<Drafts>,
    /// Which pictures are wanted.
    pub(crate) choice: AvatarChoice,
    /// The colours.
    pub(crate) theme: Theme,
    /// Where files may be put.
    pub(crate) places: Option<AppDirs>,
}

/// Takes the terminal over, runs until the user or a signal ends it, and gives the terminal back.
pub(crate) async fn run(parts: AppParts) -> io::Result<()> {
    let (sender, mut messages) = mpsc::unbounded_channel();
    let mut tokens = parts.api.tokens().changes();
    let mut moves = parts.api.origin().moves();
    let choice = parts.choice;
    let mut app = App::new(parts, sender)?;
    let done = app.serve(choice, &mut messages, &mut tokens, &mut moves).await;
    app.close(done).await
}
struct App {
    model: Model,
    signals: Signals,
    runtime: Runtime,
    began: Instant,
    term: Term,
    /// Never dropped: the drop would print to standard error that a dead terminal does not show its cursor, and panic
    /// where that is dead too. [`Term`] shows the cursor.
    screen: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    /// None while another program has the terminal.
    input: Option<EventStream>,
    avatars: Avatars,
    painter: Painter,
    placements: Placements,
    hits: Hits,
    places: Option<AppDirs>,
    /// A text that an editor may still have open.
    kept: Option<EditorFile>,
    /// The address in the window's title.
    titled: Clean,
    drawn: Option<Instant>,
    dirty: bool,
    /// Whether the next frame starts on an empty screen.
    anew: bool,
    ending: Option<Ending>,
}

/// Why the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// The user or a signal wants it to.
    Quit,
    /// The terminal is gone.
    TerminalLost,
}

/// Empties the screen, so that the frame is drawn whole. `Terminal::clear` would ask the terminal where its cursor is,
/// and the event stream takes the answer.
fn wipe(screen: &mut Terminal<CrosstermBackend<Stdout>>) -> io::Result<()> {
    let size = screen.size()?;
    screen.resize(Rect::from((Position::ORIGIN, size)))
}

impl App {
    fn new(parts: AppParts, messages: mpsc::UnboundedSender<Msg>) -> io::Result<Self> {
        let AppParts { api, avatars, drafts, theme, places, .. } = parts;
        let origin = api.origin();
        let address = Clean::line(&origin.to_string());
        let server = Server { sends_usernames: !origin.is_local(), address };
        let signals = Signals::listen()?;
        let term = Term::enter(Options { mouse: true })?;
        let screen = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?);
        let size = screen.size()?;
        let mut model = Model::new(server, theme, size);
        model.core.log_dir = log::shown_dir().map(|dir| Clean::line(&dir));
        Ok(Self {
            model,
            signals,
            runtime: Runtime::new(api, avatars.clone(), drafts, messages),
            began: Instant::now(),
            term,
            screen,
            input: None,
            avatars,
            painter: Painter::new(crate::avatar::Graphics::None),
            placements: Placements::default(),
            hits: Hits::default(),
            places,
            kept: None,
            titled: Clean::default(),
            drawn: None,
            dirty: true,
            anew: true,
            ending: None,
        })
    }

    /// When the next frame may be drawn.
    fn next_frame(&self) -> Instant {
        self.drawn.map_or_else(Instant::now, |drawn| drawn + FRAME)
    }

    /// Messages before input, all of them before a frame, until the user or a signal ends it.
    async fn serve(
        &mut self,
        choice: AvatarChoice,
        messages: &mut mpsc::UnboundedReceiver<Msg>,
        tokens: &mut watch::Receiver<TokenState>,
        moves: &mut watch::Receiver<String>,
    ) -> io::Result<()> {
        self.step(start).await?;
        let first = warning(&tokens.borrow_and_update());
        self.handle(Msg::Warning(first)).await?;
        self.draw()?;
        // After the first frame, for a terminal may take seconds to answer; before anything reads its input.
        let graphics = probe(choice);
        self.painter = Painter::new(graphics);
        self.placements = Placements::on(graphics);
        self.input = Some(EventStream::new());
        while self.ending.is_none() {
            let draw_at = self.dirty.then(|| self.next_frame());
            let wake = self.model.wake().map(|run| self.began + run);
            tokio::select! {
                biased;
                Some(msg) = messages.recv() => self.handle(msg).await?,
                () = until(draw_at) => self.draw()?,
                event = next_event(&mut self.input) => self.on_event(event).await?,
                signal = self.signals.next() => {
                    self.handle(Msg::Stop).await?;
                    if signal == Signal::HangUp {
                        self.ending = Some(Ending::TerminalLost);
                    }
                }
                Ok(()) = tokens.changed() => {
                    let warning = warning(&tokens.borrow_and_update());
                    self.handle(Msg::Warning(warning)).await?;
                }
                Ok(()) = moves.changed() => {
                    let address = Clean::line(&moves.borrow_and_update());
                    self.handle(Msg::Moved(address)).await?;
                }
                () = until(wake) => self.handle(Msg::Tick).await?,
            }
            while let Ok(msg) = messages.try_recv() {
                self.handle(msg).await?;
            }
            if self.dirty && self.ending.is_none() && self.next_frame() <= Instant::now() {
                self.draw()?;
            }
        }
        Ok(())
    }

    async fn on_event(&mut self, event: Option<io::Result<Event>>) -> io::Result<()> {
        let msg = match event {
            Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => Msg::Key(key),
            Some(Ok(Event::Paste(text))) => Msg::Paste(text),
            Some(Ok(Event::Mouse(mouse))) => match self.hits.read(mouse) {
                Some(pointer) => Msg::Pointer(pointer),
                None => return Ok(()),
            },
            Some(Ok(Event::Resize(width, height))) => {
                // Even where the size is the same again: what the terminal had to cut off meanwhile is lost.
                self.redraw()?;
                Msg::Resize(Size::new(width, height))
            }
            Some(Ok(_)) => return Ok(()),
            // The terminal is gone, and the user with it.
            Some(Err(_)) | None => {
                self.handle(Msg::Stop).await?;
                self.ending = Some(Ending::TerminalLost);
                return Ok(());
            }
        };
        self.handle(msg).await
    }

    async fn handle(&mut self, msg: Msg) -> io::Result<()> {
        self.step(|model| update(model, msg)).await
    }

    /// Lets the model take one step, at this moment and with a fresh key, and does what it asks for.
    async fn step(&mut self, step: impl FnOnce(&mut Model) -> Vec<Cmd>) -> io::Result<()> {
        self.dirty = true;
        let mut messages = VecDeque::new();
        self.tick();
        let mut cmds = step(&mut self.model);
        loop {
            for cmd in cmds {
                match cmd {
                    Cmd::Edit(text) => messages.extend(self.edit(text).await?),
                    Cmd::Suspend => self.hand_over(Term::suspend)?,
                    Cmd::Redraw => self.redraw()?,
                    Cmd::Quit => _ = self.ending.get_or_insert(Ending::Quit),
                    other => self.runtime.start(other),
                }
            }
            let Some(msg) = messages.pop_front() else { return Ok(()) };
            self.tick();
            cmds = update(&mut self.model, msg);
        }
    }

    /// Tells the model the time, and gives it a fresh key.
    fn tick(&mut self) {
        self.model.core.now = Moment { wall: Timestamp::now(), run: self.began.elapsed() };
        self.model.core.fresh_key = Uuid::now_v7();
    }

    fn draw(&mut self) -> io::Result<()> {
        self.dirty = false;
        if self.titled != self.model.core.server.address {
            self.titled = self.model.core.server.address.clone();
            term::title(&Clean::line(&format!("Ro-Co · {}", self.titled)))?;
        }
        self.hits.clear();
        self.placements.clear();
        let Self { model, screen, avatars, painter, placements, hits, .. } = self;
        term::begin_frame()?;
        if mem::take(&mut self.anew) {
            wipe(screen)?;
        }
        screen.draw(|frame| {
            let theme = model.core.theme;
            view(model, &mut Canvas { frame, hits, placements: &mut *placements, avatars, theme });
            painter.prepare(frame.buffer_mut(), placements);
        })?;
        painter.commit(avatars)?;
        term::end_frame()?;
        self.runtime.fetch_pictures(self.placements.missing());
        self.drawn = Some(Instant::now());
        Ok(())
    }

    fn redraw(&mut self) -> io::Result<()> {
        self.painter.forget()?;
        self.anew = true;
        self.dirty = true;
        Ok(())
    }

    /// Gives the terminal to something else for a while. Nothing of ours may read its input meanwhile.
    fn hand_over(&mut self, other: impl FnOnce(&mut Term) -> io::Result<()>) -> io::Result<()> {
        self.input = None;
        self.painter.forget()?;
        other(&mut self.term)?;
        self.input = Some(EventStream::new());
        self.resize()?;
        self.redraw()
    }

    /// Opens the user's editor. A signal that comes meanwhile ends the editor, and then the program.
    async fn edit(&mut self, text: String) -> io::Result<Vec<Msg>> {
        let kept = self.kept.take();
        // Saved in a window that was still open when the editor came back.
        if let Some(saved) = kept.as_ref().filter(|kept| kept.text == text).and_then(EditorFile::take) {
            return Ok(vec![Msg::Edited(Edited { text: Some(saved), ..Edited::default() })]);
        }
        kept.iter().for_each(EditorFile::discard);
        self.input = None;
        self.painter.forget()?;
        self.term.leave()?;
        let dir = self.places.as_ref().map_or_else(std::env::temp_dir, |places| places.state.clone());
        let (signals, mut stopped) = (&mut self.signals, None);
        let stop = async {
            stopped = Some(signals.next().await);
        };
        let edited = term::edit(&text, &dir, stop).await;
        self.kept.clone_from(&edited.kept);
        let edited = Msg::Edited(edited);
        if let Some(signal) = stopped {
            self.ending = (signal == Signal::HangUp).then_some(Ending::TerminalLost);
            // The terminal may be gone, and nothing is shown in it any more.
            return Ok(vec![edited, Msg::Stop]);
        }
        self.term.reenter()?;
        self.input = Some(EventStream::new());
        self.resize()?;
        self.redraw()?;
        Ok(vec![edited])
    }

    /// The terminal may have another size since it was ours.
    fn resize(&mut self) -> io::Result<()> {
        let size = self.screen.size()?;
        if size != self.model.core.size {
            for cmd in update(&mut self.model, Msg::Resize(size)) {
                self.runtime.start(cmd);
            }
        }
        Ok(())
    }

    /// Ends, however it came to that: what is being written is kept first of all, also when the terminal is gone.
    async fn close(mut self, done: io::Result<()>) -> io::Result<()> {
        self.input = None;
        self.kept.iter().for_each(EditorFile::discard);
        if self.ending.is_none() {
            for cmd in update(&mut self.model, Msg::Stop) {
                self.runtime.start(cmd);
            }
        }
        let left = self.painter.forget().and_then(|()| self.term.leave());
        self.runtime.finish().await;
        // A terminal that is gone takes nothing back; that is no failure of the program.
        if self.ending == Some(Ending::TerminalLost) || is_hang_up(&done) { Ok(()) } else { done.and(left) }
    }
}

/// Whether this is what reading and writing a terminal that has gone come to: a frame may be under way before the end of
/// the terminal is noticed.
fn is_hang_up(done: &io::Result<()>) -> bool {
    done.as_ref().is_err_and(|error| error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()))
}

/// What to tell the user about where the sign-in is kept, if it is not where it was meant to be.
fn warning(state: &TokenState) -> Option<Warning> {
    if state.waiting {
        return Some(Warning { brief: "waiting for your keyring to be unlocked".into(), full: None });
    }
    let reason = state.reason.as_ref()?;
    if state.kept != StoredIn::Memory {
        return Some(Warning { brief: reason.clone(), full: None });
    }
    let remedy = match state.meant {
        StoredIn::Keyring => " --token-store file saves it.",
        StoredIn::File | StoredIn::Memory => "",
    };
    Some(Warning {
        brief: Clean::line(&format!("sign-in not saved: {reason}")),
        full: Some(Clean::line(&format!("Sign-in not saved: {reason}.{remedy}"))),
    })
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn next_event(input: &mut Option<EventStream>) -> Option<io::Result<Event>> {
    match input {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}
