//! Slide decks: their folders, their pages, and what a person does with them. How they are made is `crate::decks`' matter.

use std::path::PathBuf;

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imagemill_decks::{
    BuildOptions, DeckFolder, NewDeck, Stage, build, build_pdf, create, place_picture, read_text, status, write_whole,
};
use imagemill_desk::{DeskError, deck_job_name, deck_time, new_deck_folder, page_of};
use imagemill_domain::deck::DeckSection;
use imagemill_domain::hash::ContentHash;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::speaker::SpeakerSection;
use imagemill_store::TaskFilter;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::pictures::send_file;
use crate::audit::Detail;
use crate::decks::{self, Order, id_of};
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path};
use crate::schema::{DeckDocument, DeckPage, DeckStarted};
use crate::state::AppState;

/// Most pages of a deck.
const MOST_PAGES: u32 = 200;

/// Decks, the newest first
#[utoipa::path(get, path = "/decks", tag = "decks", responses((status = 200, body = DeckPage)))]
pub(crate) async fn list(State(state): State<AppState>) -> Answer<Out<Value>> {
    let mut items = Vec::new();
    for root in decks::known(&state).await? {
        let Ok(folder) = DeckFolder::open(&root) else { continue };
        let document = blocking(move || Ok(summary(&folder))).await?;
        items.push(document);
    }
    items.sort_by(|one, other| other["created_at"].as_str().cmp(&one["created_at"].as_str()));
    Ok(Out(json!({ "items": items })))
}

/// A deck in a list; one whose folder is broken says why.
fn summary(folder: &DeckFolder) -> Value {
    let outline = folder.outline().ok().flatten();
    let info = folder.info().unwrap_or_default();
    let title = outline.map(|outline| outline.ppt_title).filter(|title| !title.is_empty());
    let (done, fault) = match status(folder) {
        Ok(status) => (status.pages.iter().filter(|page| page.png_done).count(), None),
        Err(error) => (0, Some(error.to_string())),
    };
    json!({
        "id": id_of(&folder.root), "deck_id": folder.deck_id(), "folder": folder.root, "title": title, "topic": info.user_query,
        "page_count": folder.page_count(), "pages_done": done, "created_at": folder.pack.created_at, "fault": fault,
    })
}

/// A deck that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDeckRequest {
    /// What it is about.
    topic: String,
    /// Pages, 10 when nothing is said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 200)]
    pages: Option<u32>,
    /// Who listens.
    #[serde(default)]
    audience: String,
    /// Who speaks.
    #[serde(default)]
    role: String,
    /// On what occasion.
    #[serde(default)]
    scene: String,
    /// `en`, `zh-Hans` or `zh-Hant`; that of the topic when nothing is said.
    #[serde(default)]
    language: String,
    /// Documents by their paths.
    #[serde(default)]
    docs: Vec<String>,
    /// Example pictures by their paths.
    #[serde(default)]
    references: Vec<String>,
}

/// Make the folder of a new deck
///
/// It lies below `decks/` of the workspace. Nothing is sent to a model.
#[utoipa::path(post, path = "/decks", tag = "decks", request_body = NewDeckRequest,
    responses((status = 201, body = DeckDocument)))]
pub(crate) async fn make(State(state): State<AppState>, Json(body): Json<NewDeckRequest>) -> Answer<Response> {
    let pages = body.pages.unwrap_or(10);
    if body.topic.trim().is_empty() || !(1..=MOST_PAGES).contains(&pages) {
        return Err(ApiError::bad(format!("a deck needs a topic and 1 to {MOST_PAGES} pages")));
    }
    let base = state.desk().workspace.root.clone();
    let paths = |named: &[String]| -> Answer<Vec<PathBuf>> {
        let path = |named: &String| {
            let path = base.join(imagemill_desk::config::expand_home(named));
            state.roots.check(&path)?;
            if path.is_file() { Ok(path) } else { Err(ApiError::bad(format!("there is no file {named}"))) }
        };
        named.iter().map(path).collect()
    };
    let wanted = NewDeck {
        root: new_deck_folder(&base, &body.topic),
        documents: paths(&body.docs)?,
        references: paths(&body.references)?,
        topic: body.topic,
        pages,
        role: body.role,
        audience: body.audience,
        scene: body.scene,
        language: body.language,
        created_at: deck_time(),
    };
    let (folder, read) = blocking(move || create(&wanted).map_err(DeskError::from)).await?;
    let mut document = document(&state, &folder).await?;
    document["unread"] = json!(read.errors);
    let mut answer = (StatusCode::CREATED, Out(document)).into_response();
    answer.extensions_mut().insert(Detail(folder.deck_id()));
    Ok(answer)
}

