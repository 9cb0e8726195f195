//! The pptx file of a deck: one full-page picture a slide, with what readers and search engines need besides (title, alternative
//! text, speaker notes, language), written atomically and opened again. The same slides give the same bytes.

mod check;
mod parts;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::folder::{DeckError, PagePicture, write_whole};

pub use check::check;

/// Width of a slide in EMU (914,400 an inch): 16:9.
pub(crate) const WIDTH: u64 = 12_192_000;
/// Height of a slide in EMU.
pub(crate) const HEIGHT: u64 = 6_858_000;

/// How a picture of another shape lies on its slide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Whole, with bars beside it.
    Fit,
    /// Fills the slide; what hangs over is cut off in the display, not in the picture.
    #[default]
    #[serde(alias = "crop")]
    Cover,
    /// Fills the slide out of shape, as the reference does.
    Stretch,
}

/// What stands on a slide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// A picture over the whole page.
    Picture(PagePicture),
    /// Nothing: its page is missing.
    Blank,
    /// Its texts, because its page is missing.
    Text(Vec<String>),
}

/// One slide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slide {
    /// What is seen.
    pub face: Face,
    /// Title, for readers and the outline view; empty = none.
    pub title: String,
    /// What the picture shows, for who cannot see it.
    pub alternative: String,
    /// What the speaker reads; empty = none.
    pub notes: String,
}

/// What a file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Properties {
    /// Title of the deck.
    pub title: String,
    /// BCP 47: `zh-CN`, `zh-TW`, `en-US`.
    pub language: String,
    /// ISO 8601, UTC; empty = not said.
    pub created: String,
    /// How pictures lie.
    pub fit: Fit,
}

/// Writes the file. It is read again and every relation checked before it takes the place of an older one.
pub(crate) fn write(path: &Path, properties: &Properties, slides: &[Slide]) -> Result<(), DeckError> {
    write_whole(path, |file| {
        pack(file, properties, slides)?;
        check::check_open(file).map(drop).map_err(std::io::Error::other)
    })
}

struct Package<'a> {
    zip: ZipWriter<&'a mut File>,
}

impl Package<'_> {
    fn part(&mut self, name: &str, content: &str) -> std::io::Result<()> {
        self.begin(name)?;
        self.zip.write_all(content.as_bytes())
    }

    fn begin(&mut self, name: &str) -> std::io::Result<()> {
        // Stored: pictures do not shrink, and the rest is small. No times: the same deck is the same file.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.zip.start_file(name, options).map_err(std::io::Error::other)
    }

    fn picture(&mut self, name: &str, picture: &PagePicture) -> std::io::Result<()> {
        self.begin(name)?;
        std::io::copy(&mut File::open(&picture.path)?, &mut self.zip)?;
        Ok(())
    }
}

fn pack(file: &mut File, properties: &Properties, slides: &[Slide]) -> std::io::Result<()> {
    file.rewind()?;
    let mut package = Package { zip: ZipWriter::new(file) };
    package.part("[Content_Types].xml", &content_types(slides))?;
    for (name, content) in parts::FIXED {
        package.part(name, content)?;
    }
    package.part("docProps/core.xml", &parts::core(properties))?;
    package.part("docProps/app.xml", &parts::app(slides.len()))?;
    package.part("ppt/presentation.xml", &presentation(slides.len()))?;
    package.part("ppt/_rels/presentation.xml.rels", &presentation_relations(slides.len()))?;
    for (slide, number) in slides.iter().zip(1..) {
        put_slide(&mut package, properties, slide, number)?;
    }
    package.zip.finish().map_err(std::io::Error::other)?;
    Ok(())
}

fn put_slide(package: &mut Package<'_>, properties: &Properties, slide: &Slide, number: usize) -> std::io::Result<()> {
    let mut relations = vec![(parts::LAYOUT, "../slideLayouts/slideLayout1.xml".to_owned())];
    if let Face::Picture(picture) = &slide.face {
        let name = format!("image{number}.{}", picture.format.extension());
        package.picture(&format!("ppt/media/{name}"), picture)?;
        relations.push((parts::IMAGE, format!("../media/{name}")));
    }
    if !slide.notes.is_empty() {
        relations.push((parts::NOTES, format!("../notesSlides/notesSlide{number}.xml")));
        let to_notes = [
            (parts::NOTES_MASTER, "../notesMasters/notesMaster1.xml".to_owned()),
            (parts::SLIDE, format!("../slides/slide{number}.xml")),
        ];
        package.part(
            &format!("ppt/notesSlides/notesSlide{number}.xml"),
            &parts::notes(&slide.notes, &properties.language),
        )?;
        package.part(&format!("ppt/notesSlides/_rels/notesSlide{number}.xml.rels"), &parts::relations(&to_notes))?;
    }
    package.part(&format!("ppt/slides/slide{number}.xml"), &slide_xml(slide, properties))?;
    package.part(&format!("ppt/slides/_rels/slide{number}.xml.rels"), &parts::relations(&relations))
}

