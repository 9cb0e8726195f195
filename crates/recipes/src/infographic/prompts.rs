//! The instructions to the models, which are texts in data/prompts/infographic, and how they are filled in.

use std::fmt::Write as _;

use imagemill_domain::catalogue::{Layout, Phrase, Rule, Style, Variant};
use imagemill_domain::infographic::{Fidelity, OPTIONAL, Question, REQUIRED};

use crate::fill::fill;

pub(super) const EVALUATION: &str = include_str!("../../../../data/prompts/infographic/evaluation.md");
pub(super) const ANALYSIS: &str = include_str!("../../../../data/prompts/infographic/analysis.md");
pub(super) const CONTENT: &str = include_str!("../../../../data/prompts/infographic/content.md");
pub(super) const EXPANSION: &str = include_str!("../../../../data/prompts/infographic/expansion.md");
pub(super) const REVIEW: &str = include_str!("../../../../data/prompts/infographic/review.md");
const STRICT: &str = include_str!("../../../../data/prompts/infographic/content-strict.md");
const ENRICH: &str = include_str!("../../../../data/prompts/infographic/content-enrich.md");

/// The evaluation's instructions.
pub(super) fn evaluation() -> String {
    fill(EVALUATION, &[("REQUIRED", &questions(&REQUIRED)), ("OPTIONAL", &questions(&OPTIONAL))])
}

fn questions(all: &[Question]) -> String {
    all.iter().map(|question| format!("- {}: {}", question.id, question.text)).collect::<Vec<_>>().join("\n")
}

/// What a text may add to its source.
pub(super) fn fidelity(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Strict => STRICT,
        Fidelity::Enrich => ENRICH,
    }
}

/// A layout for the model that describes the picture.
pub(super) fn layout(layout: &Layout) -> String {
    let mut out = format!("{}\n", layout.gist.en.as_str());
    list(&mut out, "Structure", &layout.structure);
    list(&mut out, "What is drawn", &layout.visual);
    list(&mut out, "Where words stand", &layout.text);
    variants(&mut out, &layout.variants);
    out
}

/// A style, likewise.
pub(super) fn style(style: &Style) -> String {
    let mut out = format!("{}\n", style.gist.en.as_str());
    let colours = |all: &[Phrase]| all.iter().map(Phrase::as_str).collect::<Vec<_>>().join(", ");
    let palette = &style.palette;
    let _ = writeln!(
        out,
        "\nColours: {} on {}; accents {}",
        colours(&palette.main),
        palette.ground.as_str(),
        colours(&palette.accents)
    );
    list(&mut out, "What it is made of", &style.visual);
    list(&mut out, "Lettering", &style.lettering);
    list(&mut out, "To avoid", &style.avoid);
    variants(&mut out, &style.variants);
    out
}

fn list(out: &mut String, head: &str, lines: &[Phrase]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{head}:");
    for line in lines {
        let _ = writeln!(out, "- {}", line.as_str());
    }
}

fn variants(out: &mut String, all: &[Variant]) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nWays to carry it out, of which one that fits is taken:");
    for variant in all {
        let _ = writeln!(out, "- {}: {}", variant.name.as_str(), variant.focus.as_str());
    }
}

/// Names of rules in a row, or that there are none.
pub(super) fn rules(all: &[Rule]) -> String {
    if all.is_empty() {
        return "none".to_owned();
    }
    all.iter().map(|rule| rule.word()).collect::<Vec<_>>().join(", ")
}

/// Lines with a dash, or that there are none.
pub(super) fn lines(all: &[String]) -> String {
    if all.is_empty() {
        return "- none in particular".to_owned();
    }
    all.iter().map(|text| format!("- \"{text}\"")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_every_text_is_known() {
        let names = crate::fill::places;
        assert!(evaluation().contains("R08") && evaluation().contains("O12") && !evaluation().contains("{{"));
        assert_eq!(names(ANALYSIS), ["LAYOUTS", "STYLES"]);
        assert_eq!(names(CONTENT), ["FIDELITY"]);
        let expected = ["FIDELITY", "RATIO", "LANGUAGE", "AUDIENCE", "LAYOUT_NAME", "LAYOUT", "STYLE_NAME", "STYLE"];
        assert_eq!(names(EXPANSION), expected);
        assert_eq!(names(REVIEW), ["LAYOUT", "STYLE", "EXEMPT", "LABELS", "PROMPT"]);
        assert!(names(crate::reading::READING).is_empty() && names(STRICT).is_empty() && names(ENRICH).is_empty());
        assert_eq!(fill("a {{X}} b {{Y}}", &[("X", "{{Y}}"), ("Y", "2\n")]), "a {{Y}} b 2");
    }

    #[test]
    fn the_rules_of_the_critic_are_those_of_the_catalogue() {
        for rule in Rule::ALL {
            assert!(REVIEW.contains(&format!("\n- {}: ", rule.word())), "{}", rule.word());
        }
    }
}
