//! Second looks: what a judge says of a critique, for requests whose schema asks for one. The same picture is worth the same each
//! time; how kind the judge is, is the scenario's. It must not know protocols, nor what a picture shows.

use serde_json::{Value, json};

use super::critique::Chance;
use crate::scenario::CritiqueFaults;

/// Sentences that become claims.
const CLAIMS: usize = 6;
/// How the judge sees what a picture is worth: crowded at the upper end.
const FLAT: f64 = 0.45;

/// Whether a schema asks for a second look.
pub(crate) fn is_asked(schema: &Value) -> bool {
    ["claims", "scores"].iter().all(|name| schema["properties"].get(name).is_some())
}

/// What a picture is worth to people, 1 to 5; tests score as they would.
pub(crate) fn worth(picture: &[u8]) -> f64 {
    1.0 + Chance::of(picture, WORTH).share() * 4.0
}

/// Sets the chance of a picture's worth apart from others.
const WORTH: u64 = 0x776f_7274_6800;

/// What the judge says of the critique in `prompt`.
pub(crate) fn of(picture: &[u8], prompt: &str, seed: u64, faults: CritiqueFaults) -> Value {
    let mut chance = Chance::of(picture, seed);
    let contradicted = chance.share() < faults.contradicted;
    let english = prompt.rsplit("English:").next().unwrap_or_default();
    let sentences = english.split(['.', '\n']).map(str::trim).filter(|sentence| sentence.split(' ').count() > 4);
    let claims: Vec<Value> = sentences
        .take(CLAIMS)
        .enumerate()
        .map(|(at, sentence)| {
            let claim: Vec<&str> = sentence.split(' ').take(12).collect();
            let (support, place) = match at {
                0 if contradicted => ("contradicted", "this part of the picture is bare"),
                4 => ("beyond", ""),
                _ => ("seen", "where it says"),
            };
            json!({"claim": claim.join(" "), "support": support, "where": place})
        })
        .collect();
    let score = 3.0 + (worth(picture) - 3.0) * FLAT + 0.6 + faults.kinder;
    // Five whole numbers whose mean is near the score.
    let fifths = (score * 5.0).round().clamp(5.0, 25.0) as u64;
    let names = ["coverage", "alignment", "depth", "accuracy", "quality"];
    let scores = (0..).zip(names).map(|(at, name)| (name.to_owned(), json!((fifths + at) / 5)));
    json!({"claims": claims, "scores": scores.collect::<serde_json::Map<_, _>>()})
}

#[cfg(test)]
mod tests {
    use imagemill_domain::critique::{Look, Rubric, look_document, look_schema, look_task};

    use super::*;

    #[test]
    fn a_look_has_claims_of_the_text_and_scores_that_rise_with_the_worth() {
        let schema = look_schema();
        assert!(is_asked(&schema) && !super::super::critique::is_asked(&schema));
        let rubric = Rubric::shipped("korean").unwrap();
        let prompt = look_task("远山。", "A pale hill stands far away. A boat rests by the reeds there.");
        let look = |picture: &[u8], faults| {
            Look::read(&Value::Object(look_document("v", &of(picture, &prompt, 1, faults), "j", &rubric))).unwrap()
        };
        let all = CritiqueFaults { contradicted: 1.0, ..CritiqueFaults::default() };
        assert_eq!((look(b"a", all).contradicted(), look(b"a", CritiqueFaults::default()).contradicted()), (1, 0));
        assert_eq!(look(b"a", all).claims[1].claim, "A boat rests by the reeds there");
        let mut pairs: Vec<(f64, f64)> = (0..60_u32)
            .map(|at| (worth(&at.to_le_bytes()), look(&at.to_le_bytes(), CritiqueFaults::default()).raw))
            .collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(pairs.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{pairs:?}");
        let kinder = CritiqueFaults { kinder: 0.4, ..CritiqueFaults::default() };
        assert!(look(b"a", kinder).raw > look(b"a", CritiqueFaults::default()).raw);
    }
}
