//! A request file, in any form it ever had, to a complete brief, or everything that is wrong with it at once. This is the gate: a
//! strategic hole is named, never filled. It must not look at files.

use imagemill_domain::endpoints::{Endpoint, Family, endpoint};
use serde_json::{Map, Value};

use crate::brief::{Brief, Purpose, QualityProfile, Verb};
use crate::fields::Fields;
use crate::problem::{Problem, Problems};

/// Most pictures of one sequence.
const MOST_IMAGES: i64 = 15;

/// Reads the text of a request file.
pub fn read(text: &str, verb: Verb) -> Result<Brief, Problems> {
    let mut fields = Fields::new(members(text)?);
    let mut brief = identity(&mut fields, verb);
    match verb {
        Verb::Upload => brief.local_file_path = needed(&mut fields, "localFilePath", "the file that is to be uploaded"),
        Verb::Generate | Verb::Edit => {
            evidence(&mut fields, &mut brief);
            picture(&mut fields, &mut brief);
        }
    }
    let problems = fields.problems;
    if problems.is_empty() { Ok(brief) } else { Err(Problems(problems)) }
}

/// Which run a request file means: folder of the asset, asset, run. All that polling takes from it, so nothing else is checked.
pub fn which_run(text: &str) -> Result<(String, String, String), Problems> {
    let mut fields = Fields::new(members(text)?);
    fields.problems.clear();
    let brief = identity(&mut fields, Verb::Upload);
    if fields.problems.is_empty() {
        Ok((brief.local_asset_dir, brief.asset_id, brief.run_id))
    } else {
        Err(Problems(fields.problems))
    }
}

/// The request itself, bare or in its envelope.
fn members(text: &str) -> Result<Map<String, Value>, Problems> {
    let wrong = |field: &str, message: String| Problems(vec![Problem::wrong(field, message)]);
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| wrong("", format!("the request file is not JSON: {error}")))?;
    let Value::Object(mut members) = value else {
        return Err(wrong("", "a request file holds one JSON object".into()));
    };
    if !members.contains_key("input") {
        return Ok(members);
    }
    if members.get("schemaVersion").and_then(Value::as_u64) != Some(1) {
        return Err(wrong("schemaVersion", "schemaVersion of the envelope must be 1".into()));
    }
    match members.remove("input") {
        Some(Value::Object(input)) => Ok(input),
        _ => Err(wrong("input", "input of the envelope must be the request, a JSON object".into())),
    }
}

fn needed(fields: &mut Fields, name: &str, what: &str) -> Option<String> {
    let wrong_before = fields.problems.len();
    let text = fields.text(name);
    if text.is_none() && fields.problems.len() == wrong_before {
        fields.problems.push(Problem::missing(name, format!("{name} is missing: give {what}")));
    }
    text
}

/// A name that can be a folder's and that a person can read.
fn slug(fields: &mut Fields, name: &str, what: &str) -> String {
    // The oldest files know one name for everything.
    let text = match (fields.value(name).is_some(), fields.value("jobId").is_some()) {
        (false, true) => fields.text("jobId"),
        _ => needed(fields, name, what),
    };
    let text = text.unwrap_or_default();
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && (!text.chars().all(fits) || text.starts_with('.') || text.chars().count() > 100) {
        fields.wrong(
            name,
            format!(
                "{name} becomes a folder's name: take letters, digits, - and _, at most 100, such as persona-maya-v1"
            ),
        );
    } else if name == "assetId" && !text.is_empty() && is_machine_name(&text) {
        fields
            .wrong(name, format!("{name} must be a name that people can read, such as persona-maya-v1, not a number"));
    }
    text
}

/// A bare UUID or a time.
fn is_machine_name(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let hex = text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let is_uuid = hex && text.len() == 36 && text.matches('-').count() == 4;
    is_uuid || text.chars().all(|c| c.is_ascii_digit() || "-_.TZ".contains(c)) && digits > 0
}

