//! The paid part of a probe: one small picture as an ordinary job, so that the ledger, the budget and the keeping of what was
//! paid for are those of any other run. It asks with every option that may be refused; a refusal of an option costs nothing
//! and is tried again without it, so at most one picture is paid for.

use imagemill_desk::{JobInput, Runner, SIMULATOR, now_us};
use imagemill_domain::asset::{Asset, Delivery};
use imagemill_domain::call::Call;
use imagemill_domain::capability::{Capabilities, CapabilityTable};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job_file::{JobFile, RecipeName, UnknownPolicy};
use imagemill_domain::money::Money;
use imagemill_domain::plan::expand;
use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::request::RequestOptions;
use imagemill_domain::sizes::SizeWish;
use imagemill_domain::source::Scan;
use imagemill_simulator::Scenario;
use imagemill_store::TaskFilter;
use serde_json::json;

use crate::cli::Global;
use crate::context::Context;
use crate::launch;
use crate::printer::{Printer, Tone};
use crate::quit::Exit;
use crate::texts::say;

/// Options that gateways are known to refuse, in the order in which they are given up.
const DOUBTFUL: [&str; 3] = ["stream", "response_format", "size"];
const PROMPT: &str = "a red circle on a white background";
/// Edge of the picture that is sent to a model that only edits.
const SOURCE_EDGE: u32 = 256;

/// What was found out.
pub(super) struct Tried {
    recipe: RecipeName,
    /// Options of the last call.
    options: RequestOptions,
    /// Options that were refused, with the provider's words.
    pub(super) refuses: Vec<(String, String)>,
    /// The picture and where it lies.
    pub(super) picture: Option<(Asset, String)>,
    call: Option<Call>,
    failure: Option<Failure>,
    seconds: f64,
}

impl Tried {
    /// Whether it streams; `None` when nobody asked.
    pub(super) fn streams(&self) -> Option<bool> {
        if self.refuses.iter().any(|(option, _)| option == "stream") {
            return Some(false);
        }
        self.options.stream.filter(|_| self.picture.is_some())
    }

    /// The table's key of the endpoint that answered.
    pub(super) fn endpoint(&self, protocol: Protocol) -> &'static str {
        match protocol {
            Protocol::ChatCompletions => "chat",
            Protocol::Responses => "responses",
            _ if self.recipe == RecipeName::Edit => "edits",
            _ => "generations",
        }
    }

    pub(super) fn document(&self) -> serde_json::Value {
        let refused = |(option, said): &(String, String)| json!({"option": option, "said": said});
        json!({
            "ok": self.picture.is_some(),
            "recipe": self.recipe,
            "options": self.options,
            "refuses": self.refuses.iter().map(refused).collect::<Vec<_>>(),
            "streams": self.streams(),
            "picture": self.picture.as_ref().map(|(asset, path)| json!({
                "path": path, "format": asset.facts.format, "width": asset.facts.width, "height": asset.facts.height,
                "bytes": asset.facts.bytes, "delivery": asset.delivery,
            })),
            "cost": self.call.as_ref().and_then(|call| call.cost),
            "usage": self.call.as_ref().map(|call| &call.usage),
            "seconds": self.seconds,
            "failure": self.failure.as_ref().map(|failure| json!({"kind": failure.kind, "message": failure.message})),
        })
    }
}

/// Asks for consent and makes the picture. `None` when there is no consent.
pub(super) async fn run(
    context: &Context,
    table: &CapabilityTable,
    profile: &Profile,
    yes: bool,
) -> anyhow::Result<Option<Tried>> {
    let known = table.find(&profile.provider, &profile.model);
    let recipe = if edits_only(profile, known) { RecipeName::Edit } else { RecipeName::Generate };
    let mut file = job_file(context, profile, recipe)?;
    file.options = first_options(&file, profile, known, table);
    if !consent(context, &file, profile, table, yes) {
        return Ok(None);
    }
    // The job is a means: its progress, events and summary are nobody's concern.
    let quiet = Context { printer: Printer::silent(), ..Context::load(&same_place(context))? };
    let mut refuses = Vec::new();
    loop {
        let tried = one(&quiet, &file, recipe).await?;
        let left: Vec<&str> = DOUBTFUL.into_iter().filter(|option| is_set(&file.options, option)).collect();
        let refused = tried.failure.as_ref().filter(|failure| {
            failure.kind == FailureKind::Invalid && failure.billing == Billing::NotBilled && !left.is_empty()
        });
        let Some(failure) = refused else { return Ok(Some(Tried { refuses, ..tried })) };
        let words = format!("{} {}", failure.message, failure.code.as_deref().unwrap_or_default());
        let option = left.iter().copied().find(|option| words.contains(option)).unwrap_or(left[0]);
        clear(&mut file.options, option);
        refuses.push((option.to_owned(), failure.message.clone()));
    }
}

