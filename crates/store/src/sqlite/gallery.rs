//! Pictures as a person looks at them: all numbers of a filter in order at once, then only the rows in view. The first reads
//! no row where it need not; neither ever skips over rows.

use std::collections::HashMap;

use imagemill_domain::asset::AssetId;
use imagemill_domain::job::{Job, JobId};
use imagemill_domain::money::Money;
use imagemill_domain::plan::prompt_of;
use imagemill_domain::review::Verdict;
use imagemill_domain::task::{Task, TaskId, TaskSpec, TaskState};
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::assets::by_id;
use super::definitions::Definitions;
use super::failure::OpResult;
use super::jobs;
use super::rows::{self, present};
use super::{pages, reviews};
use crate::record::{GalleryFilter, GalleryOrder, GalleryRow, TaskBrief, TaskFilter, VerdictFilter};

/// Pictures that stand for a task in a list, at most.
const THUMBNAILS: usize = 4;

/// All pictures of a job that are not superseded, with what orders them.
pub(crate) const PICTURES: &str = "SELECT a.id, t.position, a.picture, a.findings FROM task t \
     CROSS JOIN asset a ON a.task = t.id AND a.superseded = 0 WHERE t.job = ?1";

/// The pictures of a job with their perceptual hashes.
pub(crate) const LOOKS: &str = "SELECT a.id, a.phash FROM task t CROSS JOIN asset a ON a.task = t.id AND a.superseded = 0 \
     WHERE t.job = ?1";

/// One picture with what it is sorted by.
struct Found {
    id: i64,
    place: (i64, i64),
    findings: u8,
    rating: u8,
}

/// See [`super::Assets::ids`].
pub(crate) fn ids(
    connection: &Connection,
    definitions: &Definitions,
    filter: &GalleryFilter,
) -> OpResult<Vec<AssetId>> {
    let jobs: Vec<i64> = if let Some(job) = filter.job {
        vec![job.0]
    } else {
        let mut statement = connection.prepare_cached("SELECT id FROM job ORDER BY id DESC")?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    let mut all = Vec::new();
    for job in jobs {
        let mut found = of_job(connection, definitions, JobId(job), filter)?;
        found.sort_unstable_by_key(|found| (found.place, found.id));
        all.extend(found);
    }
    match filter.order {
        GalleryOrder::Plan => {}
        GalleryOrder::Newest => all.sort_unstable_by_key(|found| std::cmp::Reverse(found.id)),
        // Stable, so that the plan's order stays within a rating.
        GalleryOrder::Rating => all.sort_by_key(|found| std::cmp::Reverse(found.rating)),
        GalleryOrder::Findings => all.sort_by_key(|found| std::cmp::Reverse(found.findings.count_ones())),
    }
    Ok(all.into_iter().map(|found| AssetId(found.id)).collect())
}

/// A filter as SQL behind [`PICTURES`].
struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
    /// The part that lets only one person's reviews count.
    by: String,
}

impl Conditions {
    fn of(job: JobId, filter: &GalleryFilter) -> Self {
        let rated = filter.rating_min.filter(|rating| *rating > 0);
        let mut all = Self { sql: Vec::new(), values: vec![job.0.into()], by: String::new() };
        let by_person = matches!(filter.verdict, Some(VerdictFilter::Is(_)))
            || rated.is_some()
            || filter.order == GalleryOrder::Rating;
        if let Some(reviewer) = filter.reviewer.as_ref().filter(|_| by_person) {
            all.by = format!(" AND r.reviewer = {}", all.value(reviewer));
        }
        if let Some(states) = &filter.states {
            let numbers: Vec<String> = states.iter().map(|state| state.number().to_string()).collect();
            all.sql.push(format!("t.state IN ({})", numbers.join(", ")));
        }
        if let Some(finding) = filter.finding {
            all.sql.push(format!("a.findings & {} <> 0", 1u8 << (finding as u8)));
        }
        if let Some(model) = &filter.model {
            let model = all.value(model);
            all.sql.push(format!("(SELECT c.model FROM call c WHERE c.id = a.call) = {model}"));
        }
        let says = |verdict: Verdict| format!("r.verdict = {}", verdict as u8);
        match filter.verdict {
            None => {}
            Some(VerdictFilter::Is(Verdict::Unset)) => {
                let decided = reviewed(&format!("r.verdict <> {}", Verdict::Unset as u8), &all.by);
                all.sql.push(format!("NOT {decided}"));
            }
            Some(VerdictFilter::Is(verdict)) => all.sql.push(reviewed(&says(verdict), &all.by)),
            Some(VerdictFilter::Disputed) => {
                all.sql.extend([Verdict::Keep, Verdict::Reject].map(|verdict| reviewed(&says(verdict), "")));
            }
        }
        if let Some(rating) = rated {
            all.sql.push(reviewed(&format!("r.rating >= {rating}"), &all.by));
        }
        all
    }

    fn value(&mut self, text: &str) -> String {
        self.values.push(text.to_owned().into());
        format!("?{}", self.values.len())
    }
}

fn reviewed(what: &str, by: &str) -> String {
    format!("EXISTS (SELECT 1 FROM review r WHERE r.asset = a.id AND {what}{by})")
}

