//! From what a provider says about a failure (status, headers, body, error event) to a `Failure`: what it means, what it
//! cost, how long to wait. The tables of codes are from the OpenAI, xAI, Ark, Gemini and grok2api error lists.
//!
//! Must not decide whether to try again.

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::provider::RateHints;

/// Longest quotation of a provider's words, in characters.
pub(crate) const MAX_QUOTE: usize = 300;

const REFUSED: &[&str] = &[
    "moderation_blocked",
    "content_policy_violation",
    "content_filter",
    "content_moderation",
    "image_generation_user_error",
    "sensitivecontent",
    "riskdetection",
    "safety",
    "prohibited_content",
    "blocklist",
    "spii",
    "recitation",
];
const QUOTA: &[&str] = &[
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_limit_exceeded",
    "insufficient_credit",
    "billing_error",
    "accountoverdue",
    "serviceoverdue",
    "setlimitexceeded",
    "quotaexceeded",
];
/// A spent allowance that comes back by itself when the provider says when.
const ALLOWANCE: &[&str] =
    &["usage_limit_reached", "upstream_quota_exhausted", "free_quota_exhausted", "resource_exhausted"];
const AUTH: &[&str] =
    &["invalid_api_key", "authentication_error", "incorrect_api_key", "account_deactivated", "unauthenticated"];
const NOT_ENTITLED: &[&str] = &[
    "model_not_allowed",
    "must_be_verified",
    "unsupported_country",
    "permission_denied",
    "permission_error",
    "failed_precondition",
    "modelnotopen",
    "servicenotopen",
    "modelidaccessdisabled",
    "limit: 0",
    "not_enabled",
];
const RATE_LIMITED: &[&str] = &[
    "rate_limit",
    "ratelimit",
    "concurrency_limit",
    "server_overloaded",
    "upstream_saturated",
    "_cooling",
    "slow_down",
    "overloaded",
    "throttl",
];
const INVALID: &[&str] = &[
    "invalid_",
    "unsupported_",
    "unknown_parameter",
    "model_not_found",
    "request_too_large",
    "not_found_error",
    "empty_content",
];
/// The request ran, wholly or in part, and its result is lost.
const LOST: &[&str] = &[
    "upstream_stream",
    "image_edit_incomplete",
    "image_generation_incomplete",
    "response_too_large",
    "server_error",
    "internal_error",
    "timeout",
];
/// Turned away before any work.
const TURNED_AWAY: &[&str] = &["ledger_unavailable", "runtime_store_unavailable"];

/// What a body, an item or an event says about an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// The provider's own words.
    pub(crate) message: String,
    /// Its code, or its type where it has no code.
    pub(crate) code: Option<String>,
    kind_word: String,
    /// What its details say without a doubt.
    hint: Option<FailureKind>,
    status: Option<u16>,
    retry_after_ms: Option<u64>,
    output_stage: bool,
}

impl Report {
    /// Just words.
    pub(crate) fn saying(message: &str) -> Self {
        Self { message: message.trim().to_owned(), ..Self::default() }
    }

