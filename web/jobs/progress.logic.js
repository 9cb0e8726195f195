// Arithmetic of progress.

/** States in the order of the bar: what is done well first, what waits last.
 * @type {import('../documents.d.ts').TaskState[]} */
export const barOrder = ['succeeded', 'partial', 'failed', 'refused', 'unknown', 'stopped', 'running', 'waiting', 'queued'];
const ended = new Set(['succeeded', 'partial', 'failed', 'refused', 'unknown', 'stopped']);

/** @param {Record<string, number>} tasks */
export const done = (tasks) => barOrder.reduce((sum, state) => sum + (ended.has(state) ? tasks[state] ?? 0 : 0), 0);

/** Shares of the bar; a state that has any task is never too thin to be seen.
 * @param {Record<string, number>} tasks @param {number} total */
export function segments(tasks, total) {
  if (!total) return [];
  const shares = barOrder.filter((state) => (tasks[state] ?? 0) > 0).map((state) => ({ state, share: Math.max((tasks[state] ?? 0) / total, 0.006) }));
  const sum = shares.reduce((all, { share }) => all + share, 0);
  return sum > 1 ? shares.map(({ state, share }) => ({ state, share: share / sum })) : shares;
}

/** Which commands a job takes now. @param {import('../documents.d.ts').Job} job */
export function commands(job) {
  const { tasks, state } = job;
  const open = (tasks.queued ?? 0) + (tasks.running ?? 0) + (tasks.waiting ?? 0);
  const failed = (tasks.failed ?? 0) + (tasks.partial ?? 0);
  return {
    pause: state === 'active' || state === 'submitting',
    resume: state === 'paused' || (state === 'stopped' && (tasks.stopped ?? 0) > 0),
    stop: (state === 'active' || state === 'paused' || state === 'submitting') && open > 0,
    retry: failed > 0,
    remove: (tasks.running ?? 0) === 0 && state !== 'active' && state !== 'submitting',
  };
}
