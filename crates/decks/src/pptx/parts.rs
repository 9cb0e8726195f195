//! The parts of a presentation as XML. Knows no files; every text that comes in is escaped here.

use std::fmt::Write as _;

use super::{HEIGHT, Placed, Properties, WIDTH};

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
/// Attributes of every root element of a presentation's own parts.
const NAMES: &str = r#"xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main""#;
/// What every group of shapes begins with.
const GROUP: &str = r#"<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="0" cy="0"/><a:chOff x="0" y="0"/><a:chExt cx="0" cy="0"/></a:xfrm></p:grpSpPr>"#;

pub(super) const LAYOUT: &str = "slideLayout";
pub(super) const IMAGE: &str = "image";
pub(super) const NOTES: &str = "notesSlide";
pub(super) const NOTES_MASTER: &str = "notesMaster";
pub(super) const SLIDE: &str = "slide";
pub(super) const MASTER: &str = "slideMaster";
pub(super) const THEME: &str = "theme";

pub(super) const SLIDE_TYPE: &str = "application/vnd.openxmlformats-officedocument.presentationml.slide+xml";
pub(super) const NOTES_TYPE: &str = "application/vnd.openxmlformats-officedocument.presentationml.notesSlide+xml";

/// Parts that are the same in every file.
pub(super) const FIXED: [(&str, &str); 9] = [
    ("_rels/.rels", include_str!("fixed/package.rels")),
    ("ppt/theme/theme1.xml", include_str!("fixed/theme.xml")),
    ("ppt/theme/theme2.xml", include_str!("fixed/theme.xml")),
    ("ppt/slideMasters/slideMaster1.xml", include_str!("fixed/slide_master.xml")),
    ("ppt/slideMasters/_rels/slideMaster1.xml.rels", include_str!("fixed/slide_master.rels")),
    ("ppt/slideLayouts/slideLayout1.xml", include_str!("fixed/slide_layout.xml")),
    ("ppt/slideLayouts/_rels/slideLayout1.xml.rels", include_str!("fixed/slide_layout.rels")),
    ("ppt/notesMasters/notesMaster1.xml", include_str!("fixed/notes_master.xml")),
    ("ppt/notesMasters/_rels/notesMaster1.xml.rels", include_str!("fixed/notes_master.rels")),
];

/// Begins `[Content_Types].xml`; the pictures, slides and notes follow.
pub(super) const CONTENT_TYPES_BEGIN: &str = include_str!("fixed/content_types.begin.xml");

