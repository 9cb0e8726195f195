//! What can be wrong with a picture, in sentences a user can act on. It must not know why the picture was wanted.

use imagemill_domain::picture::PictureFormat;

/// Why bytes did not become a checked picture, or a picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file could not be opened or read.
    #[error("the picture cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// No bytes at all.
    #[error("there is nothing in it: 0 bytes where a picture was expected")]
    Empty,
    /// The first bytes are not those of a format we read.
    #[error("this is not a picture: it starts like {0}")]
    NotAPicture(&'static str),
    /// More bytes than allowed; nothing was decoded.
    #[error("the picture has {bytes} bytes, more than the allowed {allowed}")]
    TooManyBytes {
        /// What it has.
        bytes: u64,
        /// What it may have.
        allowed: u64,
    },
    /// The header claims more pixels than allowed; nothing was decoded.
    #[error("the picture claims to be {width}×{height} pixels, more than the allowed {allowed} in all")]
    TooManyPixels {
        /// Claimed width.
        width: u32,
        /// Claimed height.
        height: u32,
        /// Pixels allowed in all.
        allowed: u64,
    },
    /// The header claims an edge longer than allowed; nothing was decoded.
    #[error("the picture claims to be {width}×{height} pixels, longer than the allowed {allowed} on one edge")]
    TooLong {
        /// Claimed width.
        width: u32,
        /// Claimed height.
        height: u32,
        /// Longest edge allowed.
        allowed: u32,
    },
    /// It starts like a picture and its data are damaged or end early.
    #[error("the {format} picture is damaged: {detail}")]
    Damaged {
        /// What it claims to be.
        format: PictureFormat,
        /// The decoder's words.
        detail: String,
    },
    /// Pixels could not be written as the wanted format.
    #[error("the picture cannot be written as {format}: {detail}")]
    Encode {
        /// The wanted format.
        format: PictureFormat,
        /// The encoder's words.
        detail: String,
    },
    /// Even the smallest reasonable version is larger than the limit.
    #[error("the picture cannot be made as small as {max_bytes} bytes; raise max_bytes")]
    CannotFit {
        /// The limit.
        max_bytes: u64,
    },
}
