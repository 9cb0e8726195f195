//! Every fixture through the reader, in any pieces.

use proptest::prelude::*;
use reqwest::header::HeaderMap;
use std::io::Read;

use super::*;
use crate::fixtures::{self, Expected, Fixture, b64, data_url, jpeg, png};

/// The outcome in comparable words.
#[derive(Debug, PartialEq)]
struct Outcome {
    pictures: Vec<Vec<u8>>,
    links: Vec<String>,
    failures: Vec<(String, String)>,
    text: String,
    raw: String,
}

fn bytes_of(spooled: &crate::spool::Spooled) -> Vec<u8> {
    let mut bytes = Vec::new();
    spooled.open().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, spooled.bytes);
    assert_eq!(spooled.blake3, imagemill_domain::hash::ContentHash::of(&bytes));
    let sha: [u8; 32] = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(&bytes)).into();
    assert_eq!(spooled.sha256.0, sha);
    bytes
}

fn read_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>, limit: u64, broke: Option<Failure>) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let outcome = read_into(folder.path(), pieces, limit, broke);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "every spool file was handed over or removed");
    outcome
}

fn read_into<'a>(
    folder: &std::path::Path,
    pieces: impl Iterator<Item = &'a [u8]>,
    limit: u64,
    mut broke: Option<Failure>,
) -> Outcome {
    let base = Url::parse("https://api.example.org/v1").unwrap();
    let reading = Reading {
        base: &base,
        spool: Spool::new(folder, "call-1"),
        limits: Limits { picture_bytes: limit },
        bills_5xx: true,
        expected: 1,
        secret: None,
        progress: &|_| (),
    };
    let head = Head { status: 200, request_id: None, rate: RateHints::default() };
    let mut content = Content::new(&reading);
    let mut over_bound = None;
    for piece in pieces {
        if let Err(failure) = content.feed(piece) {
            over_bound = Some(failure);
            break;
        }
        if content.is_over() {
            broke = None;
            break;
        }
    }
    let result = match over_bound {
        Some(failure) => Err(head.failed(failure, "", None)),
        None => content.conclude(broke, head, &reading),
    };
    let mut outcome =
        Outcome { pictures: vec![], links: vec![], failures: vec![], text: String::new(), raw: String::new() };
    match result {
        Err(failure) => {
            outcome.failures.push((failure.failure.kind.word().into(), failure.failure.message));
            outcome.raw = failure.raw;
        }
        Ok(answer) => {
            for item in answer.items {
                match item {
                    Found::Picture(spooled) => {
                        outcome.pictures.push(bytes_of(&spooled));
                        spooled.discard();
                    }
                    Found::Link(link) => outcome.links.push(link),
                    Found::Failed(failure) => outcome.failures.push((failure.kind.word().into(), failure.message)),
                }
            }
            outcome.text = answer.text;
            outcome.raw = answer.raw;
        }
    }
    assert!(outcome.raw.len() <= MAX_RAW);
    assert!(outcome.text.len() <= 4096);
    outcome
}

const LIMIT: u64 = 64 << 20;

fn check(fixture: &Fixture, outcome: &Outcome) {
    let name = fixture.name;
    match &fixture.expected {
        Expected::Pictures(pictures) => {
            assert_eq!(outcome.failures, vec![], "{name}");
            let lengths: Vec<_> = outcome.pictures.iter().map(Vec::len).collect();
            assert!(outcome.pictures == *pictures, "{name}: pictures of {lengths:?} bytes");
            assert_eq!(outcome.links, Vec::<String>::new(), "{name}");
        }
        Expected::Links(links) => {
            assert_eq!(outcome.links, *links, "{name}");
            assert!(outcome.pictures.is_empty() && outcome.failures.is_empty(), "{name}: {:?}", outcome.failures);
        }
        Expected::Some(pictures, links, kinds) => {
            assert!(outcome.pictures == *pictures && outcome.links == *links, "{name}: {:?}", outcome.failures);
            let found: Vec<&str> = outcome.failures.iter().map(|(kind, _)| kind.as_str()).collect();
            assert_eq!(found, *kinds, "{name}");
        }
        Expected::Failure(kind, words) => {
            assert!(outcome.pictures.is_empty() && outcome.links.is_empty(), "{name}");
            let [(found, message)] = outcome.failures.as_slice() else { panic!("{name}: {:?}", outcome.failures) };
            assert_eq!(found, kind, "{name}: {message}");
            assert!(message.contains(words), "{name}: {message}");
        }
    }
}

