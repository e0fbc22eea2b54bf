//! Printing pictures with viuer.

use std::io::{self, Write};

use image::{
    DynamicImage, RgbaImage,
    imageops::{FilterType, resize},
};
use ratatui::layout::Rect;

use super::probe::{Graphics, cell_size};

/// viuer writes sixels as if a cell had this size, whatever it has.
const SIXEL_CELL: (u32, u32) = (6, 12);
/// The size of a cell where the terminal does not say; kitty and iTerm2 scale the picture themselves.
const DEFAULT_CELL: (u32, u32) = (10, 20);
/// Deletes all pictures on the screen and frees their memory, without an answer.
const KITTY_DELETE_ALL: &[u8] = b"\x1b_Ga=d,d=A,q=2\x1b\\";

/// Puts pictures on the screen, past the buffer.
pub trait Printer {
    /// Prints a picture over these cells.
    fn print(&mut self, picture: &RgbaImage, area: Rect, graphics: Graphics) -> io::Result<()>;

    /// Takes all pictures off a kitty.
    fn delete_all(&mut self) -> io::Result<()>;
}

/// Prints by viuer, straight to standard output.
#[derive(Default, Debug)]
pub struct Viuer {}

impl Printer for Viuer {
    fn print(&mut self, picture: &RgbaImage, area: Rect, graphics: Graphics) -> io::Result<()> {
        let cell = cell_size();
        let (columns, rows) = (u32::from(area.width), u32::from(area.height));
        let (width, height) = cell.unwrap_or(DEFAULT_CELL);
        // viuer sends every pixel each time: no more of them than there are.
        let fitting = resize(picture, columns * width, rows * height, FilterType::Triangle);
        let (width, height) = match (graphics, cell) {
            (Graphics::Sixel, Some(cell)) => sixel_size((columns, rows), cell),
            _ => (columns, rows),
        };
        let config = viuer::Config {
            x: area.x,
            y: i16::try_from(area.y).map_err(io::Error::other)?,
            width: Some(width),
            height: Some(height),
            restore_cursor: true,
            ..config(graphics)
        };
        viuer::print(&DynamicImage::ImageRgba8(fitting), &config).map(drop).map_err(io::Error::other)
    }

    fn delete_all(&mut self) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(KITTY_DELETE_ALL)?;
        out.flush()
    }
}

/// Prints a picture where the cursor is in the plain shell, and leaves the cursor on the line below it.
pub(crate) fn print_in_shell(
    picture: &RgbaImage,
    (columns, rows): (u32, u32),
    graphics: Graphics,
) -> io::Result<()> {
    let (width, height) = match (graphics, cell_size()) {
        (Graphics::Sixel, Some(cell)) => sixel_size((columns, rows), cell),
        _ => (columns, rows),
    };
    let config = viuer::Config {
        absolute_offset: false,
        width: Some(width),
        height: Some(height),
        ..config(graphics)
    };
    viuer::print(&DynamicImage::ImageRgba8(picture.clone()), &config).map_err(io::Error::other)?;
    // A sixel leaves the cursor on its own last row.
    if graphics == Graphics::Sixel { writeln!(io::stdout()) } else { Ok(()) }
}

/// With just these graphics: viuer must not go and ask the terminal about others while we read its input.
fn config(graphics: Graphics) -> viuer::Config {
    viuer::Config {
        transparent: true,
        use_kitty: graphics == Graphics::Kitty,
        use_iterm: graphics == Graphics::Iterm,
        use_sixel: graphics == Graphics::Sixel,
        ..viuer::Config::default()
    }
}

/// How many of viuer's cells cover these cells.
fn sixel_size((columns, rows): (u32, u32), (width, height): (u32, u32)) -> (u32, u32) {
    ((columns * width / SIXEL_CELL.0).max(1), (rows * height / SIXEL_CELL.1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sixel_covers_its_cells_whatever_their_size() {
        for cell in [(6, 12), (10, 20), (9, 18), (24, 48)] {
            let (width, height) = sixel_size((6, 3), cell);
            let (wide, high) = (width * SIXEL_CELL.0, height * SIXEL_CELL.1);
            assert!(wide <= 6 * cell.0 && wide + SIXEL_CELL.0 > 6 * cell.0, "{cell:?}: {wide}");
            assert!(high <= 3 * cell.1 && high + SIXEL_CELL.1 > 3 * cell.1, "{cell:?}: {high}");
        }
        assert_eq!(sixel_size((1, 1), (1, 1)), (1, 1));
    }

    #[test]
    fn viuer_is_left_one_choice() {
        for graphics in [Graphics::None, Graphics::Kitty, Graphics::Iterm, Graphics::Sixel] {
            let config = config(graphics);
            let uses =
                [config.use_kitty, config.use_iterm, config.use_sixel].into_iter().filter(|yes| *yes).count();
            assert_eq!(uses, usize::from(graphics != Graphics::None));
        }
    }
}
