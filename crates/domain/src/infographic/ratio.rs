//! From the words of a request to the ratio of its picture, by one ordered table: named, orientation, scene, else 16:9.

use serde::{Deserialize, Serialize};

/// The ratios that there are.
pub const RATIOS: [&str; 11] = ["2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "1:1", "16:9", "9:16", "21:9", "9:21"];

/// A ratio and why it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inferred {
    /// One of [`RATIOS`].
    pub ratio: String,
    /// The words that decided; empty when nothing did.
    pub because: String,
}

/// A ratio that follows from one of these words, where one of the second list stands beside it (an empty list asks for none).
type Cue = (&'static str, &'static [&'static str], &'static [&'static str]);

const UPRIGHT: &[&str] = &[
    "portrait orientation",
    "portrait format",
    "portrait mode",
    "portrait layout",
    "in portrait",
    "portrait infographic",
    "portrait poster",
    "vertical format",
    "vertical layout",
    "vertical infographic",
    "vertical poster",
    "upright",
    "竖屏",
    "竖版",
    "竖向",
    "纵向",
];
const LEVEL: &[&str] = &[
    "landscape orientation",
    "landscape format",
    "landscape mode",
    "landscape layout",
    "in landscape",
    "landscape infographic",
    "horizontal format",
    "horizontal layout",
    "horizontal infographic",
    "横屏",
    "横版",
    "横向",
];
const SQUARE: &[&str] = &[
    "square format",
    "square infographic",
    "square image",
    "square picture",
    "square post",
    "square cover",
    "in a square",
    "方形",
    "正方形",
    "方图",
];

/// Orientation first, with what makes it another ratio than the usual one; then scenes. The first row that fits counts.
const CUES: [Cue; 22] = [
    ("2:3", UPRIGHT, &["print", "book", "印刷", "书"]),
    ("3:4", UPRIGHT, &["magazine", "editorial", "article", "杂志", "文章"]),
    ("4:5", UPRIGHT, &["card", "feed", "卡片", "商品"]),
    ("9:16", UPRIGHT, &[]),
    ("4:3", LEVEL, &["slide", "classroom", "幻灯片", "课件"]),
    ("3:2", LEVEL, &["photo", "postcard", "照片", "明信片"]),
    ("5:4", LEVEL, &["card", "卡片"]),
    ("21:9", LEVEL, &["banner", "cinematic", "film", "横幅", "电影"]),
    ("16:9", LEVEL, &[]),
    ("1:1", SQUARE, &[]),
    ("9:21", &["extra-tall", "very tall", "超长图", "长图"], &[]),
    (
        "9:16",
        &[
            "lock screen",
            "lock-screen",
            "phone wallpaper",
            "stories",
            "short video",
            "vertical video",
            "锁屏",
            "手机壁纸",
            "短视频",
            "抖音",
        ],
        &[],
    ),
    (
        "2:3",
        &[
            "print poster",
            "poster for print",
            "printed poster",
            "book cover",
            "cover of a book",
            "single upright page",
            "印刷海报",
            "书籍封面",
            "海报",
        ],
        &[],
    ),
    (
        "3:4",
        &[
            "magazine page",
            "magazine style",
            "article illustration",
            "illustration for an article",
            "小红书",
            "杂志",
            "文章插图",
        ],
        &[],
    ),
    ("4:5", &["social feed", "instagram post", "feed post", "product card", "朋友圈", "商品卡"], &[]),
    ("1:1", &["profile picture", "avatar", "app icon", "logo", "头像", "图标"], &[]),
    ("4:3", &["slide", "dashboard", "classroom chart", "课件", "幻灯片", "仪表盘", "看板"], &[]),
    ("3:2", &["postcard", "brochure", "landscape photo", "明信片", "宣传册"], &[]),
    ("5:4", &["comparison board", "compact panel", "对比板"], &[]),
    (
        "21:9",
        &["panorama", "panoramic", "cinematic banner", "film-like", "very wide", "全景", "超宽", "电影感横幅"],
        &[],
    ),
    ("16:9", &["keynote", "landing page", "wide banner", "wide infographic", "横幅", "首屏"], &[]),
    ("16:9", &[], &[]),
];

/// Words that make a ratio beside them one of the picture.
const BEFORE: [&str; 5] = ["aspect ratio", "宽高比", "画面比例", "比例", "ratio"];
const BEHIND: [&str; 6] = ["format", "aspect", "ratio", "canvas", "画幅", "比例"];

/// The ratio of a request, from its own words (and never from a prompt that a model made of them).
pub fn infer_ratio(request: &str) -> Inferred {
    let text = request.to_lowercase().replace('：', ":");
    if let Some(inferred) = named(&text) {
        return inferred;
    }
    for (ratio, words, beside) in CUES {
        let found = words.iter().find(|word| contains_word(&text, word));
        let near = beside.iter().find(|word| contains_word(&text, word));
        if (found.is_none() && !words.is_empty()) || (near.is_none() && !beside.is_empty()) {
            continue;
        }
        let because = found.into_iter().chain(near).copied().collect::<Vec<_>>().join(", ");
        return Inferred { ratio: ratio.to_owned(), because };
    }
    Inferred { ratio: "16:9".to_owned(), because: String::new() }
}

fn named(text: &str) -> Option<Inferred> {
    for ratio in RATIOS {
        for (at, _) in text.match_indices(ratio) {
            let (before, behind) = (&text[..at], &text[at + ratio.len()..]);
            let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit() || c == ':');
            if digit(before.chars().next_back()) || digit(behind.chars().next()) {
                continue;
            }
            let before = before.trim_end_matches([' ', ':', '=', '为', '是']);
            let behind = behind.trim_start_matches([' ', '-', '的']);
            let word = BEFORE.into_iter().find(|word| before.ends_with(word));
            if let Some(word) = word.or_else(|| BEHIND.into_iter().find(|word| behind.starts_with(word))) {
                return Some(Inferred { ratio: ratio.to_owned(), because: format!("{word}, {ratio}") });
            }
        }
    }
    None
}

/// Whether a word stands in the text; one of Latin letters as a word of its own.
fn contains_word(text: &str, word: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        let behind = text[at + word.len()..].trim_start_matches('s');
        !word.is_ascii() || (!letter(text[..at].chars().next_back()) && !letter(behind.chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_followed_from_the_top() {
        for (request, ratio) in [
            ("How bees make honey", "16:9"),
            ("Portrait of a beekeeper's year", "16:9"),
            ("Landscape architecture in ten terms", "16:9"),
            ("The bee year in portrait orientation", "9:16"),
            ("A portrait poster on bees, for print", "2:3"),
            ("蜜蜂的一年，竖屏", "9:16"),
            ("竖版杂志页：蜜蜂", "3:4"),
            ("横屏幻灯片：蜜蜂", "4:3"),
            ("bees, aspect ratio 3:4 please", "3:4"),
            ("A 21:9 format of the bee year", "21:9"),
            ("Our team won 4:3 against the bees", "16:9"),
            ("Meet at 12:16:9", "16:9"),
            ("A slide on bees", "4:3"),
            ("Slides on bees", "4:3"),
            ("Landslides explained", "16:9"),
            ("a logo for beekeepers", "1:1"),
            ("A panorama banner of the hive", "21:9"),
            ("印刷海报：蜜蜂", "2:3"),
            ("画面比例为 4:5，蜜蜂", "4:5"),
        ] {
            assert_eq!(infer_ratio(request).ratio, ratio, "{request}: {:?}", infer_ratio(request));
        }
        assert_eq!(infer_ratio("A slide on bees").because, "slide");
        assert_eq!(infer_ratio("bees").because, "");
    }

    #[test]
    fn every_ratio_can_be_inferred() {
        for ratio in RATIOS {
            assert!(CUES.iter().any(|(named, ..)| *named == ratio), "{ratio}");
            assert_eq!(infer_ratio(&format!("bees, aspect ratio {ratio}")).ratio, ratio);
        }
        assert!(CUES.iter().all(|(ratio, ..)| RATIOS.contains(ratio)));
    }
}
