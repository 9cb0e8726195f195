//! Text templates: `{name}`, `{name:04}`, `{{` and `}}`. Data only: no attribute look-ups, no expressions, bounded widths.
//! Used for prompts, file names and captions.

use std::borrow::Cow;

/// The widest field a format may ask for, in characters.
pub const MAX_WIDTH: usize = 64;

/// Why a template cannot be used. Positions are byte offsets into the template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner.
    #[error("a single {brace:?} at position {at}; write {brace}{brace} for the character itself")]
    Unbalanced {
        /// The brace.
        brace: char,
        /// Where.
        at: usize,
    },
    /// Not a name that exists here.
    #[error("unknown variable {{{name}}}; known here: {known}")]
    Unknown {
        /// What was written.
        name: String,
        /// The names that exist, in a list for people.
        known: String,
    },
    /// A name with dots, brackets or other characters.
    #[error("{{{name}}} is not a variable name; only letters, digits, _ and - are allowed")]
    BadName {
        /// What was written.
        name: String,
    },
    /// A format that is not `04`, `4` or `4d`.
    #[error(
        "the format {format:?} of {{{name}}} is not understood; write {{{name}:04}} for four digits, at most {MAX_WIDTH}"
    )]
    BadFormat {
        /// The variable.
        name: String,
        /// What was written behind the colon.
        format: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable { name: String, width: usize, zeros: bool },
}

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads `text`.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let offset = text.len() - rest.len() + at;
            literal.push_str(&rest[..at]);
            let tail = &rest[at..];
            let brace = if tail.starts_with('{') { '{' } else { '}' };
            if tail[1..].starts_with(brace) {
                literal.push(brace);
                rest = &tail[2..];
                continue;
            }
            let end = tail.find('}').filter(|_| brace == '{');
            let Some(end) = end else { return Err(TemplateError::Unbalanced { brace, at: offset }) };
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(variable(&tail[1..end])?);
            rest = &tail[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// The variable names used, in order, with repeats.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Fills it in. `lookup` gives a variable's value; `known` lists the names for the error.
    pub fn render<'a>(
        &self,
        lookup: impl Fn(&str) -> Option<Cow<'a, str>>,
        known: impl Fn() -> Vec<String>,
    ) -> Result<String, TemplateError> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable { name, width, zeros } => {
                    let value = lookup(name)
                        .ok_or_else(|| TemplateError::Unknown { name: name.clone(), known: known().join(", ") })?;
                    let missing = width.saturating_sub(value.chars().count());
                    out.extend(std::iter::repeat_n(if *zeros { '0' } else { ' ' }, missing));
                    out.push_str(&value);
                }
            }
        }
        Ok(out)
    }
}

fn variable(inner: &str) -> Result<Part, TemplateError> {
    let (name, format) = inner.split_once(':').unwrap_or((inner, ""));
    let name = name.trim();
    let good = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == ' ';
    if name.is_empty() || !name.chars().all(good) {
        return Err(TemplateError::BadName { name: inner.chars().take(40).collect() });
    }
    let bad = || TemplateError::BadFormat { name: name.to_owned(), format: format.chars().take(20).collect() };
    let digits = format.strip_suffix('d').unwrap_or(format);
    let zeros = digits.len() > 1 && digits.starts_with('0');
    let width = if digits.is_empty() { 0 } else { digits.parse::<usize>().map_err(|_| bad())? };
    if width > MAX_WIDTH {
        return Err(bad());
    }
    Ok(Part::Variable { name: name.to_owned(), width, zeros })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, TemplateError> {
        let lookup = |name: &str| match name {
            "src_stem" => Some(Cow::Borrowed("夜景")),
            "global_index" => Some(Cow::Borrowed("7")),
            _ => None,
        };
        Template::parse(text)?.render(lookup, || vec!["src_stem".into(), "global_index".into()])
    }

    #[test]
    fn fills_in() {
        assert_eq!(render("{src_stem}_{global_index:04}"), Ok("夜景_0007".into()));
        assert_eq!(render("{global_index:04d}{global_index:3}"), Ok("0007  7".into()));
        assert_eq!(render("{{literal}} no variable"), Ok("{literal} no variable".into()));
        assert_eq!(render(""), Ok(String::new()));
    }

    #[test]
    fn refuses_what_is_not_data() {
        assert!(matches!(render("{src_stem.__class__.__mro__}"), Err(TemplateError::BadName { .. })));
        assert!(matches!(render("{src_stem[0]}"), Err(TemplateError::BadName { .. })));
        assert!(matches!(render("{global_index:999999999}"), Err(TemplateError::BadFormat { .. })));
        assert!(matches!(render("{global_index:>4}"), Err(TemplateError::BadFormat { .. })));
        assert!(matches!(render("a { b"), Err(TemplateError::Unbalanced { brace: '{', at: 2 })));
        assert!(matches!(render("夜} b"), Err(TemplateError::Unbalanced { brace: '}', at: 3 })));
        let error = render("{nope}").unwrap_err().to_string();
        assert!(error.contains("{nope}") && error.contains("src_stem, global_index"), "{error}");
    }
}
