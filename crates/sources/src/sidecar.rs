//! A picture's own prompt in a text file beside it: `photo.txt` for `photo.png`.

use std::io::ErrorKind;
use std::path::Path;

use crate::error::Problem;
use crate::text;

/// A prompt of more than a megabyte is some other file.
const LIMIT_BYTES: u64 = 1 << 20;

/// The prompt beside `picture`, trimmed; `None` when there is no such file or it is empty.
pub(crate) fn read(picture: &Path) -> Result<Option<String>, Problem> {
    let path = picture.with_extension("txt");
    let problem = |detail: String| Problem { place: path.display().to_string(), detail };
    let bytes = match text::read_limited(&path, LIMIT_BYTES) {
        Ok(bytes) => bytes.map_err(problem)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(error.to_string())),
    };
    let prompt = text::decode(&bytes).map_err(|detail| problem(detail.into_owned()))?.trim();
    Ok((!prompt.is_empty()).then(|| prompt.to_owned()))
}
