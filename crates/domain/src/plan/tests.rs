use proptest::prelude::*;

use super::*;
use crate::hash::ContentHash;
use crate::job_file::Oversize;
use crate::lane::{BatchFallback, BatchKind, Lane};
use crate::profile::Protocol;
use crate::request::NegativePrompt;
use crate::task::SourcePicture;

fn item(name: &str) -> SourceItem {
    SourceItem {
        pictures: vec![SourcePicture {
            path: format!("/in/{name}"),
            name: name.into(),
            blake3: ContentHash::of(name.as_bytes()),
        }],
        ..SourceItem::default()
    }
}

fn scan(names: &[&str]) -> Scan {
    Scan { items: names.iter().map(|name| item(name)).collect(), ..Scan::default() }
}

fn profile() -> Profile {
    Profile { name: "sim".into(), provider: "simulator".into(), model: "sim-image".into(), ..Profile::default() }
}

const TABLE: &str = r#"
        [[model]]
        provider = "simulator"
        model = "sim-image"
        generations = true
        edits = true
        refuses = ["response_format"]
        max_n = 2
        size = { kind = "list", sizes = ["512x512", "1024x1024"] }
        price = { date = "2026-01-01", source = "test", per_image = 0.04 }
        "#;

fn table() -> CapabilityTable {
    CapabilityTable::parse(TABLE).unwrap()
}

fn edit(prompt: &str) -> JobFile {
    JobFile { prompt: Some(prompt.into()), ..JobFile::new(RecipeName::Edit) }
}

fn plan(file: &JobFile, scan: Scan) -> Result<Plan, PlanError> {
    expand(file, "test", &profile(), scan, &table())
}

#[test]
fn matrix_of_pictures_prompts_and_samples() {
    let file = JobFile { prompts: vec!["snow".into()], samples: 3, ..edit("night") };
    let plan = plan(&file, scan(&["a.png", "b.png"])).unwrap();
    let tasks: Vec<_> = plan.tasks().collect::<Result<_, _>>().unwrap();
    assert_eq!((plan.tasks, tasks.len()), (12, 12));
    let keys: HashSet<_> = tasks.iter().map(|task| task.key).collect();
    assert_eq!(keys.len(), 12);
    assert_eq!(prompt_of(&plan.definition, &tasks[3].spec), "snow");
    assert_eq!(plan.cost.unwrap().likely, Money::from_dollars(0.48));
}

#[test]
fn own_prompts_replace_or_append() {
    let mut inputs = scan(&["a.png", "b.png"]);
    inputs.items[0].prompt = Some("a {literal} brace".into());
    let prompts = |file: &JobFile| -> Vec<String> {
        let plan = plan(file, inputs.clone()).unwrap();
        plan.tasks().map(|task| prompt_of(&plan.definition, &task.unwrap().spec).into_owned()).collect()
    };
    let mut file = edit("night");
    assert_eq!(prompts(&file), ["a {literal} brace", "night"]);
    file.source.own_prompt = OwnPrompt::Append;
    assert_eq!(prompts(&file), ["night\na {literal} brace", "night"]);
}

#[test]
fn templates_are_filled_from_columns_variables_and_names() {
    let mut inputs = scan(&["sub/a.png"]);
    inputs.items[0].columns.insert("mood".into(), "calm".into());
    let file = JobFile {
        variables: [("place".to_owned(), "Bern".to_owned())].into(),
        samples: 2,
        ..edit("{mood} {place} {src_stem} {src_folder} {sample:02} {{x}}")
    };
    let plan = plan(&file, inputs).unwrap();
    let tasks: Vec<_> = plan.tasks().map(Result::unwrap).collect();
    assert_eq!(prompt_of(&plan.definition, &tasks[1].spec), "calm Bern a sub 02 {x}");
}

#[test]
fn a_constant_prompt_with_braces_is_stored_once() {
    let plan = plan(&edit("a {{b}}"), scan(&["a.png"])).unwrap();
    let task = plan.tasks().next().unwrap().unwrap();
    assert_eq!(task.spec.prompt, None);
    assert_eq!(prompt_of(&plan.definition, &task.spec), "a {b}");
}

