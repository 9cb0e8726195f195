//! The nearest to a ratio and a size that the model takes, found before anything is paid for.

use imagemill_domain::sizes::{SizeChoice, SizeRefusal, SizeWish};
use imagemill_engine::TaskContext;

/// What is sent.
pub(crate) struct Sized {
    pub(crate) choice: SizeChoice,
    /// What was decided, in plain words.
    pub(crate) note: Option<String>,
}

/// What goes out for `ratio` in `size`, or in `usual` when nobody asked for one.
pub(crate) fn sized(task: &TaskContext, ratio: &str, size: Option<&str>, usual: &str) -> Sized {
    let wish = SizeWish { aspect_ratio: Some(ratio), size: Some(size.unwrap_or(usual)) };
    let nearest = |what: &str, refusal: SizeRefusal| {
        let nearest = refusal.nearest;
        let note = format!("the model does not take {ratio} in {what}; the nearest was taken: {nearest}");
        Sized { choice: nearest, note: Some(note) }
    };
    match task.size(wish) {
        Ok(choice) => Sized { choice, note: None },
        // A size that nobody asked for is no wish.
        Err(_) if size.is_none() => match task.size(SizeWish { size: None, ..wish }) {
            Ok(choice) => Sized { choice, note: None },
            Err(refusal) => nearest("its usual size", refusal),
        },
        Err(refusal) => nearest(size.unwrap_or_default(), refusal),
    }
}
