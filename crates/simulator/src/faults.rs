//! The model names and what each does. A name is one word or several joined by `+` (`delay:200+sse-url`). It must not know
//! how an answer is written.

use crate::picture::Kind;

/// Models that behave, as `/models` lists them.
pub const NORMAL_MODELS: [&str; 16] = [
    "sim-image",
    "sim-image-edit",
    "sim-chat",
    "sim-text",
    "gpt-image-1",
    "gpt-image-1-mini",
    "gpt-image-1.5",
    "gpt-image-2",
    "chatgpt-image-latest",
    "gpt-4o",
    "gpt-4.1-mini",
    "gpt-5",
    "grok-imagine-image",
    "grok-imagine-image-edit",
    "grok-imagine-1.0",
    "grok-imagine-1.0-edit",
];

/// Names that misbehave, or answer in one particular shape whatever the endpoint, and what they do.
pub const FAULT_MODELS: [(&str, &str); 59] = [
    ("sse-b64", "chat stream, the picture as one data URL in one piece"),
    ("sse-b64-split:N", "the same in pieces of N characters"),
    ("sse-b64-mime:TYPE", "the same under another media type; image/jpeg also gives a JPEG"),
    ("sse-two-adjacent", "chat stream, two data URLs with nothing between them"),
    ("sse-two-newline", "chat stream, two data URLs with an empty line between them"),
    ("sse-url", "chat stream, a markdown link"),
    ("sse-url-noext", "chat stream, a bare link that does not look like a picture's"),
    ("sse-nel-nocharset", "chat stream without charset and with bytes that Latin-1 readers split at"),
    ("sse-reasoning", "chat stream, progress in reasoning_content first"),
    ("sse-noblank", "chat stream without empty lines between events"),
    ("ndjson-done", "one JSON object per line and [DONE], no event stream"),
    ("sse-error-event", "chat stream that ends with an error event"),
    ("sse-cut", "chat stream that breaks off inside the picture"),
    ("sse-delta-images", "chat stream, the picture in delta.images"),
    ("sse-think", "chat stream, a draft picture inside <think>, then the picture"),
    ("json-think", "the same as one JSON answer"),
    ("img-sse", "images stream, a partial picture and the completed one"),
    ("json-b64", "chat answer, a markdown data URL"),
    ("json-raw-b64-content", "chat answer, bare base64 as content"),
    ("json-url", "chat answer, a markdown link"),
    ("images-b64", "images answer with b64_json"),
    ("images-url", "images answer with url"),
    ("resp-json", "Responses answer, a markdown data URL as text"),
    ("resp-igc", "Responses answer with an image_generation_call"),
    ("resp-sse", "Responses stream, a markdown data URL as text"),
    ("err:CODE", "this HTTP status; 429 and 503 with Retry-After: 2"),
    ("flaky:N", "500 the first N times a request comes, then well"),
    ("hang:S", "the picture is made, the answer comes S seconds later"),
    ("slow-download:S", "a link whose download rests S seconds half-way"),
    ("redirect:N", "a link that redirects N times"),
    ("bad-link", "a link to nothing"),
    ("expired-link", "a link that is not valid any more (403)"),
    ("html", "an HTML page with status 200"),
    ("text", "words and no picture"),
    ("drip:N", "a comment a second for N seconds before the answer"),
    ("moved:1", "a 307 redirect to this server first"),
    ("delay:MS", "the picture takes MS milliseconds"),
    ("refuse", "refused for its content"),
    ("wrong-mime", "a JPEG that is called a PNG"),
    ("huge:MB", "an answer of MB megabytes"),
    ("n-1", "one picture less than asked for"),
    ("blank", "one flat colour"),
    ("broken-picture", "a picture that ends in the middle"),
    ("bomb", "a small file that claims 50,000×50,000 pixels"),
    ("deep-json", "JSON of 1,000 nested levels"),
    ("endless-line", "an event stream with one line that never ends"),
    ("cut", "the answer breaks off in the middle, whatever its shape"),
    ("link", "links, whatever the request says"),
    ("size:WxH", "this size, whatever the request says"),
    ("truncated", "words that are cut at the token limit"),
    ("filtered", "words that the content filter stops, charged"),
    ("empty", "no words at all, charged"),
    ("think", "words behind thoughts in <think>"),
    ("bad-json:N", "JSON that breaks its schema the first N times in a conversation, then well"),
    ("nsfw", "queues only: made, billed and flagged"),
    ("job-fails", "queues only: taken, and ends without a picture"),
    ("lost-job", "queues only: taken and billed, and nobody knows it when asked"),
    ("ask-err:N", "queues only: 500 to the first N questions"),
    ("stuck", "queues only: taken and billed, and never done"),
];

