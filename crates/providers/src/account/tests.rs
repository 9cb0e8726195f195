//! The accounts of a day as the references show them.

use imagemill_domain::profile::Protocol;

use super::*;
use crate::queue_rig::{KEY, profile};
use crate::scripted_server::{ScriptedServer, answer};

/// 2026-11-20.
const DAY: i64 = 20_777;

async fn asked(provider: &str, answers: &[(u16, &str)]) -> (Result<DayBill, Failure>, Vec<String>) {
    let scripts = answers.iter().map(|(status, body)| answer(*status, "", body.as_bytes())).collect();
    let server = ScriptedServer::start(scripts).await;
    let mut profile = profile(&format!("{}/v1", server.origin), Protocol::Auto);
    profile.provider = provider.to_owned();
    let bill = Registry::new().day_bill(&profile, Some(KEY.to_owned().into()), DAY).await;
    let seen = server.seen();
    let (header, value) = if provider == "anthropic" {
        ("x-api-key", KEY.to_owned())
    } else {
        ("authorization", format!("Bearer {KEY}"))
    };
    assert!(seen.iter().all(|seen| seen.header(header) == Some(&*value)));
    let lines = seen.iter().map(|seen| seen.head.lines().next().unwrap_or_default().to_owned());
    (bill, lines.collect())
}

#[tokio::test]
async fn openais_pages_are_added_up() {
    let pages = [(200, include_str!("openai-costs.json")), (200, include_str!("openai-costs-2.json"))];
    let (bill, lines) = asked("openai", &pages).await;
    let bill = bill.unwrap();
    assert_eq!((bill.cost, bill.requests), (Money::from_dollars(1.0725), None));
    assert_eq!(bill.lines["gpt-image-2, image output"], Money::from_dollars(1.06));
    let query = "start_time=1795132800&end_time=1795219200&bucket_width=1d&group_by=line_item&limit=1";
    assert_eq!(lines[0], format!("GET /v1/organization/costs?{query} HTTP/1.1"));
    assert_eq!(lines[1], format!("GET /v1/organization/costs?{query}&page=page_AAA%3D HTTP/1.1"));
}

#[tokio::test]
async fn anthropics_cents_are_added_up() {
    let (bill, lines) = asked("anthropic", &[(200, include_str!("anthropic-cost-report.json"))]).await;
    let bill = bill.unwrap();
    assert_eq!(bill.cost, Money::from_dollars(1.2534));
    assert_eq!(bill.lines["Claude Usage - Output Tokens"], Money::from_dollars(1.2345));
    let query = "starting_at=2026-11-20T00:00:00Z&ending_at=2026-11-21T00:00:00Z&group_by[]=description&limit=1";
    assert_eq!(lines, [format!("GET /v1/organizations/cost_report?{query} HTTP/1.1")]);
}

#[tokio::test]
async fn openrouters_lines_are_added_up() {
    let (bill, lines) = asked("openrouter", &[(200, include_str!("openrouter-activity.json"))]).await;
    let bill = bill.unwrap();
    assert_eq!((bill.cost, bill.requests, bill.lines.len()), (Money::from_dollars(0.156), Some(4), 1));
    assert_eq!(lines, ["GET /v1/activity?date=2026-11-20 HTTP/1.1"]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let (bill, lines) = asked("gemini", &[(200, "{}")]).await;
    assert!(bill.unwrap_err().message.contains("gemini has no address") && lines.is_empty());
    let (bill, _) = asked("openai", &[(403, r#"{"error": {"message": "Missing scopes: api.usage.read"}}"#)]).await;
    assert_eq!(bill.unwrap_err().kind, FailureKind::Auth);
    let (bill, _) = asked("openai", &[(200, "{}")]).await;
    assert_eq!(bill.unwrap_err().kind, FailureKind::Protocol);
}