#[test]
fn a_long_list_of_prompts_is_spread_over_its_tasks() {
    let list: Vec<String> = (0..100).map(|number| format!("{{{{{number}}}}}")).collect();
    let file = JobFile { prompts: list, ..JobFile::new(RecipeName::Generate) };
    let once = plan(&file, Scan::default()).unwrap();
    assert_eq!((once.definition.file.all_prompts().count(), once.prompt_count()), (0, 100));
    let task = once.tasks().nth(41).unwrap().unwrap();
    assert_eq!(prompt_of(&once.definition, &task.spec), "{41}");
    let often = plan(&JobFile { samples: 9, ..file }, Scan::default()).unwrap();
    let same = often.tasks().nth(41 * 9).unwrap().unwrap();
    assert_eq!((often.definition.file.all_prompts().count(), same.spec.prompt), (100, None));
    assert_eq!(same.key, task.key, "where the words are kept makes no other task of it");
}

#[test]
fn what_cannot_start_says_why() {
    let error = |file: &JobFile| plan(file, scan(&["a.png"])).unwrap_err().to_string();
    assert!(error(&JobFile::new(RecipeName::Edit)).contains("no prompt"));
    assert!(error(&edit("{nope}")).contains("unknown variable {nope}"));
    let mut file = edit("x");
    file.options.size = Some("640x480".into());
    assert!(error(&file).contains("512x512, 1024x1024"), "{}", error(&file));
    let mut file = edit("x");
    file.options.response_format = Some("url".into());
    assert!(error(&file).contains("response_format"));
    let mut file = edit("x");
    file.options.n = Some(3);
    assert!(error(&file).contains("at most 2"));
    let mut file = edit("x");
    file.options.seed = Some(1);
    assert!(error(&file).contains("seed"));
    assert!(matches!(plan(&edit("x"), Scan::default()), Err(PlanError::NoPictures)));
    assert!(matches!(plan(&JobFile { samples: 0, ..edit("x") }, scan(&["a.png"])), Err(PlanError::OutOfRange { .. })));
}

#[test]
fn unknown_price_is_unknown_and_large_jobs_never_pay_twice() {
    let mut file = edit("x");
    file.model = Some("other".into());
    let small = plan(&file, scan(&["a.png"])).unwrap();
    assert!(small.cost.is_none() && small.definition.call_ceiling.is_none());
    assert!(small.warnings.iter().any(|warning| warning.contains("not known")));
    assert_eq!(small.definition.unknown, UnknownPolicy::Once);
    let large = plan(&JobFile { samples: 21, ..file }, scan(&["a.png"])).unwrap();
    assert_eq!(large.definition.unknown, UnknownPolicy::Never);
}

/// A plan of one `generate` task with the program's own table.
fn plan_for(provider: &str, model: &str, options: serde_json::Value) -> Result<Plan, PlanError> {
    let table = CapabilityTable::parse(include_str!("../../../../data/models.toml")).unwrap();
    let profile = Profile { provider: provider.into(), model: model.into(), ..Profile::default() };
    let mut file = JobFile { prompt: Some("a fox".into()), ..JobFile::new(RecipeName::Generate) };
    file.options = serde_json::from_value(options).unwrap();
    file.negative_prompt = "text".into();
    expand(&file, "test", &profile, Scan::default(), &table)
}

#[test]
fn sizes_become_what_the_model_takes() {
    use serde_json::json;
    let sent = |provider, model, options| {
        let options = plan_for(provider, model, options).unwrap().definition.file.options;
        (options.aspect_ratio.unwrap_or_default(), options.size.unwrap_or_default())
    };
    let wide = || json!({"aspect_ratio": "16:9", "size": "2k"});
    for (provider, model, ratio, size) in [
        ("openai", "gpt-image-2", "", "2736x1536"),
        ("xai", "grok-imagine-image", "16:9", "2k"),
        ("gemini", "gemini-3-pro-image", "16:9", "2K"),
        ("seedream", "doubao-seedream-4-0-250828", "", "2736x1536"),
        ("sensenova", "sensenova-u1-fast", "", "2752x1536"),
        ("openrouter", "google/gemini-3-pro-image", "16:9", "2K"),
        ("simulator", "sim-image", "16:9", "2k"),
    ] {
        assert_eq!(sent(provider, model, wide()), (ratio.to_owned(), size.to_owned()), "{model}");
    }
    let plan = plan_for("openai", "gpt-image-2", wide()).unwrap();
    assert_eq!(plan.size.pixels, Some(2736 * 1536), "the price follows the pixels");
}

