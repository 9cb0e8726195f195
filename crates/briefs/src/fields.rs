//! The members of a request file, taken out one by one; what is wrong is collected, so that it can be said at once. It must not
//! know what the members mean together.

use imagemill_domain::job_file::nearest;
use serde_json::{Map, Value};

use crate::problem::{Problem, ProblemKind};

/// Members with a meaning.
const KNOWN: [&str; 42] = [
    "assetId",
    "runId",
    "jobId",
    "campaignId",
    "personaId",
    "conceptId",
    "visualDirection",
    "assetPurpose",
    "variantTest",
    "variantTestReason",
    "provider",
    "model",
    "creativeFormat",
    "targetAspectRatio",
    "aspectRatio",
    "prompt",
    "negativePrompt",
    "qualityProfile",
    "qualityReason",
    "resolution",
    "quality",
    "size",
    "maxImages",
    "outputFormat",
    "seed",
    "enableWebSearch",
    "styleId",
    "styleStrength",
    "enhancePrompt",
    "localAssetDir",
    "localOutputDir",
    "sourceBasis",
    "mustKeep",
    "canVary",
    "mustAvoid",
    "feedback",
    "inputUrls",
    "inputImages",
    "localFilePath",
    "mode",
    "enableSyncMode",
    "enableBase64Output",
];

/// Members that are lists, numbers, or true or false; the others are text.
pub(crate) const LISTS: [&str; 7] =
    ["sourceBasis", "mustKeep", "canVary", "mustAvoid", "feedback", "inputUrls", "inputImages"];
pub(crate) const NUMBERS: [&str; 2] = ["maxImages", "seed"];
pub(crate) const BOOLEANS: [&str; 3] = ["variantTest", "enableWebSearch", "enhancePrompt"];

/// Members that older runners wrote into requests, or managed themselves; they change nothing here.
const WITHOUT_EFFECT: [&str; 12] = [
    "schemaVersion",
    "hostedOperationId",
    "quoteConfirmationToken",
    "operationId",
    "operation",
    "operationKey",
    "billableUnitCount",
    "imageSize",
    "requestBytes",
    "mediaType",
    "creativeFormatLabel",
    "customerId",
];

/// A request's members and what was found wrong so far.
pub(crate) struct Fields {
    members: Map<String, Value>,
    pub(crate) problems: Vec<Problem>,
}

impl Fields {
    /// Checks the names.
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        let mut problems = Vec::new();
        for name in members.keys() {
            let name = name.as_str();
            if KNOWN.contains(&name) || WITHOUT_EFFECT.contains(&name) {
                continue;
            }
            let camel = camel_case(name);
            let (kind, message) = if KNOWN.contains(&camel.as_str()) || WITHOUT_EFFECT.contains(&camel.as_str()) {
                (ProblemKind::Renamed, format!("the field {name} is called {camel} in request files"))
            } else if let Some(near) = nearest(name, KNOWN) {
                (ProblemKind::Unknown, format!("the field {name} is not known in request files; did you mean {near}?"))
            } else {
                (ProblemKind::Unknown, format!("the field {name} is not known in request files; leave it out"))
            };
            problems.push(Problem { field: name.to_owned(), kind, message });
        }
        Self { members, problems }
    }

    /// Says that something is wrong with `field`.
    pub(crate) fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(Problem::wrong(field, message));
    }

    /// The member, where it is there and not null.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A text exactly as it was written; one of white space only is none.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        if let Value::String(text) = self.value(name)? {
            return (!text.trim().is_empty()).then(|| text.clone());
        }
        self.wrong(name, format!("{name} must be a text in quotes"));
        None
    }

    /// A list of texts; a single text counts as a list of one.
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let texts = match self.value(name) {
            None => return Vec::new(),
            Some(Value::String(text)) => Some(vec![text.clone()]),
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        let Some(texts) = texts else {
            self.wrong(name, format!("{name} must be a list of texts in quotes"));
            return Vec::new();
        };
        texts.into_iter().filter(|text| !text.trim().is_empty()).collect()
    }

    /// A whole number within bounds.
    pub(crate) fn number(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let number = self.value(name)?.as_i64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong(name, format!("{name} must be a whole number, at least {least} and at most {most}"));
        }
        number
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let flag = self.value(name).map(Value::as_bool);
        match flag {
            None => false,
            Some(Some(flag)) => flag,
            Some(None) => {
                self.wrong(name, format!("{name} must be true or false"));
                false
            }
        }
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_told_with_the_right_one() {
        for (name, kind, words) in [
            ("must_avoid", ProblemKind::Renamed, "is called mustAvoid"),
            ("aspect_ratio", ProblemKind::Renamed, "is called aspectRatio"),
            ("mustavoid", ProblemKind::Unknown, "did you mean mustAvoid?"),
            ("zebra", ProblemKind::Unknown, "leave it out"),
        ] {
            let fields = Fields::new([(name.to_owned(), Value::Null)].into_iter().collect());
            assert_eq!(fields.problems[0].kind, kind);
            assert!(fields.problems[0].message.contains(words), "{}", fields.problems[0].message);
        }
        assert!(Fields::new([("operationKey".to_owned(), Value::Null)].into_iter().collect()).problems.is_empty());
    }
}
