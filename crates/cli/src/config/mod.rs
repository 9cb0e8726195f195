//! Configuration: flag over environment over workspace file over user file over default, with the origin of every value.

mod layers;
mod load;

pub(crate) use layers::Origin;
pub(crate) use load::{Config, Sources, expand_home, known_profiles, load};
