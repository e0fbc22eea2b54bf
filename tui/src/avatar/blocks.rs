//! A picture as block characters: two by two pixels a cell, in the two colours that fit them best.

use image::{
    RgbaImage,
    imageops::{FilterType, resize},
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use unicode_width::UnicodeWidthChar;

use super::Colours;

/// The glyph whose inked quarters are the bits set: 1 top left, 2 top right, 4 bottom left, 8 bottom right.
const QUADRANTS: [char; 16] =
    [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];

type Rgb = [u8; 3];

/// One cell of a picture. A colour that is `None` lets the terminal's own background through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Block {
    pub(super) glyph: char,
    pub(super) ink: Option<Rgb>,
    pub(super) paper: Option<Rgb>,
}

/// The picture in `width` by `height` cells, row by row.
pub(super) fn blocks(picture: &RgbaImage, width: u16, height: u16) -> Vec<Block> {
    let (width, height) = (u32::from(width), u32::from(height));
    let small = resize(picture, 2 * width, 2 * height, FilterType::CatmullRom);
    let quarters = |x: u32, y: u32| {
        [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| {
            let [r, g, b, alpha] = small.get_pixel(2 * x + dx, 2 * y + dy).0;
            (alpha >= 128).then_some([r, g, b])
        })
    };
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| block(quarters(x, y))).collect()
}

fn block(pixels: [Option<Rgb>; 4]) -> Block {
    let [Some(a), Some(b), Some(c), Some(d)] = pixels else {
        // With transparent quarters the ink is the rest, whatever its colours.
        let mask = (0..4).filter(|i| pixels[*i].is_some()).fold(0, |mask, i| mask | 1 << i);
        let opaque: Vec<Rgb> = pixels.into_iter().flatten().collect();
        return Block { glyph: QUADRANTS[mask], ink: mean(&opaque), paper: None };
    };
    let pixels = [a, b, c, d];
    // The other eight masks are these with ink and paper exchanged.
    let split = |mask: usize| {
        let (mut ink, mut paper) = (Vec::with_capacity(4), Vec::with_capacity(4));
        for (i, pixel) in pixels.into_iter().enumerate() {
            if mask >> i & 1 == 1 { ink.push(pixel) } else { paper.push(pixel) }
        }
        let error = spread(&ink) + spread(&paper);
        (error, Block { glyph: QUADRANTS[mask], ink: mean(&ink), paper: mean(&paper) })
    };
    // Mask 0 is the first and cannot be beaten by an equal: a plain cell stays a plain cell.
    (1..8).map(split).fold(split(0), |best, next| if next.0 < best.0 { next } else { best }).1
}

fn mean(pixels: &[Rgb]) -> Option<Rgb> {
    let count = u32::try_from(pixels.len()).ok().filter(|count| *count > 0)?;
    Some([0, 1, 2].map(|c| {
        let sum: u32 = pixels.iter().map(|pixel| u32::from(pixel[c])).sum();
        u8::try_from(sum / count).unwrap_or(u8::MAX)
    }))
}

/// The sum of the squared distances from the mean.
fn spread(pixels: &[Rgb]) -> u32 {
    let Some(mean) = mean(pixels) else { return 0 };
    pixels.iter().map(|pixel| distance(*pixel, mean)).sum()
}

