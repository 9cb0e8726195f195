//! What a style has to be before it counts: a page with a heading, its sections, the shape of the pages, and no design metadata that
//! picture models would paint. Pure.

use crate::sanitise::{is_clean, sanitise};

/// Fewest sections: ten basics are asked for.
const SECTIONS: usize = 8;
/// Shortest style, in characters.
const LEAST_CHARS: usize = 200;

/// What must not be in a page's picture: the marks of a design sheet that models paint when they read them.
pub const NEGATIVE_PROMPT: &str = "colour codes, hex values, RGB or HSL values, code snippets, CSS, JSON, YAML, pixel values, px, em, rem, pt, \
    palette captions, typography labels, design specification, style guide, font stack, layout annotations, dimension call-outs, wireframe notes, \
    numbered swatches, watermarks, garbled letters";

/// What is wrong with a style, in plain words.
pub fn style_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let headings = text.lines().filter(|line| line.starts_with("## ")).count();
    if !text.trim_start().starts_with("# ") {
        faults.push("its first line is no heading with one #".to_owned());
    }
    if headings < SECTIONS {
        faults.push(format!("it has {headings} sections with ##; at least {SECTIONS}"));
    }
    if text.trim().chars().count() < LEAST_CHARS {
        faults.push(format!("it has fewer than {LEAST_CHARS} characters"));
    }
    if !text.contains("16:9") {
        faults.push("it does not say that the pages are 16:9".to_owned());
    }
    if !is_clean(text) {
        faults.push("it has colour codes, sizes or labels of a design in it".to_owned());
    }
    faults
}

/// A style without what can be mended: a fence around it, metadata in it, a shape that it does not name.
pub fn mend_style(text: &str) -> String {
    let mut text = text.trim();
    if let Some(inside) = text.strip_prefix("```") {
        let inside = inside.split_once('\n').map_or("", |(_, rest)| rest);
        text = inside.trim_end().strip_suffix("```").unwrap_or(inside).trim();
    }
    let mut text = sanitise(text, &[]).text;
    if !text.contains("16:9") {
        text.push_str("\n\n16:9");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_style_is_none_and_a_fenced_one_is_mended() {
        assert_eq!(style_faults("").len(), 4);
        let sections: String = (1..=10)
            .map(|number| format!("## Part {number}\nSoft light and wide fields.\n"))
            .collect::<Vec<_>>()
            .concat();
        let style = format!("```markdown\n# Style\n{sections}Background #1a2b3c\n```");
        let mended = mend_style(&style);
        assert_eq!(style_faults(&mended), Vec::<String>::new(), "{mended}");
        assert!(mended.starts_with("# Style") && mended.ends_with("16:9\n") && !mended.contains('`'), "{mended}");
    }
}
