//! One function for each kind of size rule. A refusal always names something that the rule takes.

use std::collections::BTreeMap;

use super::{PixelRule, SizeChoice, SizeRefusal, Wanted, apart, area_of, pixels_of, ratio_of, same_ratio};

/// Names that a size in pixels may belong to: the nearest by area.
const CLASSES: [&str; 4] = ["0.5K", "1K", "2K", "4K"];

type Resolved = Result<SizeChoice, SizeRefusal>;

/// One size in pixels that can be chosen.
struct Entry<'a> {
    text: &'a str,
    width: u32,
    height: u32,
}

impl<'a> Entry<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (width, height) = pixels_of(text)?;
        Some(Self { text, width, height })
    }

    fn ratio(&self) -> f64 {
        f64::from(self.width) / f64::from(self.height)
    }

    fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The size name it counts as.
    fn class(&self) -> &'static str {
        let far = |name: &&str| apart(self.area() as f64, area_of(name).unwrap_or(1) as f64);
        CLASSES.into_iter().min_by(|one, other| far(one).total_cmp(&far(other))).unwrap_or("1K")
    }

    fn choice(&self) -> SizeChoice {
        SizeChoice { size: Some(self.text.to_owned()), aspect_ratio: None, pixels: Some(self.area()) }
    }
}

/// The entry nearest to a ratio and an area; the ratio weighs more.
fn nearest<'e, 'a>(entries: &'e [Entry<'a>], ratio: f64, area: u64) -> Option<&'e Entry<'a>> {
    let far = |entry: &Entry<'_>| 4.0 * apart(entry.ratio(), ratio) + apart(entry.area() as f64, area as f64);
    entries.iter().min_by(|one, other| far(one).total_cmp(&far(other)))
}

fn target_area(size: Option<&Wanted>) -> u64 {
    match size {
        Some(Wanted::Pixels(width, height)) => u64::from(*width) * u64::from(*height),
        Some(Wanted::Name(name)) => area_of(name).unwrap_or(1 << 20),
        _ => 1 << 20,
    }
}

/// The ratio that is wanted: named, or that of the pixels, or a square.
fn target_ratio(ratio: Option<f64>, size: Option<&Wanted>) -> f64 {
    match (ratio, size) {
        (Some(ratio), _) => ratio,
        (None, Some(Wanted::Pixels(width, height))) => f64::from(*width) / f64::from(*height),
        _ => 1.0,
    }
}

/// A fixed list.
pub(super) fn list(sizes: &[String], ratio: Option<f64>, size: Option<&Wanted>) -> Resolved {
    let entries: Vec<Entry<'_>> = sizes.iter().filter_map(|size| Entry::of(size)).collect();
    let refuse = |option, ratio: Option<f64>, size: Option<&Wanted>| {
        let near = nearest(&entries, target_ratio(ratio, size), target_area(size)).map(Entry::choice);
        let nearest = near.unwrap_or_else(|| SizeChoice { size: sizes.first().cloned(), ..SizeChoice::default() });
        Err(SizeRefusal { option, reason: format!("it takes {}", sizes.join(", ")), nearest })
    };
    let literal = |text: &str| sizes.iter().find(|size| size.eq_ignore_ascii_case(text));
    let found = match size {
        Some(Wanted::Auto) | None if ratio.is_none() => {
            let auto = literal("auto");
            return match auto {
                Some(auto) => Ok(SizeChoice { size: Some(auto.clone()), ..SizeChoice::default() }),
                // `aspect_ratio = "auto"` alone asks for nothing.
                None if size.is_none() => Ok(SizeChoice::default()),
                None => refuse("size", None, None),
            };
        }
        Some(Wanted::Pixels(width, height)) => {
            entries.iter().find(|entry| (entry.width, entry.height) == (*width, *height))
        }
        Some(Wanted::Other(text)) => match literal(text) {
            Some(text) if ratio.is_none() => {
                return Ok(SizeChoice { size: Some(text.clone()), ..SizeChoice::default() });
            }
            _ => None,
        },
        Some(Wanted::Name(name)) => {
            let mut fitting = entries.iter().filter(|entry| entry.class() == name);
            let wanted = ratio.unwrap_or(1.0);
            fitting.find(|entry| same_ratio(entry.ratio(), wanted))
        }
        Some(Wanted::Auto) | None => entries.iter().find(|entry| same_ratio(entry.ratio(), ratio.unwrap_or(1.0))),
    };
    match found {
        Some(entry) if ratio.is_none_or(|ratio| same_ratio(entry.ratio(), ratio)) => Ok(entry.choice()),
        Some(_) => refuse("aspect_ratio", ratio, size),
        None => refuse(if size.is_some() { "size" } else { "aspect_ratio" }, ratio, size),
    }
}