/// A shape of answer that does not depend on the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    SseB64,
    SseB64Split(usize),
    SseB64Mime(String),
    SseTwoAdjacent,
    SseTwoNewline,
    SseUrl,
    SseUrlNoext,
    SseNelNocharset,
    SseReasoning,
    SseNoblank,
    NdjsonDone,
    SseErrorEvent,
    SseCut,
    SseDeltaImages,
    SseThink,
    JsonThink,
    ImgSse,
    JsonB64,
    JsonRawB64Content,
    JsonUrl,
    ImagesB64,
    ImagesUrl,
    RespJson,
    RespIgc,
    RespSse,
}

/// An answer that is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nonsense {
    Html,
    DeepJson,
    EndlessLine,
}

/// How a link to a picture behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkFault {
    pub(crate) slow_s: u64,
    pub(crate) hops: u32,
    pub(crate) missing: bool,
    pub(crate) expired: bool,
}

impl LinkFault {
    pub(crate) fn is_set(self) -> bool {
        self != Self::default()
    }
}

/// What a model's name asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Behaviour {
    pub(crate) shape: Option<Shape>,
    pub(crate) nonsense: Option<Nonsense>,
    pub(crate) kind: Kind,
    pub(crate) link: LinkFault,
    pub(crate) as_link: bool,
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) status: Option<u16>,
    pub(crate) flaky_times: u32,
    pub(crate) delay_ms: u64,
    pub(crate) hang_s: u64,
    pub(crate) drip_s: u64,
    pub(crate) huge_megabytes: usize,
    pub(crate) moved: bool,
    pub(crate) refuse: bool,
    pub(crate) text_only: bool,
    pub(crate) wrong_mime: bool,
    pub(crate) one_missing: bool,
    pub(crate) cut: bool,
    pub(crate) truncated: bool,
    pub(crate) filtered: bool,
    pub(crate) says_nothing: bool,
    pub(crate) thinks: bool,
    pub(crate) bad_json_times: u32,
    pub(crate) nsfw: bool,
    pub(crate) job_fails: bool,
    pub(crate) lost_job: bool,
    pub(crate) ask_errors: u32,
    pub(crate) stuck: bool,
}

/// What `model` does; `None` when there is no such model.
pub(crate) fn behaviour(model: &str) -> Option<Behaviour> {
    let mut behaviour = Behaviour::default();
    if NORMAL_MODELS.contains(&model) {
        return Some(behaviour);
    }
    model.split('+').all(|term| behaviour.take(term).is_some()).then_some(behaviour)
}

impl Behaviour {
    /// Whether it only makes sense for words.
    pub(crate) fn is_about_words(&self) -> bool {
        self.truncated || self.filtered || self.says_nothing || self.thinks || self.bad_json_times > 0
    }

