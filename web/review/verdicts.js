// Sends verdicts in order and keeps them in the browser until the server has them, so that neither a reload nor a lost connection loses one.
import { signal, computed } from '../html.js';
import { t } from '../i18n/texts.js';
import { post } from '../api.js';
import { about, complain, reviewer, say } from '../state.js';
import { applied, inverse, overlaid, requests, together } from './verdicts.logic.js';

/** @typedef {import('./verdicts.logic.js').Entry} Entry */
/** @typedef {import('./verdicts.logic.js').Settings} Settings */

const PREFIX = 'imagemill.verdict.';
/** @type {import('../html.js').Signal<Entry[]>} */
const waiting = signal([]);
/** Pictures whose verdict the server has not yet. */
export const unsent = computed(() => waiting.value.reduce((sum, entry) => sum + entry.parts.reduce((all, part) => all + part.ids.length, 0), 0));
/** Why they are not sent, when that takes long. */
export const verdictTrouble = signal('');

/** @typedef {{ keys: (keyof Settings)[], before: { id: number }[] | null, settled: Promise<unknown>, count: number }} Undo */
/** @type {Undo[]} */
const undos = [];
/** @type {Map<string, { before: any[], done: () => void }>} */
const watched = new Map();
let last = 0;
let sending = false;
let again_ms = 500;

/** @type {(ids: number[]) => void} */
let told = () => {};
/** Who wants to know that the rows of these pictures may be different now. @param {(ids: number[]) => void} listener */
export const onSent = (listener) => { told = listener; };

/** Name of whoever judges here. */
export const reviewerName = () => reviewer.value || about.value?.reviewer || 'me';

/** What is still on its way, over a row. @template {{ id: number, review: import('../documents.d.ts').Review | null }} R @param {R} row @returns {R} */
export const withPending = (row) => (waiting.peek().length === 0 ? row : overlaid(row, waiting.peek()));

/** @param {Entry} entry */
function store(entry) {
  try {
    localStorage.setItem(PREFIX + entry.key, JSON.stringify(entry));
  } catch {
    say(t('review.not_kept'), { tone: 'bad' });
  }
}

/** @param {import('./verdicts.logic.js').Part[]} parts @returns {Entry} */
function enqueue(parts) {
  last = Math.max(last + 1, Date.now() * 1000);
  const entry = { key: String(last), reviewer: reviewerName(), parts };
  store(entry);
  waiting.value = [...waiting.value, entry];
  send();
  return entry;
}

/** Judges pictures: at once here, soon at the server. `known` are their reviews as far as they are known, for undo.
 * @param {number[]} ids @param {Settings} set @param {Map<number, import('../documents.d.ts').Review | null>} known */
export function judge(ids, set, known) {
  if (ids.length === 0) return;
  const all = ids.every((id) => known.has(id));
  /** @type {Undo} */
  const undo = { keys: /** @type {(keyof Settings)[]} */ (Object.keys(set)), before: all ? ids.map((id) => ({ id, ...applied(known.get(id) ?? null, {}) })) : null, settled: Promise.resolve(), count: ids.length };
  const entry = enqueue([{ ids, set }]);
  if (!all) undo.settled = new Promise((resolve) => { watched.set(entry.key, { before: [], done: () => resolve(undefined) }); }).then(() => { undo.before = watched.get(entry.key)?.before ?? []; watched.delete(entry.key); });
  undos.push(undo);
  if (undos.length > 500) undos.shift();
}

/** Takes back the last judgement. @returns {Promise<import('./verdicts.logic.js').Part[] | null>} what is true again */
export async function undo() {
  const step = undos.pop();
  if (!step) {
    say(t('review.nothing_to_undo'));
    return null;
  }
  await step.settled;
  const parts = inverse(step.before ?? [], step.keys);
  if (parts.length > 0) enqueue(parts);
  say(t('review.undone', { n: step.count }));
  return parts;
}

/** @param {Entry[]} entries */
function drop(entries) {
  const keys = new Set(entries.map((entry) => entry.key));
  for (const key of keys) localStorage.removeItem(PREFIX + key);
  waiting.value = waiting.value.filter((entry) => !keys.has(entry.key));
  for (const key of keys) watched.get(key)?.done();
}

async function send() {
  if (sending) return;
  sending = true;
  while (waiting.value.length > 0) {
    const entries = together(waiting.value);
    const first = /** @type {Entry} */ (entries[0]);
    const joined = { ...first, parts: entries.flatMap((entry) => entry.parts) };
    try {
      for (const changes of requests(joined)) {
        const answer = await post('/reviews', { reviewer: first.reviewer, changes });
        for (const entry of entries) watched.get(entry.key)?.before.push(...(answer.before ?? []));
      }
      again_ms = 500;
      verdictTrouble.value = '';
      drop(entries);
    } catch (error) {
      const problem = /** @type {import('../api.js').Problem} */ (error);
      if (!problem.passing && problem.status !== 401) {
        // The server refuses it for good (the picture is gone): saying so beats asking for ever.
        drop(entries);
        complain(error);
      } else {
        verdictTrouble.value = problem.message;
        await new Promise((resolve) => { setTimeout(resolve, again_ms); });
        again_ms = Math.min(again_ms * 2, 10_000);
        continue;
      }
    }
    told(entries.flatMap((entry) => entry.parts.flatMap((part) => part.ids)));
  }
  sending = false;
}

/** Takes up what an earlier page of this browser could not send. */
function recover() {
  /** @type {Entry[]} */
  const found = [];
  for (let at = 0; at < localStorage.length; at += 1) {
    const key = localStorage.key(at) ?? '';
    if (!key.startsWith(PREFIX)) continue;
    try {
      found.push(JSON.parse(localStorage.getItem(key) ?? ''));
    } catch {
      localStorage.removeItem(key);
    }
  }
  waiting.value = found.sort((a, b) => Number(a.key) - Number(b.key));
  send();
}
if (globalThis.localStorage) recover();