#[test]
fn what_a_model_does_not_take_is_an_error_with_a_way_out() {
    use serde_json::json;
    for (provider, model, options, words) in [
        ("sensenova", "sensenova-u1-fast", json!({"aspect_ratio": "21:9"}), "nearest is size = \"2752x1536\""),
        ("gemini", "gemini-2.5-flash-image", json!({"size": "4K"}), "it takes 1K"),
        ("gemini", "gemini-2.5-flash-image", json!({"n": 2}), "use `samples` for more"),
        ("gemini", "gemini-2.5-flash-image", json!({"quality": "high"}), "It takes max_tokens, temperature"),
        ("openai", "gpt-image-2", json!({"quality": "best"}), "it takes low, medium, high, auto"),
        ("openai", "gpt-image-2", json!({"output_compression": 101}), "it takes 0 to 100"),
        ("openai", "gpt-image-2", json!({"response_format": "url"}), "leave it out"),
        ("openai", "gpt-image-2", json!({"temperature": 1.0}), "no such parameter"),
        ("openai", "gpt-image-2", json!({"seed": 3}), "seed"),
        ("openrouter", "some/model", json!({"quality": "low"}), "over chat_completions"),
        ("xai", "grok-imagine-image", json!({"stream": true}), "cannot be streamed"),
        ("seedream", "seedream-4-0-250828", json!({"n": 16}), "at most 15"),
        ("simulator", "sim-image", json!({"temperature": 1.0}), "the protocol images has no place for it"),
        ("anthropic", "claude-sonnet", json!({}), "it answers in words; choose another profile"),
        ("local", "any", json!({"max_tokens": 4}), "the protocol images has no place for it"),
    ] {
        let error = plan_for(provider, model, options.clone()).unwrap_err().to_string();
        assert!(error.contains(words), "{model} {options}: {error}");
    }
    let mut references = scan(&["a.png"]);
    references.items[0].pictures = vec![references.items[0].pictures[0].clone(); 9];
    let table = CapabilityTable::parse(include_str!("../../../../data/models.toml")).unwrap();
    let ark = Profile { provider: "seedream".into(), model: "seedream-4-0-1".into(), ..Profile::default() };
    let mut file = edit("x");
    file.options.n = Some(7);
    let error = expand(&file, "test", &ark, references, &table).unwrap_err().to_string();
    assert!(error.contains("at most 15 pictures sent and asked for together"), "{error}");
}

#[test]
fn a_negative_prompt_is_never_dropped() {
    let negative = |provider, model| {
        let plan = plan_for(provider, model, serde_json::json!({})).unwrap();
        (plan.definition.negative, plan.warnings.iter().any(|warning| warning.contains("Avoid: text")))
    };
    assert_eq!(negative("openai", "gpt-image-2"), (NegativePrompt::Folded, true));
    assert_eq!(negative("nobody", "knows"), (NegativePrompt::Folded, true));
    assert_eq!(negative("localai", "flux"), (NegativePrompt::AfterBar, false));
    let table = CapabilityTable::parse(
        "[[model]]\nprovider = \"p\"\nmodel = \"m\"\ngenerations = true\nchat = true\nnegative_prompt = \"parameter\"",
    );
    let negative = |protocol| {
        let profile = Profile { provider: "p".into(), model: "m".into(), protocol, ..Profile::default() };
        let file = JobFile { prompt: Some("a fox".into()), ..JobFile::new(RecipeName::Generate) };
        expand(&file, "test", &profile, Scan::default(), table.as_ref().unwrap()).unwrap().definition.negative
    };
    assert_eq!(negative(Protocol::Images), NegativePrompt::Parameter);
    assert_eq!(negative(Protocol::ChatCompletions), NegativePrompt::Folded, "that protocol has no place for it");
}

