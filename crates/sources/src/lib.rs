//! What goes into a job: folders, globs, lists and side-car prompts become source items.
