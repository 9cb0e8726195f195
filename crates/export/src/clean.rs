//! From any text to a file name that every common system takes. Pure; knows no folders and no templates.

use std::borrow::Cow;

/// Longest part of a path, in bytes; leaves room for a number and a suffix within the usual 255.
const MAX_PART_BYTES: usize = 200;

/// Names that Windows keeps for devices, with or without a suffix.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Makes one part of a path out of `text`; empty when nothing is left.
///
/// `\ / : * ? " < > |`, control and direction-changing characters become `_`, white space at both ends and dots at the end
/// go, `.` and `..` become `_`, a device name of Windows gets `_` behind it, and what is longer than 200 bytes is cut
/// and gets a piece of its hash, so that two long names stay two.
pub(crate) fn part(text: &str) -> String {
    let trimmed = text.trim();
    if !trimmed.is_empty() && trimmed.chars().all(|c| c == '.') {
        return "_".to_owned();
    }
    let replaced: String = trimmed.chars().map(|c| if is_unfit(c) { '_' } else { c }).collect();
    let replaced = replaced.trim_end_matches(['.', ' ']);
    let mut out = shorten(replaced).into_owned();
    let (stem, rest) = out.split_at(out.find('.').unwrap_or(out.len()));
    if is_device(stem) {
        out = format!("{stem}_{rest}");
    } else if out.eq_ignore_ascii_case(".imagemill") {
        // The folder in which a workspace keeps its originals.
        out.replace_range(..1, "_");
    }
    out
}

/// The same for a value that goes into a template: it may be empty, and it never makes a sub-folder.
pub(crate) fn value(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unfit) {
        Cow::Owned(text.chars().map(|c| if is_unfit(c) { '_' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A name for something that has only a text: letters and digits of any script, `-` between, at most `max_chars`.
pub(crate) fn slug(text: &str, max_chars: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    let mut gap = false;
    for c in text.chars() {
        if !c.is_alphanumeric() {
            gap = count > 0;
            continue;
        }
        if count + usize::from(gap) >= max_chars {
            break;
        }
        if std::mem::take(&mut gap) {
            out.push('-');
            count += 1;
        }
        out.push(c.to_ascii_lowercase());
        count += 1;
    }
    if out.is_empty() { "picture".to_owned() } else { out }
}

fn is_unfit(c: char) -> bool {
    // The last ranges change the direction of the text around them, so that a name reads as another.
    matches!(c, '\\' | '/' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || c.is_control()
}

fn is_device(stem: &str) -> bool {
    let stem = stem.trim_end().to_ascii_lowercase();
    let numbered = |word: &str| stem.strip_prefix(word).is_some_and(|rest| matches!(rest.as_bytes(), [b'1'..=b'9']));
    DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt")
}

fn shorten(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_PART_BYTES {
        return Cow::Borrowed(text);
    }
    let hash = blake3::hash(text.as_bytes()).to_hex();
    let end = (0..=MAX_PART_BYTES - 9).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(format!("{}-{}", &text[..end], &hash[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfit_names_become_fit() {
        for (text, expected) in [
            ("plain", "plain"),
            ("夜景 🌃", "夜景 🌃"),
            ("a\\b/c:d*e?f\"g<h>i|j", "a_b_c_d_e_f_g_h_i_j"),
            ("tab\tnew\nline\0", "tab_new_line_"),
            ("  spaces and dots. . ", "spaces and dots"),
            ("..", "_"),
            (".", "_"),
            ("....", "_"),
            ("...x", "...x"),
            (" ", ""),
            ("CON", "CON_"),
            ("nul.tar", "nul_.tar"),
            ("Com7", "Com7_"),
            ("com0", "com0"),
            ("console", "console"),
            (".imagemill", "_imagemill"),
            ("gnp\u{202e}exe", "gnp_exe"),
        ] {
            assert_eq!(part(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_names_are_cut_at_a_character_and_stay_different() {
        let (a, b) = (part(&("长".repeat(100) + "a")), part(&("长".repeat(100) + "b")));
        assert!(a.len() <= MAX_PART_BYTES && a.starts_with("长长"), "{a}");
        assert_ne!(a, b);
        assert_eq!(part(&"x".repeat(200)).len(), 200, "what fits is left alone");
    }

    #[test]
    fn slugs() {
        assert_eq!(slug("A red fox, in the SNOW!", 60), "a-red-fox-in-the-snow");
        assert_eq!(slug("  雪中的红狐。", 60), "雪中的红狐");
        assert_eq!(slug("../../etc", 60), "etc");
        assert_eq!(slug("???", 60), "picture");
        assert_eq!(slug("one two", 4), "one");
        assert_eq!(slug(&"word ".repeat(40), 60).chars().count(), 59);
    }
}
