//! `/sdapi/v1/txt2img` and `/sdapi/v1/img2img` as a Stable Diffusion web UI writes them. It must not draw or bill.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::answer::{Answer, Refused, mark};
use crate::call::make;
use crate::queue;
use crate::request::{self, Place};
use crate::state::Shared;

/// Both addresses: sources decide what is done.
pub(crate) async fn create(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let answer = async {
        let incoming = request::read_at(&shared, request, Place { model: None, input: None }).await?;
        let made = make(&shared, queue::asked(&shared, incoming)?.asked).await?;
        let images: Vec<Value> = made.indexes().map(|index| mark(index).into()).collect();
        let value = json!({"images": images, "parameters": {"init_images": null}, "info": "{\"seed\": 1}"});
        Ok::<_, Refused>(made.send(&shared, Answer::json(&value, &made.drawn)))
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `GET /sdapi/v1/sd-models`.
pub(crate) async fn models() -> Response {
    Json(json!([{"title": "sim-image", "model_name": "sim-image"}])).into_response()
}