    /// From an error object, an error text, or a body around one. `None` when there is no error in it.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) if !text.trim().is_empty() => Some(Self::saying(text)),
            Value::Object(map) => {
                for around in ["error", "detail", "errors"] {
                    match map.get(around) {
                        Some(Value::Array(list)) => return Some(Self::of_list(list)),
                        Some(inner @ (Value::Object(_) | Value::String(_))) => {
                            let mut report = Self::of(inner)?;
                            if report.code.is_none() {
                                report.code = word(map.get("code"));
                            }
                            if around == "error"
                                && inner.is_string()
                                && let Some(message) = word(map.get("message"))
                            {
                                report.message = format!("{}: {message}", report.message);
                            }
                            return Some(report);
                        }
                        _ => {}
                    }
                }
                let message =
                    ["message", "msg", "error_message", "reason", "title"].iter().find_map(|key| word(map.get(*key)));
                let code = word(map.get("code"));
                if message.is_none() && code.is_none() {
                    return None;
                }
                let kind_word = ["type", "status"].iter().find_map(|key| word(map.get(*key))).unwrap_or_default();
                let number = map.get("code").and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
                Some(Self {
                    message: message.unwrap_or_else(|| code.clone().unwrap_or_default()),
                    status: number.and_then(|number| u16::try_from(number).ok()).filter(|n| (400..600).contains(n)),
                    code,
                    kind_word,
                    hint: hint(map),
                    retry_after_ms: map.get("details").and_then(retry_info),
                    output_stage: value.pointer("/moderation_details/moderation_stage").and_then(Value::as_str)
                        == Some("output"),
                })
            }
            _ => None,
        }
    }

    /// FastAPI's list of validation errors.
    fn of_list(list: &[Value]) -> Self {
        let lines = list.iter().take(5).map(|entry| {
            let place = entry.get("loc").and_then(Value::as_array).map(|parts| {
                parts.iter().map(|part| word(Some(part)).unwrap_or_default()).collect::<Vec<_>>().join(".")
            });
            let message = Self::of(entry).map_or_else(|| entry.to_string(), |report| report.message);
            place.map_or(message.clone(), |place| format!("{place}: {message}"))
        });
        let message = lines.collect::<Vec<_>>().join("; ");
        // fal says what kind of error it is (`content_policy_violation`) in here.
        let words = list.iter().take(5).filter_map(|entry| word(entry.get("type"))).collect::<Vec<_>>();
        Self { message, kind_word: words.join(" "), ..Self::default() }
    }

    /// The failure this is inside an answer that began well (status 200): an item, an event, a body.
    pub(crate) fn in_answer(&self, bills_5xx: bool) -> Failure {
        let kind = match (self.kind_by_word(), self.status) {
            (Some(kind), _) => kind,
            (None, Some(status)) => kind_by_status(status, self.retry_after_ms.is_some(), bills_5xx),
            (None, None) => FailureKind::Protocol,
        };
        let mut failure = Failure::new(kind, format!("the provider answered with an error: {}", quote(&self.message)));
        failure.code.clone_from(&self.code);
        failure.retry_after_ms = self.retry_after_ms.or_else(|| wait_in_words(&self.message));
        failure.billing = match kind {
            FailureKind::Refused => Billing::Billed,
            FailureKind::Protocol | FailureKind::UnknownOutcome => Billing::Unknown,
            _ => Billing::NotBilled,
        };
        failure
    }

    fn kind_by_word(&self) -> Option<FailureKind> {
        let code = self.code.as_deref().unwrap_or_default().to_ascii_lowercase();
        let kind_word = self.kind_word.to_ascii_lowercase();
        let message = self.message.to_ascii_lowercase();
        if message.contains("limit: 0") && !message.contains("limit: 0.") {
            return Some(FailureKind::NotEntitled);
        }
        // Anthropic says this under the code of a wrong request.
        if message.contains("credit balance is too low") {
            return Some(FailureKind::Quota);
        }
        if self.hint.is_some() {
            return self.hint;
        }
        // Gemini's word for a model that is overloaded.
        if kind_word == "unavailable" {
            return Some(FailureKind::RateLimited);
        }
        let waits = self.retry_after_ms.is_some();
        let table = |word: &str| {
            let has = |list: &[&str]| !word.is_empty() && list.iter().any(|entry| word.contains(entry));
            if has(REFUSED) {
                Some(FailureKind::Refused)
            } else if has(QUOTA) || (has(ALLOWANCE) && !waits) {
                Some(FailureKind::Quota)
            } else if has(AUTH) {
                Some(FailureKind::Auth)
            } else if has(NOT_ENTITLED) {
                Some(FailureKind::NotEntitled)
            } else if has(ALLOWANCE) || has(RATE_LIMITED) {
                Some(FailureKind::RateLimited)
            } else if has(TURNED_AWAY) {
                Some(FailureKind::Transient)
            } else if has(LOST) {
                Some(FailureKind::UnknownOutcome)
            } else if has(INVALID) {
                Some(FailureKind::Invalid)
            } else {
                None
            }
        };
        table(&code).or_else(|| table(&kind_word))
    }
}

