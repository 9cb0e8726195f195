//! Drawing: words over a background for a prompt, a visible change for an edit. The same arguments give the same bytes. It
//! must not know protocols or who asks.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Rgb, RgbImage, imageops};
use imagemill_domain::picture::PictureFormat;
use imagemill_imaging::text::{Fonts, Style};

/// Below this edge there is no room for words.
const SMALLEST_WITH_WORDS: u32 = 64;
/// Longest edge that is drawn or edited.
pub(crate) const MAX_EDGE: u32 = 8192;

/// What is drawn instead of a sound picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A picture.
    #[default]
    Sound,
    /// One flat colour.
    Blank,
    /// Data that end in the middle.
    Broken,
    /// A small file that claims 50,000×50,000 pixels.
    Bomb,
}

/// What to draw.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) prompt: String,
    pub(crate) source: Option<Bytes>,
    /// Wanted size; an edit keeps its source's without one.
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) format: PictureFormat,
    /// Which of several for the same words.
    pub(crate) variation: u64,
    pub(crate) grain_bits: u8,
    pub(crate) kind: Kind,
}

/// An encoded picture.
pub(crate) struct Drawn {
    pub(crate) bytes: Bytes,
    pub(crate) format: PictureFormat,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Name by content, the id of its link.
    pub(crate) name: String,
    base64: OnceLock<Bytes>,
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawn").field("name", &self.name).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Drawn {
    /// The bytes as base64 text.
    pub(crate) fn base64(&self) -> Bytes {
        self.base64.get_or_init(|| base64_simd::STANDARD.encode_to_string(&self.bytes).into()).clone()
    }

    /// What it takes in memory, base64 included.
    pub(crate) fn cost_bytes(&self) -> usize {
        self.bytes.len() * 7 / 3 + 512
    }
}

/// Why a source cannot be edited, in words for the client.
pub(crate) type SourceFault = String;

impl Order {
    /// What the order is for, the source by its content: equal orders give equal pictures.
    pub(crate) fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        let (width, height) = self.size.unwrap_or_default();
        let numbers = [u64::from(width), u64::from(height), self.variation, u64::from(self.grain_bits)];
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&[self.format as u8, self.kind as u8]);
        hasher.update(&(self.prompt.len() as u64).to_le_bytes());
        hasher.update(self.prompt.as_bytes());
        if let Some(source) = &self.source {
            hasher.update(source);
        }
        hasher.finalize()
    }

    /// Whether drawing takes so long that it belongs off the async threads.
    pub(crate) fn is_large(&self) -> bool {
        let pixels = self.size.map(|(width, height)| u64::from(width) * u64::from(height));
        self.source.is_some() || pixels.is_none_or(|pixels| pixels > 128 * 128)
    }

    /// Draws and encodes.
    pub(crate) fn draw(&self) -> Result<Drawn, SourceFault> {
        let paint = Paint::of(&self.prompt, self.variation);
        let mut canvas = match &self.source {
            None => {
                let (width, height) = self.size.unwrap_or((1024, 1024));
                generate(&self.prompt, &paint, width, height)
            }
            Some(source) => edit(source, &self.prompt, &paint, self.size)?,
        };
        if self.kind == Kind::Blank {
            canvas.pixels_mut().for_each(|pixel| *pixel = Rgb([0; 3]));
        } else if self.grain_bits > 0 {
            add_grain(&mut canvas, self.grain_bits, paint.seed);
        }
        let (width, height) = canvas.dimensions();
        let mut bytes = encode(&canvas, if self.kind == Kind::Bomb { PictureFormat::Png } else { self.format });
        let mut format = self.format;
        match self.kind {
            Kind::Broken => bytes.truncate(bytes.len() / 2),
            Kind::Bomb => {
                claim_too_much(&mut bytes);
                format = PictureFormat::Png;
            }
            Kind::Sound | Kind::Blank => {}
        }
        let name = blake3::hash(&bytes).to_hex()[..32].to_owned();
        Ok(Drawn { bytes: bytes.into(), format, width, height, name, base64: OnceLock::new() })
    }
}