proptest! {
    /// Keys do not depend on the order of the inputs, and adding inputs changes no key that was there.
    #[test]
    fn keys_are_stable(names in proptest::collection::hash_set("[a-z]{1,6}", 1..20), samples in 1u32..4) {
        let mut names: Vec<String> = names.into_iter().collect();
        let file = JobFile { samples, ..edit("night") };
        let keys = |names: &[String]| -> HashSet<TaskKey> {
            let inputs = Scan { items: names.iter().map(|name| item(name)).collect(), ..Scan::default() };
            plan(&file, inputs).unwrap().tasks().map(|task| task.unwrap().key).collect()
        };
        let before = keys(&names);
        prop_assert_eq!(before.len(), names.len() * samples as usize);
        names.reverse();
        prop_assert_eq!(&keys(&names), &before);
        names.push("LATER".into());
        prop_assert!(keys(&names).is_superset(&before));
    }
}

/// What a protocol has no place for would be dropped in silence, and paid for.
#[test]
fn a_protocol_that_cannot_carry_something_refuses_the_plan() {
    let table = CapabilityTable::parse(
        r#"
        [[model]]
        provider = "fal"
        model = "known"
        generations = true
        edits = true
        picture_field = "image_urls[]"
        max_n = 4
        "#,
    )
    .unwrap();
    let refused = |protocol: Protocol, model: &str, pictures: &[&str], change: &dyn Fn(&mut JobFile, &mut Profile)| {
        let mut profile = Profile { provider: "fal".into(), protocol, ..profile() };
        let recipe = if pictures.is_empty() { RecipeName::Generate } else { RecipeName::Edit };
        let mut file = JobFile { prompt: Some("night".into()), model: Some(model.into()), ..JobFile::new(recipe) };
        change(&mut file, &mut profile);
        expand(&file, "t", &profile, scan(pictures), &table).err().map(|error| error.to_string())
    };
    let same = |_: &mut JobFile, _: &mut Profile| {};
    let quality = |file: &mut JobFile, _: &mut Profile| file.options.quality = Some("high".into());
    let words = refused(Protocol::Fal, "other", &[], &quality).unwrap();
    assert!(words.contains("quality") && words.contains("the protocol fal"), "{words}");
    assert_eq!(refused(Protocol::HostedMedia, "other", &[], &quality), None);
    let stream = |file: &mut JobFile, _: &mut Profile| file.options.stream = Some(true);
    assert!(refused(Protocol::Replicate, "other", &[], &stream).unwrap().contains("stream"));
    let ratio = |file: &mut JobFile, _: &mut Profile| file.options.aspect_ratio = Some("1:1".into());
    assert!(refused(Protocol::Automatic1111, "other", &[], &ratio).unwrap().contains("aspect_ratio"));
    let background = |file: &mut JobFile, _: &mut Profile| file.options.background = Some("opaque".into());
    assert_eq!(refused(Protocol::ChatCompletions, "other", &[], &background), None, "the model table judges there");

    assert!(refused(Protocol::Fal, "other", &["a.png"], &same).unwrap().contains("picture_field"));
    assert_eq!(refused(Protocol::Fal, "known", &["a.png"], &same), None);
    assert_eq!(refused(Protocol::HostedMedia, "other", &["a.png"], &same), None);

    assert!(refused(Protocol::Comfyui, "other", &[], &same).unwrap().contains("workflow"));
    let workflow = |_: &mut JobFile, profile: &mut Profile| {
        profile.extra_body.insert("workflow_file".into(), "/flow.json".into());
    };
    assert_eq!(refused(Protocol::Comfyui, "other", &[], &workflow), None);
}

fn in_lane(lane: Lane, change: impl FnOnce(&mut JobFile, &mut Profile)) -> Result<Plan, PlanError> {
    let terms = "max_items = 9\nmax_bytes = 99\nwindow_h = 24\nprice = 0.5\ndate = \"2026-01-01\"\nsource = \"t\"";
    let mut table = CapabilityTable::parse(&format!("[batch.openai]\n{terms}")).unwrap();
    table.models = self::table().models;
    table.models[0].batch = Some(BatchKind::Openai);
    table.models[0].chat = true;
    let (mut file, mut profile) = (JobFile { lane, ..edit("night") }, profile());
    change(&mut file, &mut profile);
    expand(&file, "test", &profile, scan(&["a.png", "b.png"]), &table)
}

