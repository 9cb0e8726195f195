//! Critiques of pictures, for requests whose schema asks for one: in both languages, as long as the schema says, over its own
//! dimensions, another one for each picture. It must not know protocols, nor what a picture shows.

use imagemill_domain::critique::{ONCE_MORE, SENT_BACK};
use serde_json::{Map, Value, json};

use crate::scenario::CritiqueFaults;

/// Words that no schema of another kind has.
const MEMBERS: [&str; 3] = ["critique_zh", "critique_en", "covered_dimensions"];
/// Texts are this much longer than the schema says.
const ROOM: f64 = 1.35;
/// Letters and words where it does not say.
const USUAL: [usize; 2] = [220, 130];

const PLACES: [(&str, &str); 12] = [
    ("upper left", "左上"),
    ("upper middle", "上方正中"),
    ("upper right", "右上"),
    ("left margin", "左侧边缘"),
    ("very centre", "画面中心"),
    ("right margin", "右侧边缘"),
    ("lower left", "左下"),
    ("foreground", "近景"),
    ("lower right", "右下"),
    ("middle distance", "中景"),
    ("far distance", "远景"),
    ("border of the ground", "地子边沿"),
];
const THINGS: [(&str, &str); 16] = [
    ("a band of warm colour", "一带暖色"),
    ("an open shape without outline", "一处无轮廓的开放形体"),
    ("a row of short parallel strokes", "一排平行短笔"),
    ("a dark mass with a ragged edge", "一团边缘参差的暗块"),
    ("a pale field left almost bare", "一片近乎留空的浅地"),
    ("a diagonal that climbs to the corner", "一道通向画角的斜线"),
    ("a cluster of small round marks", "一簇细小的圆点"),
    ("a figure reduced to its contour", "一个只剩轮廓的形象"),
    ("a repeated motif of two units", "一组成对重复的纹样"),
    ("a vertical that holds the whole", "一条统领全局的竖线"),
    ("a stain that has sunk into the support", "一片渗入底材的痕迹"),
    ("a bright accent beside a dull one", "一处明色与暗色相邻"),
    ("a curve that turns back on itself", "一条回环的曲线"),
    ("a step from light to dark", "一段由明入暗的过渡"),
    ("a break in the regular pattern", "规整图案中的一处中断"),
    ("a thin line that was drawn last", "一根最后落下的细线"),
];
const MANNERS: [(&str, &str); 12] = [
    ("a loaded and hurried brush", "饱蘸疾行之笔"),
    ("thin layers that were allowed to dry", "待干再敷的薄层"),
    ("an even and patient pressure", "均匀而耐心的力度"),
    ("broken touches over a toned ground", "有色底上的断续笔触"),
    ("a dry edge that catches the grain", "擦出纹理的干笔边"),
    ("a single movement without correction", "一气呵成未加修改的一笔"),
    ("opaque colour over transparent colour", "透明色上加不透明色"),
    ("a ruler or some other guide", "界尺一类的辅助"),
    ("wet passages that run together", "互相渗化的湿笔"),
    ("small corrections that remain visible", "仍可辨认的细小修改"),
    ("strong contrast against its neighbour", "与邻近处的强烈对比"),
    ("half tones that hardly differ", "几乎不分的中间调子"),
];
const EFFECTS: [(&str, &str); 14] = [
    ("ties the two halves together", "使两半相连"),
    ("slows the eye before it moves on", "令目光稍作停留"),
    ("opens a depth that the ground denies", "在平面上打开纵深"),
    ("answers the motif on the other side", "与另一侧的母题呼应"),
    ("gives the weight that the rest avoids", "给出别处回避的分量"),
    ("keeps the surface present as surface", "提示画面仍是平面"),
    ("makes the quiet part speak", "让静处有所言说"),
    ("recalls a convention without repeating it", "援引成法而不重复"),
    ("leaves open which came first", "先后次序留待判断"),
    ("points to how the object was used", "指向器物原来的用途"),
    ("sets a rhythm of three against two", "形成三对二的节奏"),
    ("supports a reading as a seasonal image", "支持将其读作时令之象"),
    ("asks to be read from right to left", "要求自右向左观看"),
    ("brings order and chance into one frame", "把秩序与偶然并置"),
];
const FORMS: [(&str, &str, &str); 6] = [
    ("hanging scroll", "literati manner", "ink on paper"),
    ("album leaf", "court style", "ink and colour on silk"),
    ("wall painting", "workshop tradition", "mineral pigments on plaster"),
    ("panel", "academic manner", "oil on wood"),
    ("print", "popular imagery", "woodblock, ink and colour"),
    ("miniature", "manuscript school", "opaque watercolour on paper"),
];

