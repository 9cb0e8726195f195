// The loupe: one result large, beside or over its original, with everything a verdict needs.
import { html, signal, useEffect, useRef, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { get, pictureUrl, sourceThumbnailUrl, sourceUrl, thumbnailUrl } from '../api.js';
import { kept } from '../kept.js';
import { bytes, count, time } from '../format.js';
import { onChanges } from '../events.js';
import { Button, Choice, textOf } from '../parts/parts.js';
import { Icon } from '../parts/icons.js';
import { current, cursor, rowOf, shown, want, watch } from '../gallery/results.js';
import { act } from '../gallery/act.js';
import { Flag, Rate, spoken } from './marks.js';
import { actual, bounded, FIT, zoomed } from './zoom.logic.js';
import { prepare, release, Shot } from './shots.js';

const modes = ['result', 'side', 'slider', 'blink', 'difference'];
const mode = kept('compare', 'result');
const panel = kept('panel', true);
const view = signal(FIT);
const flipped = signal(false);
const split = signal(50);
/** Size of the frame a picture has, and of the picture itself in its own pixels. */
const frame = { width: 1, height: 1 };
const natural = { width: 1, height: 1 };

const zoomTo = (/** @type {number} */ k, point = { x: 0, y: 0 }) => { view.value = zoomed(view.value, k, point, frame); };
const turn = (/** @type {number} */ step) => { mode.value = /** @type {string} */ (modes[(modes.indexOf(mode.value) + step + modes.length) % modes.length]); };

/** What a key does while the loupe is open. @param {import('./keys.logic.js').Command} what @returns {boolean} whether it was for the loupe */
export function loupeCommand(what) {
  switch (what.do) {
    case 'compare': turn(1); return true;
    case 'compare_back': turn(-1); return true;
    case 'zoom': if (view.value.k > 1) view.value = FIT; else zoomTo(Math.max(2, actual(natural, frame, devicePixelRatio))); return true;
    case 'zoom_in': zoomTo(view.value.k * 1.4); return true;
    case 'zoom_out': zoomTo(view.value.k / 1.4); return true;
    case 'flip': flipped.value = !flipped.value; return true;
    case 'panel': panel.value = !panel.value; return true;
    case 'note': panel.value = true; setTimeout(() => /** @type {HTMLElement | null} */ (document.querySelector('textarea[name="note"]'))?.focus(), 0); return true;
    default: return false;
  }
}

/** @param {{ row: import('../documents.d.ts').Row }} props */
function Compare({ row }) {
  /** @type {import('../html.js').Ref<HTMLDivElement | null>} */
  const stage = useRef(null);
  const shownMode = row.source ? mode.value : 'result';
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  useEffect(() => {
    if (shownMode !== 'blink' || still) return undefined;
    const timer = setInterval(() => { flipped.value = !flipped.value; }, 700);
    return () => clearInterval(timer);
  }, [shownMode]);
  useEffect(() => {
    const box = /** @type {HTMLDivElement} */ (stage.current);
    const measure = () => {
      const rectangle = (box.querySelector('.frame') ?? box).getBoundingClientRect();
      frame.width = rectangle.width;
      frame.height = rectangle.height;
      view.value = bounded(view.value, frame);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    const wheel = (/** @type {WheelEvent} */ event) => {
      event.preventDefault();
      const rectangle = (/** @type {HTMLElement} */ (event.target).closest('.frame') ?? box).getBoundingClientRect();
      zoomTo(view.value.k * Math.exp(-event.deltaY * 0.0022), { x: event.clientX - rectangle.left - rectangle.width / 2, y: event.clientY - rectangle.top - rectangle.height / 2 });
    };
    box.addEventListener('wheel', wheel, { passive: false });
    return () => { observer.disconnect(); box.removeEventListener('wheel', wheel); };
  }, [shownMode]);
  const drag = (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0) return;
    const box = /** @type {HTMLDivElement} */ (stage.current);
    const begin = { x: event.clientX, y: event.clientY, view: view.value };
    const sliding = shownMode === 'slider' && (view.value.k === 1 || /** @type {HTMLElement} */ (event.target).closest('.handle'));
    const move = (/** @type {PointerEvent} */ now) => {
      if (sliding) {
        const rectangle = box.getBoundingClientRect();
        split.value = Math.max(0, Math.min(100, ((now.clientX - rectangle.left) / rectangle.width) * 100));
      } else if (begin.view.k > 1) view.value = bounded({ ...begin.view, x: begin.view.x + now.clientX - begin.x, y: begin.view.y + now.clientY - begin.y }, frame);
    };
    const end = () => { box.removeEventListener('pointermove', move); box.removeEventListener('pointerup', end); box.removeEventListener('pointercancel', end); };
    box.setPointerCapture(event.pointerId);
    box.addEventListener('pointermove', move);
    box.addEventListener('pointerup', end);
    box.addEventListener('pointercancel', end);
    if (sliding) move(event);
  };
  const result = html`<${Shot} key="result" url=${pictureUrl(row.hash)} thumbnail=${thumbnailUrl(row.hash)} label=${t('result')} view=${view.value} onSize=${(/** @type {{ width: number, height: number }} */ size) => Object.assign(natural, size)} />`;
  const original = row.source && html`<${Shot} key="original" url=${sourceUrl(row.source.task)} thumbnail=${sourceThumbnailUrl(row.source.task)} label=${t('original')} view=${view.value} />`;
  const tag = (/** @type {string} */ key) => html`<span class="tag">${t(key)}</span>`;
  return html`<div class=${`stage ${shownMode} ${view.value.k > 1 ? 'zoomed' : ''}`} ref=${stage} onPointerDown=${drag}
    onDblClick=${(/** @type {MouseEvent} */ event) => { const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect(); if (view.value.k > 1) view.value = FIT; else zoomTo(Math.max(2, actual(natural, frame, devicePixelRatio)), { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 }); }}>
    ${shownMode === 'result' && html`<div class="frame">${result}</div>`}
    ${shownMode === 'side' && html`<div class="frame">${original}${tag('original')}</div><div class="frame">${result}${tag('result')}</div>`}
    ${shownMode === 'slider' && html`<div class="frame">${result}</div><div class="frame over" style=${{ clipPath: `inset(0 ${100 - split.value}% 0 0)` }}>${original}</div>
      <div class="handle" style=${{ left: `${split.value}%` }}></div>${tag('original')}<span class="tag end">${t('result')}</span>
      <input class="sr" type="range" min="0" max="100" value=${split.value} aria-label=${t('compare.slider')} onInput=${(/** @type {any} */ event) => { split.value = Number(event.currentTarget.value); }} />`}
    ${shownMode === 'blink' && html`<div class="frame">${result}</div><div class="frame over" style=${{ visibility: flipped.value ? 'visible' : 'hidden' }}>${original}</div>${tag(flipped.value ? 'original' : 'result')}`}
    ${shownMode === 'difference' && html`<div class="frame">${original}</div><div class="frame over minus">${result}</div>${tag('compare.difference')}`}
  </div>`;
}

/** The note of a picture: kept when the field is left or with Ctrl+Enter. @param {{ row: import('../documents.d.ts').Row }} props */
function Note({ row }) {
  const [text, setText] = useState(row.review?.note ?? '');
  useEffect(() => setText(row.review?.note ?? ''), [row.id, row.review?.note]);
  const latest = useRef({ id: row.id, text, was: row.review?.note ?? '' });
  latest.current = { id: row.id, text, was: row.review?.note ?? '' };
  const save = () => { const { text: now, was } = latest.current; if (now !== was) act({ note: now }, true); };
  return html`<textarea name="note" rows="2" placeholder=${t('review.note')} aria-label=${t('review.note')} value=${text} onInput=${(/** @type {any} */ event) => setText(textOf(event))} onBlur=${save}
    onKeyDown=${(/** @type {any} */ event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.blur(); }}></textarea>`;
}

/** @param {{ id: number }} props */
function Others({ id }) {
  const [reviews, setReviews] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    const load = () => get(`/results/${id}`).then((row) => setReviews(row.all_reviews), () => setReviews([]));
    const wait = setTimeout(load, 250);
    const stop = onChanges((told) => { if (told.reviewed.has(id)) load(); });
    return () => { clearTimeout(wait); stop(); };
  }, [id]);
  if (reviews.length === 0) return null;
  return html`<section><h3>${t('review.all')}</h3>${reviews.map((review) => html`<div class="row tight" key=${review.reviewer}><${Flag} verdict=${review.verdict} /><span class="ellipsis">${review.reviewer}</span>
    <span class="stars">${'★'.repeat(review.rating ?? 0)}</span>${review.note && html`<span class="dim break">${review.note}</span>`}</div>`)}</section>`;
}