#[test]
fn the_batch_lane_costs_the_batch_price() {
    let auto = in_lane(Lane::Auto, |_, _| {}).unwrap();
    assert_eq!((auto.cost.unwrap().likely, auto.definition.batch), (Money::from_dollars(0.08), None));
    let plan = in_lane(Lane::Batch, |_, _| {}).unwrap();
    let cost = plan.cost.unwrap();
    assert_eq!((cost.low, cost.high), (Money::from_dollars(0.04), Money::from_dollars(0.04)));
    assert_eq!(plan.definition.batch.unwrap().window_h, 24);
    // What a batch does not get to may cost the full price.
    let plan = in_lane(Lane::Batch, |file, _| file.batch_fallback = BatchFallback::Sync).unwrap();
    assert_eq!(plan.cost.unwrap().high, Money::from_dollars(0.08));
}

#[test]
fn a_lane_that_is_not_there_is_refused_with_a_sentence() {
    let refusal = |lane, change: &dyn Fn(&mut JobFile, &mut Profile)| match in_lane(lane, change) {
        Err(error) => error.to_string(),
        Ok(plan) => panic!("{lane:?} is taken: {:?}", plan.definition.file.options),
    };
    let over = |protocol| move |_: &mut JobFile, profile: &mut Profile| profile.protocol = protocol;
    assert!(refusal(Lane::Queue, &over(Protocol::Images)).contains("the protocol images has no queue"));
    assert!(refusal(Lane::Sync, &over(Protocol::Replicate)).contains("the protocol replicate is a queue"));
    assert!(refusal(Lane::Stream, &over(Protocol::Gemini)).contains("the protocol gemini has no streams"));
    assert!(refusal(Lane::Batch, &over(Protocol::Gemini)).contains("cannot be made over the protocol gemini"));
    let streams = |file: &mut JobFile, _: &mut Profile| file.options.stream = Some(true);
    assert!(refusal(Lane::Batch, &streams).contains("contradict"));
    let plain = expand(&JobFile { lane: Lane::Batch, ..edit("x") }, "test", &profile(), scan(&["a.png"]), &table());
    assert!(plain.unwrap_err().to_string().contains("no batch endpoint that is known"));
}

#[test]
fn lanes_decide_whether_answers_are_streamed() {
    let asked = |lane, of_profile: Option<bool>| {
        let plan = in_lane(lane, |_, profile| (profile.protocol, profile.stream) = (Protocol::Images, of_profile));
        plan.unwrap().definition.file.options.stream
    };
    assert_eq!((asked(Lane::Auto, None), asked(Lane::Stream, None)), (None, Some(true)));
    assert_eq!((asked(Lane::Sync, None), asked(Lane::Sync, Some(true))), (None, Some(false)));
}