#[test]
fn every_fixture_gives_what_is_in_it() {
    for fixture in fixtures::all() {
        check(&fixture, &read_pieces(std::iter::once(fixture.body.as_slice()), LIMIT, None));
    }
}

#[test]
fn every_fixture_is_the_same_byte_by_byte() {
    for fixture in fixtures::all() {
        let whole = read_pieces(std::iter::once(fixture.body.as_slice()), LIMIT, None);
        let single = read_pieces(fixture.body.chunks(1), LIMIT, None);
        assert!(whole == single, "{}: {} / {}", fixture.name, whole.raw, single.raw);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_give_the_same(which in 0usize..1000, cuts in prop::collection::vec(1usize..3000, 1..40)) {
        let all = fixtures::all();
        let fixture = &all[which % all.len()];
        let mut pieces = Vec::new();
        let mut rest = fixture.body.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            pieces.push(now);
            rest = later;
        }
        let whole = read_pieces(std::iter::once(fixture.body.as_slice()), LIMIT, None);
        prop_assert_eq!(read_pieces(pieces.into_iter(), LIMIT, None), whole);
    }

    #[test]
    fn a_cut_never_gives_a_stump(which in 0usize..1000, at in 0.0f64..1.0) {
        let all = fixtures::all();
        let fixture = &all[which % all.len()];
        let Expected::Pictures(whole) = &fixture.expected else { return Ok(()) };
        let end = (fixture.body.len() as f64 * at) as usize;
        let broke = Some(lost("the connection broke".into()));
        let outcome = read_pieces(std::iter::once(&fixture.body[..end]), LIMIT, broke);
        for picture in &outcome.pictures {
            prop_assert!(whole.contains(picture), "{}: a stump of {} bytes", fixture.name, picture.len());
        }
    }

    #[test]
    fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..3000), size in 1usize..400) {
        read_pieces(bytes.chunks(size), LIMIT, None);
    }

    #[test]
    fn random_json_like_text_is_survived(
        parts in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "\"", ":", ",", "\\", "\\u", "d83d", "data:", " ", "\n", "\r", "image/png;base64,",
            "choices", "delta", "content", "b64_json", "[DONE]", "index", "0", "null", "event:", "<think>", "</think>",
            "![a](", ")", "https://x.org/a.png", "<spool:0>", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
            "=", "é", "data",
        ]), 0..200),
        size in 1usize..50,
    ) {
        let text = parts.concat();
        let whole = read_pieces(std::iter::once(text.as_bytes()), LIMIT, None);
        let pieces = read_pieces(text.as_bytes().chunks(size), LIMIT, None);
        prop_assert_eq!(whole, pieces);
    }
}

#[test]
fn a_picture_over_the_limit_fails_alone() {
    let (small, large) = (png(1, 1000), png(2, 300_000));
    let body = serde_json::json!({"data": [{"b64_json": b64(&large)}, {"b64_json": b64(&small)}]}).to_string();
    let outcome = read_pieces(body.as_bytes().chunks(5000), 100_000, None);
    assert_eq!(outcome.pictures, [small]);
    assert_eq!(outcome.failures[0].0, "bad_picture");
}

#[test]
fn complete_pictures_before_a_break_are_kept() {
    let (one, two) = (png(1, 80_000), jpeg(2, 9000));
    let body = serde_json::json!({"data": [{"b64_json": b64(&one)}, {"b64_json": b64(&two)}]}).to_string();
    let broke = Some(lost("the connection broke".into()));
    let outcome = read_pieces(std::iter::once(&body.as_bytes()[..body.len() - 500]), LIMIT, broke);
    assert_eq!(outcome.pictures, [one]);
    assert_eq!(outcome.failures, [("unknown_outcome".into(), "the connection broke".into())]);
}

