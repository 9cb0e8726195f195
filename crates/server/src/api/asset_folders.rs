//! Asset folders in the browser: which there are, their pictures beside the approved one, verdicts, proposed edits. A folder is named by its
//! path, from the workspace's folder, and only asset folders below the allowed roots are touched.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use axum::Json as Out;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use imagemill_briefs::{
    AssetFolder, AssetVerdict, Judgement, Measured, Standing, asset_set, check as differences_of,
    import as import_into, persona_set, rebuild, review_words, standing,
};
use imagemill_desk::{DeskError, asset_card, asset_folders, asset_folders_below};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::pictures::{send_file, thumbnail_of};
use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Query};
use crate::schema::{AssetDocument, AssetList, AssetVerdictGiven, DriftDocument, ProposedEdit};
use crate::state::AppState;

/// Folders that are listed, at most.
const MOST: usize = 2_000;

/// Where to look for asset folders.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AssetsQuery {
    /// A folder; asset folders anywhere below it are listed. Without one the workspace's folder.
    path: Option<String>,
}

/// Asset folders, by path, with how many pictures lie where
#[utoipa::path(get, path = "/asset-folders", tag = "assets", params(AssetsQuery), responses((status = 200, body = AssetList)))]
pub(crate) async fn list(State(state): State<AppState>, Query(query): Query<AssetsQuery>) -> Answer<Out<Value>> {
    let root = state.desk().workspace.root.clone();
    let path = root.join(imagemill_desk::config::expand_home(query.path.as_deref().unwrap_or_default()));
    state.roots.check(&path)?;
    off_thread(move || {
        let found = asset_folders_below(&path, MOST);
        let folders: Vec<AssetFolder> = if found.is_empty() { asset_folders(&path).unwrap_or_default() } else { found };
        let cards: Vec<Value> = folders.iter().map(|folder| card(&root, folder)).collect::<Answer<_>>()?;
        Ok(Out(json!({ "path": path, "assets": cards, "more": folders.len() == MOST, "words": review_words() })))
    })
    .await
}

/// Which asset.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AssetQuery {
    /// Its folder, from the workspace's.
    folder: String,
}

/// One asset: its card, its pictures with their verdicts, what its runs asked for
#[utoipa::path(get, path = "/asset-folders/asset", tag = "assets", params(AssetQuery), responses((status = 200, body = AssetDocument)))]
pub(crate) async fn show(State(state): State<AppState>, Query(query): Query<AssetQuery>) -> Answer<Out<Value>> {
    let (root, folder) = named(&state, &query.folder)?;
    off_thread(move || {
        let pictures = standing(&folder).map_err(DeskError::from)?;
        let decisions = folder.json("qa/decisions.json").map_err(DeskError::from)?.unwrap_or_default();
        let mut runs = BTreeMap::new();
        for run in pictures.iter().filter_map(|picture| picture.run.clone()) {
            let request = folder.json(&format!("runs/image/{run}/request.json")).map_err(DeskError::from)?;
            runs.insert(run, request.unwrap_or_default());
        }
        let decisions = if decisions.is_array() { &decisions } else { &decisions["decisions"] };
        let document = json!({
            "card": card(&root, &folder)?, "pictures": pictures, "runs": runs,
            "decisions": if decisions.is_array() { decisions.clone() } else { json!([]) },
        });
        Ok(Out(document))
    })
    .await
}

/// Which picture of an asset.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AssetPictureQuery {
    /// The asset's folder, from the workspace's.
    folder: String,
    /// The picture's path in it.
    path: String,
    /// A small JPEG of it, at most 512 pixels.
    #[serde(default)]
    thumbnail: bool,
}

/// A picture of an asset
#[utoipa::path(get, path = "/asset-folders/picture", tag = "assets", params(AssetPictureQuery),
    responses((status = 200, description = "the picture", content_type = "image/*", body = [u8])))]
pub(crate) async fn picture(
    State(state): State<AppState>,
    Query(query): Query<AssetPictureQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (_, folder) = named(&state, &query.folder)?;
    let inside = query.path.starts_with("images/") && !query.path.split(['/', '\\']).any(|part| part == "..");
    let path = folder.path(&query.path);
    if !inside || !path.is_file() {
        return Err(ApiError::missing("picture", &query.path));
    }
    state.roots.check(&path)?;
    let file = path.clone();
    let (hash, _) = off_thread(move || {
        imagemill_imaging::facts(&file).map_err(|error| {
            ApiError::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "bad_picture", error.to_string())
        })
    })
    .await?;
    if query.thumbnail {
        let small = thumbnail_of(&state, hash, path).await?;
        return send_file(&headers, small, &format!("thumb-{hash}")).await;
    }
    send_file(&headers, path, &hash.to_string()).await
}

