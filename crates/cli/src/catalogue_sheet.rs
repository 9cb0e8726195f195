//! The catalogue as one picture, an SVG drawn from its records: of each layout the kind of content that it is drawn for most, in its
//! widest ratio; of each style its ground, its colours and its lettering. A sketch to choose by, not a sample of what a model draws.

use std::fmt::Write as _;

use imagemill_domain::catalogue::{Bilingual, Catalogue, Content, Layout, Phrase, Style};

/// Cards of a row, and their size with the gap.
const ACROSS: usize = 8;
const CARD: (usize, usize) = (150, 128);
const MARGIN: usize = 16;
/// Room for a drawing on its card.
const ROOM: (f64, f64) = (134.0, 84.0);

/// The sheet. `headings` are those of the two parts; `chinese` says which names stand on the cards.
pub(crate) fn sheet(all: &Catalogue, headings: [&str; 2], chinese: bool) -> String {
    let rows = |count: usize| count.div_ceil(ACROSS);
    let height = |count: usize| rows(count) * CARD.1 + 40;
    let (upper, lower) = (height(all.layouts.len()), height(all.styles.len()));
    let (width, total) = (ACROSS * CARD.0 + 2 * MARGIN, upper + lower + 2 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {total}\" font-family=\"sans-serif\" font-size=\"10\">\n\
         <style>.f{{fill:#fff;stroke:#9aa3ad}}.s{{fill:#c7d8ea}}.l{{fill:none;stroke:#3b6ea5;stroke-width:2;vector-effect:non-scaling-stroke}}.d{{fill:#6b7683}}</style>\n\
         <rect width=\"{width}\" height=\"{total}\" fill=\"#f3f4f6\"/>\n<defs>\n"
    );
    for kind in Content::ALL {
        let _ = writeln!(
            out,
            "<symbol id=\"{}\" viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\">{}</symbol>",
            kind.word(),
            glyph(*kind)
        );
    }
    out.push_str("</defs>\n");
    part(&mut out, MARGIN, headings[0], all.layouts.iter().map(|layout| layout_card(layout, chinese)));
    part(&mut out, MARGIN + upper, headings[1], all.styles.iter().map(|style| style_card(style, chinese)));
    out.push_str("</svg>\n");
    out
}

