// How a verdict and a rating look and sound.
import { html } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { Icon, Star } from '../parts/icons.js';

/** @param {{ verdict: string | undefined }} props */
export const Flag = ({ verdict }) => html`<span class=${`flag ${verdict ?? 'none'}`}>${verdict === 'keep' ? html`<${Icon} name="check" size=${11} />` : verdict === 'reject' ? html`<${Icon} name="close" size=${11} />` : ''}</span>`;

/** What a screen reader says about a picture. @param {import('../documents.d.ts').Row} row */
export function spoken(row) {
  const verdict = row.review?.verdict ?? 'none';
  return [row.title, t(`verdict.${verdict}`), row.review?.rating ? t('review.stars', { n: row.review.rating }) : '', row.reviews.disputed ? `${t('review.disputed')} ≠ ${row.reviews.keep}:${row.reviews.reject}` : '', ...row.findings.map((finding) => word('finding', finding))].filter(Boolean).join(', ');
}

/** @param {{ value: number, onRate: (rating: number) => void }} props */
export const Rate = ({ value, onRate }) => html`<span class="rate" role="group" aria-label=${t('filter.rating')}>${[1, 2, 3, 4, 5].map((rating) => html`
  <button type="button" key=${rating} aria-label=${t('review.stars', { n: rating })} aria-pressed=${value === rating} onClick=${() => onRate(value === rating ? 0 : rating)}><${Star} on=${rating <= value} /></button>`)}</span>`;
