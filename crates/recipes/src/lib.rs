//! What a task does: generate, edit.