/// Pixels by size name and ratio.
pub(super) fn buckets(
    default: &str,
    sizes: &BTreeMap<String, BTreeMap<String, String>>,
    ratio: Option<f64>,
    size: Option<&Wanted>,
) -> Resolved {
    let entries: Vec<Entry<'_>> = sizes.values().flatten().filter_map(|(_, size)| Entry::of(size)).collect();
    let wanted = target_ratio(ratio, size);
    let refuse = |option, reason: String, area: u64| {
        let nearest = nearest(&entries, wanted, area).map(Entry::choice).unwrap_or_default();
        Err(SizeRefusal { option, reason, nearest })
    };
    let area = match size {
        None | Some(Wanted::Auto) => area_of(default).unwrap_or(1 << 20),
        given => target_area(given),
    };
    let name = match size {
        Some(Wanted::Auto) | None if ratio.is_none() => return Ok(SizeChoice::default()),
        Some(Wanted::Auto) | None => default,
        Some(Wanted::Name(name)) => name,
        Some(Wanted::Pixels(width, height)) => {
            let found = entries.iter().find(|entry| (entry.width, entry.height) == (*width, *height));
            return match found {
                Some(entry) if ratio.is_none_or(|ratio| same_ratio(entry.ratio(), ratio)) => Ok(entry.choice()),
                Some(_) => refuse("aspect_ratio", "size and aspect_ratio say different things".into(), area),
                None => refuse("size", "it has fixed pixel sizes".into(), area),
            };
        }
        Some(Wanted::Other(_)) => return refuse("size", format!("it takes {}", names_of(sizes)), area),
    };
    let Some(of_name) = sizes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, of_name)| of_name)
    else {
        return refuse("size", format!("it takes {}", names_of(sizes)), area);
    };
    let near = of_name.iter().find(|(ratio, _)| ratio_of(ratio).is_some_and(|ratio| same_ratio(ratio, wanted)));
    if let Some(entry) = near.and_then(|(_, size)| Entry::of(size)) {
        return Ok(entry.choice());
    }
    let ratios = of_name.keys().cloned().collect::<Vec<_>>().join(", ");
    refuse("aspect_ratio", format!("it takes {ratios}"), area)
}

fn names_of<T>(sizes: &BTreeMap<String, T>) -> String {
    sizes.keys().cloned().collect::<Vec<_>>().join(", ")
}