    fn take(&mut self, term: &str) -> Option<()> {
        let (word, argument) = term.split_once(':').unwrap_or((term, ""));
        if let Some(shape) = shape(word, argument) {
            self.shape = Some(shape);
            return Some(());
        }
        match word {
            "err" => self.status = Some(argument.parse().ok().filter(|status| (400..600).contains(status))?),
            "flaky" => self.flaky_times = argument.parse().ok()?,
            "hang" => self.hang_s = argument.parse().ok()?,
            "slow-download" => self.link.slow_s = argument.parse().ok()?,
            "redirect" => self.link.hops = argument.parse().ok()?,
            "bad-link" => self.link.missing = true,
            "expired-link" => self.link.expired = true,
            "html" => self.nonsense = Some(Nonsense::Html),
            "deep-json" => self.nonsense = Some(Nonsense::DeepJson),
            "endless-line" => self.nonsense = Some(Nonsense::EndlessLine),
            "text" => self.text_only = true,
            "drip" => self.drip_s = argument.parse().ok()?,
            "moved" => self.moved = true,
            "delay" => self.delay_ms = argument.parse().ok()?,
            "refuse" => self.refuse = true,
            "wrong-mime" => self.wrong_mime = true,
            "huge" => self.huge_megabytes = argument.parse().ok()?,
            "n-1" => self.one_missing = true,
            "blank" => self.kind = Kind::Blank,
            "broken-picture" => self.kind = Kind::Broken,
            "bomb" => self.kind = Kind::Bomb,
            "cut" => self.cut = true,
            "nsfw" => self.nsfw = true,
            "job-fails" => self.job_fails = true,
            "lost-job" => self.lost_job = true,
            "ask-err" => self.ask_errors = argument.parse().ok()?,
            "stuck" => self.stuck = true,
            "link" => self.as_link = true,
            "size" => self.size = Some(size(argument)?),
            "truncated" => self.truncated = true,
            "filtered" => self.filtered = true,
            "empty" => self.says_nothing = true,
            "think" => self.thinks = true,
            "bad-json" => self.bad_json_times = argument.parse().ok()?,
            // a normal model beside a fault: `sim-image+delay:200`
            _ if NORMAL_MODELS.contains(&term) => {}
            _ => return None,
        }
        Some(())
    }
}

/// `WxH` with edges of 1 to 8,192 pixels.
pub(crate) fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(['x', 'X', '×'])?;
    let edge = |text: &str| text.trim().parse().ok().filter(|edge| (1..=crate::picture::MAX_EDGE).contains(edge));
    Some((edge(width)?, edge(height)?))
}

fn shape(word: &str, argument: &str) -> Option<Shape> {
    Some(match word {
        "sse-b64" => Shape::SseB64,
        "sse-b64-split" => Shape::SseB64Split(argument.parse().ok().filter(|length| *length > 0)?),
        "sse-b64-mime" => Shape::SseB64Mime(argument.to_owned()),
        "sse-two-adjacent" => Shape::SseTwoAdjacent,
        "sse-two-newline" => Shape::SseTwoNewline,
        "sse-url" => Shape::SseUrl,
        "sse-url-noext" => Shape::SseUrlNoext,
        "sse-nel-nocharset" => Shape::SseNelNocharset,
        "sse-reasoning" => Shape::SseReasoning,
        "sse-noblank" => Shape::SseNoblank,
        "ndjson-done" => Shape::NdjsonDone,
        "sse-error-event" => Shape::SseErrorEvent,
        "sse-cut" => Shape::SseCut,
        "sse-delta-images" => Shape::SseDeltaImages,
        "sse-think" => Shape::SseThink,
        "json-think" => Shape::JsonThink,
        "img-sse" => Shape::ImgSse,
        "json-b64" => Shape::JsonB64,
        "json-raw-b64-content" => Shape::JsonRawB64Content,
        "json-url" => Shape::JsonUrl,
        "images-b64" => Shape::ImagesB64,
        "images-url" => Shape::ImagesUrl,
        "resp-json" => Shape::RespJson,
        "resp-igc" => Shape::RespIgc,
        "resp-sse" => Shape::RespSse,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_known() {
        for (name, _) in FAULT_MODELS {
            let name = name.replace("CODE", "429").replace("TYPE", "image/jpeg").replace("WxH", "16x16");
            let name = name.replace(":N", ":2").replace(":S", ":2").replace(":MS", ":2").replace(":MB", ":2");
            let behaviour = behaviour(&name).unwrap_or_else(|| panic!("{name} is listed and not known"));
            assert_ne!(behaviour, Behaviour::default(), "{name}");
        }
        for name in NORMAL_MODELS {
            assert_eq!(behaviour(name), Some(Behaviour::default()));
        }
    }

    #[test]
    fn words_can_be_joined() {
        let joined = behaviour("sim-image+delay:200+sse-url").unwrap();
        assert_eq!((joined.delay_ms, joined.shape), (200, Some(Shape::SseUrl)));
        for unknown in ["gpt-9", "err:200", "flaky", "delay:200+what", "", "sse-b64-split:0"] {
            assert_eq!(behaviour(unknown), None, "{unknown}");
        }
    }
}
