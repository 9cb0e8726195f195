// Verdicts on their way: in order, at most so many at once, and what undoes them.

/** @typedef {{ verdict?: import('../documents.d.ts').Verdict, rating?: number, note?: string }} Settings */
/** @typedef {{ ids: number[], set: Settings }} Part */
/** @typedef {{ key: string, reviewer: string, parts: Part[] }} Entry */

/** Most changes in one request, as the API says. */
export const MOST = 1000;

/** Requests that bring an entry to the server, in order. @param {Entry} entry @returns {import('../documents.d.ts').Change[][]} */
export function requests(entry) {
  /** @type {import('../documents.d.ts').Change[]} */
  const all = entry.parts.flatMap(({ ids, set }) => ids.map((id) => ({ id, ...set })));
  /** @type {import('../documents.d.ts').Change[][]} */
  const chunks = [];
  for (let at = 0; at < all.length; at += MOST) chunks.push(all.slice(at, at + MOST));
  return chunks;
}

/** Several small entries in one request: consecutive ones of one reviewer, as long as they fit. Later changes of a picture come last and win.
 * @param {Entry[]} entries @returns {Entry[]} the first ones that go together */
export function together(entries) {
  const first = entries[0];
  if (!first) return [];
  let size = 0;
  let end = 0;
  while (end < entries.length) {
    const entry = /** @type {Entry} */ (entries[end]);
    const more = entry.parts.reduce((sum, part) => sum + part.ids.length, 0);
    if (entry.reviewer !== first.reviewer || (end > 0 && size + more > MOST)) break;
    size += more;
    end += 1;
  }
  return entries.slice(0, end);
}

/** A review with a change applied. @param {import('../documents.d.ts').Review | null} review @param {Settings} set @returns {import('../documents.d.ts').Review} */
export const applied = (review, set) => ({ verdict: 'none', rating: 0, note: '', ...review, ...set });

/** What is still on its way, over what the server said. @template {{ id: number, review: import('../documents.d.ts').Review | null }} R
 * @param {R} row @param {Entry[]} entries @returns {R} */
export function overlaid(row, entries) {
  let { review } = row;
  for (const entry of entries) for (const part of entry.parts) if (part.ids.includes(row.id)) review = applied(review, part.set);
  return review === row.review ? row : { ...row, review };
}

/** Parts that bring back what was before, equal ones put together; only the keys that had been changed.
 * @param {{ id: number, verdict?: string, rating?: number, note?: string }[]} before @param {(keyof Settings)[]} keys @returns {Part[]} */
export function inverse(before, keys) {
  /** @type {Map<string, Part>} */
  const parts = new Map();
  for (const review of before) {
    /** @type {Record<string, unknown>} */
    const set = {};
    const full = applied(null, /** @type {Settings} */ (review));
    for (const key of keys) set[key] = full[key];
    const name = JSON.stringify(set);
    /** @type {Part} */
    const part = parts.get(name) ?? { ids: [], set };
    part.ids.push(review.id);
    parts.set(name, part);
  }
  return [...parts.values()];
}