fn same_place(context: &Context) -> Global {
    Global { workspace: Some(context.desk.workspace.root.clone()), quiet: true, ..Global::default() }
}

fn edits_only(profile: &Profile, known: Option<&Capabilities>) -> bool {
    let chats = matches!(
        profile.resolved_protocol(known.is_some_and(Capabilities::knows_images)),
        Protocol::ChatCompletions | Protocol::Responses
    );
    known.is_some_and(|entry| entry.edits && !entry.generations) && !chats
}

fn job_file(context: &Context, profile: &Profile, recipe: RecipeName) -> anyhow::Result<JobFile> {
    let mut file = JobFile::new(recipe);
    file.name = Some(format!("probe-{}-{}", profile.name, now_us() / 1000));
    file.profile = Some(profile.name.clone());
    file.model = Some(profile.model.clone());
    file.prompt = Some(PROMPT.to_owned());
    file.accept_unknown_price = true;
    file.retry.attempts = 1;
    file.retry.unknown = UnknownPolicy::Never;
    if recipe == RecipeName::Edit {
        context.desk.workspace.create()?;
        let path = context.desk.workspace.state().join("probe.png");
        let shade = |x: u32, y: u32| image::Rgb([x as u8, y as u8, 128]);
        image::RgbImage::from_fn(SOURCE_EDGE, SOURCE_EDGE, shade).save(&path)?;
        file.source.paths = vec![path.display().to_string()];
    }
    Ok(file)
}

/// The smallest size, and every doubtful option that the plan lets through.
fn first_options(
    file: &JobFile,
    profile: &Profile,
    known: Option<&Capabilities>,
    table: &CapabilityTable,
) -> RequestOptions {
    let mut options = RequestOptions::default();
    if let Some(rule) = known.and_then(|entry| entry.size.as_ref()) {
        let wish = SizeWish { aspect_ratio: Some("1:1"), size: Some("1K") };
        let choice = rule.resolve(wish).unwrap_or_else(|refusal| refusal.nearest);
        (options.size, options.aspect_ratio) = (choice.size, choice.aspect_ratio);
    }
    let takes_low = known
        .and_then(|entry| entry.parameters.get("quality"))
        .is_some_and(|quality| quality.values.contains(&"low".to_owned()));
    options.quality = takes_low.then(|| "low".to_owned());
    for option in ["response_format", "stream"] {
        let mut more = options.clone();
        match option {
            "stream" => more.stream = Some(true),
            _ => more.response_format = Some("b64_json".to_owned()),
        }
        let generate = JobFile { options: more.clone(), recipe: RecipeName::Generate, ..file.clone() };
        let planned = expand(&generate, "probe", profile, Scan::default(), table);
        // Only the option is of interest here, not whether words alone are enough for the model.
        let refused = matches!(&planned, Err(imagemill_domain::plan::PlanError::Unsupported { option: refused, .. }) if refused.starts_with(option));
        if !refused {
            options = more;
        }
    }
    options
}

fn is_set(options: &RequestOptions, option: &str) -> bool {
    match option {
        "stream" => options.stream.is_some(),
        "response_format" => options.response_format.is_some(),
        _ => options.size.is_some() || options.aspect_ratio.is_some(),
    }
}

fn clear(options: &mut RequestOptions, option: &str) {
    match option {
        "stream" => options.stream = None,
        "response_format" => options.response_format = None,
        _ => (options.size, options.aspect_ratio) = (None, None),
    }
}