/// A status of 400 and above with its body.
pub(crate) fn of_status(status: u16, headers: &HeaderMap, body: &str, bills_5xx: bool) -> Failure {
    let mut report = serde_json::from_str::<Value>(body).ok().as_ref().and_then(Report::of).unwrap_or_default();
    if report.message.is_empty() {
        report.message = words_of(body);
    }
    // Comfy Router's one word for a failure stands beside its body.
    report.code = report.code.or_else(|| header(headers, "x-comfy-error-type").map(str::to_owned));
    report.retry_after_ms =
        retry_after_ms(headers, Timestamp::now()).or(report.retry_after_ms).or_else(|| wait_in_words(&report.message));
    let waits = report.retry_after_ms.is_some();
    let by_status = kind_by_status(status, waits, bills_5xx);
    let kind = match report.kind_by_word() {
        // A lost result where 5xx are not billed is one more try. Words such as
        // `invalid_request_error` come with every status; they say nothing against 401, 429 or 503.
        Some(FailureKind::UnknownOutcome | FailureKind::Invalid) | None => by_status,
        Some(FailureKind::Transient) if status < 500 => by_status,
        Some(kind) => kind,
    };
    let kind = if status == 503 && report.code.as_deref() == Some("upstream_unavailable") && !waits {
        FailureKind::Transient
    } else {
        kind
    };
    let mut failure = Failure::new(kind, format!("the provider answered {status}: {}", quote(&report.message)));
    failure.http_status = Some(status);
    failure.should_retry = header(headers, "x-should-retry").and_then(|word| match word {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    });
    failure.retry_after_ms = report.retry_after_ms.or_else(|| {
        (kind == FailureKind::RateLimited)
            .then(|| {
                ["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset"]
                    .iter()
                    .find_map(|name| reset_ms(header(headers, name)?, Timestamp::now()))
            })
            .flatten()
    });
    failure.billing = match kind {
        FailureKind::UnknownOutcome => Billing::Unknown,
        FailureKind::Refused if report.output_stage => Billing::Unknown,
        _ => Billing::NotBilled,
    };
    failure.code = report.code;
    failure
}

fn kind_by_status(status: u16, waits: bool, bills_5xx: bool) -> FailureKind {
    match status {
        401 | 403 => FailureKind::Auth,
        402 => FailureKind::Quota,
        // Not received whole, in progress under the same key, too early; or the origin was never reached.
        408 | 409 | 425 | 521..=523 => FailureKind::Transient,
        429 | 529 => FailureKind::RateLimited,
        503 if waits => FailureKind::RateLimited,
        500.. if bills_5xx => FailureKind::UnknownOutcome,
        500.. => FailureKind::Transient,
        _ => FailureKind::Invalid,
    }
}

/// The words of a body that is not JSON: the title of a page, or its text.
pub(crate) fn words_of(body: &str) -> String {
    let lower = body.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|start| {
        let start = start + body[start..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        Some(body[start..end].trim())
    });
    match title {
        Some(title) if !title.is_empty() => format!("a web page titled \"{title}\""),
        _ if lower.trim_start().starts_with('<') => "a web page".to_owned(),
        _ if body.trim().is_empty() => "no explanation".to_owned(),
        _ => body.trim().to_owned(),
    }
}

/// At most [`MAX_QUOTE`] characters on one line, none of which a terminal would obey.
pub(crate) fn quote(text: &str) -> String {
    let shown = |piece: &str| piece.replace(char::is_control, "\u{fffd}");
    let flat = text.split_whitespace().map(shown).collect::<Vec<_>>().join(" ");
    let mut out: String = flat.chars().take(MAX_QUOTE).collect();
    if out.len() < flat.len() {
        out.push('…');
    }
    out
}