/// A deck: what is done, what is left and why, its pages with their pictures to choose from
#[utoipa::path(get, path = "/decks/{deck}", tag = "decks", params(("deck" = String, Path, description = "id of the deck")),
    responses((status = 200, body = DeckDocument)))]
pub(crate) async fn show(State(state): State<AppState>, Path(deck): Path<String>) -> Answer<Out<Value>> {
    let folder = folder_of(&state, &deck).await?;
    Ok(Out(document(&state, &folder).await?))
}

async fn folder_of(state: &AppState, id: &str) -> Answer<DeckFolder> {
    let found = decks::known(state).await?.into_iter().find(|root| id_of(root) == id);
    let root = found.ok_or_else(|| ApiError::missing("deck", format_args!("{id:?}")))?;
    Ok(DeckFolder::open(&root).map_err(DeskError::from)?)
}

async fn document(state: &AppState, folder: &DeckFolder) -> Answer<Value> {
    let name = deck_job_name(folder);
    let (mut jobs, mut takes) = (Vec::new(), Vec::new());
    for what in ["outline", "pages"] {
        let Some(job) = state.store.jobs().by_name(&format!("{name}-{what}")).await? else { continue };
        let counts = state.store.jobs().counts(job.id).await?;
        jobs.push(json!({"id": job.id, "what": what, "state": job.state, "reason": job.reason, "spent": job.spent,
            "unpriced": job.unpriced, "open": counts.open()}));
        if what == "pages" {
            takes = pages_of(state, job.id).await?;
        }
    }
    let goes_on = state.owed_decks.has(&folder.root);
    let folder = folder.clone();
    blocking(move || {
        let mut document = summary(&folder);
        let status = status(&folder).map_err(DeskError::from)?;
        let outline = folder.outline().ok().flatten().unwrap_or_default();
        let pages = status.pages.iter().map(|page| {
            let planned = outline.pages.iter().find(|known| known.page_no == page.page_no);
            let prompt = read_text(&folder.prompt_path(page.page_no)).ok();
            let picture = folder.picture_hash(page.page_no);
            let of_page = takes.iter().filter(|take| take["page"] == page.page_no);
            json!({"page_no": page.page_no, "prompt_done": page.prompt_done, "png_done": page.png_done, "action": page.action,
                "why": page.why, "words": page.words, "title": planned.map(|page| page.title.as_str()), "prompt": prompt,
                "picture": picture, "failure": of_page.clone().rev().find_map(|take| take["failure"].as_str()),
                "takes": of_page.filter_map(|take| take["picture"].as_str()).collect::<Vec<_>>()})
        });
        document["pages"] = pages.collect();
        document["style_spec_done"] = status.style_spec_done.into();
        document["outline_done"] = status.outline_done.into();
        document["pptx_done"] = status.pptx_done.into();
        document["style"] = read_text(&folder.style_path()).unwrap_or_default().into();
        document["jobs"] = jobs.into();
        document["goes_on"] = goes_on.into();
        Ok(document)
    })
    .await
}

/// The pictures that were made of the pages and the failures of those that could not be made, in order.
async fn pages_of(state: &AppState, job: imagemill_domain::job::JobId) -> Answer<Vec<Value>> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let tasks = state.store.tasks().page(TaskFilter { job, states: None, failure: None }, after, 200).await?;
        let Some(last) = tasks.last() else { return Ok(found) };
        after = Some((last.position, last.id));
        for task in &tasks {
            let Some(page) = page_of(task) else { continue };
            for asset in state.store.assets().history_of_task(task.id).await? {
                found.push(json!({"page": page, "picture": asset.facts.blake3}));
            }
            if let Some(failure) = task.failure.as_ref().filter(|_| task.state.is_ended()) {
                found.push(json!({"page": page, "failure": failure.message}));
            }
        }
    }
}

