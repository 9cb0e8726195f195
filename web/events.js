// The one event stream of the page. Tells whoever listens what has changed, at most ten times a second.
import { BASE } from './api.js';
import { about, activity, connection, loadJob, loadJobs } from './state.js';
import { fold, noChanges } from './events.logic.js';

/** @typedef {(changes: import('./events.logic.js').Changes) => void} Listener */
/** @type {Set<Listener>} */
const listeners = new Set();
const FOLD_MS = 100;
const JOBS_MS = 1000;

let changes = noChanges();
let pending = 0;
let lastSeq = 0;
/** @type {EventSource | null} */
let source = null;
let again_ms = 500;
let retry = 0;

/** @param {Listener} listener @returns {() => void} stops listening */
export function onChanges(listener) {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

/** @param {number} seq Where the page's first answers stand. */
export function connect(seq) {
  lastSeq = Math.max(lastSeq, seq);
  clearTimeout(retry);
  source?.close();
  source = new EventSource(`${BASE}/events?after=${lastSeq}`);
  source.onopen = () => {
    if (connection.value === 'lost') loadJobs().catch(() => {});
    connection.value = 'live';
    again_ms = 500;
  };
  source.onerror = () => {
    // The browser's own reconnecting gives up on some answers; ours does not.
    source?.close();
    connection.value = 'lost';
    clearTimeout(retry);
    retry = window.setTimeout(() => connect(lastSeq), again_ms);
    again_ms = Math.min(again_ms * 2, 10_000);
  };
  source.addEventListener('event', (message) => {
    lastSeq = Number(message.lastEventId) || lastSeq;
    fold(changes, JSON.parse(message.data));
    pending ||= window.setTimeout(tell, FOLD_MS);
  });
  source.addEventListener('activity', (message) => { activity.value = JSON.parse(message.data); });
}

function tell() {
  const told = changes;
  changes = noChanges();
  pending = 0;
  for (const listener of listeners) listener(told);
}

// Jobs are asked for again at most once a second, and not at all while nobody looks.
/** @type {Set<number>} */
const stale = new Set();
let listStale = false;
let refreshing = 0;

async function refresh() {
  refreshing = 0;
  if (document.hidden) return;
  const ids = [...stale];
  stale.clear();
  const all = listStale || ids.length > 8;
  listStale = false;
  try {
    if (all) await loadJobs();
    else await Promise.all(ids.map(loadJob));
  } catch {
    // The notice about the connection says it; the next event or reconnect asks again.
  }
  if (stale.size > 0 || listStale) refreshing ||= window.setTimeout(refresh, JOBS_MS);
}

/** Asks for jobs again soon. @param {Iterable<number>} ids @param {boolean} [all] */
export function jobsChanged(ids, all = false) {
  for (const id of ids) stale.add(id);
  listStale ||= all;
  if ((stale.size > 0 || listStale) && !refreshing) refreshing = window.setTimeout(refresh, all ? 50 : JOBS_MS);
}

onChanges((told) => jobsChanged(told.jobs, told.submitted));
globalThis.document?.addEventListener('visibilitychange', () => { if (!document.hidden) jobsChanged([]); });

/** Starts the stream when the server's facts are there. */
export function start() {
  if (about.value) connect(about.value.seq);
}