fn slide_xml(slide: &Slide, properties: &Properties) -> String {
    let language = &properties.language;
    let titled = |shape: String| if slide.title.is_empty() { String::new() } else { shape };
    match &slide.face {
        Face::Picture(picture) => {
            let placed = placed(picture, properties.fit);
            let title = titled(parts::hidden_title(&slide.title, language, &placed));
            parts::slide(&(title + &parts::picture(&slide.alternative, &placed)))
        }
        Face::Text(lines) => {
            parts::slide(&(titled(parts::title(&slide.title, language)) + &parts::text(lines, language)))
        }
        Face::Blank => parts::slide(""),
    }
}

/// Where a picture lies on the slide, in EMU, and what of it is seen, in thousandths of a percent cut from each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Placed {
    x: u64,
    y: u64,
    width: u64,
    height: u64,
    cut_across: u64,
    cut_down: u64,
}

fn placed(picture: &PagePicture, fit: Fit) -> Placed {
    let (width, height) = (u64::from(picture.width.max(1)), u64::from(picture.height.max(1)));
    let whole = Placed { width: WIDTH, height: HEIGHT, ..Placed::default() };
    // Compared as width × HEIGHT and height × WIDTH: no rounding.
    let (across, down) = (width * HEIGHT, height * WIDTH);
    match fit {
        Fit::Stretch => whole,
        Fit::Fit if across > down => {
            let height = down * HEIGHT / across;
            Placed { y: (HEIGHT - height) / 2, height, ..whole }
        }
        Fit::Fit => {
            let width = across * WIDTH / down;
            Placed { x: (WIDTH - width) / 2, width, ..whole }
        }
        Fit::Cover if across > down => Placed { cut_across: (across - down) * 50_000 / across, ..whole },
        Fit::Cover => Placed { cut_down: (down - across) * 50_000 / down, ..whole },
    }
}

fn content_types(slides: &[Slide]) -> String {
    let mut content = String::from(parts::CONTENT_TYPES_BEGIN);
    let mut suffixes: Vec<(&str, &str)> = slides
        .iter()
        .filter_map(|slide| match &slide.face {
            Face::Picture(picture) => Some((picture.format.extension(), picture.format.media_type())),
            _ => None,
        })
        .collect();
    suffixes.sort_unstable();
    suffixes.dedup();
    for (suffix, media_type) in suffixes {
        let _ = write!(content, r#"<Default Extension="{suffix}" ContentType="{media_type}"/>"#);
    }
    for (slide, number) in slides.iter().zip(1..) {
        let _ = write!(
            content,
            r#"<Override PartName="/ppt/slides/slide{number}.xml" ContentType="{}"/>"#,
            parts::SLIDE_TYPE
        );
        if !slide.notes.is_empty() {
            let _ = write!(
                content,
                r#"<Override PartName="/ppt/notesSlides/notesSlide{number}.xml" ContentType="{}"/>"#,
                parts::NOTES_TYPE
            );
        }
    }
    content + "</Types>"
}

/// Ids of relations: the master, its notes, the theme, then the slides.
const FIRST_SLIDE: usize = 4;

fn presentation(slides: usize) -> String {
    let mut list = String::new();
    for number in 0..slides {
        let _ = write!(list, r#"<p:sldId id="{}" r:id="rId{}"/>"#, 256 + number, FIRST_SLIDE + number);
    }
    let list = if slides == 0 { String::new() } else { format!("<p:sldIdLst>{list}</p:sldIdLst>") };
    parts::presentation(&list)
}

fn presentation_relations(slides: usize) -> String {
    let mut relations = vec![
        (parts::MASTER, "slideMasters/slideMaster1.xml".to_owned()),
        (parts::NOTES_MASTER, "notesMasters/notesMaster1.xml".to_owned()),
        (parts::THEME, "theme/theme1.xml".to_owned()),
    ];
    relations.extend((1..=slides).map(|number| (parts::SLIDE, format!("slides/slide{number}.xml"))));
    parts::relations(&relations)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use imagemill_domain::picture::PictureFormat;

    use super::*;

    #[test]
    fn pictures_of_any_shape_lie_right() {
        let of = |width, height| PagePicture { path: PathBuf::new(), format: PictureFormat::Png, width, height };
        let exact = Placed { width: WIDTH, height: HEIGHT, ..Placed::default() };
        for fit in [Fit::Fit, Fit::Cover, Fit::Stretch] {
            assert_eq!(placed(&of(2048, 1152), fit), exact);
        }
        assert_eq!(placed(&of(1000, 1000), Fit::Fit), Placed { x: 2_667_000, width: 6_858_000, ..exact });
        assert_eq!(placed(&of(1000, 1000), Fit::Cover), Placed { cut_down: 21_875, ..exact });
        assert_eq!(placed(&of(3200, 900), Fit::Cover), Placed { cut_across: 25_000, ..exact });
        assert_eq!(placed(&of(3200, 900), Fit::Fit), Placed { y: 1_714_500, height: 3_429_000, ..exact });
        assert_eq!(placed(&of(10, 3000), Fit::Stretch), exact);
    }
}
