//! Words on pictures: two embedded fonts (the second has arrows and other signs), and for letters they lack (Chinese,
//! Japanese, Korean) a font of the machine where there is one; else a box stands for the letter. It must not know what the
//! words mean.

use std::sync::LazyLock;

use ab_glyph::{Font, FontArc, FontVec, PxScale, ScaleFont};
use image::{Rgb, RgbImage};

/// Where desktop systems keep a font with Han characters. Found files are read at the first such letter.
const HAN_FONTS: [&str; 12] = [
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/System/Library/Fonts/STHeiti Light.ttc",
    "C:\\Windows\\Fonts\\msyh.ttc",
    "C:\\Windows\\Fonts\\simsun.ttc",
];

static EMBEDDED: LazyLock<FontArc> = LazyLock::new(|| {
    FontArc::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).expect("the embedded font is a valid font file")
});

static SIGNS: LazyLock<FontArc> = LazyLock::new(|| {
    FontArc::try_from_slice(epaint_default_fonts::HACK_REGULAR).expect("the embedded font is a valid font file")
});

static HAN: LazyLock<Option<FontArc>> = LazyLock::new(|| {
    let load = |path| FontVec::try_from_vec_and_index(std::fs::read(path).ok()?, 0).ok();
    HAN_FONTS.iter().find_map(load).map(FontArc::new)
});

/// Which fonts may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fonts {
    /// The embedded ones only: the same pixels on every machine.
    Embedded,
    /// Also a font of the machine for letters the embedded ones lack.
    Machine,
}

/// A way of writing: font size in pixels from line to line, and where letters may come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Height of a line in pixels.
    pub size_px: f32,
    /// Which fonts may be used.
    pub fonts: Fonts,
}

/// A letter with the font that has it.
enum Glyph {
    Outline { font: &'static FontArc, glyph: ab_glyph::GlyphId },
    Box,
}

impl Style {
    fn glyph(self, letter: char) -> Glyph {
        let known = |font: &'static FontArc| {
            let glyph = font.glyph_id(letter);
            (glyph.0 != 0).then_some(Glyph::Outline { font, glyph })
        };
        let from_machine = || match (self.fonts, &*HAN) {
            (Fonts::Machine, Some(font)) => known(font),
            _ => None,
        };
        known(&EMBEDDED).or_else(|| known(&SIGNS)).or_else(from_machine).unwrap_or(Glyph::Box)
    }

    fn advance(self, letter: char) -> f32 {
        match self.glyph(letter) {
            Glyph::Outline { font, glyph } => font.as_scaled(PxScale::from(self.size_px)).h_advance(glyph),
            Glyph::Box => self.size_px * 0.8,
        }
    }

    /// Width of one line in pixels.
    pub fn width(self, line: &str) -> f32 {
        line.chars().map(|letter| self.advance(letter)).sum()
    }

    /// The line, cut with an ellipsis where it is wider than `width` pixels.
    pub fn shorten(self, line: &str, width: f32) -> String {
        if self.width(line) <= width {
            return line.to_owned();
        }
        let mut room = width - self.advance('…');
        let kept = line.chars().take_while(|letter| {
            room -= self.advance(*letter);
            room >= 0.0
        });
        kept.chain(std::iter::once('…')).collect()
    }

