// What more than one page looks at: the route, the server's facts, jobs, the theme, messages and questions to the user.
import { signal, computed, effect, batch } from './html.js';
import { kept } from './kept.js';
import { get } from './api.js';
import { parseRoute } from './route.logic.js';

/** @type {import('./html.js').Signal<import('./documents.d.ts').About | null>} */
export const about = signal(null);
/** @type {import('./html.js').Signal<Map<number, import('./documents.d.ts').Job>>} */
export const jobs = signal(new Map());
/** False until the first list of jobs has come. */
export const jobsLoaded = signal(false);
/** @type {import('./html.js').Signal<import('./documents.d.ts').Activity>} */
export const activity = signal({ jobs: [], profiles: [] });
/** @type {import('./html.js').Signal<'connecting' | 'live' | 'lost'>} */
export const connection = signal('connecting');

export const jobList = computed(() => [...jobs.value.values()].sort((a, b) => b.id - a.id));

/** @param {number | null | undefined} id */
export const jobName = (id) => (id ? jobs.value.get(id)?.job ?? `#${id}` : '');
/** @param {number} id */
export const jobActivity = (id) => activity.value.jobs.find((entry) => entry.id === id) ?? null;

/** @param {import('./documents.d.ts').Job} job */
export function mergeJob(job) {
  const next = new Map(jobs.value);
  const old = next.get(job.id);
  // A list tells how many failed and how they ended, the job itself gives an example: both stay known.
  const failures = job.failures?.map((group) => ({ ...old?.failures?.find(({ kind }) => kind === group.kind), ...group }));
  next.set(job.id, { ...old, ...job, failures });
  jobs.value = next;
}

/** Every job, page by page. */
export async function loadJobs() {
  /** @type {import('./documents.d.ts').Job[]} */
  const all = [];
  let cursor = null;
  do {
    const page = await get('/jobs', { cursor, limit: 200 });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor);
  const there = new Set(all.map(({ id }) => id));
  batch(() => {
    jobs.value = new Map([...jobs.value].filter(([id]) => there.has(id)));
    for (const job of all) mergeJob(job);
  });
  jobsLoaded.value = true;
}

/** @param {number} id */
export async function loadJob(id) {
  const job = await get(`/jobs/${id}`);
  mergeJob(job);
  return job;
}

// The route is the part behind #, so that any server can deliver the page.
export const route = signal(parseRoute(globalThis.location?.hash ?? ''));
globalThis.addEventListener?.('hashchange', () => { route.value = parseRoute(location.hash); });

/** @param {string} path */
export const go = (path) => { location.hash = path; };
/** Changes the address without an entry in the history. @param {string} path */
export function stay(path) {
  history.replaceState(null, '', `#${path}`);
  route.value = parseRoute(location.hash);
}

/** @type {import('./html.js').Signal<'system' | 'light' | 'dark'>} */
export const theme = kept('theme', 'system');
effect(() => {
  if (!globalThis.document) return;
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

/** Name under which verdicts of this browser are kept. */
export const reviewer = kept('reviewer', '');

/** @typedef {{ id: number, text: string, tone: 'plain' | 'bad', help: string | null, action: { label: string, run: () => void } | null }} Toast */
/** @type {import('./html.js').Signal<Toast[]>} */
export const toasts = signal([]);
let lastToast = 0;

/** @param {number} id */
export const dropToast = (id) => { toasts.value = toasts.value.filter((toast) => toast.id !== id); };

/** @param {string} text @param {{ tone?: 'plain' | 'bad', help?: string | null, action?: Toast['action'], stay_ms?: number }} [options] */
export function say(text, options = {}) {
  const id = ++lastToast;
  const toast = { id, text, tone: options.tone ?? 'plain', help: options.help ?? null, action: options.action ?? null };
  toasts.value = [...toasts.value.filter((old) => old.text !== text).slice(-3), toast];
  setTimeout(() => dropToast(id), options.stay_ms ?? (toast.tone === 'bad' ? 12000 : 4000));
}

/** Shows what went wrong; returns nothing, so that it fits behind .catch. @param {unknown} error */
export function complain(error) {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  const known = /** @type {{ message?: string, help?: string }} */ (error);
  say(known?.message ?? String(error), { tone: 'bad', help: known?.help ?? null });
}

/** @typedef {{ title: string, text: string, confirm: string, danger: boolean, answer: (yes: boolean) => void }} Question */
/** @type {import('./html.js').Signal<Question | null>} */
export const question = signal(null);

/** @param {{ title: string, text: string, confirm: string, danger?: boolean }} options @returns {Promise<boolean>} */
export function ask(options) {
  return new Promise((resolve) => {
    question.value = { danger: false, ...options, answer: (yes) => { question.value = null; resolve(yes); } };
  });
}
