// One picture of the grid. Draws itself again only when its own row, its selection or the cursor on it changes.
import { html, useComputed, useEffect } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { thumbnailUrl } from '../api.js';
import { Icon } from '../parts/icons.js';
import { Flag, spoken } from '../review/marks.js';
import { allFolded, current, selected, stacks, stackSizes, turned, unwatch, watch } from './results.js';

/** @param {{ id: number, index: number, left: number, top: number, width: number, height: number, total: number }} props */
export function Cell({ id, index, left, top, width, height, total }) {
  useEffect(() => () => unwatch(id), [id]);
  const row = watch(id).value;
  const isCurrent = useComputed(() => current.value === id).value;
  const isSelected = useComputed(() => selected.value.has(id)).value;
  const stack = stacks.value.get(id);
  const isFolded = stack !== undefined && turned.value.has(stack) !== allFolded.value;
  const verdict = row?.review?.verdict;
  const rating = row?.review?.rating ?? 0;
  return html`<div class=${`cell ${isCurrent ? 'current' : ''} ${isSelected ? 'selected' : ''} ${verdict ?? ''}`} id=${`r${id}`} data-index=${index} role="option"
      aria-selected=${isSelected} aria-posinset=${index + 1} aria-setsize=${total} aria-label=${row ? spoken(row) : t('loading')} style=${{ left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` }}>
    <div class="shot">${row && html`<img src=${thumbnailUrl(row.hash)} alt="" draggable=${false} decoding="async" />`}</div>
    <div class="strip">${row && html`<${Flag} verdict=${verdict} /><span class="ellipsis" title=${row.title}>${row.title}</span>${rating > 0 && html`<span class="stars">${'★'.repeat(rating)}</span>`}`}</div>
    ${row && row.findings.length > 0 && html`<span class="badge findings" title=${row.findings.map((finding) => word('finding', finding)).join(', ')}><${Icon} name="warn" size=${13} /></span>`}
    ${isFolded && html`<span class="badge"><${Icon} name="stack" size=${13} />${stackSizes.value.get(stack)}</span>`}
    ${row?.reviews.disputed && html`<span class="badge disputed" title=${t('review.disputed')} data-text=${`≠ ${row.reviews.keep}:${row.reviews.reject}`}></span>`}
  </div>`;
}
