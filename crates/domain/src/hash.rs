//! Content hashes and keys. What they are computed over is said where they are made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not the lower-case hex form of a hash.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected {expected} hex digits, found {found:?}")]
pub struct HashParseError {
    expected: usize,
    found: String,
}

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The raw bytes, as stored.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// From stored bytes; `None` when the length is wrong.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The lower-case hex form.
            pub fn to_hex(&self) -> String {
                hex::encode(self.0)
            }

            /// The first eight hex digits, for people.
            pub fn short(&self) -> String {
                hex::encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = HashParseError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut out = [0u8; $len];
                hex::decode_to_slice(text, &mut out).map_err(|_| HashParseError {
                    expected: $len * 2,
                    found: text.chars().take(80).collect(),
                })?;
                Ok(Self(out))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.to_hex())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hash_type!(
    /// BLAKE3 of a file's bytes: the name of an asset.
    ContentHash,
    32
);
hash_type!(
    /// SHA-256 of a file's bytes, kept because exchange formats ask for it.
    Sha256Hash,
    32
);
hash_type!(
    /// What makes a task the same task on resubmission: BLAKE3 (first 128 bits) of its canonical form and sample index.
    TaskKey,
    16
);
hash_type!(
    /// BLAKE3 (first 128 bits) of a request's canonical form: model, options, prompts and references by content hash.
    /// The journal is keyed by (task, step, request hash).
    RequestHash,
    16
);

impl ContentHash {
    /// BLAKE3 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// The first 128 bits of the BLAKE3 hash of a canonical JSON text under a domain separation word.
pub(crate) fn keyed_128(context: &str, canonical: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(canonical);
    let mut out = [0u8; 16];
    hasher.finalize_xof().fill(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trip() {
        let hash = ContentHash::of(b"picture");
        assert_eq!(hash.to_hex().parse::<ContentHash>(), Ok(hash));
        assert_eq!(serde_json::to_string(&hash).unwrap().len(), 66);
        assert!("xyz".parse::<ContentHash>().unwrap_err().to_string().contains("64 hex digits"));
    }
}
