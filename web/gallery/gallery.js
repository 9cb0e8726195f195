// The gallery: filters, grid and loupe over one list of results, and what the keys do.
import { html, useEffect, useRef, useState } from '../html.js';
import { t } from '../i18n/texts.js';
import { complain, connection, go, route, say, stay } from '../state.js';
import { onChanges } from '../events.js';
import { kept } from '../kept.js';
import { address } from '../route.logic.js';
import { count } from '../format.js';
import { Button, Empty, Failed, textOf } from '../parts/parts.js';
import { foreign } from '../parts/keys.js';
import { Loupe, loupeCommand } from '../review/loupe.js';
import { command } from '../review/keys.logic.js';
import { unsent } from '../review/verdicts.js';
import * as results from './results.js';
import { act, retryTasks } from './act.js';
import { Filters } from './filters.js';
import { Grid, moveCursor } from './grid.js';
import { Flag, Rate, spoken } from '../review/marks.js';

const size = kept('cell', 190);
const rail = kept('rail', globalThis.innerWidth > 720);
const keys = ['job', 'state', 'verdict', 'rating_min', 'finding', 'model', 'q', 'sort'];

/** Between two announcements of arrivals. */
const ANNOUNCED_EVERY_MS = 3000;

/** The last place of this tab, for a reload in the middle. */
const remembered = () => {
  try {
    return JSON.parse(sessionStorage.getItem('imagemill.place') ?? 'null');
  } catch {
    return null;
  }
};

/** @param {{ loupe: boolean }} props */
function Status({ loupe }) {
  const id = results.current.value;
  const row = id === null ? null : results.watch(id).value;
  const chosen = results.selected.value.size;
  return html`<footer class="status">
    ${chosen > 0 ? html`<b>${t('gallery.selected', { n: chosen })}</b>` : row && html`<${Flag} verdict=${row.review?.verdict} /><span class="title ellipsis">${row.title}</span><span class="hint">${row.width}×${row.height} · ${row.model}</span>`}
    ${(chosen > 0 || row) && html`<span class="row tight">
      <${Button} label=${t('verdict.keep')} icon="check" tone="quiet" hint="P" name="keep" onClick=${() => act({ verdict: 'keep' })} />
      <${Button} label=${t('verdict.reject')} icon="close" tone="quiet" hint="X" name="reject" onClick=${() => act({ verdict: 'reject' })} />
      <${Button} label=${t('verdict.clear')} tone="quiet" hint="U" onClick=${() => act({ verdict: 'none', rating: 0 })} />
      <${Rate} value=${chosen > 0 ? 0 : row?.review?.rating ?? 0} onRate=${(/** @type {number} */ rating) => act({ rating })} />
      <${Button} label=${t('gallery.retry')} icon="retry" tone="quiet" hint="R" class="retry" onClick=${() => retryTasks(results.targets()).catch(complain)} />
      ${chosen > 0 && html`<${Button} label=${t('gallery.unselect')} tone="quiet" hint="Esc" onClick=${() => { results.selected.value = new Set(); }} />`}
    </span>`}
    <span class="push nowrap">${unsent.value > 0 ? html`<span class="wait" title=${t('review.unsent_hint')}>${t('review.unsent', { n: unsent.value })} </span>` : ''}<span class="mono">${results.shown.value.length > 0 ? `${count(results.cursor.value + 1)} / ${count(results.shown.value.length)}` : ''}</span></span>
    <div class="sr" role="status" aria-live="polite">${row && !loupe ? `${results.cursor.value + 1} / ${results.shown.value.length}: ${spoken(row)}` : ''}</div>
  </footer>`;
}

/** Tells a screen reader of arrivals, every few seconds at most. */
function Arrivals() {
  const total = results.ids.value.length;
  const waiting = Math.max(0, (results.newer.value?.length ?? 0) - total);
  const [told, setTold] = useState(total);
  const due = useRef(0);
  useEffect(() => { due.current ||= window.setTimeout(() => { due.current = 0; setTold(results.ids.peek().length); }, ANNOUNCED_EVERY_MS); }, [total]);
  useEffect(() => () => clearTimeout(due.current), []);
  return html`<div class="sr arrivals" role="status" aria-live="polite">${waiting > 0 ? t('gallery.newer', { n: waiting }) : t('gallery.n_pictures', { n: told })}</div>`;
}

