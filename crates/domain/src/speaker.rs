//! Which profile and model answer a job's text and vision calls. Pure: profiles are found by the caller.

use serde::{Deserialize, Serialize};

use crate::plan::PlanError;
use crate::profile::Profile;

/// `[text]` or `[vision]` of a job file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeakerSection {
    /// Profile by name; the job's when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Model; the profile's when another profile is named, else the job's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// Who answers in words, fixed when the job was submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speaker {
    /// The profile as it was, without its secret.
    pub profile: Profile,
    /// The model that is called.
    pub model: String,
}

/// Who answers a job's text and vision calls; nobody named means the job's own profile and model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Speakers {
    /// Calls with words alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Speaker>,
    /// Calls with pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vision: Option<Speaker>,
}

impl SpeakerSection {
    /// The speaker this names. `job` is the job's own profile and model, `named` the profile of `self.profile`.
    ///
    /// Fails when no model is named anywhere.
    pub fn speaker(&self, job: (&Profile, &str), named: Option<&Profile>) -> Result<Speaker, PlanError> {
        // The job's own profile is taken as the job changed it (its limits).
        let (profile, model) = match named.filter(|named| named.name != job.0.name) {
            Some(named) => (named, named.model.as_str()),
            None => job,
        };
        let model = self.model.as_deref().unwrap_or(model);
        if model.is_empty() {
            return Err(PlanError::NoModel { profile: profile.name.clone() });
        }
        Ok(Speaker { profile: profile.clone(), model: model.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_names_what_differs_from_the_job() {
        let job = Profile { name: "a".into(), model: "pictures".into(), ..Profile::default() };
        let other = Profile { name: "b".into(), model: "words".into(), ..Profile::default() };
        let section = |profile: Option<&str>, model: Option<&str>| SpeakerSection {
            profile: profile.map(str::to_owned),
            model: model.map(str::to_owned),
        };
        let of = |section: &SpeakerSection, named: Option<&Profile>| {
            section.speaker((&job, "job's"), named).map(|speaker| (speaker.profile.name, speaker.model)).unwrap()
        };
        assert_eq!(of(&section(None, Some("m")), None), ("a".into(), "m".into()));
        assert_eq!(of(&section(None, None), None), ("a".into(), "job's".into()));
        assert_eq!(of(&section(Some("b"), None), Some(&other)), ("b".into(), "words".into()));
        assert_eq!(of(&section(Some("b"), Some("m")), Some(&other)), ("b".into(), "m".into()));
        assert_eq!(of(&section(Some("a"), None), Some(&job)), ("a".into(), "job's".into()));
        let nameless = Profile { name: "c".into(), ..Profile::default() };
        assert!(section(Some("c"), None).speaker((&job, "m"), Some(&nameless)).is_err());
    }
}
