//! SVG to PNG. Neither files nor the network are read, whatever the picture refers to.

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{ImageHrefResolver, Options, Tree},
};

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("it cannot be drawn: {0}")]
    Svg(#[from] resvg::usvg::Error),
    #[error("no PNG can be made of it")]
    Png,
}

/// Whether the picture can be drawn at all.
pub(super) fn check(svg: &str) -> Result<(), Error> {
    parse(svg).map(drop)
}

/// The picture as a square PNG with sides of `size` pixels; one that is not square is centred.
pub(super) fn png(svg: &str, size: u32) -> Result<Vec<u8>, Error> {
    draw(svg, size)?.encode_png().map_err(|_| Error::Png)
}

fn draw(svg: &str, size: u32) -> Result<Pixmap, Error> {
    let tree = parse(svg)?;
    let mut canvas = Pixmap::new(size, size).ok_or(Error::Png)?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let edge = f32::from(u16::try_from(size).map_err(|_| Error::Png)?);
    let scale = edge / width.max(height);
    let place = Transform::from_scale(scale, scale)
        .post_translate((edge - width * scale) / 2.0, (edge - height * scale) / 2.0);
    resvg::render(&tree, place, &mut canvas.as_mut());
    Ok(canvas)
}

fn parse(svg: &str) -> Result<Tree, Error> {
    let options = Options {
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..Options::default()
    };
    Ok(Tree::from_str(svg, &options)?)
}

/// The picture as rows of red, green, blue and opacity.
#[cfg(test)]
pub(super) fn pixels(svg: &str, size: u32) -> Vec<u8> {
    draw(svg, size)
        .unwrap()
        .pixels()
        .iter()
        .flat_map(|p| {
            let c = p.demultiply();
            [c.red(), c.green(), c.blue(), c.alpha()]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(svg: &str, size: u32, x: usize, y: usize) -> [u8; 4] {
        let at = (y * size as usize + x) * 4;
        pixels(svg, size)[at..at + 4].try_into().unwrap()
    }

    #[test]
    fn draws_at_the_size_asked_for() {
        let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="5" height="10" fill="#f00" fill-opacity=".5"/></svg>"##;
        assert_eq!(pixel(svg, 100, 10, 50), [255, 0, 0, 128], "colours are not multiplied by their opacity");
        assert_eq!(pixel(svg, 100, 90, 50), [0, 0, 0, 0]);
        let png = png(svg, 100).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert_eq!(png[16..24], [0, 0, 0, 100, 0, 0, 0, 100]);
    }

    #[test]
    fn what_is_not_square_is_centred() {
        let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10" fill="#00f"/></svg>"##;
        assert_eq!(pixel(svg, 40, 20, 20), [0, 0, 255, 255]);
        assert_eq!(pixel(svg, 40, 20, 5), [0, 0, 0, 0]);
    }

    #[test]
    fn files_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("red.svg");
        std::fs::write(&file, r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" fill="#f00"/></svg>"##).unwrap();
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><image href="{}" width="9" height="9"/></svg>"#,
            file.display()
        );
        assert_eq!(pixel(&svg, 9, 4, 4), [0, 0, 0, 0]);
    }

    #[test]
    fn what_is_no_picture_is_an_error() {
        for svg in
            ["", "<svg", "<html/>", r#"<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"/>"#]
        {
            assert!(check(svg).is_err(), "{svg:?}");
        }
    }
}