/** @param {{ row: import('../documents.d.ts').Row, perform: (what: import('./keys.logic.js').Command) => boolean }} props */
const Panel = ({ row, perform }) => html`<aside class="loupe-panel">
  <div class="verdicts" role="group" aria-label=${t('filter.verdict')}>
    <${Button} label=${t('verdict.keep')} icon="check" hint="P" name="keep" class="keep" pressed=${row.review?.verdict === 'keep'} onClick=${() => perform({ do: 'verdict', verdict: 'keep' })} />
    <${Button} label=${t('verdict.reject')} icon="close" hint="X" name="reject" class="reject" pressed=${row.review?.verdict === 'reject'} onClick=${() => perform({ do: 'verdict', verdict: 'reject' })} />
    <${Button} label=${t('verdict.clear')} hint="U" tone="quiet" onClick=${() => perform({ do: 'verdict', verdict: 'none' })} />
  </div>
  <${Rate} value=${row.review?.rating ?? 0} onRate=${(/** @type {number} */ rating) => perform({ do: 'rate', rating })} />
  <${Note} row=${row} />
  <section><h3>${t('new.prompt')}</h3><p class="break prompt">${row.prompt}</p></section>
  ${row.findings.length > 0 && html`<section><h3>${t('filter.finding')}</h3>${row.findings.map((finding) => html`<div class="wait" key=${finding}><${Icon} name="warn" size=${13} /> ${word('finding', finding)}</div>`)}</section>`}
  <section><h3>${t('loupe.picture')}</h3><dl class="facts"><dt>${t('loupe.size')}</dt><dd>${row.width} × ${row.height}</dd><dt>${t('new.format')}</dt><dd>${row.format}, ${bytes(row.bytes)}</dd>
    <dt>${t('job.model')}</dt><dd>${row.model}</dd><dt>${t('loupe.made')}</dt><dd>${time(row.created_us)}</dd><dt>BLAKE3</dt><dd class="mono">${row.hash.slice(0, 16)}</dd></dl></section>
  <${Others} id=${row.id} />
  <div class="row"><a class="button" href=${`#/task/${row.task}`}>${t('loupe.task')}</a><a class="button" href=${pictureUrl(row.hash)} target="_blank" rel="noopener">${t('loupe.open')}</a>
    <${Button} label=${t('gallery.retry')} icon="retry" hint="R" onClick=${() => perform({ do: 'retry' })} /></div>