fn part(out: &mut String, top: usize, heading: &str, cards: impl Iterator<Item = String>) {
    let _ = writeln!(out, "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"18\">{heading}</text>", top + 20);
    for (at, card) in cards.enumerate() {
        let (x, y) = (MARGIN + (at % ACROSS) * CARD.0, top + 36 + (at / ACROSS) * CARD.1);
        let _ = writeln!(out, "<g transform=\"translate({x} {y})\">{card}</g>");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn named(title: &Bilingual, below: &str, chinese: bool) -> String {
    let title = title.zh.as_ref().filter(|_| chinese).unwrap_or(&title.en);
    format!(
        "<text y=\"100\">{}</text><text y=\"112\" class=\"d\" font-size=\"8\">{}</text>",
        escaped(title.as_str()),
        escaped(below)
    )
}

fn layout_card(layout: &Layout, chinese: bool) -> String {
    let kind = layout.fits.iter().max_by_key(|(_, weight)| **weight).map_or("overview", |(kind, _)| kind.word());
    let ratio = layout.ratios.most.width_to_height().clamp(0.4, 2.6);
    let width = ROOM.0.min(ROOM.1 * ratio);
    let height = width / ratio;
    let (x, y) = ((ROOM.0 - width) / 2.0, (ROOM.1 - height) / 2.0);
    let place = format!("x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{height:.0}\"");
    let points = format!("{} · {}–{}", layout.name.as_str(), layout.points.least, layout.points.most);
    format!("<rect class=\"f\" {place}/><use href=\"#{kind}\" {place}/>{}", named(&layout.title, &points, chinese))
}

fn style_card(style: &Style, chinese: bool) -> String {
    let palette = &style.palette;
    let ground = colour(palette.ground.as_str());
    let mut out = format!("<rect width=\"{}\" height=\"{}\" fill=\"{ground}\" stroke=\"#9aa3ad\"/>", ROOM.0, ROOM.1);
    let main = palette.main.iter().map(Phrase::as_str).take(4);
    for (at, name) in main.enumerate() {
        let _ =
            write!(out, "<rect x=\"{}\" y=\"12\" width=\"26\" height=\"40\" fill=\"{}\"/>", 8 + 30 * at, colour(name));
    }
    for (at, name) in palette.accents.iter().map(Phrase::as_str).take(4).enumerate() {
        let _ = write!(out, "<circle cx=\"{}\" cy=\"67\" r=\"8\" fill=\"{}\"/>", 21 + 30 * at, colour(name));
    }
    let lettering = style.lettering.first().map_or("", |phrase| phrase.as_str());
    out + &named(&style.title, &lettering.chars().take(34).collect::<String>(), chinese)
}

/// Colours by their names: what is said last counts, words before it make it light, dark or quiet. A name without a colour in it is
/// the grey of the undecided.
fn colour(name: &str) -> String {
    const BASES: [(&str, [u8; 3]); 64] = [
        ("white", [252, 252, 250]),
        ("black", [26, 26, 28]),
        ("grey", [142, 146, 150]),
        ("orange", [236, 130, 40]),
        ("gold", [201, 162, 58]),
        ("cyan", [40, 190, 210]),
        ("blue", [48, 100, 190]),
        ("yellow", [242, 206, 58]),
        ("teal", [28, 128, 128]),
        ("turquoise", [58, 186, 178]),
        ("red", [200, 48, 44]),
        ("ochre", [196, 138, 58]),
        ("violet", [122, 80, 176]),
        ("vermilion", [216, 74, 46]),
        ("sand", [222, 202, 164]),
        ("mustard", [208, 166, 50]),
        ("mint", [160, 220, 190]),
        ("magenta", [206, 44, 140]),
        ("lilac", [190, 166, 216]),
        ("ivory", [250, 244, 226]),
        ("indigo", [56, 58, 134]),
        ("pink", [238, 140, 176]),
        ("green", [62, 140, 80]),
        ("brown", [116, 78, 50]),
        ("coral", [240, 124, 104]),
        ("amber", [238, 170, 48]),
        ("paper", [244, 236, 216]),
        ("newsprint", [232, 224, 204]),
        ("umber", [104, 76, 52]),
        ("ultramarine", [42, 58, 170]),
        ("terracotta", [194, 102, 70]),
        ("canvas", [234, 224, 200]),
        ("silver", [190, 196, 202]),
        ("sepia", [130, 98, 66]),
        ("purple", [124, 60, 150]),
        ("peach", [248, 198, 166]),
        ("pearl", [238, 234, 228]),
        ("parchment", [236, 222, 184]),
        ("nude", [226, 196, 176]),
        ("navy", [30, 42, 90]),
        ("lime", [178, 214, 64]),
        ("lavender", [186, 172, 224]),
        ("crimson", [170, 28, 54]),
        ("cream", [250, 242, 218]),
        ("charcoal", [58, 60, 66]),
        ("bronze", [150, 108, 62]),
        ("rose", [206, 134, 140]),
        ("slate", [100, 112, 128]),
        ("steel", [110, 132, 156]),
        ("night", [22, 28, 66]),
        ("sky", [132, 186, 230]),
        ("skin", [232, 190, 160]),
        ("board", [36, 56, 48]),
        ("ink", [40, 40, 52]),
        ("newspaper", [232, 224, 204]),
        ("chrome", [198, 204, 212]),
        ("candle", [248, 206, 120]),
        ("ground", [40, 42, 48]),
        ("outline", [40, 42, 48]),
        ("glow", [250, 250, 240]),
        ("light", [250, 240, 214]),
        ("plain", [214, 206, 180]),
        ("blueprint", [36, 78, 150]),
        ("iridescence", [206, 186, 226]),
    ];
    let lower = name.to_lowercase();
    let places = BASES.iter().filter_map(|(word, rgb)| Some((lower.rfind(word)?, word.len(), rgb)));
    let Some((_, _, rgb)) = places.max_by_key(|(at, length, _)| (*at, *length)) else { return "#b4b8bc".to_owned() };
    let said = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let mixed =
        |to: u8, share: u16| rgb.map(|part| ((u16::from(part) * (10 - share) + u16::from(to) * share) / 10) as u8);
    let [red, green, blue] = match () {
        () if said(&["pale", "light ", "pastel", "soft", "baby", "very light"]) => mixed(255, 5),
        () if said(&["deep", "dark", "midnight", "near black"]) => mixed(0, 4),
        () if said(&["muted", "dusty", "faded", "old ", "dull", "aged"]) => mixed(150, 4),
        () => *rgb,
    };
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// What stands for a kind of content, in a box of 100 by 100 that is stretched to the layout's shape.
fn glyph(kind: Content) -> &'static str {
    match kind {
        Content::Timeline => {
            "<path class=\"l\" d=\"M6 55H94\"/><path class=\"s\" d=\"M12 48h10v14H12zM34 48h10v14H34zM56 48h10v14H56zM78 48h10v14H78zM10 20h14v18H10zM54 20h14v18H54zM32 72h14v16H32zM76 72h14v16H76z\"/>"
        }
        Content::Process => {
            "<path class=\"s\" d=\"M6 35h18v30H6zM41 35h18v30H41zM76 35h18v30H76z\"/><path class=\"l\" d=\"M26 50h13M35 45l4 5-4 5M61 50h13M70 45l4 5-4 5\"/>"
        }
        Content::Comparison => {
            "<path class=\"s\" d=\"M6 20h40v70H6zM54 20h40v70H54z\"/><path class=\"l\" d=\"M50 12V94\"/>"
        }
        Content::Hierarchy => {
            "<path class=\"s\" d=\"M38 10h24v18H38zM24 34h52v18H24zM12 58h76v16H12zM4 80h92v14H4z\"/>"
        }
        Content::Relationships => {
            "<path class=\"l\" d=\"M50 50L18 20M50 50L82 20M50 50L18 82M50 50L82 82\"/><path class=\"s\" d=\"M38 38h24v24H38zM8 10h20v20H8zM72 10h20v20H72zM8 72h20v20H8zM72 72h20v20H72z\"/>"
        }
        Content::Data => {
            "<path class=\"s\" d=\"M6 6h27v22H6zM37 6h27v22H37zM68 6h27v22H68zM10 70h10v22H10zM26 52h10v40H26zM42 62h10v30H42z\"/><path class=\"l\" d=\"M60 84L72 60l10 10L94 40\"/>"
        }
        Content::Cycle => {
            "<path class=\"l\" d=\"M50 14A36 36 0 1 1 49 14\"/><path class=\"s\" d=\"M40 6h20v16H40zM76 42h20v16H76zM40 78h20v16H40zM4 42h20v16H4z\"/>"
        }
        Content::System => {
            "<path class=\"s\" d=\"M34 8h32v18H34zM28 34h44v18H28zM22 60h56v30H22z\"/><path class=\"l\" d=\"M66 17H92M72 43H92M78 75H92M50 26v8M50 52v8\"/>"
        }
        Content::Journey => {
            "<path class=\"l\" d=\"M6 90C60 90 10 62 50 58S80 40 50 32 40 10 94 8\"/><path class=\"s\" d=\"M20 76h12v12H20zM44 50h12v12H44zM52 26h12v12H52zM82 4h12v12H82z\"/>"
        }
        Content::Overview => {
            "<path class=\"s\" d=\"M6 6h54v50H6zM66 6h28v24H66zM66 36h28v20H66zM6 62h26v32H6zM38 62h56v32H38z\"/>"
        }
        Content::ProblemSolution => {
            "<path class=\"s\" d=\"M50 8L72 36H28zM28 42h44l16 50H12z\"/><path class=\"l\" d=\"M4 39H96\"/>"
        }
        Content::Categories => {
            "<path class=\"s\" d=\"M6 6h19v19H6zM29 6h19v19H29zM52 6h19v19H52zM75 6h19v19H75zM6 29h19v19H6zM29 29h19v19H29zM52 29h19v19H52zM75 29h19v19H75zM6 52h19v19H6zM29 52h19v19H29zM52 52h19v19H52zM75 52h19v19H75zM6 75h19v19H6zM29 75h19v19H29zM52 75h19v19H52zM75 75h19v19H75z\"/>"
        }
        Content::Spatial => {
            "<path class=\"s\" d=\"M50 8L92 30 50 52 8 30zM8 48l42 22 42-22v14L50 84 8 62z\"/><path class=\"l\" d=\"M50 30V6M70 34V14\"/>"
        }
        Content::Workflow => {
            "<path class=\"l\" d=\"M4 34H96M4 66H96M26 20v30h24M70 50v30\"/><path class=\"s\" d=\"M14 10h24v16H14zM50 42h28v16H50zM60 74h28v16H60z\"/>"
        }
        Content::Features => {
            "<path class=\"s\" d=\"M6 8h26v38H6zM37 8h26v38H37zM68 8h26v38H68zM6 54h26v38H6zM37 54h26v38H37zM68 54h26v38H68z\"/>"
        }
        Content::Concept => "<path class=\"s\" d=\"M50 18A30 30 0 1 1 49 18z\"/><path class=\"l\" d=\"M20 90H80\"/>",
        Content::Dialogue => "<path class=\"s\" d=\"M6 10h52v24H24l-8 10V34H6zM42 54h52v24H84v10l-8-10H42z\"/>",
        Content::Discovery => {
            "<path class=\"s\" d=\"M10 12h18v18H10zM56 6h14v22H56zM76 38h18v14H76zM34 42h20v20H34zM8 66h14v24H8zM62 70h22v20H62z\"/>"
        }
        Content::Network => {
            "<path class=\"l\" d=\"M26 30L70 26L80 72L30 78ZM26 30L80 72\"/><path class=\"s\" d=\"M14 18h24v24H14zM60 14h22v24H60zM68 60h24v24H68zM18 66h24v24H18z\"/>"
        }
        Content::Report => {
            "<path class=\"s\" d=\"M6 6h88v16H6zM6 30h40v26H6z\"/><path class=\"l\" d=\"M54 34H94M54 42H94M54 50H84M6 66H94M6 76H94M6 86H70\"/>"
        }
        Content::Marketing => {
            "<path class=\"s\" d=\"M6 8h26v14H6zM68 8h26v14H68zM20 34h60v34H20zM6 78h26v14H6zM60 76h34v18H60z\"/><path class=\"l\" d=\"M34 15H66M66 22L30 78M34 85H58\"/>"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_what_their_names_say() {
        assert_eq!(colour("white"), "#fcfcfa");
        assert_eq!(colour("off-white paper"), "#f4ecd8");
        assert_ne!(colour("pale blue"), colour("deep blue"));
        assert_eq!(colour("one thin idea"), "#b4b8bc");
    }
}
