// The virtual grid: only the cells in view are in the page.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../html.js';
import { t } from '../i18n/texts.js';
import { current, cursor, ids, listed, newer, selected, showNewer, shown, want } from './results.js';
import { inView, layout, moved, place, range, reveal } from './grid.logic.js';
import { Cell } from './cell.js';

/** Set by the grid that is on the page, for keys: the index a movement leads to. @type {{ columns: number, page_rows: number }} */
export const geometry = { columns: 1, page_rows: 1 };

/** Moves the cursor; with `extend` the selection follows from where it began. */
let anchor = 0;
/** @param {string} move @param {boolean} extend @param {boolean} [single] In the loupe a row is one picture. */
export function moveCursor(move, extend, single = false) {
  const from = cursor.value;
  const to = moved(move, from, shown.value.length, single ? 1 : geometry.columns, single ? 10 : geometry.page_rows);
  if (to < 0) return;
  if (extend) {
    if (selected.value.size === 0) anchor = from;
    selected.value = new Set(range(shown.value, anchor, to));
  } else if (!single && selected.value.size > 0) selected.value = new Set();
  cursor.value = to;
}

/** @param {number} index @param {{ shiftKey: boolean, ctrlKey: boolean, metaKey: boolean }} event */
function pick(index, event) {
  const id = /** @type {number} */ (shown.value[index]);
  if (event.shiftKey) {
    if (selected.value.size === 0) anchor = cursor.value;
    selected.value = new Set(range(shown.value, anchor, index));
  } else if (event.ctrlKey || event.metaKey) {
    const next = new Set(selected.value);
    if (next.size === 0 && current.value !== null && current.value !== id) next.add(current.value);
    if (!next.delete(id)) next.add(id);
    selected.value = next;
    anchor = index;
  } else {
    selected.value = new Set();
    anchor = index;
  }
  cursor.value = index;
}

/** While it is covered by the loupe it does not follow the cursor. @param {{ size: number, covered: boolean, onOpen: () => void }} props */
export function Grid({ size, covered, onOpen }) {
  const at = covered ? cursor.peek() : cursor.value;
  const active = covered ? null : current.value;
  /** @type {import('../html.js').Ref<HTMLDivElement | null>} */
  const element = useRef(null);
  const [box, setBox] = useState({ width: 0, height: 0 });
  const [top, setTop] = useState(0);
  const frame = useRef(0);
  const list = shown.value;
  const grid = layout({ width: box.width, count: list.length, size });
  geometry.columns = grid.columns;
  geometry.page_rows = Math.max(1, Math.floor(box.height / grid.height) - 1);
  const { first, end } = inView(grid, top, box.height, list.length);
  const visible = box.width > 0 ? list.slice(first, end) : [];

  useLayoutEffect(() => {
    const grid = /** @type {HTMLDivElement} */ (element.current);
    const measure = () => setBox((old) => (old.width === grid.clientWidth && old.height === grid.clientHeight ? old : { width: grid.clientWidth, height: grid.clientHeight }));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(grid);
    grid.focus({ preventScroll: true });
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const wait = setTimeout(() => want(visible), 20);
    return () => clearTimeout(wait);
  }, [visible[0], visible.at(-1), visible.length, listed.value]);
  // The cursor is always in view; another list or width keeps its row where it is.
  useLayoutEffect(() => {
    const grid_ = element.current;
    if (!grid_ || covered || box.width === 0 || list.length === 0) return;
    const next = reveal(grid, at, grid_.scrollTop, grid_.clientHeight);
    if (next !== grid_.scrollTop) grid_.scrollTop = next;
  }, [at, covered, box.width, size, listed.value]);

  const scrolled = () => {
    frame.current ||= requestAnimationFrame(() => { frame.current = 0; if (element.current) setTop(element.current.scrollTop); });
  };
  const indexOf = (/** @type {any} */ event) => {
    const cell = event.target.closest?.('.cell');
    return cell ? Number(cell.dataset.index) : -1;
  };
  return html`<div class="grid-box">
    ${newer.value && html`<button type="button" class="button main fresh" onClick=${showNewer}>${newer.value.length > ids.value.length ? t('gallery.newer', { n: newer.value.length - ids.value.length }) : t('gallery.changed')}</button>`}
    <div class="grid" ref=${element} tabindex="0" role="listbox" aria-multiselectable="true" aria-label=${t('gallery.label', { n: list.length })} aria-activedescendant=${active === null ? undefined : `r${active}`}
      onScroll=${scrolled} onClick=${(/** @type {any} */ event) => { const at = indexOf(event); if (at >= 0) { pick(at, event); if (event.pointerType === 'touch') onOpen(); } }}
      onDblClick=${(/** @type {any} */ event) => { if (indexOf(event) >= 0) onOpen(); }}>
      <div class="grid-space" style=${{ height: `${grid.total_px}px` }}>
        ${visible.map((id, nth) => html`<${Cell} key=${id} id=${id} index=${first + nth} total=${list.length} ...${place(grid, first + nth)} width=${grid.width} height=${grid.height} />`)}
      </div>
    </div>
  </div>`;
}
