// What is done to the pictures under the cursor or selected.
import { t } from '../i18n/texts.js';
import { post } from '../api.js';
import { ask, say } from '../state.js';
import { kept } from '../kept.js';
import * as results from './results.js';
import { moveCursor } from './grid.js';

/** After a verdict the cursor goes on. */
export const advance = kept('advance', true);

/** @param {number[]} list */
export async function retryTasks(list) {
  const rows = list.map((id) => results.rowOf(id)).filter((row) => row !== undefined);
  if (rows.length < list.length) {
    say(t('gallery.retry_unseen'), { tone: 'bad' });
    return;
  }
  /** @type {Map<number, Set<number>>} */
  const jobs = new Map();
  for (const row of rows) jobs.set(row.job, (jobs.get(row.job) ?? new Set()).add(row.task));
  const tasks = [...jobs.values()].reduce((sum, set) => sum + set.size, 0);
  if (tasks > 1 && !(await ask({ title: t('gallery.retry_title', { n: tasks }), text: t('gallery.retry_text'), confirm: t('gallery.retry') }))) return;
  let again = 0;
  for (const [job, set] of jobs) again += (await post(`/jobs/${job}/retry`, { tasks: [...set] })).tasks ?? 0;
  say(t('job.retried', { n: again }));
}

/** @param {import('../review/verdicts.logic.js').Settings} set @param {boolean} [loupe] */
export function act(set, loupe = false) {
  const list = loupe ? (results.current.value === null ? [] : [results.current.value]) : results.targets();
  results.apply(list, set);
  if (advance.value && list.length === 1 && set.note === undefined) moveCursor('right', false, true);
}