fn distance(a: Rgb, b: Rgb) -> u32 {
    a.into_iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

/// Draws blocks made for `area`, as much of them as lies within `clip`.
pub(super) fn paint(blocks: &[Block], area: Rect, clip: Rect, buf: &mut Buffer, colours: Colours) {
    let colour = |rgb: Option<Rgb>| match (rgb, colours) {
        (Some([r, g, b]), Colours::True) => Color::Rgb(r, g, b),
        (Some(rgb), _) => Color::Indexed(indexed(rgb)),
        (None, _) => Color::Reset,
    };
    for place in area.intersection(clip).positions() {
        let index = usize::from(place.y - area.y) * usize::from(area.width) + usize::from(place.x - area.x);
        if let (Some(block), Some(cell)) = (blocks.get(index), buf.cell_mut(place)) {
            cell.set_char(block.glyph).set_style(Style::new().fg(colour(block.ink)).bg(colour(block.paper)));
        }
    }
}

/// The nearest of xterm's 256 colours: the 6x6x6 cube from 16 on, or the greys from 232 on.
fn indexed(rgb: Rgb) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |value: u8| (0..6u8).min_by_key(|i| STEPS[usize::from(*i)].abs_diff(value)).unwrap_or(0);
    let [r, g, b] = rgb.map(step);
    let cube = [r, g, b].map(|i| STEPS[usize::from(i)]);
    let light = rgb.into_iter().map(u16::from).sum::<u16>() / 3;
    let grey = u8::try_from((light.saturating_sub(3) / 10).min(23)).unwrap_or(23);
    let level = 8 + 10 * grey;
    if distance(rgb, [level; 3]) < distance(rgb, cube) { 232 + grey } else { 16 + 36 * r + 6 * g + b }
}

/// Draws two initials in a box of a colour that belongs to the name, as much of it as lies within `clip`.
pub(super) fn initials(name: &str, area: Rect, clip: Rect, buf: &mut Buffer, colours: Colours) {
    let clip = area.intersection(clip).intersection(buf.area);
    let style = box_style(name, colours);
    for place in clip.positions() {
        buf[place].reset();
        buf[place].set_style(style);
    }
    let letters = letters(name, area.width);
    let width: u16 = letters.iter().map(|(_, width)| width).sum();
    let mut x = area.x + (area.width - width) / 2;
    let y = area.y + area.height / 2;
    for (letter, width) in letters {
        // A wide letter is drawn whole or not at all.
        if clip.contains((x, y).into()) && x + width <= clip.right() {
            buf[(x, y)].set_char(letter);
        }
        x += width;
    }
}

/// The first letters of the first two words, or of the one there is; as many as fit.
fn letters(name: &str, width: u16) -> Vec<(char, u16)> {
    let mut room = width;
    let words = name.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.chars().next());
    words
        .take(2)
        .map(|letter| letter.to_uppercase().next().unwrap_or(letter))
        .map_while(|letter| {
            let wide =
                u16::try_from(letter.width().unwrap_or(0)).ok().filter(|wide| *wide > 0 && *wide <= room)?;
            room -= wide;
            Some((letter, wide))
        })
        .collect()
}