fn identity(fields: &mut Fields, verb: Verb) -> Brief {
    let asset_id = slug(fields, "assetId", "a name for the creative asset that lasts, such as persona-maya-v1");
    let run_id = slug(fields, "runId", "a name for this set of attempts, such as image-run-001");
    let local_asset_dir = match fields.text("localAssetDir") {
        Some(folder) => folder,
        None if fields.value("localOutputDir").is_some() => fields.text("localOutputDir").unwrap_or_default(),
        None => needed(fields, "localAssetDir", "the folder of the asset's files, such as assets/persona-maya-v1")
            .unwrap_or_default(),
    };
    Brief {
        job_id: fields.text("jobId").unwrap_or_else(|| run_id.clone()),
        asset_id,
        run_id,
        campaign_id: fields.text("campaignId"),
        persona_id: fields.text("personaId"),
        concept_id: fields.text("conceptId"),
        visual_direction: None,
        asset_purpose: None,
        variant_test_reason: None,
        provider: fields.text("provider").unwrap_or_else(|| "hosted-media".to_owned()),
        model: String::new(),
        mode: verb,
        creative_format: "custom".to_owned(),
        target_aspect_ratio: String::new(),
        prompt: String::new(),
        negative_prompt: None,
        quality_profile: QualityProfile::default(),
        quality_reason: None,
        resolution: None,
        quality: None,
        size: None,
        max_images: None,
        output_format: "png".to_owned(),
        seed: None,
        extra: std::collections::BTreeMap::new(),
        local_asset_dir,
        source_basis: Vec::new(),
        must_keep: Vec::new(),
        can_vary: Vec::new(),
        must_avoid: Vec::new(),
        feedback: Vec::new(),
        input_urls: Vec::new(),
        local_file_path: None,
        chosen: std::collections::BTreeMap::new(),
    }
}

/// What must be known before a picture is worth paying for.
fn evidence(fields: &mut Fields, brief: &mut Brief) {
    let tests = fields.flag("variantTest");
    let reason = fields.text("variantTestReason");
    if tests && reason.is_none() {
        fields.problems.push(Problem::missing(
            "variantTestReason",
            "variantTestReason is missing: say in a sentence what the variant test is to find out",
        ));
    }
    brief.variant_test_reason = reason.filter(|_| tests);
    brief.visual_direction = fields.text("visualDirection");
    brief.source_basis = fields.list("sourceBasis");
    let purpose = fields.text("assetPurpose");
    brief.asset_purpose = purpose.as_deref().and_then(Purpose::from_word);
    let purposes = Purpose::ALL.map(|(_, word)| word).join(", ");
    if purpose.is_some() && brief.asset_purpose.is_none() {
        fields.wrong("assetPurpose", format!("assetPurpose must be one of {purposes}"));
    }
    if tests {
        return;
    }
    let mut miss = |field: &str, what: String| {
        fields.problems.push(Problem::missing(field, format!("{field} is missing: give {what}")));
    };
    if brief.persona_id.is_none() && brief.visual_direction.is_none() {
        miss("personaId", "the locked persona, or say in visualDirection how the picture must look".into());
    }
    if purpose.is_none() {
        miss("assetPurpose", format!("one of {purposes}"));
    }
    if brief.source_basis.is_empty() {
        miss("sourceBasis", "the files and links that the picture is based on, as a list".into());
    }
}

/// What the picture is to be.
fn picture(fields: &mut Fields, brief: &mut Brief) {
    brief.prompt = needed(fields, "prompt", "what the picture is to show").unwrap_or_default();
    brief.negative_prompt = fields.text("negativePrompt");
    brief.must_keep = fields.list("mustKeep");
    brief.can_vary = fields.list("canVary");
    brief.must_avoid = fields.list("mustAvoid");
    brief.feedback = fields.list("feedback");
    brief.input_urls = fields.list("inputUrls");
    for url in fields.list("inputImages") {
        if !brief.input_urls.contains(&url) {
            brief.input_urls.push(url);
        }
    }
    if brief.mode == Verb::Edit && brief.input_urls.is_empty() {
        let message = "inputUrls is missing: give the pictures to edit, as addresses or as files of the project";
        fields.problems.push(Problem::missing("inputUrls", message));
    }
    if brief.mode == Verb::Generate && !brief.input_urls.is_empty() {
        fields.wrong("inputUrls", "inputUrls has pictures, and generate takes none; use `imagemill request edit`");
    }
    brief.seed = fields.number("seed", 0, i64::from(u32::MAX));
    let known = model(fields, brief);
    format_and_ratio(fields, brief);
    quality(fields, brief, known);
    extras(fields, brief, known);
    match fields.text("outputFormat").map(|format| format.to_ascii_lowercase()).as_deref() {
        None | Some("png") => {}
        Some("jpeg" | "jpg") => "jpeg".clone_into(&mut brief.output_format),
        Some(_) => fields.wrong("outputFormat", "outputFormat must be png or jpeg"),
    }
}