/// A ratio and a size name as they are.
pub(super) fn names(
    ratios: &[String],
    sizes: &[String],
    sends_size: bool,
    ratio_text: Option<&str>,
    ratio: Option<f64>,
    size: Option<&Wanted>,
) -> Resolved {
    let nearest_ratio = |wanted: f64| {
        let far = |text: &&String| ratio_of(text).map_or(f64::MAX, |known| apart(known, wanted));
        ratios.iter().min_by(|one, other| far(one).total_cmp(&far(other))).cloned()
    };
    let nearest_size = |area: u64| {
        let far = |text: &&String| area_of(text).map_or(f64::MAX, |known| apart(known as f64, area as f64));
        sizes.iter().min_by(|one, other| far(one).total_cmp(&far(other))).cloned()
    };
    let choice = |ratio: Option<String>, size: Option<String>| {
        let pixels = size.as_ref().or(sizes.first()).and_then(|size| area_of(size));
        SizeChoice { aspect_ratio: ratio, size: size.filter(|_| sends_size), pixels }
    };
    let literal = ratio_text.and_then(|text| ratios.iter().find(|known| known.eq_ignore_ascii_case(text)));
    let near =
        |wanted: f64| ratios.iter().find(|known| ratio_of(known).is_some_and(|known| (known - wanted).abs() < 1e-3));
    let ratio_sent = literal.or_else(|| near(ratio?)).cloned();
    if let (None, Some(wanted)) = (&ratio_sent, ratio) {
        let size_near = size.and_then(|size| nearest_size(target_area(Some(size))));
        let nearest = choice(nearest_ratio(wanted), size_near);
        return Err(SizeRefusal { option: "aspect_ratio", reason: format!("it takes {}", ratios.join(", ")), nearest });
    }
    let reason = match size {
        None | Some(Wanted::Auto) => return Ok(choice(ratio_sent, None)),
        Some(Wanted::Name(name)) => match sizes.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            Some(known) => return Ok(choice(ratio_sent, Some(known.clone()))),
            None => format!("it takes {}", sizes.join(", ")),
        },
        Some(Wanted::Pixels(..)) => "it takes a size by name and chooses the pixels itself".to_owned(),
        Some(Wanted::Other(_)) => format!("it takes {}", sizes.join(", ")),
    };
    let wanted = target_ratio(ratio, size);
    let nearest = choice(ratio_sent.or_else(|| nearest_ratio(wanted)), nearest_size(target_area(size)));
    Err(SizeRefusal { option: "size", reason, nearest })
}

