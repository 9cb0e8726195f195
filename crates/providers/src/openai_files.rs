//! OpenAI's files: a source picture is given once, and requests name it by `file_id` (JSON edits, `input_image` of Responses). The
//! form is that of `/files` with the purpose `vision`, as its official clients send it.

use imagemill_domain::failure::Failure;
use jiff::Timestamp;
use serde_json::Value;

use crate::batch::text_of;
use crate::provider::{PictureInput, Uploaded};
use crate::spool::Spool;
use crate::uploads;
use crate::wire::Wire;

/// A file is asked to be kept for so long, and goes by itself then.
const KEPT_S: u64 = 7 * 24 * 3_600;

/// Gives a picture and returns its id.
pub(crate) async fn give(wire: &Wire, picture: &PictureInput, spool: Spool) -> Result<Uploaded, Failure> {
    let seconds = KEPT_S.to_string();
    let fields = [("purpose", "vision"), ("expires_after[anchor]", "created_at"), ("expires_after[seconds]", &seconds)];
    let told = wire.upload_with(wire.below("/files"), &fields, "file", picture, spool).await;
    let told = told.map_err(|failed| failed.failure)?;
    let id = text_of(&told.value["id"]).ok_or_else(uploads::no_address)?;
    let end = told.value["expires_at"].as_i64().and_then(|end| Timestamp::from_second(end).ok());
    Ok(uploads::uploaded(id, end.map(|end| Value::from(end.to_string())).as_ref()))
}

/// A picture in a request: by its id where it was given, else as it was written.
pub(crate) fn named(pictures: &[PictureInput], number: usize, written: String) -> Value {
    let member = if pictures[number].address.is_some() { "file_id" } else { "image_url" };
    Value::from_iter([(member, written)])
}
