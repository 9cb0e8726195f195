// What a task's page says without asking anybody.

/** JSON is indented, anything else stands as it is. @param {string} text */
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** What counts against a round's picture: rules that it breaks, and labels that came out otherwise. @param {any} review
 * @returns {{ rule: string, detail?: string, label?: string, read?: string | null }[]} */
export function faultsOf(review) {
  if (!review) return [];
  const labels = review.labels.filter((/** @type {any} */ check) => check.state !== 'same');
  return [...review.violations, ...labels.map((/** @type {any} */ check) => ({ rule: 'label', label: check.label, read: check.read ?? null }))];
}

/** What a call counts: its cost, else the most it may cost; `null` where nobody knows either. @param {any} call */
export const countsOf = (call) => call.cost ?? call.ceiling ?? null;

/** What a task's calls cost, and how many of them are not in the sum. @param {any[]} entries */
export function costOf(entries) {
  const counts = entries.map((entry) => entry.call).filter((call) => ['fetched', 'refused', 'failed'].includes(call.state)).map(countsOf);
  return { spent: counts.reduce((sum, one) => sum + (one ?? 0), 0), unpriced: counts.filter((one) => one === null).length };
}

/** What a person can do now, as the key of a sentence. @param {any} task @param {any[]} calls @param {string} [recipe] */
export function nextStep(task, calls, recipe = 'edit') {
  if (task.state === 'unknown') return 'unknown';
  if (task.state === 'failed' || task.state === 'partial') {
    const kind = task.failure?.kind;
    if (kind === 'auth' || kind === 'quota' || kind === 'not_entitled' || kind === 'stable_infra') return 'profile';
    if (kind === 'invalid') return 'invalid';
    if (kind === 'local') return 'local';
    return 'retry';
  }
  if (task.state === 'waiting') return calls.some((entry) => ['accepted', 'produced'].includes(entry.call.state)) ? 'asking' : 'waiting';
  if (task.state === 'succeeded' && recipe === 'critique') return 'written';
  return /** @type {Record<string, string>} */ ({ refused: 'refused', stopped: 'stopped', succeeded: 'done', running: 'running', queued: 'queued' })[task.state] ?? 'done';
}