/// The model; each verb has a default of its own. `None` for a model that is no hosted endpoint.
fn model(fields: &mut Fields, brief: &mut Brief) -> Option<&'static Endpoint> {
    let edits = brief.mode == Verb::Edit;
    let written = fields.text("model");
    let default = if edits { "image-nano-banana-2-edit" } else { "image-nano-banana-2-text" };
    if written.is_none() {
        brief.chosen.insert("model".into(), format!("default of {}", brief.mode.word()));
    }
    brief.model = written.unwrap_or_else(|| default.to_owned());
    let known = endpoint(&brief.model)?;
    known.key.clone_into(&mut brief.model);
    if known.edits != edits {
        let other =
            if edits { known.key.replacen("-text", "-edit", 1) } else { known.key.replacen("-edit", "-text", 1) };
        let instead = endpoint(&other).filter(|other| other.edits == edits).map_or(default, |other| other.key);
        fields.wrong("model", format!("the model {} does not {}; take {instead}", known.key, brief.mode.word()));
    }
    Some(known)
}

fn format_and_ratio(fields: &mut Fields, brief: &mut Brief) {
    let ratio = fields.text("targetAspectRatio").or_else(|| fields.text("aspectRatio"));
    let ratio = ratio.map(|ratio| ratio.replace(' ', ""));
    let preset = match fields.text("creativeFormat").map(|word| word.to_ascii_lowercase()).as_deref() {
        None => None,
        Some("custom") => Some(("custom", None)),
        Some("short_form_vertical" | "reels" | "stories" | "tiktok" | "short_form") => {
            Some(("short_form_vertical", Some("9:16")))
        }
        Some("instagram_meta_ads" | "instagram_3_4" | "meta_ads_3_4") => Some(("instagram_meta_ads", Some("3:4"))),
        Some(_) => {
            let message = "creativeFormat must be short_form_vertical, instagram_meta_ads or custom";
            fields.wrong("creativeFormat", message);
            None
        }
    };
    if let (Some((name, Some(own))), Some(ratio)) = (preset, &ratio)
        && own != ratio
    {
        fields.wrong(
            "creativeFormat",
            format!("creativeFormat {name} is {own} and targetAspectRatio says {ratio}; leave one of them out"),
        );
    }
    let chosen = ratio.as_deref().or(preset.and_then(|(_, ratio)| ratio));
    if chosen.is_none() {
        brief.chosen.insert("targetAspectRatio".into(), "default".into());
    }
    chosen.unwrap_or("9:16").clone_into(&mut brief.target_aspect_ratio);
    let of_ratio = match brief.target_aspect_ratio.as_str() {
        "9:16" => "short_form_vertical",
        "3:4" => "instagram_meta_ads",
        _ => "custom",
    };
    preset.map_or(of_ratio, |(name, _)| name).clone_into(&mut brief.creative_format);
}