#[test]
fn a_break_behind_the_end_mark_costs_nothing() {
    let one = png(1, 2000);
    let body = format!(
        "data: {}\n\ndata: [DONE]\n\n",
        serde_json::json!({"choices": [{"index": 0, "delta":
        {"content": data_url("image/png", &one)}}]})
    );
    let outcome = read_pieces(std::iter::once(body.as_bytes()), LIMIT, Some(lost("late".into())));
    assert_eq!((outcome.pictures, outcome.failures), (vec![one], vec![]));
}

#[test]
fn a_preview_that_says_so_is_never_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let preview = b64(&png(1, 200_000));
    for body in [
        format!("event: image_edit.partial_image\ndata: {{\"b64_json\":\"{preview}"),
        format!("data: {{\"type\":\"image_edit.partial_image\",\"b64_json\":\"{preview}"),
        format!("data: {{\"partial_image_b64\":\"{preview}"),
    ] {
        let mut shelf = Shelf::new(Spool::new(folder.path(), "c"), Limits { picture_bytes: LIMIT });
        Reader::new().feed(body.as_bytes(), &mut shelf, &mut Vec::new()).unwrap();
        assert!(matches!(shelf.slot(0), Some(crate::lift::Slot::Dropped)), "{}", &body[..60]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_dialect_with_a_last_event_is_cut_without_it() {
    let one = png(1, 2000);
    let item = serde_json::json!({"type": "response.output_item.done", "item": {"type": "image_generation_call", "result":
        b64(&one)}});
    let body = format!("data: {item}\n\n");
    let outcome = read_pieces(std::iter::once(body.as_bytes()), LIMIT, None);
    assert_eq!(outcome.pictures, [one]);
    assert_eq!(outcome.failures.len(), 1);
    assert_eq!(outcome.failures[0].0, "unknown_outcome");
}

#[test]
fn the_raw_text_of_a_stream_is_short_and_ends_with_the_words() {
    let piece =
        |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let body = ["I ", "would ", "rather ", "not."].map(piece).concat() + "data: [DONE]\n\n";
    let outcome = read_pieces(std::iter::once(body.as_bytes()), LIMIT, None);
    let event = "{\"choices\":[{\"delta\":{\"content\":\"\"},\"index\":0}]}";
    assert_eq!(outcome.raw, format!("{event}\n# streamed text: I would rather not."));
}

#[test]
fn events_are_framed_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    for body in [
        "event: a\ndata: {\"x\":\ndata: 1}\n\nevent: b\ndata: {\"x\":2}\n\ndata:{}\n",
        "event: a\r\ndata: {\"x\":\r\ndata: 1}\r\n\r\nevent: b\r\ndata: {\"x\":2}\r\n\r\ndata:{}\r\n",
        "event:a\rdata: {\"x\":\rdata: 1}\r\revent: b\r: note\rid: 7\rretry: 5\rdata: {\"x\":2} \r\r\rdata:{}",
        "\u{feff}event: a\ndata: {\"x\": 1}\nevent: b\ndata: {\"x\": 2}\n\n\n  {\n \n}\n",
    ] {
        for size in [1, 2, 1000] {
            let mut shelf = Shelf::new(Spool::new(folder.path(), "c"), Limits { picture_bytes: LIMIT });
            let (mut reader, mut all) = (Reader::new(), Vec::new());
            // A byte order mark comes in one piece with the first bytes.
            let (start, rest) = body.as_bytes().split_at(3);
            for mut piece in std::iter::once(start).chain(rest.chunks(size)) {
                while !piece.is_empty() {
                    let mut events = Vec::new();
                    let taken = reader.feed(piece, &mut shelf, &mut events).unwrap();
                    piece = &piece[taken..];
                    all.append(&mut events);
                }
            }
            assert!(!reader.finish(&mut shelf, &mut all).unwrap(), "{body:?}");
            let seen: Vec<_> =
                all.iter().map(|event| (event.name.as_str(), event.value.to_string(), event.cut)).collect();
            let expected = [("a", "{\"x\":1}", false), ("b", "{\"x\":2}", false), ("", "{}", false)];
            assert_eq!(seen, expected.map(|(name, value, cut)| (name, value.to_owned(), cut)), "{body:?}");
        }
    }
}

#[test]
fn nothing_behind_the_end_mark_counts() {
    for tail in ["words", "{\"error\":\"late\"}", "data: {"] {
        let body = format!("data: {{\"choices\":[]}}\n\ndata: [DONE]\n{tail}");
        let outcome = read_pieces(std::iter::once(body.as_bytes()), LIMIT, None);
        assert_eq!(outcome.failures, [("protocol".into(), "no picture in the answer".into())], "{tail}");
    }
}

#[test]
fn bounds_end_an_answer_with_a_clear_failure() {
    let deep = "[".repeat(1000);
    let long_text = format!("{{\"a\":\"{}\"}}", "words, ".repeat(1 << 20));
    let long_line = format!("data: {}", "x".repeat(20 << 20));
    let long_comment = format!(": {}", "x".repeat(20 << 20));
    let many = format!("{{\"data\":[{}]}}", vec![format!("\"{}\"", data_url("image/png", &png(1, 99))); 300].join(","));
    for (body, words) in [
        (deep, "127 levels"),
        (long_text, "4 MiB"),
        (long_line, "16 MiB"),
        (long_comment, "16 MiB"),
        (many, "256 pictures"),
    ] {
        let outcome = read_pieces(body.as_bytes().chunks(16 << 10), LIMIT, None);
        assert_eq!(outcome.failures.len(), 1);
        assert_eq!(outcome.failures[0].0, "protocol");
        assert!(outcome.failures[0].1.contains(words), "{:?}", outcome.failures);
    }
}

#[test]
fn the_raw_text_shows_pictures_by_their_content_name() {
    let one = png(1, 2000);
    let body = serde_json::json!({"data": [{"b64_json": b64(&one)}]}).to_string();
    let outcome = read_pieces(std::iter::once(body.as_bytes()), LIMIT, None);
    let hash = imagemill_domain::hash::ContentHash::of(&one);
    assert_eq!(outcome.raw, format!("{{\"data\":[{{\"b64_json\":\"<blake3:{hash}>\"}}]}}"));
}

#[test]
fn usage_and_words_are_read() {
    let body = serde_json::json!({"choices": [{"message": {"content": "Here it is: ![a](https://x.org/a.png)"}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 1290, "completion_tokens_details": {"image_tokens": 1290},
        "cost": 0.0387, "cost_in_usd_ticks": 1}});
    let base = Url::parse("https://api.example.org/v1").unwrap();
    let mut collector = Collector::new(base, true);
    collector.event(&Event { name: String::new(), value: body, cut: false });
    assert_eq!(collector.usage.input_tokens, Some(7));
    assert_eq!(collector.usage.output_image_tokens, Some(1290));
    assert_eq!(collector.usage.cost_micros, Some(38_700));
    assert_eq!(collector.text(), "Here it is:");
    let ticks = serde_json::json!({"data": [], "usage": {"cost_in_usd_ticks": 700_000_000u64}});
    collector.event(&Event { name: String::new(), value: ticks, cut: false });
    assert_eq!(collector.usage.cost_micros, Some(70_000));
}

#[test]
fn headers_reach_the_answer() {
    let mut headers = HeaderMap::new();
    headers.insert("x-ratelimit-remaining-requests", "4".parse().unwrap());
    headers.insert("x-ratelimit-limit-requests", "5".parse().unwrap());
    headers.insert("x-ratelimit-reset-requests", "6m0s".parse().unwrap());
    let rate = error::rate_hints(&headers);
    let expected = RateHints { remaining_requests: Some(4), limit_requests: Some(5), reset_requests_ms: Some(360_000) };
    assert_eq!(rate, expected);
}
