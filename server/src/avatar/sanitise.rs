//! Foreign SVG, reduced to what a picture needs.
//!
//! The document is parsed and written anew from lists of what is allowed, so nothing gets through that nobody
//! thought of: no script, no event handler, no entity, no link except from one part of the picture to another.
//! Those are followed beforehand, and counted: ten parts that each use the one before twice are quickly more
//! than a machine can draw, and two that use each other are drawn for ever.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use resvg::usvg::roxmltree::{self, Document, Node, ParsingOptions};

const SVG: &str = "http://www.w3.org/2000/svg";

/// Namespaces in which the licence of a picture is written, with the prefixes used here.
const LICENCE: [(&str, &str); 3] = [
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("dcterms", "http://purl.org/dc/terms/"),
];

const ELEMENTS: [&str; 26] = [
    "g",
    "defs",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "mask",
    "clipPath",
    "linearGradient",
    "radialGradient",
    "stop",
    "filter",
    "feBlend",
    "feColorMatrix",
    "feComposite",
    "feFlood",
    "feGaussianBlur",
    "feMerge",
    "feMergeNode",
    "feOffset",
    "title",
    "desc",
    "use",
];

const ATTRIBUTES: [&str; 67] = [
    "aria-hidden",
    "clip-rule",
    "clipPathUnits",
    "color-interpolation",
    "color-interpolation-filters",
    "cx",
    "cy",
    "d",
    "display",
    "dx",
    "dy",
    "fill-opacity",
    "fill-rule",
    "filterUnits",
    "flood-color",
    "flood-opacity",
    "fr",
    "fx",
    "fy",
    "gradientTransform",
    "gradientUnits",
    "height",
    "id",
    "in",
    "in2",
    "k1",
    "k2",
    "k3",
    "k4",
    "mask-type",
    "maskContentUnits",
    "maskUnits",
    "mode",
    "offset",
    "opacity",
    "operator",
    "overflow",
    "points",
    "preserveAspectRatio",
    "primitiveUnits",
    "r",
    "result",
    "role",
    "rx",
    "ry",
    "shape-rendering",
    "spreadMethod",
    "stdDeviation",
    "stop-color",
    "stop-opacity",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-miterlimit",
    "stroke-opacity",
    "stroke-width",
    "transform",
    "type",
    "values",
    "viewBox",
    "visibility",
    "width",
    "x",
    "x1",
    "x2",
    "y",
    "y1",
    "y2",
];

/// Attributes that may refer to another part of the picture, as `url(#id)`.
const REFERRING: [&str; 5] = ["fill", "stroke", "mask", "clip-path", "filter"];
/// Elements whose `href` may refer to another part of the picture, as `#id`.
const LINKING: [&str; 3] = ["use", "linearGradient", "radialGradient"];

/// Nodes of a document; the largest robot has about 110.
const NODES: u32 = 1_000;
/// Elements within each other, those referred to included; a robot has about 8.
const DEPTH: usize = 32;
/// The cost of drawing, where each element counts as often as it is referred to; a robot costs some hundreds.
const MAX_COST: usize = 4_000;
/// What a step of a filter costs: it reads and writes every pixel of the picture, a blur several times.
const FILTER_STEP_COST: usize = 20;
/// What a layer costs, which a mask, a clip path and an opacity need: it is a picture of its own until it is laid over the rest.
const LAYER_COST: usize = 10;

/// Why a document is no picture.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("it is no XML: {0}")]
    Xml(#[from] roxmltree::Error),
    #[error("it is no SVG")]
    NotSvg,
    #[error("two parts of it have the same name")]
    Ambiguous,
    #[error("it is more than a picture needs")]
    Excessive,
}

/// The picture in a document, without anything else that is in there.
pub(super) fn sanitise(text: &str) -> Result<String, Error> {
    let text = without_declaration(text);
    if !text.starts_with("<svg") {
        return Err(Error::NotSvg);
    }
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)?;
    let root = document.root_element();
    if !root.has_tag_name((SVG, "svg")) {
        return Err(Error::NotSvg);
    }
    Costs::of(&document)?.visit(root, 0)?;
    let mut writer = Writer { out: format!("<svg xmlns=\"{SVG}\"") };
    writer.attributes(root);
    writer.out.push('>');
    writer.children(root);
    writer.out.push_str("</svg>");
    Ok(writer.out)
}