#[test]
fn several_ways_each_take_the_job_and_make_a_range_of_money() {
    let table = CapabilityTable::parse(
        r#"
        [[model]]
        provider = "dear"
        model = "m"
        edits = true
        size = { kind = "list", sizes = ["1024x1024"] }
        price = { date = "2026-02-01", source = "dear's page", per_image = 0.10 }
        [[model]]
        provider = "cheap"
        model = "m"
        edits = true
        max_n = 4
        size = { kind = "names", ratios = ["1:1"], sizes = ["1K"] }
        price = { date = "2026-01-01", source = "cheap's page", per_image = 0.02 }
        "#,
    );
    let Ok(table) = table else { panic!("{:?}", table.err()) };
    let way = |provider: &str, share| {
        (Profile { name: provider.into(), provider: provider.into(), model: "m".into(), ..Profile::default() }, share)
    };
    let plan_over = |file: &JobFile, shares: [u32; 2]| {
        let ways = [way("dear", shares[0]), way("cheap", shares[1])];
        expand_over(file, "t", &ways, scan(&["a.png", "b.png", "c.png", "d.png"]), &table)
    };
    let plan = plan_over(&edit("night"), [0, 0]).unwrap();
    let cost = plan.cost.clone().unwrap();
    assert_eq!([cost.low, cost.likely, cost.high], [0.08, 0.4, 0.4].map(Money::from_dollars));
    assert_eq!((cost.source.as_str(), cost.date.as_str()), ("dear's page, cheap's page", "2026-01-01"));
    let shared = plan_over(&edit("night"), [1, 3]).unwrap();
    assert_eq!(shared.cost.unwrap().likely, Money::from_dollars(0.16));
    let names: Vec<_> = plan.definition.routes().into_iter().map(|route| route.profile.name).collect();
    assert_eq!(names, ["dear", "cheap"]);
    let ceilings: Vec<_> = plan.definition.routes().iter().map(|route| route.call_ceiling.unwrap()).collect();
    assert_eq!(ceilings, [0.1, 0.02].map(Money::from_dollars));

    let mut file = edit("night");
    file.options.n = Some(2);
    assert!(plan_over(&file, [0, 0]).unwrap_err().to_string().contains("(dear)"), "every way must take the options");
    let stored = serde_json::to_string(&plan.definition).unwrap();
    assert_eq!(serde_json::from_str::<JobDefinition>(&stored).unwrap(), plan.definition);
}

#[test]
fn the_plan_says_that_calls_in_words_are_not_priced() {
    let told = |file: &JobFile| {
        let warnings = plan(file, scan(&["a.png"])).unwrap().warnings;
        warnings.iter().any(|warning| warning.contains("makes no calls in words"))
    };
    assert!(!told(&edit("night")));
    let text = Some(crate::speaker::SpeakerSection { model: Some("words".into()), ..Default::default() });
    assert!(told(&JobFile { text: text.clone(), ..edit("night") }));
    assert!(told(&JobFile { vision: text, ..edit("night") }));
}

#[test]
fn steps_in_words_and_pictures_on_the_way_are_in_the_money() {
    let words = "\n[[model]]\nprovider = \"simulator\"\nmodel = \"sim-text\"\nchat = true\n\
        price = { date = \"2025-05-05\", source = \"words\", text_in = 1.0, text_out = 2.0 }\n";
    let table = CapabilityTable::parse(&format!("{TABLE}{words}")).unwrap();
    let mut plan = plan(&edit("night"), scan(&["a.png", "b.png"])).unwrap();
    let text = crate::speaker::Speaker { profile: profile(), model: "sim-text".into() };
    plan.definition.speakers.text = Some(text.clone());
    let steps = [PlannedStep::words([1, 2, 3], 4_000, 0, 8_000), PlannedStep::pictures([0, 1, 2])];
    plan.price_steps(&steps, &table);
    let cost = plan.cost.clone().unwrap();
    // For each of two tasks: the last picture at 0.04, so many more, and so many calls in words.
    let words = |times: f64, tokens_in: f64, tokens_out: f64| times * (tokens_in + 2.0 * tokens_out) / 1e6;
    let expected =
        [(0.0, words(1.0, 666.0, 500.0)), (1.0, words(2.0, 1_000.0, 2_000.0)), (2.0, words(3.0, 5_000.0, 8_000.0))];
    for (told, (pictures, words)) in [cost.low, cost.likely, cost.high].into_iter().zip(expected) {
        assert!((told.dollars() - 2.0 * (0.04 + pictures * 0.04 + words)).abs() < 1e-5, "{told} {pictures} {words}");
    }
    assert_eq!((cost.source.as_str(), cost.date.as_str()), ("test, words", "2025-05-05"));
    assert_eq!(plan.steps.iter().map(|step| step.model.as_str()).collect::<Vec<_>>(), ["sim-text", "sim-image"]);

    // Nobody knows what vision costs, and the job's own model is asked.
    plan.price_steps(&[PlannedStep::words([0, 0, 0], 1, 1, 1)], &table);
    assert!(plan.cost.is_some(), "what is never called costs nothing");
    plan.price_steps(&[PlannedStep::words([0, 0, 1], 1, 1, 1)], &table);
    assert_eq!(plan.cost, None);
    assert!(plan.warnings.iter().any(|warning| warning.contains("the price of sim-image at simulator is not known")));
}

