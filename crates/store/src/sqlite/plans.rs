//! How the database answers the statements that run all the time. A walk over finished tasks is invisible in a small
//! store and stops a large one, so the plans are under test.

use rusqlite::{Connection, types::Null};

use super::open::open_writer;
use super::{batches, calls, gallery, moves, owners, pages, polls};

/// The plan of `sql` as lines, with every parameter null.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let parameters = vec![Null; statement.parameter_count()];
    let lines = statement.query_map(rusqlite::params_from_iter(parameters), |row| row.get(3)).unwrap();
    lines.collect::<Result<_, _>>().unwrap()
}

#[track_caller]
fn assert_plan(sql: &str, uses: &str) {
    let folder = tempfile::tempdir().unwrap();
    let connection = open_writer(&folder.path().join("imagemill.db")).unwrap();
    let lines = plan(&connection, sql);
    assert!(lines.iter().any(|line| line.contains(uses)), "{sql}\n{lines:#?}");
    let slow =
        |line: &String| line.starts_with("SCAN") && !line.contains("CONSTANT ROW") || line.contains("TEMP B-TREE");
    assert!(!lines.iter().any(slow), "{sql}\n{lines:#?}");
}

#[test]
fn a_claim_reads_only_the_index_of_its_job_and_state() {
    assert_plan(moves::CLAIM, "USING COVERING INDEX task_turn (job=? AND state=?)");
}

#[test]
fn promotion_reads_only_waiting_tasks() {
    assert_plan(moves::DUE, "USING COVERING INDEX task_due (not_before_us<?)");
}

#[test]
fn questions_to_providers_read_only_calls_with_a_result_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let connection = open_writer(&folder.path().join("imagemill.db")).unwrap();
    for sql in [polls::CLAIM, polls::JOBS] {
        let lines = plan(&connection, sql);
        let scans: Vec<_> = lines.iter().filter(|line| line.starts_with("SCAN")).collect();
        assert!(scans.iter().all(|line| line.contains("call_elsewhere")), "{sql}\n{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("call_elsewhere")), "{sql}\n{lines:#?}");
    }
}

#[test]
fn reaping_reads_only_running_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let connection = open_writer(&folder.path().join("imagemill.db")).unwrap();
    let lines = plan(&connection, owners::REAP);
    assert!(lines.iter().any(|line| line.contains("task_owner")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line == "SCAN task"), "{lines:#?}");
}

#[test]
fn pages_begin_at_their_place_and_are_not_sorted() {
    assert_plan(pages::PLACES, "USING COVERING INDEX task_turn (job=? AND state=? AND position>?)");
    assert_plan(
        pages::FAILED_PLACES,
        "USING COVERING INDEX task_failure (job=? AND failure_kind=? AND state=? AND position>?)",
    );
}

#[test]
fn a_gallery_reads_indexes_only() {
    for sql in [gallery::PICTURES, gallery::LOOKS] {
        assert_plan(sql, "SEARCH t USING COVERING INDEX task_turn (job=?)");
        assert_plan(sql, "SEARCH a USING COVERING INDEX asset_task (task=? AND superseded=?)");
    }
}

#[test]
fn the_ledger_is_read_by_task_and_unknown_calls_by_their_own_index() {
    assert_plan(&format!("SELECT * FROM call {}", calls::JOURNAL), "USING INDEX call_task (task=?)");
    assert_plan(&format!("SELECT * FROM call {}", calls::OF_STEP), "USING INDEX call_task (task=?)");
    assert_plan(&format!("SELECT * FROM call {}", calls::UNKNOWN), "USING INDEX call_unknown (state=? AND rowid>?)");
}

#[test]
fn the_open_calls_of_a_batch_are_read_by_their_own_index() {
    assert_plan(batches::OPEN_CALLS, "USING INDEX call_batch (batch=? AND id>?)");
}