impl PixelRule {
    /// Any pixels within bounds.
    pub(super) fn resolve(&self, ratio: Option<f64>, size: Option<&Wanted>) -> Resolved {
        let name = match size {
            Some(Wanted::Auto) | None if ratio.is_none() => {
                return match size {
                    Some(_) if !self.auto => Err(self.refusal("size", "it has no automatic size".into(), 1.0, None)),
                    Some(_) => Ok(SizeChoice { size: Some("auto".into()), ..SizeChoice::default() }),
                    None => Ok(SizeChoice::default()),
                };
            }
            Some(Wanted::Pixels(width, height)) => return self.pixels(*width, *height, ratio),
            Some(Wanted::Auto) | None => self.default.as_str(),
            Some(Wanted::Name(name)) => name,
            Some(Wanted::Other(_)) => {
                return Err(self.refusal("size", self.takes(), ratio.unwrap_or(1.0), None));
            }
        };
        let Some((name, area)) = self.names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
            let area = area_of(name);
            return Err(self.refusal("size", self.takes(), ratio.unwrap_or(1.0), area));
        };
        let Some(ratio) = ratio else {
            if self.sends_names {
                return Ok(SizeChoice { size: Some(name.clone()), aspect_ratio: None, pixels: Some(*area) });
            }
            return Ok(in_pixels(self.fit(1.0, *area)));
        };
        let wanted = self.round(ratio, *area, f64::round);
        let fitted = self.fit(ratio, *area);
        if let Some((option, reason)) = self.broken(wanted).filter(|(option, _)| *option != "area") {
            let (width, height) = wanted;
            let reason = format!("{name} would be {width}x{height}, and {reason}");
            return Err(SizeRefusal { option, reason, nearest: in_pixels(fitted) });
        }
        Ok(in_pixels(fitted))
    }

    fn pixels(&self, width: u32, height: u32, ratio: Option<f64>) -> Resolved {
        let own = f64::from(width) / f64::from(height);
        let area = u64::from(width) * u64::from(height);
        if let Some((option, reason)) = self.broken((width, height)) {
            let option = if option == "area" { "size" } else { option };
            return Err(self.refusal(option, reason, ratio.unwrap_or(own), Some(area)));
        }
        if ratio.is_some_and(|ratio| !same_ratio(own, ratio)) {
            let reason = "size and aspect_ratio say different things".to_owned();
            return Err(self.refusal("aspect_ratio", reason, ratio.unwrap_or(own), Some(area)));
        }
        Ok(in_pixels((width, height)))
    }

    fn takes(&self) -> String {
        format!("it takes {} and sizes in pixels", names_of(&self.names))
    }

    fn refusal(&self, option: &'static str, reason: String, ratio: f64, area: Option<u64>) -> SizeRefusal {
        let area = area.or_else(|| self.names.get(&self.default).copied()).unwrap_or(1 << 20);
        SizeRefusal { option, reason, nearest: in_pixels(self.fit(ratio, area)) }
    }

    /// The grid that named sizes are rounded to. Models without a multiple of their own get one that encoders like.
    fn grid(&self) -> u32 {
        if self.multiple_of > 1 { self.multiple_of } else { 16 }
    }

    fn round(&self, ratio: f64, area: u64, how: fn(f64) -> f64) -> (u32, u32) {
        let grid = f64::from(self.grid());
        let edge = |exact: f64| (how(exact / grid).max(1.0) * grid) as u32;
        let area = area as f64;
        (edge((area * ratio).sqrt()), edge((area / ratio).sqrt()))
    }

    /// Which bound a size breaks, as the option in the way and words; `area` for rounding over or under by a hair.
    fn broken(&self, (width, height): (u32, u32)) -> Option<(&'static str, String)> {
        let (long, short) = (width.max(height), width.min(height));
        let area = u64::from(width) * u64::from(height);
        if f64::from(long) / f64::from(short) > self.max_ratio {
            let most = self.max_ratio;
            return Some(("aspect_ratio", format!("the ratio may be {most}:1 at most")));
        }
        if let Some(most) = self.max_edge.filter(|most| long > *most) {
            return Some(("size", format!("the longest edge is {most}")));
        }
        if !width.is_multiple_of(self.multiple_of) || !height.is_multiple_of(self.multiple_of) {
            return Some(("size", format!("both edges must be multiples of {}", self.multiple_of)));
        }
        if area < self.min_pixels {
            return Some(("area", format!("it needs at least {} pixels", self.min_pixels)));
        }
        (area > self.max_pixels).then(|| ("area", format!("it takes at most {} pixels", self.max_pixels)))
    }

    /// The size within all bounds that is nearest to a ratio and an area.
    fn fit(&self, ratio: f64, area: u64) -> (u32, u32) {
        let ratio = ratio.clamp(1.0 / self.max_ratio, self.max_ratio);
        let mut area = area.clamp(self.min_pixels, self.max_pixels);
        if let Some(most) = self.max_edge {
            let stretch = ratio.max(1.0 / ratio);
            area = area.min((f64::from(most).powi(2) / stretch) as u64);
        }
        let roundings: [fn(f64) -> f64; 3] = [f64::round, f64::floor, f64::ceil];
        // Rounding to the grid may push an outermost ratio over its bound: then a little less of it.
        let ratios = [ratio, if ratio > 1.0 { ratio * 0.98 } else { ratio / 0.98 }];
        ratios
            .into_iter()
            .flat_map(|ratio| roundings.map(|how| self.round(ratio, area, how)))
            .find(|size| self.broken(*size).is_none())
            .unwrap_or_else(|| self.round(ratio, area, f64::floor))
    }
}

fn in_pixels((width, height): (u32, u32)) -> SizeChoice {
    let pixels = u64::from(width) * u64::from(height);
    SizeChoice { size: Some(format!("{width}x{height}")), aspect_ratio: None, pixels: Some(pixels) }
}
