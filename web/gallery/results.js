// The results under review: all ids of the filter, rows of what is in view, the cursor, the selection. The pages draw what this holds.
import { signal, computed, batch } from '../html.js';
import { get, post } from '../api.js';
import { complain, reviewer } from '../state.js';
import { applied } from '../review/verdicts.logic.js';
import { judge, reviewerName, undo as takeBack, withPending } from '../review/verdicts.js';
import { folded, stackOf } from '../review/stacks.logic.js';
import { compared } from './grid.logic.js';

/** @typedef {import('../documents.d.ts').Row} Row */
/** @typedef {{ job?: string, state?: string, verdict?: string, rating_min?: string, finding?: string, model?: string, q?: string, sort?: string }} Filter */

/** @type {import('../html.js').Signal<number[]>} */
export const ids = signal([]);
/** @type {import('../html.js').Signal<Map<number, number>>} */
export const stacks = signal(new Map());
export const stackSizes = computed(() => {
  /** @type {Map<number, number>} */
  const sizes = new Map();
  for (const stack of stacks.value.values()) sizes.set(stack, (sizes.get(stack) ?? 0) + 1);
  return sizes;
});
export const allFolded = signal(false);
/** @type {import('../html.js').Signal<Set<number>>} */
export const turned = signal(new Set());
/** What the grid shows: the ids without what lies folded in stacks. */
export const shown = computed(() => folded(ids.value, stacks.value, allFolded.value, turned.value));
export const cursor = signal(0);
export const current = computed(() => shown.value[cursor.value] ?? null);
/** @type {import('../html.js').Signal<Set<number>>} */
export const selected = signal(new Set());
export const loading = signal(true);
/** @type {import('../html.js').Signal<any>} */
export const failure = signal(null);
/** A newer list that would move what is on the screen; shown when the reviewer asks for it. @type {import('../html.js').Signal<number[] | null>} */
export const newer = signal(null);

/** @type {Filter} */
let filter = {};
/** @type {AbortController | null} */
let asking = null;
let took_ms = 0;
/** Counts how often another list was shown, for whoever keeps a place. */
export const listed = signal(0);

const ask = () => {
  asking?.abort();
  asking = new AbortController();
  const begin = performance.now();
  return get('/results/ids', { ...filter, reviewer: reviewerName() }, asking.signal).then((answer) => {
    took_ms = performance.now() - begin;
    return /** @type {number[]} */ (answer.ids);
  });
};

/** Shows the results of a filter; the cursor stays on its picture if that is among them.
 * @param {Filter} next @param {number | null} [keep] */
export async function show(next, keep = null) {
  const other = JSON.stringify(next) !== JSON.stringify(filter);
  filter = next;
  loading.value = true;
  try {
    const list = await ask();
    batch(() => {
      if (other) {
        selected.value = new Set();
        stacks.value = new Map();
        turned.value = new Set();
        allFolded.value = false;
      }
      replace(list, keep ?? (other ? null : current.peek()));
      failure.value = null;
      loading.value = false;
    });
  } catch (error) {
    if (error instanceof DOMException) return;
    failure.value = error;
    loading.value = false;
  }
}

/** @param {number[]} list @param {number | null} keep */
function replace(list, keep) {
  ids.value = list;
  newer.value = null;
  listed.value += 1;
  const at = keep === null ? -1 : shown.value.indexOf(keep);
  cursor.value = at >= 0 ? at : Math.max(0, Math.min(keep === null ? 0 : cursor.peek(), shown.value.length - 1));
}

let due = 0;
let lastAsked = 0;

/** Looks for new results soon: at the end they simply appear, anywhere else they wait until asked for. @param {() => boolean} undisturbed */
export function arrive(undisturbed) {
  if (due) return;
  const wait = Math.max(300, lastAsked + Math.max(2000, took_ms * 20) - performance.now());
  due = window.setTimeout(async () => {
    due = 0;
    lastAsked = performance.now();
    if (loading.peek()) return;
    const list = await ask().catch(() => null);
    if (!list) return;
    const how = compared(ids.peek(), list);
    if (how === 'longer') ids.value = list;
    else if (how === 'other') {
      if (undisturbed()) replace(list, null);
      else newer.value = list;
    }
  }, wait);
}

/** Shows the newer list, staying on the picture of the cursor. */
export function showNewer() {
  const list = newer.value;
  if (list) batch(() => replace(list, current.peek()));
}

// Rows: what was asked for stays, up to a limit; cells watch theirs.
const MOST_ROWS = 3000;
/** @type {Map<number, Row>} */
const rows = new Map();
/** @type {Map<number, import('../html.js').Signal<Row | null>>} */
const watched = new Map();
/** @type {Set<number>} */
const wanted = new Set();
let fetching = false;

/** The row of a result, as it is known now and as it changes. @param {number} id @returns {import('../html.js').Signal<Row | null>} */
export function watch(id) {
  let row = watched.get(id);
  if (!row) {
    row = signal(rows.get(id) ?? null);
    watched.set(id, row);
  }
  return row;
}

/** @param {number} id */
export const unwatch = (id) => { watched.delete(id); };
/** @param {number} id @returns {Row | undefined} */
export const rowOf = (id) => rows.get(id);

