//! What comes out: names and folders, training pairs, manifest, contact sheet.
