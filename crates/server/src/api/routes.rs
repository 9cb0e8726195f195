//! All routes and the order of what surrounds them. A route that is not here does not exist, and one that is here is in the
//! document.

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use imagemill_desk::Lang;
use imagemill_domain::job_file::MAX_JOB_FILE_BYTES;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    about, asset_folders, catalogue, collection_merges, collection_work, collections, costs, decks, doctor, documents,
    drafts, exports, folders, jobs, logs, loose, pictures, plans, presets, profile_files, profiles, reconcile,
    requests, results, reviews, rubrics, save_rules, saving, session, tasks, uploads, webhooks,
};
use crate::error::{ApiError, Problem};
use crate::reader::Reader;
use crate::state::AppState;
use crate::{audit, console, events, safety};

/// Where everything is.
const BASE: &str = "/api/v1";

fn described() -> OpenApiRouter<AppState> {
    // A job file may be long; anything else is small.
    let with_jobs = OpenApiRouter::new()
        .routes(routes!(plans::plan))
        .routes(routes!(jobs::list, jobs::submit))
        .routes(routes!(presets::put, presets::delete))
        .routes(routes!(rubrics::check_files))
        .routes(routes!(requests::plan))
        .routes(routes!(requests::submit))
        .layer(DefaultBodyLimit::max(MAX_JOB_FILE_BYTES as usize));
    let with_files = OpenApiRouter::new().routes(routes!(uploads::upload)).layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        .routes(routes!(about::about))
        .routes(routes!(session::sign_in, session::sign_out))
        .routes(routes!(events::events))
        .routes(routes!(jobs::show, jobs::delete))
        .routes(routes!(jobs::file))
        .routes(routes!(documents::list))
        .routes(routes!(jobs::pause))
        .routes(routes!(jobs::resume))
        .routes(routes!(jobs::stop))
        .routes(routes!(jobs::retry))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::explain))
        .routes(routes!(drafts::list))
        .routes(routes!(drafts::put, drafts::delete))
        .routes(routes!(tasks::source))
        .routes(routes!(tasks::source_thumbnail))
        .routes(routes!(results::ids))
        .routes(routes!(results::rows))
        .routes(routes!(results::stacks))
        .routes(routes!(results::show))
        .routes(routes!(pictures::original))
        .routes(routes!(pictures::thumbnail))
        .routes(routes!(reviews::put))
        .routes(routes!(reviews::change))
        .routes(routes!(reviews::agreement))
        .routes(routes!(save_rules::list))
        .routes(routes!(save_rules::put, save_rules::delete))
        .routes(routes!(saving::preview))
        .routes(routes!(saving::save))
        .routes(routes!(saving::zip))
        .routes(routes!(saving::status))
        .routes(routes!(saving::download))
        .routes(routes!(profiles::list))
        .routes(routes!(profile_files::export))
        .routes(routes!(profile_files::import))
        .routes(routes!(profiles::put, profiles::delete))
        .routes(routes!(profiles::test))
        .routes(routes!(profiles::models))
        .routes(routes!(profiles::resume))
        .routes(routes!(decks::list, decks::make))
        .routes(routes!(decks::show))
        .routes(routes!(decks::run))
        .routes(routes!(decks::prompt))
        .routes(routes!(decks::choose, decks::picture))
        .routes(routes!(decks::file))
        .routes(routes!(collections::list))
        .routes(routes!(collection_work::add))
        .routes(routes!(collection_work::run))
        .routes(routes!(collection_work::release))
        .routes(routes!(collection_work::retry))
        .routes(routes!(collection_work::look))
        .routes(routes!(collection_work::handout))
        .routes(routes!(collection_merges::import))
        .routes(routes!(collection_merges::merge, collection_merges::undo))
        .routes(routes!(collections::queue))
        .routes(routes!(collections::row, collections::change))
        .routes(routes!(collections::say))
        .routes(routes!(collections::picture))
        .routes(routes!(collections::thumbnail))
        .routes(routes!(exports::export))
        .routes(routes!(exports::put_release))
        .routes(routes!(exports::check_set))
        .routes(routes!(exports::tell_changes))
        .routes(routes!(costs::models))
        .routes(routes!(costs::costs))
        .routes(routes!(reconcile::list, reconcile::act))
        .routes(routes!(presets::list))
        .routes(routes!(folders::list))
        .routes(routes!(asset_folders::list))
        .routes(routes!(asset_folders::show))
        .routes(routes!(asset_folders::picture))
        .routes(routes!(asset_folders::drift))
        .routes(routes!(asset_folders::verdict))
        .routes(routes!(asset_folders::propose))
        .routes(routes!(asset_folders::differences))
        .routes(routes!(asset_folders::rebuild_index))
        .routes(routes!(asset_folders::import))
        .routes(routes!(requests::poll))
        .routes(routes!(requests::upload))
        .routes(routes!(logs::config))
        .routes(routes!(logs::log))
        .routes(routes!(logs::audit))
        .routes(routes!(catalogue::list))
        .routes(routes!(doctor::doctor))
        .routes(routes!(rubrics::list))
        .routes(routes!(loose::list, loose::remove))
        .merge(
            OpenApiRouter::new().routes(routes!(webhooks::receive)).layer(DefaultBodyLimit::max(webhooks::MAX_BYTES)),
        )
        .merge(with_jobs)
        .merge(with_files)
}

