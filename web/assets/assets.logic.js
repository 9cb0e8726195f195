// What a verdict says, what it still lacks, and which picture comes next. Pure.

/** @typedef {import('../documents.d.ts').AssetPicture} Picture */
/** @typedef {import('../documents.d.ts').ReviewWords} Words */
/** @typedef {{ answers: Record<string, string>, reasons: string, categories: string[], stages: string[] }} Said */

/** @returns {Said} */
export const nothingSaid = () => ({ answers: {}, reasons: '', categories: [], stages: [] });

/** The answer after this one: a key goes round. @param {string | undefined} answer @param {string[]} answers */
export const nextAnswer = (answer, answers) => answers[(answers.indexOf(answer ?? '') + 1) % answers.length] ?? '';

/** Every question answered with the first, best answer that has none yet. @param {Said} said @param {Words} words @returns {Said} */
export const allWell = (said, words) => ({ ...said, answers: { ...Object.fromEntries(words.questions.map((question) => [question, words.answers[0] ?? ''])), ...said.answers } });

/** A word in or out of a list. @param {string[]} list @param {string} word */
export const toggled = (list, word) => (list.includes(word) ? list.filter((other) => other !== word) : [...list, word]);

/** What keeps a verdict from being given; keys of texts. The server has the last word. @param {string} verdict @param {Said} said @param {Words} words @returns {string[]} */
export function lacking(verdict, said, words) {
  if (verdict !== 'approve') return [...(said.reasons.trim() ? [] : ['reason']), ...(said.categories.length > 0 ? [] : ['category'])];
  if (words.questions.some((question) => !said.answers[question])) return ['answers'];
  if (Object.values(said.answers).includes('fail')) return ['fail'];
  return said.categories.length + said.stages.length > 0 ? ['no_category'] : [];
}

/** The body of a verdict. Reasons speak for an approved picture and against any other.
 * @param {string} folder @param {string} object @param {string} verdict @param {Said} said @param {string} reviewer */
export function verdictBody(folder, object, verdict, said, reviewer) {
  const reasons = said.reasons.split('\n').map((line) => line.trim()).filter(Boolean);
  const side = verdict === 'approve' ? { good: reasons } : { bad: reasons };
  return { folder, object, verdict, reviewer, answers: said.answers, categories: said.categories, stages: said.stages, ...side };
}

/** The next picture that waits after this one, round the end; the next one of any kind when none waits. @param {Picture[]} pictures @param {number} at */
export function nextWaiting(pictures, at) {
  for (let step = 1; step <= pictures.length; step += 1) {
    const next = (at + step) % pictures.length;
    if (pictures[next]?.waits) return next;
  }
  return Math.min(at + 1, Math.max(0, pictures.length - 1));
}

/** What a key does. @param {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean }} event @param {Words} words
 * @returns {{ do: 'move', by: number } | { do: 'answer', question: string } | { do: 'verdict', verdict: string } | { do: 'well' } | null} */
export function assetKey(event, words) {
  if (event.altKey || event.ctrlKey || event.metaKey) return null;
  const key = event.key.toLowerCase();
  if (event.key === 'ArrowRight' || event.key === 'ArrowDown') return { do: 'move', by: 1 };
  if (event.key === 'ArrowLeft' || event.key === 'ArrowUp') return { do: 'move', by: -1 };
  const question = words.questions[Number(key) - 1];
  if (question) return { do: 'answer', question };
  if (key === '0') return { do: 'well' };
  const verdict = { p: 'approve', v: 'revise', x: 'reject' }[key];
  return verdict ? { do: 'verdict', verdict } : null;
}