/// Colours and places, all from the prompt's hash.
struct Paint {
    seed: u64,
    from: [f32; 3],
    to: [f32; 3],
    discs: [[f32; 3]; 3],
}

impl Paint {
    fn of(prompt: &str, variation: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(prompt.as_bytes());
        hasher.update(&variation.to_le_bytes());
        let mut random = [0u8; 32];
        hasher.finalize_xof().fill(&mut random);
        let share = |index: usize| f32::from(random[index]) / 255.0;
        let hue = f32::from(u16::from_le_bytes([random[0], random[1]])) / 65_536.0;
        Self {
            seed: u64::from_le_bytes(std::array::from_fn(|k| random[24 + k])),
            from: colour(hue, 0.45 + 0.25 * share(2), 0.30 + 0.15 * share(3)),
            to: colour(hue + 0.08 + 0.25 * share(4), 0.50 + 0.25 * share(5), 0.55 + 0.20 * share(6)),
            discs: std::array::from_fn(|k| [share(8 + k), share(12 + k), 0.08 + 0.22 * share(16 + k)]),
        }
    }
}

/// Hue, saturation and lightness (each 0 to 1, the hue round and round) to red, green and blue of 0 to 255.
fn colour(hue: f32, saturation: f32, lightness: f32) -> [f32; 3] {
    let reach = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|offset| {
        let place = (offset + hue.fract() * 12.0) % 12.0;
        255.0 * (lightness - reach * (place - 3.0).min(9.0 - place).clamp(-1.0, 1.0))
    })
}

fn generate(prompt: &str, paint: &Paint, width: u32, height: u32) -> RgbImage {
    let mut canvas = RgbImage::new(width, height);
    let scale = 1.0 / width.max(height) as f32;
    let across_all = width as f32 + height as f32;
    for (y, row) in canvas.chunks_exact_mut(width as usize * 3).enumerate() {
        let down = y as f32;
        for (x, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let across = x as f32;
            let mix = (across + down) / across_all;
            let mut light = 0.0;
            for [disc_x, disc_y, radius] in paint.discs {
                let (dx, dy) = ((across - disc_x * width as f32) * scale, (down - disc_y * height as f32) * scale);
                light += if dx * dx + dy * dy < radius * radius { 22.0 } else { 0.0 };
            }
            for (channel, value) in pixel.iter_mut().enumerate() {
                *value = (paint.from[channel] * (1.0 - mix) + paint.to[channel] * mix + light) as u8;
            }
        }
    }
    sign(&mut canvas, paint.seed);
    if width.min(height) >= SMALLEST_WITH_WORDS {
        let style = Style { size_px: (width.min(height) as f32 / 11.0).max(13.0), fonts: Fonts::Machine };
        let lines = style.wrap(prompt, width as f32 * 0.84, (height as f32 * 0.8 / style.size_px) as usize);
        let top = (height as f32 - lines.len() as f32 * style.size_px) / 2.0;
        write_lines(&mut canvas, style, &lines, top);
    }
    canvas
}

/// Puts the seed into the first pixels, so that other words always give other bytes, however few pixels there are.
fn sign(canvas: &mut RgbImage, seed: u64) {
    for (value, byte) in canvas.iter_mut().zip(seed.to_le_bytes()) {
        *value = byte;
    }
}

