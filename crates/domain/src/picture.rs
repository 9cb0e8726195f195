//! Facts about one picture, as measured from its bytes, and what a check found.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::{ContentHash, Sha256Hash};

/// A picture format that can be read. The type is what the bytes say, never the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
    /// GIF; the first frame counts.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF; the first page counts.
    Tiff,
}

impl PictureFormat {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Png, Self::Jpeg, Self::Webp, Self::Gif, Self::Bmp, Self::Tiff];

    /// The usual file suffix without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tif",
        }
    }

    /// The registered media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
        }
    }

    /// The stable word used in job files and rows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
        }
    }

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }

    /// By the first bytes of a file (16 are enough); `None` when it is no picture we read.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(Self::Bmp),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            _ => None,
        }
    }
}

impl fmt::Display for PictureFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is known of a picture after its bytes were hashed and fully decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFacts {
    /// BLAKE3 of the bytes as received: the asset's name.
    pub blake3: ContentHash,
    /// SHA-256 of the same bytes.
    pub sha256: Sha256Hash,
    /// Length in bytes.
    pub bytes: u64,
    /// Real type.
    pub format: PictureFormat,
    /// Width in pixels as stored (before any EXIF rotation).
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// 64-bit perceptual hash; near pictures differ in few bits.
    pub phash: u64,
}

/// Something a person should know about a picture. The picture itself is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Width or height differ from the source's.
    SizeDiffers,
    /// The ratio of width to height differs from the source's by more than two per cent.
    AspectDiffers,
    /// It looks the same as its source: the edit did nothing that can be seen.
    Unchanged,
    /// One flat colour.
    Blank,
    /// It looks the same as another picture of the same task.
    NearDuplicate,
}

impl Finding {
    /// Every finding, in the order of their bits.
    pub const ALL: [Self; 5] =
        [Self::SizeDiffers, Self::AspectDiffers, Self::Unchanged, Self::Blank, Self::NearDuplicate];

    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::SizeDiffers => "size_differs",
            Self::AspectDiffers => "aspect_differs",
            Self::Unchanged => "unchanged",
            Self::Blank => "blank",
            Self::NearDuplicate => "near_duplicate",
        }
    }
}

/// A set of findings; stored as one small integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings(u8);

impl Findings {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// From the stored integer; unknown bits are dropped.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & ((1 << Finding::ALL.len()) - 1))
    }

    /// The stored integer.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Adds one.
    pub fn insert(&mut self, finding: Finding) {
        self.0 |= 1 << (finding as u8);
    }

    /// Whether `finding` is in the set.
    pub fn contains(self, finding: Finding) -> bool {
        self.0 & (1 << (finding as u8)) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members in order.
    pub fn iter(self) -> impl Iterator<Item = Finding> {
        Finding::ALL.into_iter().filter(move |finding| self.contains(*finding))
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(iter: I) -> Self {
        let mut set = Self::NONE;
        iter.into_iter().for_each(|finding| set.insert(finding));
        set
    }
}

impl Serialize for Findings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Findings {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Finding>::deserialize(deserializer).map(|list| list.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_keep_their_bits() {
        let set: Findings = [Finding::Blank, Finding::SizeDiffers].into_iter().collect();
        assert_eq!(set.bits(), 0b1001);
        assert_eq!(Findings::from_bits(set.bits()), set);
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["size_differs","blank"]"#);
        for (bit, finding) in Finding::ALL.into_iter().enumerate() {
            assert_eq!(finding as usize, bit);
        }
    }

    #[test]
    fn type_is_what_the_bytes_say() {
        assert_eq!(PictureFormat::sniff(b"\x89PNG\r\n\x1a\nxxxx"), Some(PictureFormat::Png));
        assert_eq!(PictureFormat::sniff(b"RIFF\0\0\0\0WEBPVP8 "), Some(PictureFormat::Webp));
        assert_eq!(PictureFormat::sniff(b"<!DOCTYPE html>"), None);
        assert_eq!(PictureFormat::sniff(b""), None);
    }
}
