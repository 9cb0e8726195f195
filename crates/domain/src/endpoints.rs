//! The short names under which hosted-media gateways' models go in request files, and the gateway's paths that they stand for.
//! What each of them takes and costs is in data/models.toml.

/// Models that take their settings in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Ratio, tier and quality.
    GptImage,
    /// Ratio and tier; may search the web.
    NanoBanana,
    /// Ratio; the tier is a part of the name, because it is what is billed.
    NanoBananaPro,
    /// Pixels.
    Seedream,
    /// Ratio and a style.
    Soul,
}

/// One short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The short name.
    pub key: &'static str,
    /// The gateway's own path.
    pub path: &'static str,
    /// It edits pictures; else it makes them from words.
    pub edits: bool,
    /// How it takes settings.
    pub family: Family,
    /// The only tier it makes.
    pub tier: Option<&'static str>,
}

impl Endpoint {
    const fn new(key: &'static str, path: &'static str, edits: bool, family: Family) -> Self {
        Self { key, path, edits, family, tier: None }
    }

    const fn pro(key: &'static str, edits: bool, tier: &'static str) -> Self {
        let path = if edits { "google/nano-banana-pro/edit" } else { "google/nano-banana-pro/text-to-image" };
        Self { tier: Some(tier), ..Self::new(key, path, edits, Family::NanoBananaPro) }
    }

    /// Whether one request may ask for several pictures of one sequence.
    pub fn is_sequential(&self) -> bool {
        self.key.ends_with("-sequential")
    }
}

/// Every short name.
pub const ENDPOINTS: [Endpoint; 15] = [
    Endpoint::new("image-nano-banana-2-text", "google/nano-banana-2/text-to-image", false, Family::NanoBanana),
    Endpoint::new("image-nano-banana-2-edit", "google/nano-banana-2/edit", true, Family::NanoBanana),
    Endpoint::new("image-seedream-v5-lite-text", "bytedance/seedream-v5.0-lite", false, Family::Seedream),
    Endpoint::new("image-seedream-v5-lite-edit", "bytedance/seedream-v5.0-lite/edit", true, Family::Seedream),
    Endpoint::new(
        "image-seedream-v5-lite-sequential",
        "bytedance/seedream-v5.0-lite/sequential",
        false,
        Family::Seedream,
    ),
    Endpoint::new(
        "image-seedream-v5-lite-edit-sequential",
        "bytedance/seedream-v5.0-lite/edit-sequential",
        true,
        Family::Seedream,
    ),
    Endpoint::new("image-gpt-image-2-text", "openai/gpt-image-2/text-to-image", false, Family::GptImage),
    Endpoint::new("image-gpt-image-2-edit", "openai/gpt-image-2/edit", true, Family::GptImage),
    Endpoint::pro("image-nano-banana-pro-text-1k", false, "1k"),
    Endpoint::pro("image-nano-banana-pro-text-2k", false, "2k"),
    Endpoint::pro("image-nano-banana-pro-text-4k", false, "4k"),
    Endpoint::pro("image-nano-banana-pro-edit-1k", true, "1k"),
    Endpoint::pro("image-nano-banana-pro-edit-2k", true, "2k"),
    Endpoint::pro("image-nano-banana-pro-edit-4k", true, "4k"),
    Endpoint::new("image-higgsfield-soul-text", "higgsfield/soul/text-to-image", false, Family::Soul),
];

/// The one with this short name, or the first with this path: the oldest request files name paths.
pub fn endpoint(name: &str) -> Option<&'static Endpoint> {
    let name = name.trim_matches('/');
    let by_key = ENDPOINTS.iter().find(|endpoint| endpoint.key == name);
    by_key.or_else(|| ENDPOINTS.iter().find(|endpoint| endpoint.path == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_lead_to_their_endpoint() {
        for known in &ENDPOINTS {
            assert_eq!(endpoint(known.key), Some(known));
            assert_eq!(endpoint(known.path).unwrap().path, known.path);
            assert_eq!(known.edits, known.key.contains("-edit"), "{}", known.key);
        }
        assert_eq!(endpoint("black-forest-labs/flux"), None);
    }
}