/// What the headers say about limits.
pub(crate) fn rate_hints(headers: &HeaderMap) -> RateHints {
    let number = |name| header(headers, name).and_then(|text| text.parse().ok());
    RateHints {
        remaining_requests: number("x-ratelimit-remaining-requests"),
        limit_requests: number("x-ratelimit-limit-requests"),
        reset_requests_ms: header(headers, "x-ratelimit-reset-requests")
            .and_then(|text| reset_ms(text, Timestamp::now())),
    }
}

/// `retry-after-ms`, or `Retry-After` as seconds or a date.
pub(crate) fn retry_after_ms(headers: &HeaderMap, now: Timestamp) -> Option<u64> {
    if let Some(ms) = header(headers, "retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return millis(ms);
    }
    let text = header(headers, "retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return millis(seconds * 1000.0);
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    u64::try_from(date.as_millisecond().saturating_sub(now.as_millisecond())).ok().or(Some(0))
}

/// `6m0s`, `120ms`, `1.5` (seconds), or a point in time as seconds or milliseconds since 1970.
fn reset_ms(text: &str, now: Timestamp) -> Option<u64> {
    if let Ok(number) = text.parse::<f64>() {
        let now_ms = now.as_millisecond() as f64;
        return match number {
            n if n > 1e12 => millis((n - now_ms).max(0.0)),
            n if n > 1e9 => millis((n * 1000.0 - now_ms).max(0.0)),
            n => millis(n * 1000.0),
        };
    }
    duration_ms(text)
}

/// `1h2m3.5s`, `250ms`.
fn duration_ms(text: &str) -> Option<u64> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, ms) = [("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 3.6e6), ("d", 8.64e7)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        total += number * ms;
    }
    millis(total)
}

/// "Please try again in 1.2s", "resets in ~30s".
fn wait_in_words(message: &str) -> Option<u64> {
    let lower = message.to_ascii_lowercase();
    ["try again in ", "retry in ", "resets in ", "retry after "].iter().find_map(|phrase| {
        let tail = lower[lower.find(phrase)? + phrase.len()..].trim_start_matches('~');
        let end = tail.find(|c: char| c != '.' && !c.is_ascii_alphanumeric()).unwrap_or(tail.len());
        duration_ms(tail[..end].trim_end_matches('.'))
    })
}

/// Google's `details` (a wrong key is a 400 there, a spent day a 429 like any other) and OpenRouter's `metadata` (a refusal
/// is a 403 there).
fn hint(error: &serde_json::Map<String, Value>) -> Option<FailureKind> {
    let flagged = |metadata: &Value| metadata.get("reasons").is_some() || metadata.get("flagged_input").is_some();
    if error.get("metadata").is_some_and(flagged) {
        return Some(FailureKind::Refused);
    }
    let details = error.get("details")?.as_array()?;
    if details.iter().any(|detail| detail["reason"] == "API_KEY_INVALID") {
        return Some(FailureKind::Auth);
    }
    let violations = || details.iter().filter_map(|detail| detail.get("violations")?.as_array()).flatten();
    if violations().any(|violation| violation["quotaValue"] == "0") {
        return Some(FailureKind::NotEntitled);
    }
    let per_day = |violation: &Value| violation["quotaId"].as_str().is_some_and(|id| id.contains("PerDay"));
    violations().any(per_day).then_some(FailureKind::Quota)
}

/// `google.rpc.RetryInfo` among an error's details.
fn retry_info(details: &Value) -> Option<u64> {
    details.as_array()?.iter().find_map(|detail| duration_ms(detail.get("retryDelay")?.as_str()?))
}

fn millis(ms: f64) -> Option<u64> {
    (ms.is_finite() && ms >= 0.0).then_some(ms.ceil() as u64)
}

