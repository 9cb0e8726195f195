//! The input of models that a provider hosts for others: it goes to the model as it is, so the same members are met at every
//! such provider. Must not know a provider; what only one of them has is given by it.

use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::body::{self, PictureText};

/// The words, the members that all of them share, and `own` ones.
pub(crate) fn model_input<const N: usize>(request: &ImageRequest, own: [(&str, Option<Value>); N]) -> Value {
    let options = &request.options;
    let mut input = json!({"prompt": request.whole_prompt()});
    body::put(&mut input, own);
    let shared = [
        ("aspect_ratio", options.aspect_ratio.clone().map(Value::from)),
        ("output_format", options.output_format.clone().map(Value::from)),
        ("seed", request.sample_seed().map(Value::from)),
        ("negative_prompt", negative(request)),
    ];
    body::put(&mut input, shared);
    input
}

/// A size in pixels as two members, and any other as `size`.
pub(crate) fn size_members(request: &ImageRequest) -> [(&'static str, Option<Value>); 3] {
    let size = request.options.size.as_deref();
    let edges = size.and_then(edges);
    [
        ("width", edges.map(|(width, _)| width.into())),
        ("height", edges.map(|(_, height)| height.into())),
        ("size", size.filter(|_| edges.is_none()).map(Value::from)),
    ]
}

/// Puts pictures under the model's name for them. `[]` at its end asks for a list, `#` for a member each: `image#` stands for
/// `image`, `image_2`, `image_3`.
pub(crate) fn put_pictures(input: &mut Value, field: &str, count: usize, picture: PictureText<'_>) {
    if count == 0 {
    } else if let Some(field) = field.strip_suffix("[]") {
        input[field] = (0..count).map(picture).collect();
    } else if let Some(field) = field.strip_suffix('#') {
        for number in 0..count {
            let name = if number == 0 { field.to_owned() } else { format!("{field}_{}", number + 1) };
            input[name] = picture(number).into();
        }
    } else {
        input[field] = picture(0).into();
    }
}

/// The negative prompt, for models with a parameter for it.
pub(crate) fn negative(request: &ImageRequest) -> Option<Value> {
    (!request.negative_prompt.is_empty()).then(|| request.negative_prompt.clone().into())
}

/// `1024x768` and `1024*768` as numbers.
pub(crate) fn edges(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.split_once(['x', 'X', '*', '×'])?;
    Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
}
