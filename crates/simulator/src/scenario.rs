//! When the simulator misbehaves without being asked by a model's name. Every decision is a pure function of the seed, the
//! call and how often it came, so that a rehearsal can be repeated.

use serde::{Deserialize, Serialize};

/// How the simulator behaves; a TOML file for `imagemill simulate --scenario` and `imagemill run --rehearse --scenario`
/// (docs/rehearse.md).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Other seeds pick other calls for the rates below.
    pub seed: u64,
    /// How long a picture takes, in milliseconds.
    pub latency_ms: u64,
    /// Up to this much more, by the call's content.
    pub jitter_ms: u64,
    /// `Retry-After` of rate limits, in seconds.
    pub retry_after_s: u64,
    /// How much longer a slow call takes, in milliseconds.
    pub slow_ms: u64,
    /// Whether a refusal is charged like a picture.
    pub bill_refusals: bool,
    /// Price of one picture in micro-dollars.
    pub price_micros: i64,
    /// Price of a million tokens of words or pictures that go into a text model, in micro-dollars.
    pub words_in_micros: i64,
    /// Price of a million tokens that come out of it, in micro-dollars.
    pub words_out_micros: i64,
    /// Bits of noise in each channel of a drawn picture, 0 to 8. With 0 a picture of words compresses far better than a
    /// photo; 3 gives a 1024×1024 PNG about the size of a real one.
    pub grain_bits: u8,
    /// The same request made again gives another picture, as with real models, and after this many the first one again.
    /// 1 always gives the same.
    pub variations: u32,
    /// Memory for drawn pictures, in MiB: links to them work as long as they are kept, and a request that comes again is not
    /// drawn again.
    pub kept_mib: u32,
    /// What becomes of batches.
    pub batch: BatchRules,
    /// What becomes of pictures that are handed over.
    pub uploads: UploadRules,
    /// Critiques that fall short.
    pub critiques: CritiqueFaults,
    /// Shares of calls that go wrong.
    pub rates: Rates,
    /// What happens at the n-th call.
    pub script: Vec<ScriptLine>,
}

impl Default for Scenario {
    /// Everything works, at once, for 4 cents a picture, and half a dollar in and two dollars out for a million tokens.
    fn default() -> Self {
        Self {
            seed: 1,
            latency_ms: 0,
            jitter_ms: 0,
            retry_after_s: 1,
            slow_ms: 2_000,
            bill_refusals: false,
            price_micros: 40_000,
            words_in_micros: 500_000,
            words_out_micros: 2_000_000,
            grain_bits: 0,
            variations: 16,
            kept_mib: 48,
            batch: BatchRules::default(),
            uploads: UploadRules::default(),
            critiques: CritiqueFaults::default(),
            rates: Rates::default(),
            script: Vec::new(),
        }
    }
}

/// What becomes of batches. Their requests are run one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchRules {
    /// What a request costs in a batch, as a share of its price.
    pub price: f64,
    /// How long a batch takes, in milliseconds.
    pub takes_ms: u64,
    /// A batch expires after so many of its requests.
    pub expires_after: Option<u64>,
    /// So many creations, from the first, are taken and their answer breaks off.
    pub lost_creates: u32,
    /// Such a batch is not listed either.
    pub hides_lost: bool,
    /// Every batch is refused when its file is looked at.
    pub rejects: bool,
    /// So many readings of results, from the first, break off in the middle.
    pub cut_results: u32,
}

impl Default for BatchRules {
    /// Half price, at once, all well.
    fn default() -> Self {
        Self {
            price: 0.5,
            takes_ms: 0,
            expires_after: None,
            lost_creates: 0,
            hides_lost: false,
            rejects: false,
            cut_results: 0,
        }
    }
}

/// What becomes of source pictures that are handed over to be named in requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadRules {
    /// Requests that may name one before its link ends; 0 for any number.
    pub uses: u32,
    /// How long a link lives, in milliseconds; 0 for as long as the simulator.
    pub lives_ms: u64,
    /// So many, from the first, are answered with 502.
    pub failures: u32,
    /// A queue looks at a link when its request's turn comes: one that ended fails the run, uncharged, and not the submission.
    pub late: bool,
}

/// Shares of pictures, between 0 and 1, whose critiques fall short: too short, over too few dimensions, or in one language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CritiqueFaults {
    /// The first answer falls short; when it is sent back, a good one comes.
    pub weak: f64,
    /// The first answer falls short, and the one after it was sent back; a good one comes when it is asked for anew.
    pub stubborn: f64,
    /// Every answer falls short.
    pub hopeless: f64,
    /// A second look finds a claim that the picture contradicts.
    pub contradicted: f64,
    /// How much kinder a second look's scores are than the picture deserves, on the scale of 1 to 5.
    pub kinder: f64,
}

/// Shares between 0 and 1. A call that comes again is decided anew, so that retrying can succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// 429 with `Retry-After`.
    pub rate_limited: f64,
    /// Content refusal. Decided by the content alone: the same content is refused again.
    pub refused: f64,
    /// The picture is made and billed; the answer breaks off.
    pub cut: f64,
    /// The picture is made and billed; the answer never comes.
    pub hang: f64,
    /// 500, nothing made.
    pub server_error: f64,
    /// The call takes longer.
    pub slow: f64,
    /// A JPEG comes that is called a PNG.
    pub wrong_mime: f64,
    /// An HTML page with status 200, nothing made.
    pub html: f64,
    /// A label is drawn with a wrong letter; told when the picture is read. Of labels, not of calls.
    pub misspelt: f64,
    /// A text of an infographic has a number that nobody gave. Of texts, not of calls.
    pub invented: f64,
}