/// What is to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RunDeckRequest {
    /// Pages, all that have work left when nothing is said.
    pages: Vec<u32>,
    /// Again from here on: `style`, `outline`, `prompts`, `pictures`, `pptx`.
    from: Option<String>,
    /// Pictures of each page to choose from.
    #[schema(minimum = 1, maximum = 8)]
    takes: Option<u32>,
    /// Whether words are read off the pictures; they are when nothing is said.
    check: Option<bool>,
    /// Profile that draws.
    profile: Option<String>,
    /// Model that draws.
    model: Option<String>,
    /// Who answers in words: `{"profile", "model"}`.
    #[schema(value_type = Option<Object>)]
    text: Option<SpeakerSection>,
    /// Who looks at pictures.
    #[schema(value_type = Option<Object>)]
    vision: Option<SpeakerSection>,
    /// The price that somebody agreed to, in US dollars.
    agreed_up_to: Option<f64>,
    /// Run although nobody knows the price.
    accept_unknown_price: bool,
}

/// Make what a deck lacks
///
/// 409 with the kind `needs_consent` when it may cost more than was agreed to, or nobody knows what it costs.
#[utoipa::path(post, path = "/decks/{deck}/run", tag = "decks", params(("deck" = String, Path, description = "id of the deck")),
    request_body = RunDeckRequest, responses((status = 202, body = DeckStarted)))]
pub(crate) async fn run(
    State(state): State<AppState>,
    Path(deck): Path<String>,
    Json(body): Json<RunDeckRequest>,
) -> Answer<Response> {
    let folder = folder_of(&state, &deck).await?;
    let from = body.from.as_deref().map(stage).transpose()?;
    let mut base = JobFile::new(RecipeName::Slides);
    base.profile = body.profile.filter(|name| !name.is_empty());
    base.model = body.model.filter(|name| !name.is_empty());
    base.accept_unknown_price = body.accept_unknown_price;
    base.vision = body.vision.or_else(|| body.text.clone());
    base.text = body.text;
    let section = DeckSection::default();
    base.deck = Some(DeckSection { takes: body.takes.unwrap_or(1), check: body.check.unwrap_or(true), ..section });
    let order = Order { base, pages: body.pages, from, agreed_up_to: body.agreed_up_to };
    let name = folder.deck_id();
    let job = Box::pin(decks::start(&state, folder, order)).await?;
    let mut answer = (StatusCode::ACCEPTED, Out(json!({ "job": job }))).into_response();
    answer.extensions_mut().insert(Detail(name));
    Ok(answer)
}

fn stage(word: &str) -> Answer<Stage> {
    Ok(match word {
        "style" => Stage::Style,
        "outline" => Stage::Outline,
        "prompts" => Stage::Prompts,
        "pictures" => Stage::Pictures,
        "pptx" => Stage::Pptx,
        _ => return Err(ApiError::bad(format!("{word:?} is no stage: style, outline, prompts, pictures, pptx"))),
    })
}

/// A page's prompt.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromptRequest {
    /// What the model is told.
    prompt: String,
}

/// Write a page's prompt; its picture is made anew with the next run
#[utoipa::path(put, path = "/decks/{deck}/pages/{page}/prompt", tag = "decks",
    params(("deck" = String, Path, description = "id of the deck"), ("page" = u32, Path, description = "from 1")),
    request_body = PromptRequest, responses((status = 200, body = DeckDocument)))]
pub(crate) async fn prompt(
    State(state): State<AppState>,
    Path((deck, page)): Path<(String, u32)>,
    Json(body): Json<PromptRequest>,
) -> Answer<Out<Value>> {
    let folder = page_folder(&state, &deck, page).await?;
    if body.prompt.trim().is_empty() {
        return Err(ApiError::bad("a prompt is not empty"));
    }
    let (path, text) = (folder.prompt_path(page), body.prompt.trim().to_owned() + "\n");
    blocking(move || {
        write_whole(&path, |file| std::io::Write::write_all(file, text.as_bytes())).map_err(DeskError::from)
    })
    .await?;
    Ok(Out(document(&state, &folder).await?))
}