/// What is compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DriftQuery {
    /// The asset's folder, from the workspace's. With `persona` a folder with asset folders anywhere below it, the workspace's when left out.
    #[serde(default)]
    folder: String,
    /// All assets of this persona beside its approved face.
    persona: Option<String>,
}

/// How far pictures are from the approved one
#[utoipa::path(get, path = "/asset-folders/drift", tag = "assets", params(DriftQuery), responses((status = 200, body = DriftDocument)))]
pub(crate) async fn drift(State(state): State<AppState>, Query(query): Query<DriftQuery>) -> Answer<Out<Value>> {
    if let Some(persona) = query.persona {
        let root = state.desk().workspace.root.clone();
        let path = root.join(&query.folder);
        state.roots.check(&path)?;
        return off_thread(move || {
            let mut folders = asset_folders_below(&path, MOST);
            folders.extend(if folders.is_empty() { asset_folders(&path).unwrap_or_default() } else { Vec::new() });
            let set = persona_set(&folders, &persona).map_err(DeskError::from)?;
            measured(set.ok_or_else(|| ApiError::missing("persona", &persona))?, &root)
        })
        .await;
    }
    let (root, folder) = named(&state, &query.folder)?;
    off_thread(move || measured(asset_set(&folder).map_err(DeskError::from)?, &root)).await
}

fn measured(set: imagemill_briefs::PictureSet, root: &FilePath) -> Answer<Out<Value>> {
    // A picture is in `images/PLACE/` of its asset.
    let folder_of = |file: &FilePath| file.ancestors().nth(3).map(|folder| shown(root, folder));
    let folders: Vec<_> = set.members.iter().map(|member| folder_of(&member.file)).collect();
    let reference = set.reference.as_deref().map(|file| {
        let folder = file.ancestors().nth(3).unwrap_or(file);
        let path = file.strip_prefix(folder).unwrap_or(file).to_string_lossy().replace('\\', "/");
        json!({ "folder": shown(root, folder), "path": path })
    });
    let measured = Measured::of(set).map_err(ApiError::conflict)?;
    let mut document = measured.document();
    for (picture, folder) in document["pictures"].as_array_mut().into_iter().flatten().zip(folders) {
        picture["folder"] = json!(folder);
    }
    document["reference"] = json!(reference);
    document["units"] = Measured::units();
    Ok(Out(document))
}

/// A verdict on a picture of an asset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerdictPut {
    /// The asset's folder, from the workspace's.
    folder: String,
    /// What records call the picture (`object`).
    object: String,
    /// `approve`, `revise` or `reject`.
    verdict: String,
    /// Who says so.
    reviewer: String,
    /// Answers by question: `pass`, `concern`, `fail`.
    #[serde(default)]
    answers: BTreeMap<String, String>,
    /// What speaks for it.
    #[serde(default)]
    good: Vec<String>,
    /// What speaks against it.
    #[serde(default)]
    bad: Vec<String>,
    /// What is wrong with it.
    #[serde(default)]
    categories: Vec<String>,
    /// Where it went wrong.
    #[serde(default)]
    stages: Vec<String>,
    /// What is to be done; left out, what the verdict suggests.
    #[serde(default)]
    action: Option<String>,
}

/// Give a verdict
///
/// `approve` moves the picture to `approved/` and makes it the hero, `reject` moves it to `rejected/`. What is missing is said at once, and
/// nothing is changed then.
#[utoipa::path(post, path = "/asset-folders/verdicts", tag = "assets", request_body = VerdictPut,
    responses((status = 200, body = AssetVerdictGiven)))]
pub(crate) async fn verdict(State(state): State<AppState>, Json(body): Json<VerdictPut>) -> Answer<Response> {
    let (_, folder) = named(&state, &body.folder)?;
    let verdict = match body.verdict.as_str() {
        "approve" => AssetVerdict::Approve,
        "revise" => AssetVerdict::Revise,
        "reject" => AssetVerdict::Reject,
        other => return Err(ApiError::bad(format!("{other:?} is no verdict: approve, revise or reject"))),
    };
    let judgement = Judgement {
        verdict,
        answers: body.answers,
        good: body.good,
        bad: body.bad,
        categories: body.categories,
        stages: body.stages,
        action: body.action,
        reviewer: body.reviewer,
    };
    let desk = state.desk();
    let object = body.object.clone();
    let detail = format!("{} {object}", body.verdict);
    let judged = off_thread(move || Ok(desk.judge_picture(&folder, &object, &judgement)?)).await?;
    let judged = judged.ok_or_else(|| ApiError::missing("picture", &body.object))?;
    let mut answer = Out(json!(judged)).into_response();
    answer.extensions_mut().insert(Detail(detail));
    Ok(answer)
}