fn without_declaration(text: &str) -> &str {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

/// What a document costs to draw.
struct Costs<'a, 'input> {
    parts: HashMap<&'a str, Node<'a, 'input>>,
    total: usize,
}

impl<'a, 'input> Costs<'a, 'input> {
    fn of(document: &'a Document<'input>) -> Result<Self, Error> {
        let mut parts = HashMap::new();
        for node in document.descendants() {
            if let Some(id) = node.attribute("id")
                && parts.insert(id.trim(), node).is_some()
            {
                // Which of the two is meant is the drawing library's affair: the costs would be a guess.
                return Err(Error::Ambiguous);
            }
        }
        Ok(Self { parts, total: 0 })
    }

    /// Walks through all that is drawn for this node, unless that is too much.
    fn visit(&mut self, node: Node<'a, 'input>, depth: usize) -> Result<(), Error> {
        self.total += cost(node);
        if self.total > MAX_COST || depth > DEPTH {
            return Err(Error::Excessive);
        }
        for child in node.children() {
            self.visit(child, depth + 1)?;
        }
        for attribute in node.attributes() {
            let target = reference(node, attribute.name(), attribute.value());
            if let Some(part) = target.and_then(|id| self.parts.get(id)) {
                self.visit(*part, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// The cost of drawing one element, without its children and what it refers to.
fn cost(node: Node) -> usize {
    let name = node.tag_name().name();
    if name.starts_with("fe") && name != "feMergeNode" {
        return FILTER_STEP_COST;
    }
    let layer = ["mask", "clip-path", "opacity"].iter().any(|attribute| node.attribute(*attribute).is_some());
    if layer { LAYER_COST } else { 1 }
}

/// The id of the other part of the picture that an attribute refers to, if it refers to anything like that.
fn reference<'a>(node: Node, attribute: &str, value: &'a str) -> Option<&'a str> {
    let value = value.trim();
    let id = if REFERRING.contains(&attribute) {
        value.strip_prefix("url(#")?.strip_suffix(')')?
    } else if attribute == "href" && LINKING.contains(&node.tag_name().name()) {
        value.strip_prefix('#')?
    } else {
        return None;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    (!id.is_empty() && id.chars().all(plain)).then_some(id)
}

struct Writer {
    out: String,
}

impl Writer {
    fn children(&mut self, parent: Node) {
        for node in parent.children().filter(|node| node.tag_name().namespace() == Some(SVG)) {
            match node.tag_name().name() {
                "metadata" => self.metadata(node),
                name if ELEMENTS.contains(&name) => self.element(node),
                _ => {}
            }
        }
    }

    fn element(&mut self, node: Node) {
        let name = node.tag_name().name();
        self.out.push('<');
        self.out.push_str(name);
        self.attributes(node);
        if !node.has_children() {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        if ["title", "desc"].contains(&name) {
            self.text(node.text().unwrap_or_default());
        } else {
            self.children(node);
        }
        self.close(name);
    }

    fn attributes(&mut self, node: Node) {
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value().trim());
            let own = attribute.namespace().is_none();
            let keep = reference(node, name, value).is_some() && (own || name == "href")
                || own && name == "style" && is_mask_type(value)
                || own && (ATTRIBUTES.contains(&name) || REFERRING.contains(&name)) && is_plain(value);
            if keep {
                // No value that is kept can hold a quote, an ampersand or an angle bracket.
                self.out.extend([" ", name, "=\"", value, "\""]);
            }
        }
    }

    fn metadata(&mut self, node: Node) {
        self.out.push_str("<metadata");
        for (prefix, uri) in LICENCE {
            self.out.extend([" xmlns:", prefix, "=\"", uri, "\""]);
        }
        self.out.push('>');
        self.licence(node);
        self.close("metadata");
    }

    fn licence(&mut self, parent: Node) {
        for node in parent.children() {
            if node.is_text() {
                self.text(node.text().unwrap_or_default());
                continue;
            }
            let (namespace, name) = (node.tag_name().namespace(), node.tag_name().name());
            let known = LICENCE.iter().find(|(_, uri)| namespace == Some(uri));
            if let Some((prefix, _)) = known
                && name.chars().all(|c| c.is_ascii_alphabetic())
            {
                let name = format!("{prefix}:{name}");
                self.out.extend(["<", &name, ">"]);
                self.licence(node);
                self.close(&name);
            }
        }
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '&' => self.out.push_str("&amp;"),
                c if c.is_control() => self.out.push(' '),
                c => self.out.push(c),
            }
        }
    }

    fn close(&mut self, name: &str) {
        self.out.extend(["</", name, ">"]);
    }
}

/// Numbers, lists, keywords, colours, paths and transforms; no address can be written in these characters,
/// except a relative one in `url()`.
fn is_plain(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "#%()+,-._".contains(c);
    value.chars().all(plain) && !value.to_ascii_lowercase().contains("url(")
}

/// The one declaration that has no attribute everybody understands.
fn is_mask_type(style: &str) -> bool {
    ["mask-type:luminance", "mask-type:alpha"].contains(&style.trim_end_matches(';'))
}