/// A picture that was made of a page.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChoiceRequest {
    /// Its content name.
    picture: String,
}

/// Take another of a page's pictures
#[utoipa::path(put, path = "/decks/{deck}/pages/{page}/picture", tag = "decks",
    params(("deck" = String, Path, description = "id of the deck"), ("page" = u32, Path, description = "from 1")),
    request_body = ChoiceRequest, responses((status = 200, body = DeckDocument)))]
pub(crate) async fn choose(
    State(state): State<AppState>,
    Path((deck, page)): Path<(String, u32)>,
    Json(body): Json<ChoiceRequest>,
) -> Answer<Out<Value>> {
    let folder = page_folder(&state, &deck, page).await?;
    let missing = || ApiError::missing("picture", format_args!("{:?}", body.picture));
    let hash: ContentHash = serde_json::from_value(body.picture.as_str().into()).map_err(|_| missing())?;
    let asset = state.store.assets().with_hash(hash).await?.ok_or_else(missing)?;
    let source = state.files.original_path(&hash, asset.facts.format);
    let target = folder.clone();
    blocking(move || place_picture(&target, page, &source).map_err(DeskError::from)).await?;
    Ok(Out(document(&state, &folder).await?))
}

async fn page_folder(state: &AppState, deck: &str, page: u32) -> Answer<DeckFolder> {
    let folder = folder_of(state, deck).await?;
    let pages = folder.page_count().unwrap_or_default();
    if (1..=pages).contains(&page) { Ok(folder) } else { Err(DeskError::NoSuchPage { page, pages }.into()) }
}

/// A page's picture as it lies in the folder
#[utoipa::path(get, path = "/decks/{deck}/pages/{page}/picture", tag = "decks",
    params(("deck" = String, Path, description = "id of the deck"), ("page" = u32, Path, description = "from 1")),
    responses((status = 200, description = "the picture", content_type = "image/*", body = [u8])))]
pub(crate) async fn picture(
    State(state): State<AppState>,
    Path((deck, page)): Path<(String, u32)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let folder = page_folder(&state, &deck, page).await?;
    let path = folder.picture_path(page);
    let content = blocking(move || Ok(folder.picture_hash(page))).await?;
    let content = content.ok_or_else(|| ApiError::missing("picture", format_args!("of page {page}")))?;
    let mut answer = send_file(&headers, path, &content.to_hex()).await?;
    // The same address may show another picture tomorrow.
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(answer)
}

/// The deck as a file, `pptx` or `pdf`, made of the pages as they are
#[utoipa::path(get, path = "/decks/{deck}/file/{form}", tag = "decks",
    params(("deck" = String, Path, description = "id of the deck"), ("form" = String, Path, description = "`pptx` or `pdf`")),
    responses((status = 200, description = "the file", content_type = "application/octet-stream", body = [u8])))]
pub(crate) async fn file(
    State(state): State<AppState>,
    Path((deck, form)): Path<(String, String)>,
) -> Answer<Response> {
    let folder = folder_of(&state, &deck).await?;
    let (media, write): (_, fn(&DeckFolder, &BuildOptions) -> _) = match form.as_str() {
        "pptx" => ("application/vnd.openxmlformats-officedocument.presentationml.presentation", build),
        "pdf" => ("application/pdf", build_pdf),
        _ => return Err(ApiError::missing("form", format_args!("{form:?}"))),
    };
    let name = format!("{}.{form}", folder.deck_id());
    let bytes = blocking(move || {
        let built = write(&folder, &BuildOptions::default())?;
        std::fs::read(&built.output).map_err(|error| {
            imagemill_decks::DeckError::Unreadable { path: built.output.into(), why: error.to_string() }.into()
        })
    })
    .await?;
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let escaped: String = name.bytes().map(letter).collect();
    let place = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{escaped}"));
    let mut answer = bytes.into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    if let Ok(place) = place {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, place);
    }
    Ok(answer)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, DeskError> + Send + 'static) -> Answer<T> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::fault(error.to_string()))??)
}
