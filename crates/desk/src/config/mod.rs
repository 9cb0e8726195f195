//! Configuration: flag over environment over workspace file over what was set in the console over user file over default, with the origin of every value.

mod layers;
mod load;
mod mask;

pub use layers::{Origin, Setting};
pub use load::{Config, Sources, built_in_profile, change_file, expand_home, known_profiles, load};
pub use mask::{MASK, is_secret, masked};
