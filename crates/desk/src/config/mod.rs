//! Configuration: flag over environment over workspace file over user file over default, with the origin of every value.

mod layers;
mod load;

pub use layers::{Origin, Setting};
pub use load::{Config, Sources, expand_home, known_profiles, load};