/// Tier, quality and pixels: as written, else as the quality profile says and the model has it.
fn quality(fields: &mut Fields, brief: &mut Brief, known: Option<&Endpoint>) {
    let profile = fields.text("qualityProfile");
    brief.quality_reason = fields.text("qualityReason");
    match profile.as_deref().map(QualityProfile::from_word) {
        None => _ = brief.chosen.insert("qualityProfile".into(), "default".into()),
        Some(Some(profile)) => brief.quality_profile = profile,
        Some(None) => {
            let words = QualityProfile::ALL.map(|(_, word)| word).join(", ");
            fields.wrong("qualityProfile", format!("qualityProfile must be one of {words}"));
        }
    }
    let profile = brief.quality_profile;
    if profile != QualityProfile::MaxRealism && brief.quality_reason.is_none() {
        let message = "qualityReason is missing: say why less than max-realism is enough here";
        fields.problems.push(Problem::missing("qualityReason", message));
    }
    let resolution = fields.text("resolution").map(|text| text.to_ascii_lowercase().replace(' ', ""));
    let size = fields.text("size").map(|text| pixels(&text));
    let word = fields.text("quality").map(|word| word.to_ascii_lowercase());
    let Some(known) = known else {
        (brief.resolution, brief.size, brief.quality) = (resolution, size, word);
        return;
    };
    let mut by_profile = |field: &str, value: &str| {
        brief.chosen.insert(field.into(), "quality profile".into());
        value.to_owned()
    };
    match known.family {
        Family::Seedream => {
            let written = size.or(resolution.map(|text| pixels(&text)).filter(|text| text.contains('x')));
            brief.size = Some(written.unwrap_or_else(|| {
                brief.chosen.insert("size".into(), "from the aspect ratio".into());
                seedream_size(&brief.target_aspect_ratio).to_owned()
            }));
        }
        Family::NanoBananaPro => brief.resolution = resolution.or(known.tier.map(str::to_owned)),
        Family::NanoBanana => brief.resolution = resolution.or_else(|| Some(by_profile("resolution", profile.tier()))),
        Family::GptImage => {
            let tier = if profile == QualityProfile::ThroughputTest { "1k" } else { profile.tier() };
            brief.resolution = resolution.or_else(|| Some(by_profile("resolution", tier)));
            brief.quality = word.clone().or_else(|| Some(by_profile("quality", profile.quality())));
        }
        Family::Soul => {}
    }
    if word.is_some() && known.family != Family::GptImage {
        fields.wrong("quality", format!("the model {} takes no quality; leave it out", known.key));
    }
}

/// `1440*2560` and `1440x2560` are one.
fn pixels(text: &str) -> String {
    text.to_ascii_lowercase().replace('*', "x").replace(' ', "")
}

/// At least 2560x1440 pixels in all, which is the least that other hosts of the model take.
fn seedream_size(ratio: &str) -> &'static str {
    match ratio {
        "16:9" => "2560x1440",
        "1:1" => "2048x2048",
        "3:4" => "1728x2304",
        "4:3" => "2304x1728",
        _ => "1440x2560",
    }
}

fn extras(fields: &mut Fields, brief: &mut Brief, known: Option<&Endpoint>) {
    brief.max_images = fields.number("maxImages", 1, MOST_IMAGES).map(|number| number as u32);
    let family = known.map(|known| known.family);
    let sequential = known.is_none_or(Endpoint::is_sequential);
    if sequential && known.is_some() && brief.max_images.is_none() {
        let message = "maxImages is missing: say how many pictures the sequence has, and say it in the prompt, too";
        fields.problems.push(Problem::missing("maxImages", message));
    }
    if !sequential && brief.max_images.is_some_and(|number| number > 1) {
        fields.wrong(
            "maxImages",
            format!("the model {} makes one picture; take one whose name ends in -sequential", brief.model),
        );
    }
    brief.max_images = brief.max_images.filter(|_| sequential);
    if fields.flag("enableWebSearch") {
        if family.is_none_or(|family| family == Family::NanoBanana) {
            brief.extra.insert("enable_web_search".into(), true.into());
        } else {
            fields.wrong("enableWebSearch", format!("the model {} cannot search the web; leave it out", brief.model));
        }
    }
    for (name, own) in
        [("styleId", "style_id"), ("styleStrength", "style_strength"), ("enhancePrompt", "enhance_prompt")]
    {
        let Some(value) = fields.value(name).cloned() else { continue };
        if family.is_none_or(|family| family == Family::Soul) {
            brief.extra.insert(own.into(), value);
        } else {
            fields.wrong(name, format!("the model {} takes no {name}; leave it out", brief.model));
        }
    }
}

#[cfg(test)]
mod tests;