fn edit(source: &[u8], prompt: &str, paint: &Paint, size: Option<(u32, u32)>) -> Result<RgbImage, SourceFault> {
    let mut canvas = decode(source)?;
    if let Some((width, height)) = size.filter(|size| *size != canvas.dimensions()) {
        canvas = imageops::resize(&canvas, width, height, imageops::FilterType::Triangle);
    }
    let (width, height) = canvas.dimensions();
    for (y, row) in canvas.chunks_exact_mut(width as usize * 3).enumerate() {
        let down = y as f32 / height as f32 - 0.5;
        for (x, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let across = x as f32 / width as f32 - 0.5;
            let keep = 0.72 - 0.5 * (across * across + down * down);
            for (channel, value) in pixel.iter_mut().enumerate() {
                *value = (f32::from(*value) * keep + paint.to[channel] * 0.22) as u8;
            }
        }
    }
    sign(&mut canvas, paint.seed);
    if width.min(height) >= SMALLEST_WITH_WORDS {
        let band = (height / 6).max(22);
        for value in canvas.iter_mut().skip(((height - band) * width * 3) as usize) {
            *value /= 3;
        }
        let style = Style { size_px: (band as f32 * 0.45).max(12.0), fonts: Fonts::Machine };
        let lines = style.wrap(prompt, width as f32 * 0.94, (band as f32 / style.size_px) as usize);
        let top = (height - band) as f32 + (band as f32 - lines.len() as f32 * style.size_px) / 2.0;
        write_lines(&mut canvas, style, &lines, top);
    }
    Ok(canvas)
}

/// EXIF orientation is ignored on purpose: most providers do, and a client has to turn its pictures itself.
fn decode(source: &[u8]) -> Result<RgbImage, SourceFault> {
    let probe =
        imagemill_imaging::probe(imagemill_imaging::Bytes::Memory(source)).map_err(|error| error.to_string())?;
    if probe.width.max(probe.height) > MAX_EDGE {
        return Err(format!("the longest edge may have {MAX_EDGE} pixels"));
    }
    let decoded = image::load_from_memory(source).map_err(|error| error.to_string())?;
    Ok(DynamicImage::into_rgb8(decoded))
}

fn write_lines(canvas: &mut RgbImage, style: Style, lines: &[String], top: f32) {
    let shadow = (style.size_px / 18.0).max(1.0);
    for (index, line) in lines.iter().enumerate() {
        let x = (canvas.width() as f32 - style.width(line)) / 2.0;
        let y = top + index as f32 * style.size_px;
        style.draw(canvas, line, x + shadow, y + shadow, Rgb([20, 20, 24]));
        style.draw(canvas, line, x, y, Rgb([255; 3]));
    }
}

fn add_grain(canvas: &mut RgbImage, bits: u8, seed: u64) {
    let bits = bits.min(8);
    let mask = u8::MAX >> (8 - bits);
    let mut state = seed;
    for values in canvas.chunks_mut(8) {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let mixed = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        for (value, noise) in values.iter_mut().zip((mixed ^ (mixed >> 32)).to_le_bytes()) {
            *value = value.saturating_add(noise & mask).saturating_sub(mask / 2);
        }
    }
}

fn encode(canvas: &RgbImage, format: PictureFormat) -> Vec<u8> {
    let (width, height) = canvas.dimensions();
    let mut out = Vec::with_capacity(1024);
    let (pixels, kind) = (canvas.as_raw(), ExtendedColorType::Rgb8);
    match format {
        PictureFormat::Jpeg => {
            let edge = |length| u16::try_from(length).expect("edges are limited to MAX_EDGE");
            jpeg_encoder::Encoder::new(&mut out, 90)
                .encode(pixels, edge(width), edge(height), jpeg_encoder::ColorType::Rgb)
                .expect("writing to memory cannot fail");
        }
        PictureFormat::Webp => WebPEncoder::new_lossless(&mut out)
            .write_image(pixels, width, height, kind)
            .expect("edges are within WebP's limits and writing to memory cannot fail"),
        _ => PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Up)
            .write_image(pixels, width, height, kind)
            .expect("writing to memory cannot fail"),
    }
    out
}

/// Replaces the header of an RGB8 PNG by one that claims 50,000×50,000 pixels, with the right checksum.
fn claim_too_much(png: &mut [u8]) {
    png[16..20].copy_from_slice(&50_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&50_000u32.to_be_bytes());
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    let crc = !png[12..29].iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)));
    png[29..33].copy_from_slice(&crc.to_be_bytes());
}
