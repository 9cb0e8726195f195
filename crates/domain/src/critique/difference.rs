//! The difference of two texts, for people: in words of an alphabet and in letters of Chinese. Pure.

use serde::Serialize;

use super::script::is_han;

/// Longer changes are told as one text for another: nobody reads a mosaic.
const MOST_CELLS: usize = 4_000_000;

/// What a piece of a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PieceKind {
    /// Stands in both.
    Same,
    /// Stood in the first.
    Removed,
    /// Stands in the second.
    Added,
}

/// A piece of two texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Of which.
    pub kind: PieceKind,
    /// Its letters.
    pub text: String,
}

/// What became of the first text in the second, in pieces. The pieces of the first and those of the second, put together, are the
/// texts again.
pub fn difference(before: &str, after: &str) -> Vec<Piece> {
    let (old, new) = (tokens(before), tokens(after));
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (left, right) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut pieces = Pieces::default();
    pieces.put(PieceKind::Same, &old[..head].concat());
    if left.len() * right.len() > MOST_CELLS {
        pieces.put(PieceKind::Removed, &left.concat());
        pieces.put(PieceKind::Added, &right.concat());
    } else {
        middle(left, right, &mut pieces);
    }
    pieces.put(PieceKind::Same, &old[old.len() - tail..].concat());
    pieces.0
}

/// The longest common subsequence, by the table of its lengths.
fn middle(left: &[&str], right: &[&str], pieces: &mut Pieces) {
    let width = right.len() + 1;
    let mut longest = vec![0_u32; (left.len() + 1) * width];
    for a in (0..left.len()).rev() {
        for b in (0..right.len()).rev() {
            longest[a * width + b] = if left[a] == right[b] {
                longest[(a + 1) * width + b + 1] + 1
            } else {
                longest[(a + 1) * width + b].max(longest[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    while a < left.len() || b < right.len() {
        if a < left.len() && b < right.len() && left[a] == right[b] {
            pieces.put(PieceKind::Same, left[a]);
            (a, b) = (a + 1, b + 1);
        } else if b == right.len() || (a < left.len() && longest[(a + 1) * width + b] >= longest[a * width + b + 1]) {
            pieces.put(PieceKind::Removed, left[a]);
            a += 1;
        } else {
            pieces.put(PieceKind::Added, right[b]);
            b += 1;
        }
    }
}

#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    /// Joins pieces of one kind. Between what is the same, what was removed stands before what was added.
    fn put(&mut self, kind: PieceKind, token: &str) {
        if token.is_empty() {
            return;
        }
        let run = self.0.iter().rposition(|piece| piece.kind == PieceKind::Same).map_or(0, |at| at + 1);
        let own = match kind {
            PieceKind::Same => self.0.last_mut().filter(|piece| piece.kind == kind),
            _ => self.0[run..].iter_mut().find(|piece| piece.kind == kind),
        };
        match own {
            Some(piece) => piece.text += token,
            None => self.0.push(Piece { kind, text: token.to_owned() }),
        }
    }
}

/// Words, spaces and marks; each Chinese letter by itself.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_alphanumeric() && !is_han(c);
        let end = if is_part(first) {
            rest.find(|c: char| !is_part(c)).unwrap_or(rest.len())
        } else if first.is_whitespace() {
            rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, behind) = rest.split_at(end);
        tokens.push(token);
        rest = behind;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(before: &str, after: &str) -> String {
        let mark = |piece: &Piece| match piece.kind {
            PieceKind::Same => piece.text.clone(),
            PieceKind::Removed => format!("[-{}-]", piece.text),
            PieceKind::Added => format!("[+{}+]", piece.text),
        };
        difference(before, after).iter().map(mark).collect()
    }

    #[test]
    fn words_and_letters_are_the_units() {
        assert_eq!(shown("A pale hill.", "A dark hill."), "A [-pale-][+dark+] hill.");
        assert_eq!(shown("远山以淡墨写成", "远山用淡墨写成。"), "远山[-以-][+用+]淡墨写成[+。+]");
        assert_eq!(shown("", "New."), "[+New.+]");
        assert_eq!(shown("same", "same"), "same");
    }

    proptest! {
        #[test]
        fn both_texts_come_back(before in "[ab 山水。]{0,20}", after in "[ab 山水。]{0,20}") {
            let pieces = difference(&before, &after);
            let side = |without: PieceKind| -> String {
                pieces.iter().filter(|piece| piece.kind != without).map(|piece| piece.text.as_str()).collect()
            };
            prop_assert_eq!(side(PieceKind::Added), before);
            prop_assert_eq!(side(PieceKind::Removed), after);
        }
    }
}