/// A part's relations, `rId1` first. Kinds are the constants above.
pub(super) fn relations(list: &[(&str, String)]) -> String {
    let mut text =
        format!(r#"{HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">"#);
    for ((kind, target), number) in list.iter().zip(1..) {
        let _ = write!(
            text,
            r#"<Relationship Id="rId{number}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"/>"#
        );
    }
    text + "</Relationships>"
}

/// Title, language and time of the file.
pub(super) fn core(properties: &Properties) -> String {
    let mut text = format!(
        r#"{HEAD}<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>{}</dc:title><dc:creator>imagemill</dc:creator><dc:language>{}</dc:language>"#,
        escape(&properties.title),
        escape(&properties.language)
    );
    if !properties.created.is_empty() {
        let created = escape(&properties.created);
        let _ = write!(text, r#"<dcterms:created xsi:type="dcterms:W3CDTF">{created}</dcterms:created>"#);
        let _ = write!(text, r#"<dcterms:modified xsi:type="dcterms:W3CDTF">{created}</dcterms:modified>"#);
    }
    text + "</cp:coreProperties>"
}

pub(super) fn app(slides: usize) -> String {
    format!(
        r#"{HEAD}<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"><Application>imagemill</Application><Slides>{slides}</Slides></Properties>"#
    )
}

/// `list` is the list of slides, or nothing.
pub(super) fn presentation(list: &str) -> String {
    format!(
        r#"{HEAD}<p:presentation {NAMES} saveSubsetFonts="1"><p:sldMasterIdLst><p:sldMasterId id="2147483648" r:id="rId1"/></p:sldMasterIdLst><p:notesMasterIdLst><p:notesMasterId r:id="rId2"/></p:notesMasterIdLst>{list}<p:sldSz cx="{WIDTH}" cy="{HEIGHT}"/><p:notesSz cx="{HEIGHT}" cy="{WIDTH}"/></p:presentation>"#
    )
}

pub(super) fn slide(shapes: &str) -> String {
    format!(
        "{HEAD}<p:sld {NAMES}><p:cSld><p:spTree>{GROUP}{shapes}</p:spTree></p:cSld><p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sld>"
    )
}

/// The title of a slide, where the layout has it.
pub(super) fn title(title: &str, language: &str) -> String {
    title_shape("<p:spPr/>", &paragraph(title, language, 3600))
}

/// The title of a slide that a picture covers: it lies behind the picture and is transparent, for pictures that are so, too.
pub(super) fn hidden_title(title: &str, language: &str, behind: &Placed) -> String {
    let Placed { x, y, width, height, .. } = *behind;
    let place =
        format!(r#"<p:spPr><a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="{width}" cy="{height}"/></a:xfrm></p:spPr>"#);
    let run = format!(
        r#"<a:p><a:r><a:rPr lang="{}" sz="1200"><a:solidFill><a:schemeClr val="bg1"><a:alpha val="0"/></a:schemeClr></a:solidFill></a:rPr><a:t>{}</a:t></a:r></a:p>"#,
        escape(language),
        escape(title)
    );
    title_shape(&place, &run)
}

fn title_shape(place: &str, paragraphs: &str) -> String {
    format!(
        r#"<p:sp><p:nvSpPr><p:cNvPr id="2" name="Title"/><p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr>{place}<p:txBody><a:bodyPr/><a:lstStyle/>{paragraphs}</p:txBody></p:sp>"#
    )
}

pub(super) fn picture(alternative: &str, placed: &Placed) -> String {
    let Placed { x, y, width, height, cut_across, cut_down } = *placed;
    let cut = if cut_across + cut_down == 0 {
        String::new()
    } else {
        format!(r#"<a:srcRect l="{cut_across}" t="{cut_down}" r="{cut_across}" b="{cut_down}"/>"#)
    };
    format!(
        r#"<p:pic><p:nvPicPr><p:cNvPr id="3" name="Page" descr="{}"/><p:cNvPicPr><a:picLocks noChangeAspect="1"/></p:cNvPicPr><p:nvPr/></p:nvPicPr><p:blipFill><a:blip r:embed="rId2"/>{cut}<a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr><a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="{width}" cy="{height}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr></p:pic>"#,
        escape(alternative)
    )
}

/// The texts of a page whose picture is missing, below its title.
pub(super) fn text(lines: &[String], language: &str) -> String {
    let paragraphs: String = lines.iter().map(|line| paragraph(line, language, 2400)).collect();
    let paragraphs = if paragraphs.is_empty() { "<a:p/>" } else { &paragraphs };
    format!(
        r#"<p:sp><p:nvSpPr><p:cNvPr id="3" name="Text"/><p:cNvSpPr txBox="1"/><p:nvPr/></p:nvSpPr><p:spPr><a:xfrm><a:off x="838200" y="2000000"/><a:ext cx="10515600" cy="4200000"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr><p:txBody><a:bodyPr wrap="square"><a:normAutofit/></a:bodyPr><a:lstStyle/>{paragraphs}</p:txBody></p:sp>"#
    )
}

/// What the speaker reads, a paragraph a line.
pub(super) fn notes(text: &str, language: &str) -> String {
    let paragraphs: String = text.lines().map(|line| paragraph(line, language, 1200)).collect();
    format!(
        r#"{HEAD}<p:notes {NAMES}><p:cSld><p:spTree>{GROUP}<p:sp><p:nvSpPr><p:cNvPr id="2" name="Notes"/><p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr><p:nvPr><p:ph type="body" idx="1"/></p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:lstStyle/>{paragraphs}</p:txBody></p:sp></p:spTree></p:cSld><p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:notes>"#
    )
}

/// `size` in hundredths of a point.
fn paragraph(text: &str, language: &str, size: u32) -> String {
    format!(r#"<a:p><a:r><a:rPr lang="{}" sz="{size}"/><a:t>{}</a:t></a:r></a:p>"#, escape(language), escape(text))
}

/// For text and attributes. Characters that XML cannot hold are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}