</aside>`;

/** Neighbours as small pictures. */
function Strip() {
  const at = cursor.value;
  const beside = Math.ceil(innerWidth / 118) + 1;
  const begin = Math.max(0, at - beside);
  const around = shown.value.slice(begin, at + beside + 1);
  useEffect(() => want(around), [around[0], around.at(-1)]);
  return html`<div class="film" aria-hidden="true"><div style=${{ '--at': String(at - begin) }}>${around.map((id, index) => html`<${Frame} key=${id} id=${id} on=${begin + index === at} onClick=${() => { cursor.value = begin + index; }} />`)}</div></div>`;
}
/** @param {{ id: number, on: boolean, onClick: () => void }} props */
const Frame = ({ id, on, onClick }) => {
  const row = watch(id).value;
  return html`<button type="button" tabindex="-1" class=${`${on ? 'on' : ''} ${row?.review?.verdict ?? ''}`} onClick=${onClick}>${row && html`<img src=${thumbnailUrl(row.hash)} alt="" decoding="async" />`}</button>`;
};

/** @param {{ onClose: () => void, perform: (what: import('./keys.logic.js').Command) => boolean }} props */
export function Loupe({ onClose, perform }) {
  const id = /** @type {number} */ (current.value);
  const row = watch(id).value;
  /** @type {import('../html.js').Ref<HTMLDivElement | null>} */
  const element = useRef(null);
  useEffect(() => { element.current?.focus(); return release; }, []);
  useEffect(() => { if (!row) want([id]); }, [id, row]);
  useEffect(() => {
    // The next ones are ready before the key is pressed; the way back too.
    const wait = setTimeout(() => {
      for (const step of [1, 2, -1, 3]) {
        const next = rowOf(shown.value[cursor.value + step] ?? -1);
        if (next) {
          prepare(pictureUrl(next.hash));
          if (next.source && mode.value !== 'result') prepare(sourceUrl(next.source.task));
        }
      }
    }, 0);
    return () => clearTimeout(wait);
  }, [id, row === null]);
  useEffect(() => { flipped.value = false; }, [id]);
  return html`<div class=${panel.value ? 'loupe' : 'loupe bare'} ref=${element} tabindex="-1" role="dialog" aria-label=${t('gallery.loupe')} data-id=${id}>
    <header class="loupe-top">
      <${Button} label=${t('loupe.back')} icon="left" tone="quiet" bare onClick=${onClose} />
      <span class="ellipsis title">${row?.title ?? ''}</span>${row && html`<${Flag} verdict=${row.review?.verdict} /><span class="stars">${'★'.repeat(row.review?.rating ?? 0)}</span>`}
      <span class="mono dim nowrap">${count(cursor.value + 1)} / ${count(shown.value.length)}</span>
      <span class="row tight push">
        ${row?.source && html`<${Choice} label=${t('compare.mode')} value=${mode.value} onChange=${(/** @type {string} */ next) => { mode.value = next; element.current?.focus(); }} options=${modes.map((value) => ({ value, label: t(`compare.${value}`) }))} />`}
        <${Button} label=${view.value.k > 1 ? `${Math.round(view.value.k * 100)} %` : t('loupe.fit')} tone="quiet" hint=${`${t('key.zoom')} (Z)`} onClick=${() => loupeCommand({ do: 'zoom' })} />
        <${Button} label=${t('key.panel')} icon="info" bare tone="quiet" pressed=${panel.value} onClick=${() => { panel.value = !panel.value; }} />
      </span>
    </header>
    ${row ? html`<${Compare} row=${row} />` : html`<div class="stage"></div>`}
    ${panel.value && row && html`<${Panel} row=${row} perform=${perform} />`}
    <${Strip} />
    <button type="button" class="step prev" aria-label=${t('loupe.previous')} disabled=${cursor.value === 0} onClick=${() => perform({ do: 'move', move: 'left', extend: false })}><${Icon} name="left" size=${22} /></button>
    <button type="button" class="step next" aria-label=${t('loupe.next')} disabled=${cursor.value >= shown.value.length - 1} onClick=${() => perform({ do: 'move', move: 'right', extend: false })}><${Icon} name="right" size=${22} /></button>
    <div class="sr" role="status" aria-live="polite">${row ? `${cursor.value + 1} / ${shown.value.length}: ${spoken(row)}` : ''}</div>
  </div>`;
}