    /// Breaks `text` into lines of at most `width` pixels: at spaces where there are any, else inside a word. At most
    /// `max_lines`; the last one ends with an ellipsis where something is left out.
    pub fn wrap(self, text: &str, width: f32, max_lines: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        let mut used = 0.0;
        let mut last_space = None;
        for letter in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
            let advance = self.advance(letter);
            if used + advance > width && !line.is_empty() {
                let rest = match last_space.take() {
                    Some(at) => line.split_off(at).trim_start().to_owned(),
                    None => String::new(),
                };
                lines.push(std::mem::replace(&mut line, rest).trim_end().to_owned());
                if lines.len() > max_lines {
                    break;
                }
                used = self.width(&line);
                if letter == ' ' && line.is_empty() {
                    continue;
                }
            }
            if letter == ' ' {
                last_space = Some(line.len());
            }
            line.push(letter);
            used += advance;
        }
        if !line.is_empty() {
            lines.push(line);
        }
        if lines.len() > max_lines {
            lines.truncate(max_lines);
            if let Some(last) = lines.last_mut() {
                *last = self.shorten(&format!("{last}{}", "…".repeat(2)), width).trim_end_matches('…').to_owned() + "…";
            }
        }
        lines
    }

    /// Draws one line with its upper left corner at (`x`, `y`); parts outside the canvas are cut off. Letters are blended
    /// over what is there.
    pub fn draw(self, canvas: &mut RgbImage, line: &str, x: f32, y: f32, colour: Rgb<u8>) {
        let mut pen = x;
        for letter in line.chars() {
            match self.glyph(letter) {
                Glyph::Outline { font, glyph } => {
                    let scale = PxScale::from(self.size_px);
                    let position = ab_glyph::point(pen, y + font.as_scaled(scale).ascent());
                    if let Some(outline) = font.outline_glyph(glyph.with_scale_and_position(scale, position)) {
                        let corner = outline.px_bounds().min;
                        outline.draw(|dx, dy, cover| {
                            blend(
                                canvas,
                                corner.x as i64 + i64::from(dx),
                                corner.y as i64 + i64::from(dy),
                                colour,
                                cover,
                            );
                        });
                    }
                }
                Glyph::Box => self.draw_box(canvas, pen, y, colour),
            }
            pen += self.advance(letter);
        }
    }

    fn draw_box(self, canvas: &mut RgbImage, x: f32, y: f32, colour: Rgb<u8>) {
        let (left, right) = ((x + self.size_px * 0.1) as i64, (x + self.size_px * 0.7) as i64);
        let (top, bottom) = ((y + self.size_px * 0.15) as i64, (y + self.size_px * 0.8) as i64);
        for across in left..=right {
            blend(canvas, across, top, colour, 0.7);
            blend(canvas, across, bottom, colour, 0.7);
        }
        for down in top..=bottom {
            blend(canvas, left, down, colour, 0.7);
            blend(canvas, right, down, colour, 0.7);
        }
    }
}

fn blend(canvas: &mut RgbImage, x: i64, y: i64, colour: Rgb<u8>, cover: f32) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
    if let Some(pixel) = canvas.get_pixel_mut_checked(x, y) {
        let cover = cover.clamp(0.0, 1.0);
        for (under, over) in pixel.0.iter_mut().zip(colour.0) {
            *under = (f32::from(*under) * (1.0 - cover) + f32::from(over) * cover).round() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { size_px: 20.0, fonts: Fonts::Embedded };

    #[test]
    fn lines_fit_and_lose_no_word() {
        let text = "make the little house by the river look like a cold night in winter";
        let lines = STYLE.wrap(text, 150.0, 99);
        assert!(lines.len() > 3);
        assert!(lines.iter().all(|line| STYLE.width(line) <= 150.0), "{lines:?}");
        assert_eq!(lines.join(" "), text);
    }

    #[test]
    fn too_much_text_ends_with_an_ellipsis() {
        let lines = STYLE.wrap(&"word ".repeat(200), 150.0, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines[2].ends_with('…') && !lines[1].ends_with('…'), "{lines:?}");
        assert!(STYLE.width(&lines[2]) <= 150.0 + STYLE.width("…"));
        assert!(STYLE.shorten("a very long name.png", 60.0).ends_with('…'));
    }

    #[test]
    fn long_words_are_broken() {
        let lines = STYLE.wrap(&"x".repeat(100), 100.0, 99);
        assert_eq!(lines.concat().len(), 100);
        assert!(lines.iter().all(|line| STYLE.width(line) <= 100.0));
        assert_eq!(STYLE.wrap("", 100.0, 3), Vec::<String>::new());
    }

    #[test]
    fn letters_and_boxes_leave_ink() {
        for text in ["g", "é", "→", "夜"] {
            let mut canvas = RgbImage::from_pixel(30, 30, Rgb([255; 3]));
            STYLE.draw(&mut canvas, text, 2.0, 2.0, Rgb([0; 3]));
            assert!(canvas.pixels().any(|pixel| pixel.0[0] < 128), "{text}");
            STYLE.draw(&mut canvas, text, -8.0, 25.0, Rgb([0; 3]));
        }
    }
}
