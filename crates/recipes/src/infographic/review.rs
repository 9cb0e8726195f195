//! A look at a picture: its words are read by a model that does not know what they should be, and its drawing is judged by one that
//! knows the whole order. The verdict over both is the domain's.

use imagemill_domain::asset::Asset;
use imagemill_domain::catalogue::{Catalogue, Rule};
use imagemill_domain::failure::Failure;
use imagemill_domain::infographic::{CriticAnswer, Review, critic_schema, reading_schema, reviewed};
use imagemill_engine::{ChatAsk, TaskContext};
use serde::Deserialize;

use super::prompts;
use super::writing::{Written, of_model};
use crate::fill::fill;
use crate::reading::{EDGE, READING};

#[derive(Deserialize)]
struct Reading {
    texts: Vec<String>,
}

/// What a picture of round `round` is found to be.
pub(super) async fn look(
    task: &TaskContext,
    catalogue: &Catalogue,
    written: &Written,
    (round, prompt): (u32, &str),
    asset: &Asset,
) -> Result<Review, Failure> {
    let shown = |text: &str| ChatAsk { max_edge: Some(EDGE), ..ChatAsk::new(text) }.picture(task.picture_of(asset));
    let read = if written.labels.is_empty() {
        Vec::new()
    } else {
        let ask = shown("Read the text in this picture.").system(READING);
        let answer = task.structured(&format!("round-{round}/reading"), ask, &reading_schema()).await?;
        of_model::<Reading>("reading", answer)?.texts
    };
    let exempt = exempt(catalogue, written);
    let (layout, style) = match &written.choice {
        Some(choice) => (choice.layout.name.as_str(), choice.style.name.as_str()),
        None => ("as the prompt says", "as the prompt says"),
    };
    let system = fill(
        prompts::REVIEW,
        &[
            ("LAYOUT", layout),
            ("STYLE", style),
            ("EXEMPT", &prompts::rules(&exempt)),
            ("LABELS", &prompts::lines(&written.labels)),
            ("PROMPT", prompt),
        ],
    );
    let ask = shown("Judge this picture.").system(system);
    let answer = task.structured(&format!("round-{round}/review"), ask, &critic_schema()).await?;
    let answer: CriticAnswer = of_model("review", answer)?;
    Ok(reviewed(answer, &exempt, &written.labels, &read))
}

/// Rules that the layout or the style breaks on purpose.
fn exempt(catalogue: &Catalogue, written: &Written) -> Vec<Rule> {
    let Some(choice) = &written.choice else { return Vec::new() };
    let layout = catalogue.layout(&choice.layout.name).map(|layout| layout.exempt.as_slice()).unwrap_or_default();
    let style = catalogue.style(&choice.style.name).map(|style| style.exempt.as_slice()).unwrap_or_default();
    let mut all: Vec<Rule> = layout.iter().chain(style).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}