fn box_style(name: &str, colours: Colours) -> Style {
    const PAPERS: [Color; 6] =
        [Color::Red, Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::Cyan];
    let sum = name.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    match colours {
        Colours::None => Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD),
        _ => {
            Style::new().bg(PAPERS[sum as usize % PAPERS.len()]).fg(Color::Black).add_modifier(Modifier::BOLD)
        }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    const RED: Rgb = [255, 0, 0];
    const BLUE: Rgb = [0, 0, 255];
    const AREA: Rect = Rect { x: 0, y: 0, width: 2, height: 2 };

    /// Four by four pixels; `.` is transparent.
    fn picture(rows: [&str; 4]) -> RgbaImage {
        RgbaImage::from_fn(4, 4, |x, y| match rows[y as usize].as_bytes()[x as usize] {
            b'R' => Rgba([255, 0, 0, 255]),
            b'B' => Rgba([0, 0, 255, 255]),
            _ => Rgba([9, 9, 9, 0]),
        })
    }

    fn glyphs(rows: [&str; 4]) -> String {
        let blocks = blocks(&picture(rows), 2, 2);
        blocks.iter().map(|block| block.glyph).collect()
    }

    #[test]
    fn each_cell_takes_the_two_colours_that_fit() {
        let blocks = blocks(&picture(["RRRB", "RRRB", "RBBB", "BRRB"]), 2, 2);
        let plain = Block { glyph: ' ', ink: None, paper: Some(RED) };
        assert_eq!(blocks[0], plain);
        assert_eq!(blocks[1], Block { glyph: '▌', ink: Some(RED), paper: Some(BLUE) });
        // One of the two diagonals; which colour is the ink is of no account.
        assert_eq!(blocks[2], Block { glyph: '▞', ink: Some(BLUE), paper: Some(RED) });
        assert_eq!(blocks[3], Block { glyph: '▖', ink: Some(RED), paper: Some(BLUE) });
    }

    #[test]
    fn every_pattern_of_two_colours_is_drawn_exactly() {
        for mask in 0..16usize {
            let pixels = [0, 1, 2, 3].map(|i| Some(if mask >> i & 1 == 1 { RED } else { BLUE }));
            let block = block(pixels);
            let drawn = QUADRANTS.iter().position(|glyph| *glyph == block.glyph).unwrap();
            for (i, pixel) in pixels.into_iter().enumerate() {
                assert_eq!(if drawn >> i & 1 == 1 { block.ink } else { block.paper }, pixel, "{mask:04b}");
            }
        }
    }

    #[test]
    fn what_is_transparent_lets_the_terminal_through() {
        assert_eq!(glyphs(["R...", "....", "..RR", ".R.R"]), "▘ ▗▜");
        let blocks = blocks(&picture(["R...", "....", "....", "...."]), 2, 2);
        assert_eq!((blocks[0].ink, blocks[0].paper), (Some(RED), None));
    }

    #[test]
    fn only_what_lies_within_the_clip_is_touched() {
        let blocks = blocks(&picture(["RRRR"; 4]), 2, 2);
        let mut buf = Buffer::filled(Rect::new(0, 0, 4, 4), ratatui::buffer::Cell::new("x"));
        paint(&blocks, Rect::new(1, 1, 2, 2), Rect::new(0, 2, 4, 1), &mut buf, Colours::True);
        paint(&blocks, Rect::new(3, 3, 2, 2), Rect::new(0, 0, 99, 99), &mut buf, Colours::True);
        assert_eq!(buf, {
            let mut lines = Buffer::with_lines(["xxxx", "xxxx", "x  x", "xxx "]);
            for place in [(1, 2), (2, 2), (3, 3)] {
                lines[place].set_style(Style::new().fg(Color::Reset).bg(Color::Rgb(255, 0, 0)));
            }
            lines
        });
    }

    #[test]
    fn the_256_colours_hit_their_own_values() {
        assert_eq!(indexed([255, 0, 0]), 196);
        assert_eq!(indexed([0, 0, 0]), 16);
        assert_eq!(indexed([255, 255, 255]), 231);
        assert_eq!(indexed([95, 135, 175]), 67);
        for grey in 0..24 {
            assert_eq!(indexed([8 + 10 * grey; 3]), 232 + grey);
        }
    }

    fn boxed(name: &str, width: u16) -> String {
        let area = Rect::new(0, 0, width, 3);
        let mut buf = Buffer::empty(area);
        initials(name, area, area, &mut buf, Colours::None);
        (0..width).map(|x| buf[(x, 1)].symbol()).collect()
    }

    #[test]
    fn two_initials_in_the_middle() {
        assert_eq!(boxed("ada lovelace king", 6), "  AL  ");
        assert_eq!(boxed("ada", 6), "  A   ");
        assert_eq!(boxed("_ö-ß.", 6), "  ÖS  ");
        assert_eq!(boxed("中文 文", 6), " 中 文  ");
        assert_eq!(boxed("中 文", 3), "中  ");
        assert_eq!(boxed("", 2), "  ");
        assert_eq!(boxed("...", 1), " ");
        assert_eq!(boxed("ada lovelace", 0), "");
    }

    #[test]
    fn without_colours_there_are_none() {
        let mut buf = Buffer::empty(AREA);
        initials("ada", AREA, AREA, &mut buf, Colours::None);
        assert!(buf.content().iter().all(|cell| cell.bg == Color::Reset && cell.fg == Color::Reset));
        assert!(buf.content().iter().all(|cell| cell.modifier.contains(Modifier::REVERSED)));
    }
}
