//! Puts real pictures over the blocks, and only when something changed.
//!
//! The blocks are always in the buffer. Here the frame's wish list is held against what the terminal shows: a cell
//! under a picture that stays is not written (that would erase it), a cell of a picture that goes is written in any
//! case, and what is new is printed after the frame.

use std::{io, sync::Arc};

use image::RgbaImage;
use ratatui::{
    buffer::{Buffer, CellDiffOption},
    layout::Rect,
};

use super::{
    AvatarKey, Avatars, Graphics,
    printer::{Printer, Viuer},
};

type Placed = (Rect, AvatarKey);

/// Where the view of one frame wants pictures, and what lies on top of them.
#[derive(Default, Debug)]
pub struct Placements {
    wanted: Vec<Placed>,
    occluders: Vec<Rect>,
    missing: Vec<AvatarKey>,
    /// Whether the terminal shows real pictures.
    pub(super) real: bool,
}

impl Placements {
    /// None yet, on a terminal with these graphics.
    pub fn on(graphics: Graphics) -> Self {
        Self { real: graphics != Graphics::None, ..Self::default() }
    }

    /// Starts a frame.
    pub fn clear(&mut self) {
        self.wanted.clear();
        self.occluders.clear();
        self.missing.clear();
    }

    /// Something was drawn over `area` (an overlay): no picture may show through.
    pub fn occlude(&mut self, area: Rect) {
        self.occluders.push(area);
    }

    /// Pictures that are not in memory yet, or no longer good: load them.
    pub fn missing(&self) -> &[AvatarKey] {
        &self.missing
    }

    pub(super) fn want(&mut self, area: Rect, key: &AvatarKey) {
        self.wanted.push((area, key.clone()));
    }

    pub(super) fn miss(&mut self, key: &AvatarKey) {
        if !self.missing.contains(key) {
            self.missing.push(key.clone());
        }
    }

    /// What can be shown on a screen: whole, uncovered, and not on the last row, for viuer ends a picture with a
    /// line feed, which would scroll the screen there.
    fn showable(&self, screen: Rect) -> Vec<Placed> {
        let open = |area: Rect| {
            area.bottom() < screen.bottom()
                && area.intersection(screen) == area
                && !self.occluders.iter().any(|occluder| occluder.intersects(area))
        };
        self.wanted.iter().filter(|(area, _)| open(*area)).cloned().collect()
    }
}

/// Paints pictures over the rectangles of the frame, and only when something changed.
#[derive(Debug)]
pub struct Painter<P = Viuer> {
    graphics: Graphics,
    printer: P,
    shown: Vec<Placed>,
    wanted: Vec<Placed>,
}

impl Painter {
    /// For a terminal with these graphics.
    pub fn new(graphics: Graphics) -> Self {
        Self::with_printer(graphics, Viuer::default())
    }
}

impl<P: Printer> Painter<P> {
    fn with_printer(graphics: Graphics, printer: P) -> Self {
        Self { graphics, printer, shown: Vec::new(), wanted: Vec::new() }
    }

    /// Marks cells that must be rewritten or left alone. Last thing in the draw closure.
    pub fn prepare(&mut self, buf: &mut Buffer, placements: &Placements) {
        if self.graphics == Graphics::None {
            return;
        }
        self.wanted = placements.showable(buf.area);
        for (area, _) in self.shown.iter().filter(|shown| !self.wanted.contains(shown)) {
            mark(buf, *area, CellDiffOption::AlwaysUpdate);
        }
        for wanted in &self.wanted {
            let stays = self.shown.contains(wanted);
            mark(buf, wanted.0, if stays { CellDiffOption::Skip } else { CellDiffOption::AlwaysUpdate });
        }
    }

    /// Prints what changed. After the draw, before the end of the synchronized update.
    pub fn commit(&mut self, avatars: &Avatars) -> io::Result<()> {
        self.print(|key| avatars.picture(key))
    }

    fn print(&mut self, picture: impl Fn(&AvatarKey) -> Option<Arc<RgbaImage>>) -> io::Result<()> {
        let goes = self.shown.iter().any(|shown| !self.wanted.contains(shown));
        if goes && self.graphics == Graphics::Kitty {
            // Text does not erase kitty's pictures, and viuer names none of them: all go, and those that stay return.
            self.printer.delete_all()?;
            self.shown.clear();
        }
        self.shown.retain(|shown| self.wanted.contains(shown));
        for wanted in &self.wanted {
            if !self.shown.contains(wanted)
                && let Some(picture) = picture(&wanted.1)
            {
                self.printer.print(&picture, wanted.0, self.graphics)?;
                self.shown.push(wanted.clone());
            }
        }
        Ok(())
    }

    /// The screen was or will be resized, cleared or left: nothing is shown any more. Draw anew after it.
    pub fn forget(&mut self) -> io::Result<()> {
        let any = !std::mem::take(&mut self.shown).is_empty();
        if any && self.graphics == Graphics::Kitty {
            self.printer.delete_all()?;
        }
        Ok(())
    }
}