/// An edit to be proposed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProposalPut {
    /// The asset's folder, from the workspace's.
    folder: String,
    /// The picture to edit (`object`); left out, the hero.
    #[serde(default)]
    object: Option<String>,
    /// What is to be changed; left out, what the picture's verdict says.
    #[serde(default)]
    feedback: Vec<String>,
}

/// Propose a request that edits a picture; nothing is written or sent
#[utoipa::path(post, path = "/asset-folders/proposals", tag = "assets", request_body = ProposalPut,
    responses((status = 200, body = ProposedEdit)))]
pub(crate) async fn propose(State(state): State<AppState>, Json(body): Json<ProposalPut>) -> Answer<Out<Value>> {
    let (_, folder) = named(&state, &body.folder)?;
    let desk = state.desk();
    off_thread(move || {
        let pictures = standing(&folder).map_err(DeskError::from)?;
        let is_it = |picture: &&Standing| body.object.as_ref().map_or(picture.hero, |object| picture.object == *object);
        let picture = pictures.iter().find(is_it).ok_or_else(|| match &body.object {
            Some(object) => ApiError::missing("picture", object),
            None => ApiError::conflict("nothing is approved in this asset yet, so there is nothing to edit"),
        })?;
        let proposal = desk.propose_edit(&folder, picture, &body.feedback)?;
        Ok(Out(json!({ "picture": picture.path, "proposal": proposal })))
    })
    .await
}

/// Which folder.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssetPut {
    /// The asset's folder, from the workspace's.
    folder: String,
}

/// Hold an asset's folder against its records
#[utoipa::path(get, path = "/asset-folders/differences", tag = "assets", params(AssetQuery), responses((status = 200, body = Object)))]
pub(crate) async fn differences(State(state): State<AppState>, Query(query): Query<AssetQuery>) -> Answer<Out<Value>> {
    let (_, folder) = named(&state, &query.folder)?;
    off_thread(move || Ok(Out(json!({ "differences": differences_of(&folder).map_err(DeskError::from)? })))).await
}

/// Write an asset's browse list anew
#[utoipa::path(post, path = "/asset-folders/index", tag = "assets", request_body = AssetPut, responses((status = 200, body = Object)))]
pub(crate) async fn rebuild_index(State(state): State<AppState>, Json(body): Json<AssetPut>) -> Answer<Out<Value>> {
    let (_, folder) = named(&state, &body.folder)?;
    let desk = state.desk();
    off_thread(move || {
        let _lock = desk.lock_asset(&folder)?;
        Ok(Out(json!({ "changed": rebuild(&folder).map_err(DeskError::from)? })))
    })
    .await
}

/// A folder of an older runner.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportPut {
    /// The folder to take.
    from: String,
    /// The asset's new folder, from the workspace's.
    folder: String,
}

/// Take over the asset folder of an older runner; it stays as it is
#[utoipa::path(post, path = "/asset-folders/imports", tag = "assets", request_body = ImportPut, responses((status = 200, body = Object)))]
pub(crate) async fn import(State(state): State<AppState>, Json(body): Json<ImportPut>) -> Answer<Out<Value>> {
    let (_, from) = named(&state, &body.from)?;
    let desk = state.desk();
    let to = desk.workspace.root.join(&body.folder);
    state.roots.check(&to)?;
    off_thread(move || {
        let to = AssetFolder::new(to);
        let _lock = desk.lock_asset(&to)?;
        Ok(Out(json!({ "folder": to.root(), "imported": import_into(&from, &to).map_err(DeskError::from)? })))
    })
    .await
}

/// The workspace's folder and the asset folder of that path in it.
fn named(state: &AppState, path: &str) -> Answer<(std::path::PathBuf, AssetFolder)> {
    let root = state.desk().workspace.root.clone();
    let folder = root.join(imagemill_desk::config::expand_home(path));
    state.roots.check(&folder)?;
    match asset_folders(&folder).unwrap_or_default().into_iter().next() {
        Some(found) if found.root() == folder => Ok((root, found)),
        _ => Err(ApiError::missing("asset folder", path)),
    }
}

fn card(root: &FilePath, folder: &AssetFolder) -> Answer<Value> {
    let mut card = asset_card(folder)?;
    card["folder"] = shown(root, folder.root()).into();
    Ok(card)
}

/// A path from the workspace's folder where it lies in it, as later requests name it.
fn shown(root: &FilePath, path: &FilePath) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Reading folders and pictures is no work for the threads that answer.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::fault(error.to_string()))?
}