/// Whether a schema asks for a critique.
pub(crate) fn is_asked(schema: &Value) -> bool {
    MEMBERS.iter().all(|name| schema["properties"].get(name).is_some())
}

/// The critique of `picture` that the schema asks for. A share of pictures gets one that falls short, and some of these again when
/// it is sent back.
pub(crate) fn of(schema: &Value, picture: &[u8], prompt: &str, seed: u64, faults: CritiqueFaults) -> Value {
    let mut chance = Chance::of(picture, seed);
    let share = chance.share();
    let (again, once_more) = (prompt.contains(SENT_BACK), prompt.contains(ONCE_MORE));
    let below = |more: f64| share < faults.hopeless + more;
    let weak = below(0.0) || (below(faults.stubborn) && !once_more) || (below(faults.stubborn + faults.weak) && !again);
    // Another answer than before, as from a model.
    let mut chance = Chance(chance.next() ^ u64::from(again) ^ (u64::from(once_more) << 1));
    let mut answer = whole(schema, &mut chance);
    if weak {
        spoil(&mut answer, chance.below(4));
    }
    answer
}

fn whole(schema: &Value, chance: &mut Chance) -> Value {
    let members = &schema["properties"];
    let least = |name: &str| number_in(members[name]["description"].as_str().unwrap_or_default());
    let [zh, en] = [("critique_zh", USUAL[0]), ("critique_en", USUAL[1])]
        .map(|(name, usual)| (least(name).max(usual) as f64 * ROOM) as usize);
    let (critique_zh, critique_en) = texts(chance, zh, en);
    let ids: Vec<&str> = members["covered_dimensions"]["items"]["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let scores: Map<String, Value> = members["scores"]["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .map(|layer| (layer.clone(), json!(52 + chance.below(46))))
        .collect();
    let (form, style, medium) = FORMS[chance.below(FORMS.len())];
    json!({
        "critique_zh": critique_zh,
        "critique_en": critique_en,
        "covered_dimensions": covered(&ids, least("covered_dimensions"), chance),
        "scores": scores,
        "art_form": form,
        "art_style": style,
        "medium": medium,
    })
}

/// The same claims in both languages, until both texts are long enough.
fn texts(chance: &mut Chance, letters: usize, words: usize) -> (String, String) {
    let (mut zh, mut en) = (String::new(), String::new());
    while zh.chars().count() < letters || en.split(' ').count() < words {
        let (place, thing) = (PLACES[chance.below(PLACES.len())], THINGS[chance.below(THINGS.len())]);
        let (manner, effect) = (MANNERS[chance.below(MANNERS.len())], EFFECTS[chance.below(EFFECTS.len())]);
        let (across, down) = (3 + chance.below(95), 3 + chance.below(95));
        let (chinese, english) = match chance.below(3) {
            0 => (
                format!("{}距左缘{across}分、距上缘{down}分处，以{}写出{}，{}。", place.1, manner.1, thing.1, effect.1),
                format!(
                    "In the {}, {across} parts across and {down} down, {} is set with {}, and it {}. ",
                    place.0, thing.0, manner.0, effect.0
                ),
            ),
            1 => (
                format!("{}见于{}，横{across}纵{down}，用的是{}，{}。", thing.1, place.1, manner.1, effect.1),
                format!(
                    "One sees {} at {across} by {down} of the {}, comes to it through {} and finds that it {}. ",
                    thing.0, place.0, manner.0, effect.0
                ),
            ),
            _ => (
                format!("由{}可知，{}（{across}，{down}）处的{}并非偶然，它{}。", manner.1, place.1, thing.1, effect.1),
                format!(
                    "That {} at the {} ({across}, {down}) is no accident is clear from {}: it {}. ",
                    thing.0, place.0, manner.0, effect.0
                ),
            ),
        };
        zh += &chinese;
        en += &english;
    }
    (zh, en.trim_end().to_owned())
}

/// Most of the ids; never fewer than `least`, and something of each layer.
fn covered(ids: &[&str], least: usize, chance: &mut Chance) -> Vec<String> {
    let layer = |id: &str| id.split('_').nth(1).unwrap_or_default().to_owned();
    let mut kept: Vec<&str> = ids.to_vec();
    for _ in 0..4 {
        if kept.len() <= least.max(1) {
            break;
        }
        let at = chance.below(kept.len());
        if kept.iter().filter(|id| layer(id) == layer(kept[at])).count() > 1 {
            kept.remove(at);
        }
    }
    kept.into_iter().map(str::to_owned).collect()
}

/// One of the ways in which critiques fall short.
fn spoil(answer: &mut Value, way: usize) {
    let [zh, en] = ["critique_zh", "critique_en"].map(|name| answer[name].as_str().unwrap_or_default().to_owned());
    let (name, text) = match way {
        0 => ("critique_zh", zh.chars().take(60).collect()),
        1 => ("critique_en", en.split(' ').take(30).collect::<Vec<_>>().join(" ")),
        2 => {
            if let Some(ids) = answer["covered_dimensions"].as_array_mut() {
                ids.truncate(5);
            }
            return;
        }
        _ => ("critique_zh", en),
    };
    answer[name] = text.into();
}

/// The first number in a text, 0 without one.
fn number_in(text: &str) -> usize {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(0)
}

fn first_eight(picture: &[u8]) -> u64 {
    let hash = blake3::hash(picture);
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("eight bytes"))
}