fn mark(buf: &mut Buffer, area: Rect, option: CellDiffOption) {
    for place in area.intersection(buf.area).positions() {
        buf[place].set_diff_option(option);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes down instead of printing.
    #[derive(Default)]
    struct Notes(Vec<String>);

    impl Printer for Notes {
        fn print(&mut self, _: &RgbaImage, area: Rect, _: Graphics) -> io::Result<()> {
            self.0.push(format!("{area}"));
            Ok(())
        }

        fn delete_all(&mut self) -> io::Result<()> {
            self.0.push("delete".into());
            Ok(())
        }
    }

    const SCREEN: Rect = Rect { x: 0, y: 0, width: 40, height: 12 };

    fn at(y: u16) -> Rect {
        Rect::new(1, y, 6, 3)
    }

    /// One frame with faces in these rows and an overlay; what was printed.
    fn frame(
        painter: &mut Painter<Notes>,
        faces: &[(u16, &str)],
        overlay: Option<Rect>,
    ) -> (Vec<String>, Buffer) {
        let mut placements = Placements::default();
        for (y, name) in faces {
            placements.want(at(*y), &AvatarKey::new(name));
        }
        if let Some(area) = overlay {
            placements.occlude(area);
        }
        let mut buf = Buffer::empty(SCREEN);
        painter.prepare(&mut buf, &placements);
        painter.print(|key| (key.url() != "missing").then(|| Arc::new(RgbaImage::new(1, 1)))).unwrap();
        (std::mem::take(&mut painter.printer.0), buf)
    }

    fn painter(graphics: Graphics) -> Painter<Notes> {
        Painter::with_printer(graphics, Notes::default())
    }

    fn option(buf: &Buffer, y: u16) -> CellDiffOption {
        let options: Vec<_> = at(y).positions().map(|place| buf[place].diff_option).collect();
        assert!(options.iter().all(|option| *option == options[0]));
        options[0]
    }

    #[test]
    fn an_unchanged_frame_prints_nothing_and_leaves_the_cells_alone() {
        for graphics in [Graphics::Kitty, Graphics::Iterm, Graphics::Sixel] {
            let mut painter = painter(graphics);
            let (printed, buf) = frame(&mut painter, &[(0, "ada"), (4, "bob")], None);
            assert_eq!(printed, [at(0).to_string(), at(4).to_string()]);
            assert_eq!(option(&buf, 0), CellDiffOption::AlwaysUpdate, "the blocks come first");
            let (printed, buf) = frame(&mut painter, &[(0, "ada"), (4, "bob")], None);
            assert!(printed.is_empty());
            assert_eq!(option(&buf, 4), CellDiffOption::Skip);
        }
    }

    #[test]
    fn what_an_overlay_covers_goes_and_comes_back() {
        let overlay = Some(Rect::new(5, 2, 10, 4));
        let mut sixel = painter(Graphics::Sixel);
        frame(&mut sixel, &[(0, "ada"), (7, "bob")], None);
        let (printed, buf) = frame(&mut sixel, &[(0, "ada"), (7, "bob")], overlay);
        assert!(printed.is_empty(), "text erases a sixel: {printed:?}");
        assert_eq!((option(&buf, 0), option(&buf, 7)), (CellDiffOption::AlwaysUpdate, CellDiffOption::Skip));
        let (printed, _) = frame(&mut sixel, &[(0, "ada"), (7, "bob")], None);
        assert_eq!(printed, [at(0).to_string()]);

        let mut kitty = painter(Graphics::Kitty);
        frame(&mut kitty, &[(0, "ada"), (7, "bob")], None);
        let (printed, _) = frame(&mut kitty, &[(0, "ada"), (7, "bob")], overlay);
        assert_eq!(printed, ["delete".to_owned(), at(7).to_string()]);
    }

    #[test]
    fn another_face_in_the_same_place_is_another_picture() {
        let mut painter = painter(Graphics::Sixel);
        frame(&mut painter, &[(0, "ada?v=1")], None);
        let (printed, buf) = frame(&mut painter, &[(0, "ada?v=2")], None);
        assert_eq!(printed, [at(0).to_string()]);
        assert_eq!(option(&buf, 0), CellDiffOption::AlwaysUpdate);
    }

    #[test]
    fn never_on_the_last_row_nor_beyond_the_edge() {
        let mut painter = painter(Graphics::Kitty);
        let (printed, buf) = frame(&mut painter, &[(8, "ada"), (9, "bob"), (11, "eve")], None);
        assert_eq!(printed, [at(8).to_string()]);
        assert_eq!(buf[(1, 11)].diff_option, CellDiffOption::None);
    }

    #[test]
    fn forgotten_pictures_are_printed_anew() {
        let mut painter = painter(Graphics::Kitty);
        frame(&mut painter, &[(0, "ada")], None);
        painter.forget().unwrap();
        painter.forget().unwrap();
        assert_eq!(std::mem::take(&mut painter.printer.0), ["delete"], "once, as long as there is something");
        let (printed, _) = frame(&mut painter, &[(0, "ada")], None);
        assert_eq!(printed, [at(0).to_string()]);
    }

    #[test]
    fn a_picture_that_left_memory_is_printed_when_it_is_back() {
        let mut painter = painter(Graphics::Sixel);
        let (printed, _) = frame(&mut painter, &[(0, "missing"), (4, "bob")], None);
        assert_eq!(printed, [at(4).to_string()]);
        let (printed, _) = frame(&mut painter, &[(0, "ada"), (4, "bob")], None);
        assert_eq!(printed, [at(0).to_string()]);
    }

    #[test]
    fn without_graphics_nothing_is_printed_or_marked() {
        let mut painter = painter(Graphics::None);
        let (printed, buf) = frame(&mut painter, &[(0, "ada")], None);
        assert!(printed.is_empty());
        assert_eq!(option(&buf, 0), CellDiffOption::None);
    }

    #[test]
    fn the_screen_is_rewritten_where_a_picture_comes_or_goes_and_nowhere_else() {
        let mut painter = painter(Graphics::Sixel);
        let mut before = Buffer::empty(SCREEN);
        let written = [&[(0, "ada")][..], &[(0, "ada")], &[(0, "ada")], &[]].map(|faces| {
            let (_, buf) = frame(&mut painter, faces, None);
            let count = before.diff(&buf).len();
            before = buf;
            count
        });
        assert_eq!(written, [18, 0, 0, 18], "the cells are equal all the time: it is the marks that count");
    }
}
