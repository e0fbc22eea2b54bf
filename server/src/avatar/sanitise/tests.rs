//! Against real robots, and against whatever could hide in one.

use super::*;
use crate::avatar::render::{check, pixels};

/// Robots of the public service's generation, which between them have every part there is; one a line.
const ROBOTS: &str = include_str!("../testdata/bottts-9.4.3.txt");

fn wrapped(inside: &str) -> String {
    format!(
        r#"<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{inside}</svg>"#
    )
}

#[test]
fn sanitising_changes_no_pixel_of_a_robot_and_keeps_its_licence() {
    for robot in ROBOTS.lines() {
        let clean = sanitise(robot).unwrap();
        assert!(pixels(robot, 128) == pixels(&clean, 128));
        assert!(clean.contains("<dc:creator>Pablo Stanley</dc:creator>"));
        assert!(clean.contains("<dcterms:license>https://bottts.com/</dcterms:license>"));
        assert_eq!(sanitise(&clean).unwrap(), clean, "what is clean stays as it is");
    }
}

#[test]
fn nothing_that_acts_or_refers_elsewhere_gets_through() {
    for inside in [
        "<script>alert(1)</script>",
        "<g><script href='x.js'/></g>",
        "<g onload='alert(1)' onclick='alert(1)'/>",
        "<a xlink:href='javascript:alert(1)'><path d='M0 0'/></a>",
        "<image href='https://example.org/x.png'/><image href='data:image/png;base64,xx'/>",
        "<use xlink:href='https://example.org/#a'/><use href='evil.svg#a'/>",
        "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><script/></body></foreignObject>",
        "<style>@import url(https://example.org/x.css);</style>",
        "<g style='background:url(https://example.org)'/>",
        "<rect fill='url(https://example.org/#a)'/><rect fill='url(evil.svg)'/><rect fill='URL(evil.svg)'/>",
        "<rect fill='url(#a) url(x)'/><rect mask='url(//example.org/x#a)'/>",
        "<animate attributeName='href' to='javascript:alert(1)'/><set attributeName='onload' to='x'/>",
        "<g transform='translate(&quot;&gt;&lt;script&gt;)'/>",
        "<metadata><script/><x:script xmlns:x='http://www.w3.org/1999/xhtml'/></metadata>",
        "<script xmlns='http://www.w3.org/1999/xhtml'/>",
        "<?xml-stylesheet href='https://example.org/x.css'?><!-- <script> -->",
    ] {
        let clean = sanitise(&wrapped(inside)).unwrap();
        let rest = clean.replace(SVG, "").replace(LICENCE.map(|(_, uri)| uri)[0], "");
        for word in [
            "script", "onload", "onclick", "example", "evil", "href", "data:", "<a", "import", "!--", "xhtml",
        ] {
            assert!(!rest.contains(word), "{inside} became {clean}");
        }
        check(&clean).unwrap();
    }
}

#[test]
fn text_cannot_become_markup_or_move_a_cursor() {
    let clean = sanitise(&wrapped("<title>&lt;script&gt; &amp; \u{9b}2J</title>")).unwrap();
    assert!(clean.contains("<title>&lt;script&gt; &amp;  2J</title>"), "{clean}");
}

#[test]
fn only_what_is_svg_from_its_first_tag_on() {
    assert!(sanitise(&format!("\u{feff}<?xml version=\"1.0\"?>\n{}", wrapped(""))).is_ok());
    for text in [
        "",
        "<html/>",
        "<svg/>",
        "<svgx xmlns='http://www.w3.org/2000/svg'/>",
        "<svg xmlns='http://www.w3.org/2000/svg'>",
        "<svg xmlns='http://www.w3.org/1999/xhtml'/>",
        "GIF89a",
        "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg xmlns='http://www.w3.org/2000/svg'>&a;</svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'>&a;</svg>",
    ] {
        assert!(sanitise(text).is_err(), "{text}");
    }
}

#[test]
fn what_would_cost_too_much_to_draw_is_no_picture() {
    let deep = "<g>".repeat(DEPTH) + &"</g>".repeat(DEPTH);
    assert!(sanitise(&wrapped(&deep)).is_ok());
    let deeper = format!("<g>{deep}</g>");
    let many = "<g/>".repeat(NODES as usize);
    let doubling = |link: &str| -> String {
        let part = |n: u32| {
            format!(
                "<mask id='m{}'><g {}/><use {}/></mask>",
                n + 1,
                link.replace('N', &n.to_string()),
                link.replace('N', &n.to_string())
            )
        };
        (0..20).map(part).collect::<String>() + &format!("<use {}/>", link.replace('N', "20"))
    };
    let circle = "<g id='a'><use href='#b'/></g><g id='b'><use xlink:href='#a'/></g>";
    for inside in
        [&deeper, &many, &doubling("mask='url(#mN)'"), &doubling("href='#mN' filter='url(#mN)'"), circle]
    {
        assert!(
            matches!(sanitise(&wrapped(inside)), Err(Error::Excessive | Error::Xml(_))),
            "{}",
            &inside[..30]
        );
    }
}

#[test]
fn filters_and_layers_cost_more_than_shapes() {
    let blurs = |n: usize| {
        let steps = "<feGaussianBlur stdDeviation='50'/>".repeat(n);
        wrapped(&format!("<filter id='f'>{steps}</filter><rect width='9' height='9' filter='url(#f)'/>"))
    };
    // Where it is defined and where it is used.
    assert!(sanitise(&blurs(15)).is_ok());
    assert!(matches!(sanitise(&blurs(200)), Err(Error::Excessive)));
    let used_often = "<rect width='9' height='9' filter='url(#f)'/>".repeat(200);
    let one = format!("<filter id='f'><feGaussianBlur stdDeviation='50'/></filter>{used_often}");
    assert!(matches!(sanitise(&wrapped(&one)), Err(Error::Excessive)));
    for layer in ["opacity='.5'", "mask='url(#m)'", "clip-path='url(#m)'"] {
        let layers = format!("<g {layer}/>").repeat(450);
        assert!(matches!(sanitise(&wrapped(&layers)), Err(Error::Excessive)), "{layer}");
    }
}

#[test]
fn two_parts_of_one_name_are_no_picture() {
    assert!(matches!(sanitise(&wrapped("<g id='a'/><g id=' a'/>")), Err(Error::Ambiguous)));
}

#[test]
fn one_part_may_refer_to_another() {
    let inside = "<g id='a' fill='url(#p)'/><use href='#a'/><use xlink:href=' #a '/><g href='#a'/><use href='a.svg#a'/>";
    let clean = sanitise(&wrapped(inside)).unwrap();
    let expected = r##"<g id="a" fill="url(#p)"/><use href="#a"/><use href="#a"/><g/><use/>"##;
    assert!(clean.contains(expected), "{clean}");
}