fn of_job(
    connection: &Connection,
    definitions: &Definitions,
    job: JobId,
    filter: &GalleryFilter,
) -> OpResult<Vec<Found>> {
    let Conditions { sql: conditions, values, by } = Conditions::of(job, filter);
    let rating = match filter.order {
        GalleryOrder::Rating => {
            format!("(SELECT coalesce(max(r.rating), 0) FROM review r WHERE r.asset = a.id{by})")
        }
        _ => "0".to_owned(),
    };
    let spec = if filter.text.is_some() { "t.spec" } else { "NULL" };
    let more = [vec![String::new()], conditions].concat().join(" AND ");
    let sql = PICTURES.replacen(" FROM task t ", &format!(", {rating}, {spec} FROM task t "), 1) + &more;
    let words = match &filter.text {
        Some(text) => Some((job_of(connection, definitions, job)?, text.to_lowercase())),
        None => None,
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if let Some((job, text)) = &words
            && !says_text(job, &rows::task_spec(row, 5, id)?, text)
        {
            continue;
        }
        found.push(Found { id, place: (row.get(1)?, row.get(2)?), findings: row.get(3)?, rating: row.get(4)? });
    }
    Ok(found)
}

/// Whether a task's name or prompt has `text`, which is in small letters.
pub(crate) fn says_text(job: &Job, spec: &TaskSpec, text: &str) -> bool {
    spec.title().to_lowercase().contains(text) || prompt_of(&job.definition, spec).to_lowercase().contains(text)
}

/// The job with this number, which must be there.
fn job_of(connection: &Connection, definitions: &Definitions, job: JobId) -> OpResult<Job> {
    let found = jobs::select(connection, definitions, "WHERE id = ?1", vec![job.0.into()])?.pop();
    present(found, "job", job.0)
}

/// See [`super::Assets::rows`].
pub(crate) fn view(connection: &Connection, ids: &[AssetId]) -> OpResult<Vec<GalleryRow>> {
    let mut view = Vec::with_capacity(ids.len());
    for id in ids {
        // A job may have been deleted since the numbers were asked for.
        let Some(asset) = by_id(connection, *id)? else { continue };
        let Some(task) = rows::task_by_id(connection, asset.task)? else { continue };
        let model = connection
            .prepare_cached("SELECT model FROM call WHERE id = ?1")?
            .query_map([asset.call.0], |row| row.get(0))?
            .next()
            .transpose()?
            .unwrap_or_default();
        view.push(GalleryRow { reviews: reviews::of_asset(connection, *id)?, asset, task, model });
    }
    Ok(view)
}

/// See [`super::Assets::looks`].
pub(crate) fn looks(connection: &Connection, job: JobId) -> OpResult<Vec<(AssetId, u64)>> {
    let mut statement = connection.prepare_cached(LOOKS)?;
    let looks = statement.query_map([job.0], |row| Ok((AssetId(row.get(0)?), row.get::<_, i64>(1)? as u64)))?;
    let mut looks: Vec<(AssetId, u64)> = looks.collect::<Result<_, _>>()?;
    looks.sort_unstable_by_key(|(id, _)| *id);
    Ok(looks)
}

/// See [`super::Tasks::briefs`].
pub(crate) fn briefs(connection: &Connection, tasks: &[TaskId]) -> OpResult<HashMap<TaskId, TaskBrief>> {
    let mut briefs = HashMap::with_capacity(tasks.len());
    for task in tasks {
        let assets = super::assets::of_task(connection, *task)?;
        let (calls, cost): (i64, Option<i64>) = connection
            .prepare_cached("SELECT count(*), sum(cost) FROM call WHERE task = ?1")?
            .query_row(params![task.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let brief = TaskBrief {
            pictures: assets.len() as u64,
            thumbnails: assets.iter().take(THUMBNAILS).map(|asset| asset.facts.blake3).collect(),
            calls: calls as u64,
            cost: cost.map(Money::from_micros),
        };
        briefs.insert(*task, brief);
    }
    Ok(briefs)
}

/// Tasks that one search reads at most before it hands over what it has.
const SEARCHED: usize = 2_000;
/// Places taken at once.
const AT_ONCE: u32 = 256;

/// See [`super::Tasks::search`].
pub(crate) fn search(
    connection: &Connection,
    definitions: &Definitions,
    filter: &TaskFilter,
    text: &str,
    after: Option<pages::Place>,
    limit: usize,
) -> OpResult<(Vec<Task>, Option<pages::Place>)> {
    let job = job_of(connection, definitions, filter.job)?;
    let text = text.to_lowercase();
    let states = filter.states.as_deref().unwrap_or(&TaskState::ALL);
    let (mut found, mut place, mut read) = (Vec::new(), after.unwrap_or(pages::START), 0);
    loop {
        let places = pages::places(connection, filter.job, states, filter.failure, place, AT_ONCE)?;
        if places.is_empty() {
            return Ok((found, None));
        }
        for (position, id) in places {
            let task = present(rows::task_by_id(connection, id)?, "task", id.0)?;
            place = (position, id);
            read += 1;
            if says_text(&job, &task.spec, &text) {
                found.push(task);
            }
            if found.len() == limit || read >= SEARCHED {
                return Ok((found, Some(place)));
            }
        }
    }
}
