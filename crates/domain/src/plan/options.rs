//! A job's options against what its model and protocol take: everything is an error here that would else be refused, dropped
//! or paid for in vain later. Must not know tasks or money.

use crate::capability::{Capabilities, CapabilityTable, SeedSupport};
use crate::infographic::Repair;
use crate::job_file::{JobFile, Oversize, RecipeName};
use crate::lane::{BatchKind, BatchTerms, Lane};
use crate::profile::{Profile, Protocol};
use crate::request::{NegativePrompt, RequestOptions};
use crate::sizes::{SizeChoice, SizeWish, pixels_of};
use crate::source::Scan;

use super::PlanError;

/// Options with a rule of their own, besides the table's parameters.
const OWN_RULES: [&str; 6] = ["n", "size", "aspect_ratio", "seed", "stream", "extra_body"];

/// Who is asked, for error messages.
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) profile: &'a Profile,
    pub(super) capabilities: Option<&'a Capabilities>,
}

impl Asked<'_> {
    fn refuse<T>(&self, option: impl Into<String>, detail: impl Into<String>) -> Result<T, PlanError> {
        Err(PlanError::Unsupported {
            model: self.model.to_owned(),
            provider: self.profile.provider.clone(),
            option: option.into(),
            detail: detail.into(),
        })
    }

    /// Checks everything but sizes.
    pub(super) fn check(&self, file: &JobFile, scan: &Scan) -> Result<(), PlanError> {
        let protocol = self.profile.resolved_protocol(self.capabilities.is_some_and(Capabilities::knows_images));
        let makes_pictures = file.recipe.makes_pictures();
        if makes_pictures && protocol == Protocol::AnthropicMessages {
            let detail = "it answers in words; choose another profile, and name this one under [text] or [vision]";
            return self.refuse(format!("{} over {}", file.recipe.word(), protocol.word()), detail);
        }
        let given = given(&file.options);
        if !makes_pictures {
            return self.check_words(&given);
        }
        if let Some(capabilities) = self.capabilities {
            self.check_endpoint(file, protocol, capabilities)?;
            self.check_parameters(&given, protocol, capabilities)?;
            self.check_numbers(file, scan, capabilities)?;
        }
        match given.iter().find(|(name, _)| !protocol.carries(name)) {
            Some((name, _)) => {
                let detail = format!("the protocol {} has no place for it; leave it out", protocol.word());
                self.refuse(name.as_str(), detail)
            }
            None => self.check_input(file, scan, protocol),
        }
    }

    /// Calls in words take the options of chat models alone.
    fn check_words(&self, given: &[(String, serde_json::Value)]) -> Result<(), PlanError> {
        match given.iter().find(|(name, _)| !["temperature", "max_tokens", "extra_body"].contains(&name.as_str())) {
            Some((name, _)) => {
                self.refuse(name.as_str(), "the recipe asks for words and not for pictures; leave it out")
            }
            None => Ok(()),
        }
    }

    /// Whether answers are asked for as streams: by the lane, which must agree with the option.
    pub(super) fn stream(&self, file: &JobFile) -> Result<Option<bool>, PlanError> {
        let asked = file.options.stream;
        let word = file.lane.word();
        let protocol = self.profile.resolved_protocol(self.capabilities.is_some_and(Capabilities::knows_images));
        let refuse = |detail: String| self.refuse(format!("lane = \"{word}\""), detail);
        let over = protocol.word();
        match file.lane {
            Lane::Queue if !protocol.is_queue() => {
                refuse(format!("the protocol {over} has no queue; take another lane or profile"))
            }
            Lane::Auto | Lane::Queue => Ok(asked),
            _ if protocol.is_queue() => {
                refuse(format!("the protocol {over} is a queue; take lane = \"queue\" or leave it out"))
            }
            Lane::Stream if !protocol.carries("stream") => {
                refuse(format!("the protocol {over} has no streams; take lane = \"sync\""))
            }
            Lane::Stream if asked == Some(false) => self.refuse(
                "lane = \"stream\" with stream = false",
                "the two contradict each other; leave one of them out",
            ),
            Lane::Stream => Ok(Some(true)),
            Lane::Sync | Lane::Batch if asked == Some(true) => self.refuse(
                format!("lane = \"{word}\" with stream = true"),
                "the two contradict each other; leave one of them out",
            ),
            Lane::Sync if self.profile.stream == Some(true) && protocol.carries("stream") => Ok(Some(false)),
            Lane::Sync | Lane::Batch => Ok(asked),
        }
    }

    /// What the provider's batches take and cost, where the job goes through them.
    pub(super) fn batch(&self, file: &JobFile, table: &CapabilityTable) -> Result<Option<BatchTerms>, PlanError> {
        if file.lane != Lane::Batch {
            return Ok(None);
        }
        let protocol = self.profile.resolved_protocol(self.capabilities.is_some_and(Capabilities::knows_images));
        let refuse = |detail: String| self.refuse("lane = \"batch\"", detail);
        let Some(kind) = self.capabilities.and_then(|known| known.batch).filter(|kind| *kind != BatchKind::None) else {
            return refuse(
                "it has no batch endpoint that is known; take another lane, or say in a models_file which one it has"
                    .into(),
            );
        };
        if protocol.batch_kind() != kind {
            return refuse(format!(
                "its batches cannot be made over the protocol {}; take another lane or protocol",
                protocol.word()
            ));
        }
        match table.batch.get(&kind) {
            Some(terms) => Ok(Some(terms.clone())),
            None => {
                refuse("nobody said what its batches take and cost; add the table [batch.…] to a models_file".into())
            }
        }
    }

    /// Pictures that are too large for a request, where there is no other way to hand them over.
    pub(super) fn check_bytes(&self, file: &JobFile, scan: &Scan, batch: Option<&BatchTerms>) -> Result<(), PlanError> {
        let prepare = &file.prepare;
        let made_smaller = prepare.oversize == Oversize::Scale
            || prepare.max_bytes.is_some()
            || prepare.max_edge.is_some()
            || prepare.max_pixels.is_some();
        let protocol = self.profile.resolved_protocol(self.capabilities.is_some_and(Capabilities::knows_images));
        let intake = protocol.intake(self.capabilities.is_some_and(|known| known.files));
        let largest = scan.items.iter().max_by_key(|item| item.bytes);
        let Some((item, picture)) = largest.and_then(|item| Some((item, item.pictures.first()?))) else {
            return Ok(());
        };
        if made_smaller || intake.uploads || file.recipe == RecipeName::Critique {
            return Ok(());
        }
        // base64 writes three bytes as four.
        let in_batch = batch.map_or(u64::MAX, |terms| terms.max_bytes / 4 * 3);
        let most = intake.inline_bytes.min(in_batch);
        if item.bytes <= most {
            return Ok(());
        }
        let (has, fits) = (item.bytes.div_ceil(1 << 20), most >> 20);
        let way_out =
            "MiB of pictures in a request and no uploads; set [prepare] oversize = \"scale\", max_bytes or max_edge";
        let detail = if most == in_batch {
            format!("its batches take {fits} {way_out}")
        } else {
            format!("it takes {fits} {way_out}")
        };
        self.refuse(format!("{} of {has} MiB", picture.name), detail)
    }

    /// Protocols whose models call the members of their input as they like.
    fn check_input(&self, file: &JobFile, scan: &Scan, protocol: Protocol) -> Result<(), PlanError> {
        let pictures = scan.items.iter().any(|item| !item.pictures.is_empty());
        let field = self.capabilities.and_then(|capabilities| capabilities.picture_field.as_ref());
        if pictures && protocol.needs_picture_field() && field.is_none() {
            let detail = "nobody said which member of its input takes them; add the model with picture_field = \"image_urls[]\" (or what it is called) to a models_file";
            return self.refuse("pictures", detail);
        }
        let has = |name: &str| self.profile.extra_body.contains_key(name) || file.options.extra_body.contains_key(name);
        if protocol == Protocol::Comfyui && !has("workflow") && !has("workflow_file") {
            let detail = "set extra_body = { workflow_file = \"/path/workflow_api.json\" } in the profile (docs/providers/comfyui.md)";
            return self.refuse("a job without a workflow", detail);
        }
        Ok(())
    }

    fn check_endpoint(&self, file: &JobFile, protocol: Protocol, capabilities: &Capabilities) -> Result<(), PlanError> {
        let served = match protocol {
            Protocol::ChatCompletions => capabilities.chat,
            Protocol::Responses => capabilities.responses,
            _ if file.recipe == RecipeName::Edit => capabilities.edits,
            _ => capabilities.generations,
        };
        let corrects = file.infographic.as_ref().is_some_and(|section| section.repair == Repair::Edit);
        if file.recipe == RecipeName::Infographic && corrects && !capabilities.edits {
            return self.refuse("infographic.repair = \"edit\"", "it edits no pictures; leave it out");
        }
        if served {
            return Ok(());
        }
        let what = format!("{} over {}", file.recipe.word(), protocol.word());
        let endpoints = capabilities.endpoints();
        let served_by = if endpoints.is_empty() { "nothing".to_owned() } else { endpoints.join(", ") };
        self.refuse(what, format!("it is served by {served_by}; choose another protocol or model"))
    }

    fn check_parameters(
        &self,
        given: &[(String, serde_json::Value)],
        protocol: Protocol,
        capabilities: &Capabilities,
    ) -> Result<(), PlanError> {
        let refused_here = capabilities.refuses_over.get(protocol.word());
        for (name, value) in given {
            if refused_here.is_some_and(|refused| refused.contains(name)) {
                let detail =
                    format!("it has no such option over {}; leave it out or take another protocol", protocol.word());
                return self.refuse(name.as_str(), detail);
            }
            if capabilities.refuses.contains(name) {
                return self.refuse(name.as_str(), "leave it out");
            }
            let known = capabilities.parameters.get(name);
            if let Some(detail) = known.and_then(|parameter| parameter.refusal(value)) {
                return self.refuse(format!("{name} = {value}"), detail);
            }
            let unchecked = capabilities.parameters.is_empty() || OWN_RULES.contains(&name.as_str());
            if known.is_none() && !unchecked {
                let names: Vec<&str> = capabilities.parameters.keys().map(String::as_str).collect();
                let detail = format!("it has no such parameter; leave it out. It takes {}", names.join(", "));
                return self.refuse(name.as_str(), detail);
            }
        }
        Ok(())
    }

    fn check_numbers(&self, file: &JobFile, scan: &Scan, capabilities: &Capabilities) -> Result<(), PlanError> {
        let options = &file.options;
        let n = options.n.unwrap_or(1);
        if n > capabilities.max_n {
            let most = capabilities.max_n;
            return self.refuse(format!("n = {n}"), format!("at most {most}; use `samples` for more"));
        }
        if options.seed.is_some() && capabilities.seed == SeedSupport::Absent {
            return self.refuse("seed", "it has no such parameter; leave it out");
        }
        if options.stream == Some(true) && capabilities.stream == Some(false) {
            return self.refuse("stream", "its answers cannot be streamed; leave it out");
        }
        let references = scan.items.iter().map(|item| item.pictures.len()).max().unwrap_or(0);
        if let Some(most) = capabilities.max_references.filter(|most| references > *most as usize) {
            return self.refuse(format!("{references} pictures in one request"), format!("at most {most}"));
        }
        let all = references + n as usize;
        if let Some(most) = capabilities.max_pictures.filter(|most| all > *most as usize) {
            let what = format!("n = {n} with {references} pictures in the request");
            return self.refuse(what, format!("at most {most} pictures sent and asked for together"));
        }
        Ok(())
    }

    /// How the model is told a negative prompt: as its entry says, unless the protocol has no place for it.
    pub(super) fn negative_prompt(&self) -> NegativePrompt {
        let how = self.capabilities.map(|capabilities| capabilities.negative_prompt).unwrap_or_default();
        let protocol = self.profile.resolved_protocol(self.capabilities.is_some_and(Capabilities::knows_images));
        if how == NegativePrompt::Parameter && !protocol.carries("negative_prompt") {
            NegativePrompt::Folded
        } else {
            how
        }
    }

    /// What goes out for the job's aspect ratio and size.
    pub(super) fn size(&self, options: &RequestOptions) -> Result<SizeChoice, PlanError> {
        let wish = SizeWish { aspect_ratio: options.aspect_ratio.as_deref(), size: options.size.as_deref() };
        let Some(rule) = self.capabilities.and_then(|capabilities| capabilities.size.as_ref()) else {
            let pixels = wish.size.and_then(pixels_of).map(|(width, height)| u64::from(width) * u64::from(height));
            return Ok(SizeChoice { size: options.size.clone(), aspect_ratio: options.aspect_ratio.clone(), pixels });
        };
        if let Err(fault) = rule.check() {
            return self.refuse("a size", format!("its entry in the models file is wrong: {fault}"));
        }
        rule.resolve(wish).or_else(|refusal| {
            let wished = |name: &str, value: Option<&str>| value.map(|value| format!("{name} = {value:?}"));
            let mut parts = [wished("size", wish.size), wished("aspect_ratio", wish.aspect_ratio)];
            if refusal.option == "aspect_ratio" && wish.aspect_ratio.is_some() {
                parts.reverse();
            }
            let what = parts.into_iter().flatten().collect::<Vec<_>>().join(" with ");
            self.refuse(what, format!("{}; the nearest is {}", refusal.reason, refusal.nearest))
        })
    }
}

/// The options that are set, by name.
fn given(options: &RequestOptions) -> Vec<(String, serde_json::Value)> {
    match serde_json::to_value(options) {
        Ok(serde_json::Value::Object(members)) => members.into_iter().collect(),
        _ => Vec::new(),
    }
}
