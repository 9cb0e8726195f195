//! Markdown: the text as it is, its GFM tables, its pictures. Pure but for making names of files absolute.

use std::path::Path;

use super::{Content, Found, FoundImage, table_mark};

/// Reads a Markdown text that lies in `base`.
pub(super) fn read(text: &str, base: &Path) -> Found {
    Found { text: text.to_owned(), tables: tables(text), images: images(text, base), ..Found::default() }
}

fn tables(text: &str) -> Vec<Vec<Vec<String>>> {
    blocks(text)
        .into_iter()
        .filter_map(|block| if let Block::Table(rows) = block { Some(rows) } else { None })
        .collect()
}

/// The text with a mark in place of each table.
pub(super) fn without_tables(text: &str) -> String {
    let mut tables = 0;
    let line = |block: Block<'_>| match block {
        Block::Line(line) => line.to_owned(),
        Block::Table(_) => {
            tables += 1;
            table_mark(tables - 1)
        }
    };
    blocks(text).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A piece of a text.
enum Block<'a> {
    Line(&'a str),
    /// Its rows.
    Table(Vec<Vec<String>>),
}

/// A row of bars and, below it, one of dashes begin a table; it ends with the first line without a bar.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut lines = text.lines().peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if !line.contains('|') || lines.next_if(|next| is_rule(next)).is_none() {
            found.push(Block::Line(line));
            continue;
        }
        let mut rows = vec![cells(line)];
        while let Some(row) = lines.next_if(|next| next.contains('|')) {
            rows.push(cells(row));
        }
        found.push(Block::Table(rows));
    }
    found
}

fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.contains('-') && line.contains('|') && line.chars().all(|letter| matches!(letter, '|' | '-' | ':' | ' '))
}

fn cells(line: &str) -> Vec<String> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let line = line.strip_suffix('|').filter(|rest| !rest.ends_with('\\')).unwrap_or(line);
    let mut all = vec![String::new()];
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'|') => {
                all.last_mut().expect("never empty").push(letters.next().unwrap_or('|'));
            }
            '|' => all.push(String::new()),
            letter => all.last_mut().expect("never empty").push(letter),
        }
    }
    all.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

/// `![words](place)`; a place on the network keeps its address.
fn images(text: &str, base: &Path) -> Vec<FoundImage> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("![") {
        rest = &rest[at + 2..];
        let Some((alt, behind)) = rest.split_once("](") else { break };
        if alt.contains('\n') {
            continue;
        }
        let Some((place, behind)) = behind.split_once(')') else { break };
        rest = behind;
        // A title may stand behind the place.
        let place = place.trim().split(" \"").next().unwrap_or_default().trim_matches(['<', '>']);
        if place.is_empty() || place.contains('\n') {
            continue;
        }
        let remote = place.contains("://") || place.starts_with("data:");
        let name = if remote { place.to_owned() } else { base.join(place).display().to_string() };
        found.push(FoundImage { alt: alt.trim().to_owned(), content: Content::Named(name) });
    }
    found
}
