//! The shapes of answers, for the document. The answers themselves are the documents of `imagemill-desk`; a test holds every
//! answer against these shapes.

#![expect(dead_code, reason = "only their shapes are used, in the document")]

macro_rules! shapes {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $kind:ty),* $(,)? })*) => {
        $(
            $(#[$meta])*
            #[derive(ToSchema)]
            pub(crate) struct $name { $($(#[$field_meta])* pub(crate) $field: $kind),* }
        )*
    };
}

mod assets;
mod critiques;
mod decks;
mod jobs;
mod profiles;
mod results;
mod server;

pub(crate) use assets::*;
pub(crate) use critiques::*;
pub(crate) use decks::*;
pub(crate) use jobs::*;
pub(crate) use profiles::*;
pub(crate) use results::*;
pub(crate) use server::*;
