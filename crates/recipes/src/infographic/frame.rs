//! The ratio and size of a request's picture: what was typed, else what the request names, else what its words suggest; and what of
//! that the model takes, before anything is paid for.

use imagemill_domain::infographic::{Asked, infer_ratio};
use imagemill_domain::request::RequestOptions;
use imagemill_domain::sizes::{SizeChoice, pixels_of};
use imagemill_engine::TaskContext;

use crate::sized::sized;

/// The size when nobody names one.
const USUAL_SIZE: &str = "2k";

/// What is asked of the picture model, and what the text steps are told.
pub(super) struct Frame {
    /// Width to height, as `16:9`.
    pub(super) ratio: String,
    /// What is sent.
    pub(super) choice: SizeChoice,
    /// What was decided, in plain words.
    pub(super) notes: Vec<String>,
}

/// `request` is the user's own text.
pub(super) fn frame(task: &TaskContext, asked: &Asked, request: &str) -> Frame {
    let given = &task.definition().file.options;
    if given.aspect_ratio.is_some() || given.size.as_deref().and_then(pixels_of).is_some() {
        // The plan held it against the model already, and every way has its own spelling of it.
        let choice = SizeChoice { size: given.size.clone(), aspect_ratio: given.aspect_ratio.clone(), pixels: None };
        return Frame { ratio: shown(given), choice, notes: Vec::new() };
    }
    let mut notes = Vec::new();
    let ratio = asked.ratio.clone().unwrap_or_else(|| {
        let inferred = infer_ratio(request);
        notes.push(if inferred.because.is_empty() {
            format!("ratio {}, as nothing in the request asks for another one", inferred.ratio)
        } else {
            format!("ratio {}, because of: {}", inferred.ratio, inferred.because)
        });
        inferred.ratio
    });
    let size = asked.size.clone().or_else(|| given.size.clone());
    let sized = sized(task, &ratio, size.as_deref(), USUAL_SIZE);
    notes.extend(sized.note);
    Frame { ratio, choice: sized.choice, notes }
}

/// The ratio of options that a plan settled.
fn shown(options: &RequestOptions) -> String {
    if let Some(ratio) = &options.aspect_ratio {
        return ratio.clone();
    }
    let Some((width, height)) = options.size.as_deref().and_then(pixels_of) else { return "16:9".to_owned() };
    let shared = divisor(width, height);
    format!("{}:{}", width / shared, height / shared)
}

fn divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one.max(1) } else { divisor(other, one % other) }
}
