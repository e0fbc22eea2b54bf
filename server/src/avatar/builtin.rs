//! Robots drawn here, by DiceBear's own library: no network, and no name leaves the server.
//!
//! The library is of the generation after the public service's, and draws other robots from the same seeds.

use std::sync::LazyLock;

use dicebear_core::{Avatar, Style};
use serde_json::json;

use super::{Failure, colours::colours, vetted};

/// The style is large and checked against its schema: once is enough.
static BOTTTS: LazyLock<Result<Style, dicebear_core::Error>> =
    LazyLock::new(|| Style::from_str(dicebear_styles::BOTTTS));

/// The robot of this seed. Takes milliseconds, the first one more: not for an async thread.
pub(super) fn draw(seed: &str) -> Result<String, Failure> {
    let style = BOTTTS.as_ref().map_err(|error| Failure::Library(error.to_string()))?;
    let colours = colours(seed).map(|colour| format!("#{colour}"));
    let options = json!({
        "seed": seed,
        "backgroundColor": colours,
        "backgroundColorFill": "linear",
        "backgroundColorOrder": "fixed",
        // One angle for all: corner to corner.
        "backgroundColorAngle": 45,
    });
    let avatar = Avatar::new(style, options).map_err(|error| Failure::Library(error.to_string()))?;
    vetted(avatar.to_svg())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::avatar::render;

    #[test]
    fn each_seed_has_a_robot_of_its_own_and_keeps_it() {
        let seeds = ["Ada", "ada", "", "Žofie", "李小龍", "a&b=c\"<d>", &"x".repeat(64)];
        let pictures: HashSet<_> = seeds.iter().map(|seed| draw(seed).unwrap()).collect();
        assert_eq!(pictures.len(), seeds.len());
        assert!(pictures.contains(&draw("Ada").unwrap()));
    }

    #[test]
    fn sanitising_changes_no_pixel_of_any_robot() {
        let style = BOTTTS.as_ref().unwrap();
        for seed in 0..60 {
            let colours = colours(&seed.to_string()).map(|colour| format!("#{colour}"));
            let options = json!({"seed": seed.to_string(), "backgroundColor": colours, "backgroundColorFill": "linear"});
            let avatar = Avatar::new(style, options).unwrap();
            let before = render::pixels(avatar.to_svg(), 96);
            assert!(before == render::pixels(&vetted(avatar.to_svg()).unwrap(), 96), "seed {seed}");
        }
    }

    #[test]
    fn the_background_runs_from_the_one_colour_to_the_other() {
        let rgb = |hex: &str| u32::from_str_radix(hex, 16).unwrap().to_be_bytes();
        let near =
            |pixel: &[u8], hex: &str| pixel.iter().zip(&rgb(hex)[1..]).all(|(a, b)| a.abs_diff(*b) < 16);
        let pixels = render::pixels(&draw("Ada").unwrap(), 100);
        let [first, second] = colours("Ada");
        assert!(near(&pixels[..3], first) && near(&pixels[pixels.len() - 4..pixels.len() - 1], second));
    }
}