/// One line of a script.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptLine {
    /// The number of the call since the start, from 1.
    pub at: u64,
    /// What happens then.
    #[serde(rename = "do")]
    pub act: Act,
    /// For `rate_limited`: the value of `Retry-After`; the scenario's by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// For `slow`: how much longer, in milliseconds; the scenario's by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_ms: Option<u64>,
}

/// What can happen to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// 429 with `Retry-After`.
    RateLimited,
    /// Content refusal.
    Refuse,
    /// The picture is made and billed; the answer breaks off.
    Cut,
    /// The picture is made and billed; the answer never comes.
    Hang,
    /// 500, nothing made.
    ServerError,
    /// The call takes longer.
    Slow,
    /// A JPEG comes that is called a PNG.
    WrongMime,
    /// An HTML page with status 200, nothing made.
    Html,
}

/// What was decided for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) act: Act,
    pub(crate) retry_after_s: u64,
    pub(crate) slow_ms: u64,
}

impl Scenario {
    /// Whether a share is set, so that calls must be told apart.
    pub(crate) fn has_rates(&self) -> bool {
        self.rates != Rates::default()
    }

    /// The script's line for the `number`-th call, else by the shares. `content` identifies what is asked for, `call` who
    /// asks (its request id, or again the content), `times` how often that call came before.
    pub(crate) fn decide(&self, number: u64, content: u64, call: u64, times: u32) -> Option<Verdict> {
        if let Some(line) = self.script.iter().find(|line| line.at == number) {
            return Some(Verdict {
                act: line.act,
                retry_after_s: line.retry_after_s.unwrap_or(self.retry_after_s),
                slow_ms: line.slow_ms.unwrap_or(self.slow_ms),
            });
        }
        let rates = &self.rates;
        let verdict = |act| Some(Verdict { act, retry_after_s: self.retry_after_s, slow_ms: self.slow_ms });
        if self.draw("refused", content, 0) < rates.refused {
            return verdict(Act::Refuse);
        }
        let mut left = self.draw("fault", call, times);
        let shares = [
            (Act::RateLimited, rates.rate_limited),
            (Act::Cut, rates.cut),
            (Act::Hang, rates.hang),
            (Act::ServerError, rates.server_error),
            (Act::Slow, rates.slow),
            (Act::WrongMime, rates.wrong_mime),
            (Act::Html, rates.html),
        ];
        for (act, share) in shares {
            if left < share {
                return verdict(act);
            }
            left -= share;
        }
        None
    }

    /// What a call in words costs, in micro-dollars.
    pub(crate) fn words_micros(&self, input_tokens: u64, output_tokens: u64) -> i64 {
        let of = |tokens: u64, price: i64| tokens as f64 * price as f64 / 1e6;
        (of(input_tokens, self.words_in_micros) + of(output_tokens, self.words_out_micros)).round() as i64
    }

    /// How long the picture of this content takes.
    pub(crate) fn latency_ms(&self, content: u64) -> u64 {
        let jitter = if self.jitter_ms == 0 { 0.0 } else { self.draw("latency", content, 0) * self.jitter_ms as f64 };
        self.latency_ms + jitter as u64
    }

    /// A number from 0 up to 1, the same for the same arguments.
    pub(crate) fn draw(&self, what: &str, key: u64, times: u32) -> f64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(what.as_bytes());
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(&key.to_le_bytes());
        hasher.update(&times.to_le_bytes());
        let mut first = [0; 8];
        hasher.finalize_xof().fill(&mut first);
        (u64::from_le_bytes(first) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_scenario_file() {
        let text = r#"
            latency_ms = 20
            rates = { refused = 0.5 }
            script = [{ at = 3, do = "rate_limited", retry_after_s = 2 }, { at = 5, do = "refuse" }]
        "#;
        let scenario: Scenario = toml::from_str(text).unwrap();
        assert_eq!((scenario.latency_ms, scenario.price_micros), (20, 40_000));
        assert_eq!(
            scenario.decide(3, 0, 0, 0),
            Some(Verdict { act: Act::RateLimited, retry_after_s: 2, slow_ms: 2_000 })
        );
        assert_eq!(scenario.decide(5, 0, 0, 0).map(|verdict| verdict.act), Some(Act::Refuse));
        assert!(toml::from_str::<Scenario>("latency = 1").is_err());
    }

    #[test]
    fn shares_are_kept_and_repeat_by_seed() {
        let rates = Rates { rate_limited: 0.2, refused: 0.1, cut: 0.1, server_error: 0.1, ..Rates::default() };
        let scenario = Scenario { rates, ..Scenario::default() };
        let other = Scenario { seed: 2, ..scenario.clone() };
        let decide = |scenario: &Scenario| (0..10_000).map(|k| scenario.decide(k, k, k, 0)).collect::<Vec<_>>();
        let verdicts = decide(&scenario);
        assert_eq!(verdicts, decide(&scenario));
        assert_ne!(verdicts, decide(&other));
        let count = |act| verdicts.iter().flatten().filter(|verdict| verdict.act == act).count();
        assert!((900..1100).contains(&count(Act::Refuse)));
        assert!((1650..1950).contains(&count(Act::RateLimited)));
        assert_eq!(count(Act::Hang), 0);
        let limited =
            (0..1000).find(|k| scenario.decide(*k, *k, *k, 0).is_some_and(|v| v.act == Act::RateLimited)).unwrap();
        assert!((1..30).any(|times| scenario.decide(limited, limited, limited, times).is_none()));
    }
}