export function Gallery() {
  const { query } = route.value;
  /** @type {import('./results.js').Filter} */
  const filter = Object.fromEntries(keys.flatMap((key) => (query[key] ? [[key, query[key]]] : [])));
  const name = JSON.stringify(filter);
  const [loupe, setLoupe] = useState(() => remembered()?.filter === name && remembered()?.loupe === true);
  const [search, setSearch] = useState(query.q ?? '');
  /** @type {import('../html.js').Ref<HTMLInputElement | null>} */
  const searchBox = useRef(null);
  const change = (/** @type {Record<string, string>} */ part) => { if (part.q === '') setSearch(''); stay(address('/gallery', { ...filter, ...part })); };

  useEffect(() => { results.show(filter, remembered()?.filter === name ? remembered().id : null); }, [name]);
  useEffect(() => {
    if (results.loading.value) return;
    sessionStorage.setItem('imagemill.place', JSON.stringify({ filter: name, id: results.current.value, loupe }));
  }, [name, results.current.value, loupe]);
  useEffect(() => onChanges((told) => {
    results.refresh(told.reviewed);
    const ours = filter.job ? told.arrived.has(Number(filter.job)) : told.arrived.size > 0;
    if (ours) results.arrive(() => !loupe && results.cursor.peek() === 0 && results.selected.peek().size === 0);
  }), [name, loupe]);
  // After a lost connection the list may be older than it looks.
  const before = useRef(connection.value);
  useEffect(() => { if (before.current === 'lost' && connection.value === 'live') results.arrive(() => false); before.current = connection.value; }, [connection.value]);
  useEffect(() => {
    if ((query.q ?? '') === search) return undefined;
    const wait = setTimeout(() => change({ q: search }), 300);
    return () => clearTimeout(wait);
  }, [search]);

  const perform = (/** @type {import('../review/keys.logic.js').Command} */ what) => {
    if (loupe && loupeCommand(what)) return true;
    switch (what.do) {
      case 'verdict': act({ verdict: what.verdict, ...(what.verdict === 'none' ? { rating: 0 } : {}) }, loupe); break;
      case 'rate': act({ rating: what.rating }, loupe); break;
      case 'move': moveCursor(what.move, what.extend && !loupe, loupe); break;
      case 'loupe': if (results.current.value !== null) setLoupe(!loupe); break;
      case 'compare': if (!loupe && results.current.value !== null) { setLoupe(true); loupeCommand(what); } break;
      case 'stack': if (results.current.value !== null) results.turnStack(results.current.value).then((n) => { if (n === 0) say(t(filter.job ? 'gallery.no_stacks' : 'gallery.stacks_need_job')); }).catch(complain); break;
      case 'stacks': results.turnStack(null).then((n) => say(n === 0 ? t(filter.job ? 'gallery.no_stacks' : 'gallery.stacks_need_job') : t('gallery.stacks', { n }))).catch(complain); break;
      case 'retry': retryTasks(loupe && results.current.value !== null ? [results.current.value] : results.targets()).catch(complain); break;
      case 'undo': results.undo().catch(complain); break;
      case 'all': results.selected.value = new Set(results.shown.value); break;
      case 'task': { const row = results.current.value === null ? null : results.rowOf(results.current.value); if (row) go(`/task/${row.task}`); break; }
      case 'search': searchBox.current?.focus(); break;
      case 'note': if (!loupe) { setLoupe(true); setTimeout(() => loupeCommand(what), 50); } break;
      case 'back': if (loupe) setLoupe(false); else results.selected.value = new Set(); break;
      default: return false;
    }
    return true;
  };
  // The focus goes with the view: what lies under the loupe cannot be reached.
  useEffect(() => { if (!loupe) /** @type {HTMLElement | null} */ (document.querySelector('.grid'))?.focus({ preventScroll: true }); }, [loupe]);
  const latest = useRef(perform);
  latest.current = perform;
  useEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      if (foreign(event)) {
        if (event.key === 'Escape') /** @type {HTMLElement} */ (event.target).blur();
        return;
      }
      const onButton = /** @type {HTMLElement} */ (event.target).closest?.('button, a, summary, input');
      const what = command(event);
      if (!what || (onButton && what.do === 'loupe')) return;
      if (latest.current(what)) event.preventDefault();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);

  const total = results.shown.value.length;
  return html`<div class=${rail.value ? 'gallery' : 'gallery narrow'} inert=${loupe}>
    ${rail.value && html`<${Filters} filter=${filter} onChange=${change} onClose=${() => { rail.value = false; }} />`}
    <div class="tools">
      <${Button} label=${t('filter.title')} icon="filter" bare pressed=${rail.value} name="filters" onClick=${() => { rail.value = !rail.value; }} />
      <span class="nowrap"><b>${results.loading.value ? '…' : count(total)}</b> <span class="dim">${t('gallery.pictures', { n: total })}</span></span>
      <input ref=${searchBox} class="search" type="search" value=${search} placeholder=${t('gallery.search')} aria-label=${t('gallery.search')} onInput=${(/** @type {any} */ event) => setSearch(textOf(event))} />
      <span class="row tight push">
        <${Button} label=${t('gallery.stacks_button')} icon="stack" bare=${true} pressed=${results.allFolded.value} hint=${`${t('gallery.stacks_button')} (Shift+S)`} onClick=${() => perform({ do: 'stacks' })} />
        <${Button} label=${t('gallery.loupe')} icon="compare" bare hint=${`${t('gallery.loupe')} (${t('key.space')})`} onClick=${() => perform({ do: 'loupe' })} />
        <${Button} label=${t('key.undo')} icon="undo" bare hint=${`${t('key.undo')} (Ctrl+Z)`} name="undo" onClick=${() => perform({ do: 'undo' })} />
        <input class="sizes" type="range" min="110" max="420" step="10" value=${size.value} aria-label=${t('gallery.size')} title=${t('gallery.size')} onInput=${(/** @type {any} */ event) => { size.value = Number(event.currentTarget.value); }} />
        ${filter.job && html`<a class="button quiet" href=${`#/save?job=${filter.job}`}>${t('gallery.save')}</a>`}
      </span>
    </div>
    ${results.failure.value ? html`<div class="page"><${Failed} error=${results.failure.value} /><div><${Button} label=${t('again')} onClick=${() => results.show(filter)} /></div></div>`
      : total === 0 && !results.loading.value ? html`<${Empty} title=${t('gallery.none')}><p>${t('gallery.none_text')}</p></${Empty}>`
      : html`<${Grid} size=${size.value} covered=${loupe} onOpen=${() => setLoupe(true)} />`}
    <${Status} loupe=${loupe} /><${Arrivals} />
  </div>${loupe && results.current.value !== null && html`<${Loupe} onClose=${() => setLoupe(false)} perform=${perform} />`}`;
}