/// Everything that is served.
pub(crate) fn router(state: &AppState) -> Router {
    let document = openapi();
    let (api, _) = described().split_for_parts();
    let api = api
        .route("/openapi.json", axum::routing::get(move || async move { Json(document) }))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(translate))
        .layer(middleware::from_fn_with_state(state.clone(), audit::record));
    Router::new()
        .nest(BASE, api)
        .fallback(console::file)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state.clone(), safety::check))
        .layer(cors(state.gate().origins()))
        .with_state(state.clone())
}

/// Pages of elsewhere that were allowed by name may read answers.
fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    if origins.is_empty() {
        return CorsLayer::new();
    }
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION, HeaderName::from_static("last-event-id")])
}

async fn wrong_method() -> Response {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "usage", "this address does not take that method").into_response()
}

fn panicked(_cause: Box<dyn std::any::Any + Send>) -> Response {
    ApiError::fault("imagemill met a fault of its own; the log tells more").into_response()
}

/// Says what is wrong in the language that the client asks for.
async fn translate(State(()): State<()>, request: Request, next: Next) -> Response {
    let lang = Reader::of(request.headers()).lang();
    let answer = next.run(request).await;
    match answer.extensions().get::<ApiError>() {
        Some(problem) if lang != Lang::En => problem.clone().translated(lang).into_response(),
        _ => answer,
    }
}

/// `get_jobs_by_job`: functions of two nouns may have the same name, addresses may not.
fn operation_id(method: &str, path: &str) -> String {
    let parts = path.trim_start_matches(BASE).split('/').filter(|part| !part.is_empty());
    let words = parts.map(|part| match part.strip_prefix('{') {
        Some(name) => format!("by_{}", name.trim_end_matches('}')),
        None => part.replace(['-', '.'], "_"),
    });
    std::iter::once(method.to_owned()).chain(words).collect::<Vec<_>>().join("_")
}

/// The OpenAPI 3.1 document.
pub fn openapi() -> OpenApi {
    let (_, mut document) = described().split_for_parts();
    document.info = InfoBuilder::new()
        .title("imagemill")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("The HTTP API of `imagemill serve`. docs/api.md is the guide."))
        .build();
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (format!("{BASE}{path}"), item)).collect();
    let problem = ResponseBuilder::new()
        .description("what is wrong, in a sentence (RFC 9457)")
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build(),
        )
        .build();
    for (path, item) in &mut document.paths.paths {
        let operations =
            [("get", &mut item.get), ("put", &mut item.put), ("post", &mut item.post), ("delete", &mut item.delete)];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(operation_id(method, path));
            operation.responses.responses.insert("default".to_owned(), RefOr::T(problem.clone()));
        }
    }
    let components = document.components.get_or_insert_default();
    let mut schemas = vec![("Problem".to_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("imagemill_session")));
    components.add_security_scheme("session", cookie);
    // Without a token on the server, none is asked for.
    document.security = Some(vec![
        SecurityRequirement::default(),
        SecurityRequirement::new::<_, [&str; 0], &str>("token", []),
        SecurityRequirement::new::<_, [&str; 0], &str>("session", []),
    ]);
    document
}
