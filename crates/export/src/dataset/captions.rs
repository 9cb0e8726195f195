//! What stands beside a picture: a template filled in, on one line, with the word that is to be learned. Pure.

use std::collections::BTreeMap;

use imagemill_domain::template::{Template, TemplateError};

/// What stands for the trigger in a template, and in the captions of trainers that fill it in themselves.
pub(crate) const PLACE: &str = "[trigger]";

/// How captions are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptionRule {
    /// Template over `prompt`, `src_stem`, `src_name`, `job`, `model` and the columns of the list.
    pub template: String,
    /// The word that stands for what is learned; put before captions that have neither it nor `[trigger]`.
    pub trigger: Option<String>,
    /// Leave items without a caption out, instead of refusing the whole.
    pub leave_out: bool,
}

impl Default for CaptionRule {
    fn default() -> Self {
        Self { template: "{prompt}".to_owned(), trigger: None, leave_out: false }
    }
}

impl CaptionRule {
    /// The caption with `[trigger]` where the trigger stands; empty when there are no words besides it.
    pub(crate) fn caption(
        &self,
        template: &Template,
        columns: &BTreeMap<String, String>,
        values: &BTreeMap<&str, String>,
    ) -> Result<String, TemplateError> {
        let lookup = |name: &str| columns.get(name).or_else(|| values.get(name)).map(|value| value.as_str().into());
        let known = || columns.keys().cloned().chain(values.keys().map(|name| (*name).to_owned())).collect();
        let text = template.render(lookup, known)?;
        // Trainers read one line.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some(word) = self.trigger.as_deref() else { return Ok(text) };
        if text.replace(PLACE, "").replace(word, "").trim().is_empty() {
            return Ok(String::new());
        }
        let text = if text.contains(PLACE) { text } else { text.replace(word, PLACE) };
        Ok(if text.contains(PLACE) { text } else { format!("{PLACE}, {text}") })
    }
}

/// The caption with the trigger itself in its place.
pub(crate) fn filled(caption: &str, trigger: Option<&str>) -> String {
    match trigger {
        Some(word) => caption.replace(PLACE, word),
        None => caption.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caption(template: &str, trigger: Option<&str>, prompt: &str) -> String {
        let rule = CaptionRule { template: template.into(), trigger: trigger.map(Into::into), leave_out: false };
        let values = BTreeMap::from([("prompt", prompt.to_owned())]);
        rule.caption(&Template::parse(template).unwrap(), &BTreeMap::new(), &values).unwrap()
    }

    #[test]
    fn the_trigger_stands_once_in_every_caption() {
        assert_eq!(caption("{prompt}", None, " a fox\n in  snow "), "a fox in snow");
        assert_eq!(caption("{prompt}", Some("sks"), "a fox"), "[trigger], a fox");
        assert_eq!(caption("{prompt}", Some("sks"), "a sks fox"), "a [trigger] fox");
        assert_eq!(caption("photo of [trigger], {prompt}", Some("sks"), "a fox"), "photo of [trigger], a fox");
        assert_eq!(caption("[trigger] {prompt}", Some("sks"), " \n"), "", "a trigger alone is no caption");
        assert_eq!(filled("[trigger], a fox", Some("sks")), "sks, a fox");
    }
}