fn word(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_one_line_without_orders_to_a_terminal() {
        assert_eq!(quote("a\n b\u{1b}[2Jc\u{7}"), "a b\u{fffd}[2Jc\u{fffd}");
    }

    fn failure(status: u16, headers: &[(&'static str, &str)], body: &str) -> Failure {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        of_status(status, &map, body, true)
    }

    fn coded(status: u16, code: &str) -> FailureKind {
        failure(
            status,
            &[],
            &format!(r#"{{"error":{{"message":"words","type":"invalid_request_error","code":"{code}"}}}}"#),
        )
        .kind
    }

    #[test]
    fn codes_say_more_than_the_status() {
        use FailureKind::{Auth, Invalid, NotEntitled, Quota, RateLimited, Refused, Transient, UnknownOutcome};
        for (status, code, kind) in [
            (400, "moderation_blocked", Refused),
            (400, "content_policy_violation", Refused),
            (400, "InputImageSensitiveContentDetected.PrivacyInformation", Refused),
            (429, "insufficient_quota", Quota),
            (400, "billing_hard_limit_reached", Quota),
            (429, "usage_limit_reached", Quota),
            (400, "invalid_api_key", Auth),
            (403, "model_not_allowed", NotEntitled),
            (400, "unsupported_parameter", Invalid),
            (429, "rate_limit_exceeded", RateLimited),
            (429, "RateLimitExceeded.EndpointRPMExceeded", RateLimited),
            (429, "upstream_model_cooling", RateLimited),
            (503, "server_overloaded", RateLimited),
            (503, "upstream_saturated", RateLimited),
            (503, "ledger_unavailable", Transient),
            (503, "upstream_unavailable", Transient),
            (502, "upstream_unavailable", UnknownOutcome),
            (502, "image_edit_incomplete", UnknownOutcome),
            (401, "invalid_request", Auth),
            (500, "invalid_request", UnknownOutcome),
            (524, "", UnknownOutcome),
            (522, "", Transient),
            (402, "", Quota),
            (403, "AccountOverdueError", Quota),
            (404, "ModelNotOpen", NotEntitled),
            (404, "InvalidEndpointOrModel.NotFound", Invalid),
            (429, "SetLimitExceeded", Quota),
            (429, "ServerOverloaded", RateLimited),
            (429, "FREE_QUOTA_EXHAUSTED", Quota),
        ] {
            assert_eq!(coded(status, code), kind, "{status} {code}");
        }
        let stage = r#"{"error":{"message":"m","code":"moderation_blocked","moderation_details":{"moderation_stage":"output"}}}"#;
        assert_eq!(failure(400, &[], stage).billing, Billing::Unknown);
        assert_eq!(
            failure(429, &[], r#"{"error":{"message":"Quota exceeded, limit: 0, model: x"}}"#).kind,
            NotEntitled
        );
        let waits = failure(429, &[("retry-after", "3")], r#"{"error":{"message":"m","code":"usage_limit_reached"}}"#);
        assert_eq!((waits.kind, waits.retry_after_ms), (RateLimited, Some(3000)));
    }

    #[test]
    fn google_and_openrouter_say_it_in_details() {
        use FailureKind::{Auth, Invalid, NotEntitled, Quota, RateLimited, Refused, Transient};
        let google = |code: u16, status: &str, details: &str| {
            let body =
                format!(r#"{{"error":{{"code":{code},"message":"words","status":"{status}","details":[{details}]}}}}"#);
            let failure = of_status(code, &HeaderMap::new(), &body, false);
            (failure.kind, failure.retry_after_ms)
        };
        let retry = r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"22s"}"#;
        let quota = |id: &str, value: &str| {
            format!(r#"{retry},{{"violations":[{{"quotaId":"{id}","quotaValue":"{value}"}}]}}"#)
        };
        assert_eq!(google(429, "RESOURCE_EXHAUSTED", retry), (RateLimited, Some(22_000)));
        assert_eq!(google(429, "RESOURCE_EXHAUSTED", ""), (Quota, None), "credits are used up");
        let per_minute = quota("GenerateRequestsPerMinutePerProject", "10");
        assert_eq!(google(429, "RESOURCE_EXHAUSTED", &per_minute).0, RateLimited);
        assert_eq!(google(429, "RESOURCE_EXHAUSTED", &quota("GenerateRequestsPerDayPerProject", "250")).0, Quota);
        assert_eq!(google(429, "RESOURCE_EXHAUSTED", &quota("x", "0")).0, NotEntitled);
        assert_eq!(google(400, "INVALID_ARGUMENT", r#"{"reason":"API_KEY_INVALID"}"#).0, Auth);
        assert_eq!(google(400, "INVALID_ARGUMENT", "").0, Invalid);
        assert_eq!(google(400, "FAILED_PRECONDITION", "").0, NotEntitled);
        assert_eq!(google(403, "PERMISSION_DENIED", "").0, NotEntitled);
        assert_eq!(google(404, "NOT_FOUND", "").0, Invalid);
        assert_eq!(google(503, "UNAVAILABLE", "").0, RateLimited);
        assert_eq!(google(500, "INTERNAL", "").0, Transient, "the table says that it is not charged");
        let flagged = r#"{"error":{"code":403,"message":"flagged","metadata":{"reasons":["violence"]}}}"#;
        assert_eq!(failure(403, &[], flagged).kind, Refused);
        assert_eq!(failure(403, &[], r#"{"error":{"code":403,"message":"no","metadata":{}}}"#).kind, Auth);
    }

    #[test]
    fn every_shape_of_body_gives_its_words() {
        for (body, words) in [
            (r#"{"error":{"message":"in an object","code":null}}"#, "in an object"),
            (r#"{"error":"as text","message":"and more"}"#, "as text: and more"),
            (r#"{"detail":"in detail"}"#, "in detail"),
            (r#"{"message":"alone"}"#, "alone"),
            (r#"{"detail":[{"loc":["body","n"],"msg":"too large","type":"x"}]}"#, "body.n: too large"),
            ("plain  words\n", "plain words"),
            ("<HTML><Title lang=en> Just a moment </TITLE>", "a web page titled \"Just a moment\""),
            ("<p>", "a web page"),
            ("", "no explanation"),
        ] {
            let message = failure(400, &[], body).message;
            assert_eq!(message, format!("the provider answered 400: {words}"));
        }
        assert!(failure(400, &[], &"long ".repeat(900)).message.chars().count() < 340);
    }

    #[test]
    fn hints_to_wait_are_read_in_every_form() {
        let retry =
            r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"34.5s"}]}}"#;
        for (headers, body, ms) in [
            (&[("retry-after", "2")][..], "{}", Some(2000)),
            (&[("retry-after-ms", "150"), ("retry-after", "2")], "{}", Some(150)),
            (&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], "{}", Some(0)),
            (&[("x-ratelimit-reset-requests", "1m2.5s")], "{}", Some(62_500)),
            (&[], retry, Some(34_500)),
            (&[], r#"{"detail":"Request was throttled. Your rate limit resets in ~30s."}"#, Some(30_000)),
            (&[], r#"{"error":{"message":"Please try again in 120ms."}}"#, Some(120)),
            (&[("retry-after", "soon")], "{}", None),
        ] {
            let failure = failure(429, headers, body);
            assert_eq!((failure.kind, failure.retry_after_ms), (FailureKind::RateLimited, ms), "{headers:?} {body}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "Wed, 21 Oct 2015 07:28:10 GMT".parse().unwrap());
        let now = "2015-10-21T07:28:00Z".parse().unwrap();
        assert_eq!(retry_after_ms(&headers, now), Some(10_000));
        assert_eq!(failure(500, &[("x-should-retry", "false")], "").should_retry, Some(false));
    }
}