/// SplitMix64.
pub(super) struct Chance(u64);

impl Chance {
    /// The chance of a picture.
    pub(super) fn of(picture: &[u8], seed: u64) -> Self {
        Self(seed ^ first_eight(picture))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    pub(super) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use imagemill_domain::critique::{Commission, Gate, Rubric, check, read};

    use super::*;

    fn commission(rubric: &str, gate: &str) -> Commission {
        Commission {
            collection: rubric.into(),
            rubric: Rubric::shipped(rubric).unwrap(),
            gate_name: gate.into(),
            gate: Gate::shipped(gate).unwrap(),
            look: false,
        }
    }

    #[test]
    fn critiques_of_many_pictures_pass_the_strict_gate_together() {
        for rubric in Rubric::names() {
            let commission = commission(rubric, "strict");
            let schema = commission.schema();
            assert!(is_asked(&schema) && !is_asked(&json!({"properties": {"critique_zh": {}}})));
            let rows: Vec<Value> = (0..300_u32)
                .map(|at| of(&schema, &at.to_le_bytes(), "", 1, CritiqueFaults::default()))
                .enumerate()
                .map(|(at, answer)| Value::Object(commission.row(&format!("{rubric}/{at}.jpg"), &answer)))
                .collect();
            let outcome = check(&read("all", &json!(rows).to_string()), &commission.rubric, &commission.gate, None);
            assert_eq!((outcome.rows, outcome.failed), (300, 0), "{rubric}: {:?}", outcome.findings.first());
        }
    }

    #[test]
    fn a_weak_answer_is_mended_when_it_comes_back_and_a_hopeless_one_is_not() {
        let commission = commission("korean", "strict");
        let (schema, back) = (commission.schema(), commission.again(&json!({}), &[]));
        let failed = |faults: CritiqueFaults, prompt: &str| {
            let bad = |at: &u32| {
                let answer = of(&schema, &at.to_le_bytes(), prompt, 7, faults);
                !commission.faults(&commission.row("korean/a.jpg", &answer)).is_empty()
            };
            (0..200_u32).filter(bad).count()
        };
        let weak = CritiqueFaults { weak: 0.2, ..CritiqueFaults::default() };
        assert!((20..60).contains(&failed(weak, "")), "{}", failed(weak, ""));
        assert_eq!(failed(weak, &back), 0);
        let stubborn = CritiqueFaults { stubborn: 0.2, ..CritiqueFaults::default() };
        assert_eq!(failed(stubborn, ""), failed(stubborn, &back), "it is not mended when it comes back");
        assert_eq!(failed(stubborn, &commission.once_more(&json!({}), &[])), 0, "but when it is asked for anew");
        let hopeless = CritiqueFaults { hopeless: 0.2, ..CritiqueFaults::default() };
        assert_eq!(failed(hopeless, ""), failed(hopeless, &back));
        assert!(failed(hopeless, "") > 0);
    }
}