/** @param {Row} row */
function keepRow(row) {
  rows.delete(row.id);
  rows.set(row.id, row);
  const watcher = watched.get(row.id);
  if (watcher) watcher.value = row;
}

/** Asks for rows that are not known; only the latest wishes count. @param {number[]} list @param {boolean} [again] */
export function want(list, again = false) {
  wanted.clear();
  for (const id of list) if (again || !rows.has(id)) wanted.add(id);
  if (!fetching && wanted.size > 0) fetchRows();
}

async function fetchRows() {
  fetching = true;
  while (wanted.size > 0) {
    const part = [...wanted].slice(0, 500);
    for (const id of part) wanted.delete(id);
    try {
      const answer = await post('/results/rows', { ids: part, reviewer: reviewerName() });
      batch(() => { for (const row of answer.rows) keepRow(withPending(row)); });
    } catch (error) {
      complain(error);
      break;
    }
  }
  fetching = false;
  for (const id of rows.keys()) {
    if (rows.size <= MOST_ROWS) break;
    if (!watched.has(id)) rows.delete(id);
  }
}

/** Rows that somebody else may have changed are asked for again, those on the screen only. */
/** @type {Set<number>} */
const stale = new Set();
let staleDue = 0;
/** @param {Iterable<number>} changed */
export function refresh(changed) {
  for (const id of changed) if (rows.has(id)) stale.add(id);
  if (stale.size === 0 || staleDue) return;
  staleDue = window.setTimeout(async () => {
    staleDue = 0;
    const now = [...stale].filter((id) => watched.has(id)).slice(0, 500);
    for (const id of stale) if (!watched.has(id)) rows.delete(id);
    stale.clear();
    if (now.length === 0) return;
    const answer = await post('/results/rows', { ids: now, reviewer: reviewerName() }).catch(() => null);
    if (answer) batch(() => { for (const row of answer.rows) keepRow(withPending(row)); });
  }, 250);
}

/** Forgets every row: another reviewer looks now. */
export function forget() {
  rows.clear();
  for (const [id, row] of watched) { row.value = null; wanted.add(id); }
  if (!fetching) fetchRows();
}

/** @param {Row} row @param {import('../review/verdicts.logic.js').Settings} set @returns {Row} */
function judged(row, set) {
  const review = applied(row.review, set);
  const reviews = { ...row.reviews };
  const before = row.review?.verdict;
  if (before === 'keep' || before === 'reject') reviews[before] = Math.max(0, reviews[before] - 1);
  if (review.verdict === 'keep' || review.verdict === 'reject') reviews[review.verdict] += 1;
  reviews.disputed = reviews.keep > 0 && reviews.reject > 0;
  return { ...row, review, reviews };
}

/** The pictures that a key acts on: the selection, else the one under the cursor. @returns {number[]} */
export function targets() {
  if (selected.value.size > 0) return shown.value.length === selected.value.size ? shown.value : ids.value.filter((id) => selected.value.has(id));
  return current.value === null ? [] : [current.value];
}

/** @param {number[]} list @param {import('../review/verdicts.logic.js').Settings} set */
export function apply(list, set) {
  const known = new Map(list.flatMap((id) => { const row = rows.get(id); return row ? [/** @type {const} */ ([id, row.review])] : []; }));
  batch(() => { for (const id of list) { const row = rows.get(id); if (row) keepRow(judged(row, set)); } });
  judge(list, set, known);
}

/** Takes back the last judgement and goes to the picture it was about. */
export async function undo() {
  const parts = await takeBack();
  if (!parts) return;
  batch(() => { for (const { ids: list, set } of parts) for (const id of list) { const row = rows.get(id); if (row) keepRow(judged(row, set)); } });
  const first = parts[0]?.ids[0];
  const at = first === undefined ? -1 : shown.value.indexOf(first);
  if (at >= 0) cursor.value = at;
}

/** Loads the near-duplicates of the job once. */
async function loadStacks() {
  if (stacks.value.size > 0 || !filter.job) return;
  const answer = await get('/results/stacks', { job: filter.job });
  stacks.value = stackOf(answer.stacks);
}

/** Folds or unfolds the stack of a picture, or all. @param {number | null} id @returns {Promise<number>} how many stacks there are */
export async function turnStack(id) {
  const keep = id ?? current.peek();
  await loadStacks();
  batch(() => {
    if (id === null) {
      allFolded.value = !allFolded.value;
      turned.value = new Set();
    } else {
      const stack = stacks.value.get(id);
      if (stack === undefined) return;
      const next = new Set(turned.value);
      if (!next.delete(stack)) next.add(stack);
      turned.value = next;
    }
    // A picture that lies folded now is stood for by the first of its stack.
    const stack = keep === null ? undefined : stacks.value.get(keep);
    let at = keep === null ? -1 : shown.value.indexOf(keep);
    if (at < 0 && stack !== undefined) at = shown.value.findIndex((other) => stacks.value.get(other) === stack);
    cursor.value = Math.max(0, at);
    listed.value += 1;
  });
  return new Set(stacks.value.values()).size;
}

// Another name on the reviewer's field: other verdicts are one's own.
let lastName = reviewer.peek();
reviewer.subscribe((name) => {
  if (name === lastName) return;
  lastName = name;
  forget();
});
