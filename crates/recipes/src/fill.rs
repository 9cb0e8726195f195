//! Texts with places to fill in, as the instructions in data/prompts are.

/// A text with its `{{PLACES}}` filled in, in one pass: what a value holds is not looked at again.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, after) = behind.split_once("}}").expect("a test fills in every text of data/prompts");
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        out.push_str(value.expect("a test fills in every text of data/prompts").trim_end());
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The names of a text's places, for tests.
#[cfg(test)]
pub(crate) fn places(text: &str) -> Vec<&str> {
    text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0)).collect()
}