fn consent(context: &Context, file: &JobFile, profile: &Profile, table: &CapabilityTable, yes: bool) -> bool {
    let (texts, printer) = (&context.texts, &context.printer);
    let one = JobFile { recipe: RecipeName::Generate, ..file.clone() };
    let cost = expand(&one, "probe", profile, Scan::default(), table).ok().and_then(|plan| plan.cost);
    let most: Option<Money> = cost.map(|cost| cost.high);
    if yes || profile.provider == SIMULATOR {
        return true;
    }
    let money = most.map_or_else(|| say!(texts, "money.unknown"), |money| money.to_string());
    if !Printer::can_ask() {
        printer.error(say!(texts, "probe.needs_yes", model = profile.model, money = money));
        return false;
    }
    let question = say!(texts, "probe.question", model = profile.model, money = money);
    let answer = Printer::ask(&question).unwrap_or_default().to_lowercase();
    let agreed = ["y", "yes", "j", "是", "好"].contains(&answer.as_str());
    if !agreed {
        printer.note(say!(texts, "gate.declined"));
    }
    agreed
}

/// One job of one task, and what became of it.
async fn one(quiet: &Context, file: &JobFile, recipe: RecipeName) -> anyhow::Result<Tried> {
    let mut file = file.clone();
    // Each try is a job of its own, else it would be the same task again.
    let name = format!("{}-{}", file.name.unwrap_or_default(), now_us() % 1_000_000);
    file.name = Some(name.clone());
    let options = file.options.clone();
    let input = JobInput {
        name: name.clone(),
        base: quiet.desk.current.clone(),
        text: None,
        save_to: None,
        concurrency: Some(1),
        file,
    };
    let started = std::time::Instant::now();
    let exit = launch::run(quiet, vec![input], true, Runner::new("probe", Scenario::default())).await?;
    let seconds = started.elapsed().as_secs_f64();
    let store = quiet.desk.existing_store().await?;
    let Some(job) = store.jobs().by_name(&name).await? else {
        anyhow::bail!("the probe could not start (code {})", exit.code());
    };
    let filter = TaskFilter { job: job.id, states: None, failure: None };
    let Some(task) = store.tasks().page(filter, None, 1).await?.pop() else {
        anyhow::bail!("the probe's job has no task");
    };
    let call = store.calls().for_task(task.id).await?.pop();
    let asset = store.assets().for_task(task.id).await?.pop();
    let stopped = |job: &imagemill_domain::job::Job| {
        Failure::new(FailureKind::Stopped, job.reason.clone().unwrap_or_else(|| "the probe did not end".to_owned()))
    };
    let failure = match (&asset, exit) {
        (Some(_), _) => None,
        (None, Exit::Stopped) => Some(stopped(&job)),
        (None, _) => Some(task.failure.clone().unwrap_or_else(|| stopped(&job))),
    };
    store.close().await;
    let files = quiet.desk.files()?;
    let picture = asset.map(|asset| {
        let path = files.original_path(&asset.facts.blake3, asset.facts.format);
        (asset, path.display().to_string())
    });
    Ok(Tried { recipe, options, refuses: Vec::new(), picture, call, failure, seconds })
}

/// Tells people.
pub(super) fn tell(context: &Context, tried: &Tried) {
    let (texts, printer) = (&context.texts, &context.printer);
    for (option, said) in &tried.refuses {
        let text = say!(texts, "probe.refuses", option = option, said = said);
        printer.line(format!("  {}", printer.paint(Tone::Warn, text)));
    }
    if let Some((asset, path)) = &tried.picture {
        let facts = &asset.facts;
        let delivery = match asset.delivery {
            Delivery::Inline => say!(texts, "probe.inline"),
            Delivery::Link => say!(texts, "probe.link"),
        };
        let text = say!(
            texts,
            "probe.picture",
            width = facts.width,
            height = facts.height,
            format = facts.format.word(),
            delivery = delivery,
            seconds = format!("{:.1}", tried.seconds)
        );
        printer.line(format!("  {}", printer.paint(Tone::Good, text)));
        let cost = tried.call.as_ref().and_then(|call| call.cost);
        let money = cost.map_or_else(|| say!(texts, "money.unknown"), |cost| cost.to_string());
        printer.line(format!("  {}", say!(texts, "probe.cost", money = money, path = path)));
    }
    if let Some(failure) = &tried.failure {
        let text = say!(texts, "probe.failed", kind = failure.kind, reason = failure.message);
        printer.line(format!("  {}", printer.paint(Tone::Bad, text)));
    }
}