/// A critique makes no picture: who looks at it costs money, and only that.
#[test]
fn a_critique_costs_what_its_speaker_does() {
    let words = "\n[batch.openai]\nmax_items = 9\nmax_bytes = 9\nwindow_h = 24\nprice = 0.5\ndate = \"2025-05-05\"\nsource = \"b\"\n\
        [[model]]\nprovider = \"simulator\"\nmodel = \"sim-text\"\nchat = true\nbatch = \"openai\"\n\
        price = { date = \"2025-05-05\", source = \"words\", text_in = 1.0, text_out = 2.0 }\n";
    let table = CapabilityTable::parse(&format!("{TABLE}{words}")).unwrap();
    let priced = |lane: Lane, model: &str| {
        let file = JobFile { recipe: RecipeName::Critique, lane, prompt: None, ..edit("") };
        let profile = Profile { model: model.into(), ..profile() };
        let mut plan = expand(&file, "job", &profile, scan(&["a.png", "b.png"]), &table).unwrap();
        assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
        plan.definition.speakers.vision =
            Some(crate::speaker::Speaker { profile: self::profile(), model: "sim-text".into() });
        plan.price_steps(&[PlannedStep::words([1, 1, 4], 14_000, 1, 8_000)], &table);
        plan.cost.unwrap()
    };
    // Nobody knows what this model of the job costs, and nobody calls it.
    let cost = priced(Lane::Auto, "sim-image");
    let one = |tokens_in: f64, tokens_out: f64| 2.0 * (tokens_in + 1_600.0 + 2.0 * tokens_out) / 1e6;
    assert!((cost.likely.dollars() - one(3_500.0, 2_000.0)).abs() < 1e-5, "{}", cost.likely);
    assert!(cost.high.dollars() > 4.0 * one(14_000.0, 8_000.0) - 1e-5, "{}", cost.high);
    assert_eq!((cost.source.as_str(), cost.date.as_str()), ("words", "2025-05-05"));
    let in_batches = priced(Lane::Batch, "sim-text");
    assert!((in_batches.likely.dollars() * 2.0 - cost.likely.dollars()).abs() < 1e-5, "half the price in batches");
}

/// A picture that fits into no request and cannot be handed over is an error of the plan, which names it and what fits.
#[test]
fn a_picture_that_is_too_large_is_named_before_anything_is_sent() {
    let table = "[batch.openai]\nmax_items = 9\nmax_bytes = 8_000_000\nwindow_h = 24\nprice = 0.5\ndate = \"d\"\nsource = \"b\"\n\
        [[model]]\nprovider = \"simulator\"\nmodel = \"sim-image\"\ngenerations = true\nedits = true\nbatch = \"openai\"\npicture_field = \"image\"\n";
    let table = CapabilityTable::parse(table).unwrap();
    let planned = |protocol: Protocol, lane: Lane, mebibytes: u64, oversize: Oversize| {
        let mut file = JobFile { lane, ..edit("night") };
        file.prepare.oversize = oversize;
        let mut scan = scan(&["a.png", "b.png"]);
        scan.items[1].bytes = mebibytes << 20;
        expand(&file, "job", &Profile { protocol, ..profile() }, scan, &table).map_err(|error| error.to_string())
    };
    let (auto, batch) = (Lane::Auto, Lane::Batch);
    for (protocol, lane, most) in [(Protocol::ComfyRouter, auto, "10 MiB"), (Protocol::Images, batch, "5 MiB")] {
        let said = planned(protocol, lane, 12, Oversize::Upload).unwrap_err();
        assert!(said.contains("b.png of 12 MiB") && said.contains(most) && said.contains("max_edge"), "{said}");
        planned(protocol, lane, 4, Oversize::Upload).unwrap();
        planned(protocol, lane, 12, Oversize::Scale).unwrap();
    }
    for protocol in [Protocol::Images, Protocol::Fal, Protocol::HostedMedia] {
        planned(protocol, auto, 40, Oversize::Upload).unwrap();
    }
}
