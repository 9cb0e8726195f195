// Which key does what in the gallery and the loupe.

/** @typedef {{ do: 'verdict', verdict: 'keep' | 'reject' | 'none' } | { do: 'rate', rating: number } | { do: 'move', move: string, extend: boolean }
 *   | { do: 'loupe' | 'compare' | 'compare_back' | 'stack' | 'stacks' | 'retry' | 'undo' | 'all' | 'back' | 'zoom' | 'zoom_in' | 'zoom_out' | 'panel' | 'task' | 'note' | 'search' | 'flip' }} Command */

/** @type {Record<string, string>} */
const moves = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down', Home: 'home', End: 'end', PageUp: 'page_up', PageDown: 'page_down' };

/** @type {Record<string, Command>} */
const plain = {
  p: { do: 'verdict', verdict: 'keep' }, x: { do: 'verdict', verdict: 'reject' }, u: { do: 'verdict', verdict: 'none' }, ' ': { do: 'loupe' }, enter: { do: 'loupe' }, c: { do: 'compare' },
  s: { do: 'stack' }, r: { do: 'retry' }, z: { do: 'zoom' }, '+': { do: 'zoom_in' }, '=': { do: 'zoom_in' }, '-': { do: 'zoom_out' }, i: { do: 'panel' }, t: { do: 'task' }, n: { do: 'note' },
  '/': { do: 'search' }, b: { do: 'flip' }, escape: { do: 'back' },
};

/** @param {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean }} event @returns {Command | null} */
export function command(event) {
  if (event.altKey) return null;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === 'z' && !event.shiftKey) return { do: 'undo' };
    if (key === 'a') return { do: 'all' };
    return null;
  }
  const move = moves[event.key];
  if (move) return { do: 'move', move, extend: event.shiftKey };
  if (/^[0-5]$/.test(key)) return { do: 'rate', rating: Number(key) };
  if (event.shiftKey && key === 's') return { do: 'stacks' };
  if (event.shiftKey && key === 'c') return { do: 'compare_back' };
  return plain[key] ?? null;
}
