//! Files of the workspace that no row refers to: shown, and removed while nothing runs.

use axum::Json as Out;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use imagemill_desk::{Claim, LooseFile, Runner, loose_files};
use imagemill_domain::job::JobState;
use serde_json::{Value, json};

use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::schema::LooseDocument;
use crate::state::AppState;

/// Paths that are named.
const NAMED: usize = 100;

fn document(state: &AppState, files: &[LooseFile], removed: bool) -> Value {
    let root = state.desk().workspace.root.clone();
    let shown = |file: &LooseFile| file.path.strip_prefix(&root).unwrap_or(&file.path).display().to_string();
    json!({
        "files": files.len(),
        "bytes": files.iter().map(|file| file.bytes).sum::<u64>(),
        "removed": removed,
        "paths": files.iter().take(NAMED).map(shown).collect::<Vec<_>>(),
    })
}

/// Files that nothing refers to any more, as `gc` shows them; the first hundred by their paths
#[utoipa::path(get, path = "/loose-files", tag = "server", responses((status = 200, body = LooseDocument)))]
pub(crate) async fn list(State(state): State<AppState>) -> Answer<Out<Value>> {
    let found = loose_files(&state.store, &state.files).await?;
    Ok(Out(document(&state, &found, false)))
}

/// Remove files that nothing refers to any more; 409 while jobs run
#[utoipa::path(delete, path = "/loose-files", tag = "server", responses((status = 200, body = LooseDocument)))]
pub(crate) async fn remove(State(state): State<AppState>) -> Answer<Response> {
    let desk = state.desk();
    // Held to the end, so that neither this server nor another process runs anything meanwhile.
    let mut runner = state.runner.lock().await;
    let open = vec![JobState::Submitting, JobState::Active];
    if let Some(job) = state.store.jobs().page(Some(open), None, 1).await?.first() {
        return Err(ApiError::conflict(format!("the job {} runs", job.name)).help("pause it, or wait for its end"));
    }
    let was_running = runner.engine().is_some();
    if was_running {
        std::mem::take(&mut *runner).finish(|_| {}).await;
        *runner = Runner::named("serve");
    }
    let removed =
        match desk.workspace.claim("serve") {
            Ok(Claim::Mine(_lock)) => sweep(&state).await,
            Ok(Claim::Theirs(owner)) => Err(ApiError::conflict(format!("{owner} runs the workspace"))
                .help("end it, or let `imagemill gc` do it there")),
            Err(error) => Err(error.into()),
        };
    if was_running {
        runner.take_over(&desk, &state.store).await?;
    }
    let removed = removed?;
    let mut answer = Out(document(&state, &removed, true)).into_response();
    answer.extensions_mut().insert(Detail(format!("{} files", removed.len())));
    Ok(answer)
}

async fn sweep(state: &AppState) -> Answer<Vec<LooseFile>> {
    let found = loose_files(&state.store, &state.files).await?;
    let files = state.files.clone();
    let removing = tokio::task::spawn_blocking(move || {
        found.iter().try_for_each(|file| files.remove(&file.path))?;
        Ok::<_, imagemill_store::StoreError>(found)
    });
    Ok(removing.await.map_err(|error| ApiError::fault(error.to_string()))??)
}
