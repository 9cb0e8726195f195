// Arithmetic of the grid: fixed cells, so that every place is a multiplication and every key is O(1).

/** @typedef {{ columns: number, width: number, height: number, rows: number, total_px: number }} Layout */

export const GAP = 4;
const STRIP = 24;

/** Cells of at least `size` pixels fill the width. @param {{ width: number, count: number, size: number }} input @returns {Layout} */
export function layout({ width, count, size }) {
  const columns = Math.max(2, Math.floor((width - GAP) / (size + GAP)));
  const cell = Math.floor((width - GAP) / columns) - GAP;
  const height = cell + STRIP;
  const rows = Math.ceil(count / columns);
  return { columns, width: cell, height, rows, total_px: rows * (height + GAP) + GAP };
}

/** Indexes in view with some rows around them, end exclusive.
 * @param {Layout} grid @param {number} top @param {number} viewport @param {number} count */
export function inView(grid, top, viewport, count) {
  const row = grid.height + GAP;
  const first = Math.max(0, Math.floor(top / row) - 1);
  const last = Math.min(grid.rows, Math.ceil((top + viewport) / row) + 1);
  return { first: first * grid.columns, end: Math.min(count, last * grid.columns) };
}

/** @param {Layout} grid @param {number} index */
export const place = (grid, index) => ({
  left: GAP + (index % grid.columns) * (grid.width + GAP),
  top: GAP + Math.floor(index / grid.columns) * (grid.height + GAP),
});

/** The scroll position that shows `index`, moving as little as possible.
 * @param {Layout} grid @param {number} index @param {number} top @param {number} viewport */
export function reveal(grid, index, top, viewport) {
  const start = place(grid, index).top;
  const end = start + grid.height;
  if (start - GAP < top) return start - GAP;
  if (end + GAP > top + viewport) return end + GAP - viewport;
  return top;
}

/** The index that a movement leads to. @param {string} move @param {number} index @param {number} count @param {number} columns @param {number} [page_rows] */
export function moved(move, index, count, columns, page_rows = 1) {
  if (count === 0) return -1;
  const to = { left: index - 1, right: index + 1, up: index - columns, down: index + columns, home: 0, end: count - 1, page_up: index - columns * page_rows, page_down: index + columns * page_rows }[move] ?? index;
  // Up and down stay where they are when there is no row; pages go to the edge.
  if ((move === 'up' && to < 0) || (move === 'down' && to >= count && Math.floor(index / columns) === Math.floor((count - 1) / columns))) return index;
  return Math.max(0, Math.min(count - 1, to));
}

/** How a list that was asked for again relates to the one on the screen.
 * @param {ArrayLike<number>} shown @param {ArrayLike<number>} next @returns {'same' | 'longer' | 'other'} */
export function compared(shown, next) {
  if (next.length < shown.length) return 'other';
  for (let at = 0; at < shown.length; at += 1) if (shown[at] !== next[at]) return 'other';
  return next.length === shown.length ? 'same' : 'longer';
}

/** Ids from `from` to `to`, whichever is first. @param {number[]} ids @param {number} from @param {number} to */
export const range = (ids, from, to) => ids.slice(Math.min(from, to), Math.max(from, to) + 1);
