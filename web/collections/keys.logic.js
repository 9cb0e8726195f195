// What the queue of critiques does without a page: which key does what, what a person changed, rows that come page by page.

/** @typedef {{ do: 'verdict', verdict: 'approve' | 'reject' | 'none' } | { do: 'score', score: number } | { do: 'move', by: number } | { do: 'edit' | 'note' | 'second' | 'save' | 'back' }} Command */

/** @type {Record<string, Command>} */
const plain = {
  a: { do: 'verdict', verdict: 'approve' }, x: { do: 'verdict', verdict: 'reject' }, u: { do: 'verdict', verdict: 'none' }, e: { do: 'edit' }, n: { do: 'note' }, b: { do: 'second' },
  j: { do: 'move', by: 1 }, k: { do: 'move', by: -1 }, arrowdown: { do: 'move', by: 1 }, arrowup: { do: 'move', by: -1 },
};

/** @param {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean }} event @param {boolean} editing Whether a text is open for changes. @returns {Command | null} */
export function command(event, editing) {
  const key = event.key.toLowerCase();
  if (editing) {
    if (key === 'escape') return { do: 'back' };
    return key === 'enter' && (event.ctrlKey || event.metaKey) ? { do: 'save' } : null;
  }
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return null;
  if (/^[1-5]$/.test(key)) return { do: 'score', score: Number(key) };
  return plain[key] ?? null;
}

/** The members that a person really changed. @param {Record<string, any>} row @param {Record<string, any>} draft @returns {Record<string, unknown>} */
export function changed(row, draft) {
  return Object.fromEntries(Object.entries(draft).filter(([member, value]) => JSON.stringify(row[member] ?? (Array.isArray(value) ? [] : '')) !== JSON.stringify(value)));
}

/** A list with the page behind it. A row that rose meanwhile, and stands on both, is there once. @template {{ items: { picture: string }[] }} T @param {T} known @param {T} page @returns {T} */
export function joined(known, page) {
  const there = new Set(known.items.map(({ picture }) => picture));
  return { ...page, items: [...known.items, ...page.items.filter(({ picture }) => !there.has(picture))] };
}
