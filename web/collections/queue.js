// The queue of one collection: rows on the left, the riskiest first; the row that is read on the right. Everything has a key.
import { html, useEffect, useRef, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { get, put } from '../api.js';
import { about, complain, reviewer, route, say, stay } from '../state.js';
import { address } from '../route.logic.js';
import { count } from '../format.js';
import { Button, Choice, Empty, Failed, textOf } from '../parts/parts.js';
import { foreign } from '../parts/keys.js';
import { changed, command, joined } from './keys.logic.js';
import { RowPage } from './row.js';

/** @typedef {import('../documents.d.ts').QueueList} QueueList */
/** @typedef {import('../documents.d.ts').CritiquePage} CritiquePage */

/** Rows that are fetched at once, and how near to the end of those the next ones are. */
const page_rows = 200;
const near_end = 40;
const views = ['open', 'second', 'rejected', 'edited', 'all'];
export const readerName = () => reviewer.value || about.value?.reviewer || 'me';

/** @param {{ list: QueueList, at: string, onPick: (picture: string) => void, onEnd: () => void }} props */
const List = ({ list, at, onPick, onEnd }) => html`<div class="queue-list" role="listbox" aria-label=${t('queue.rows')} tabindex="0" aria-activedescendant=${at ? `q${at}` : undefined}
    onScroll=${(/** @type {any} */ { currentTarget: box }) => { if (box.scrollHeight - box.scrollTop - box.clientHeight < 1500) onEnd(); }}>
  ${list.items.map((item) => html`<div key=${item.picture} id=${`q${item.picture}`} role="option" aria-selected=${item.picture === at} class=${`queue-item ${item.picture === at ? 'on' : ''} ${item.decision ?? ''}`} onClick=${() => onPick(item.picture)}>
    <img src=${`/api/v1/collections/${list.name}/pictures/${item.picture}/thumbnail`} alt="" loading="lazy" decoding="async" />
    <div><div class="ellipsis">${item.name}</div><div class="dim ellipsis">${item.reasons?.length ? item.reasons.map(reasonWords).join(', ') : item.decision && item.decision !== 'open' ? word('decision', item.decision) : '\u00a0'}</div></div>
    ${item.points !== undefined && item.points !== null && html`<span class=${`points ${item.points >= 30 ? 'high' : ''}`} title=${t('queue.points')}>${item.points}</span>`}
  </div>`)}
</div>`;

/** @param {any} reason */
const reasonWords = (reason) => (reason.reason === 'finding' ? word('finding_rule', reason.rule) : word('reason', reason.reason));

/** How far readers agree, and what the judge is worth. @param {{ list: QueueList }} props */
function Figures({ list }) {
  const pairs = list.agreement.pairs.filter(({ both }) => both > 0);
  const judge = list.judge;
  return html`<div class="queue-figures dim">
    ${pairs.map((pair) => html`<span key=${pair.a + pair.b} class="agreement">${t('queue.agree', { a: pair.a, b: pair.b, percent: Math.round(pair.agree * 100), n: pair.both, kappa: pair.kappa === null ? '–' : pair.kappa.toFixed(2) })}</span>`)}
    ${list.agreement.score_gap !== null && html`<span>${t('queue.gap', { gap: list.agreement.score_gap.toFixed(1), n: list.agreement.scored_twice })}</span>`}
    ${judge.judge && html`<span>${judge.calibration ? t('queue.judge', { judge: judge.judge, n: judge.calibration.anchors, error: judge.calibration.error.toFixed(2) }) : t('queue.judge_raw', { judge: judge.judge, n: judge.anchors })}</span>`}
    ${judge.drift?.alarm && html`<span class="bad">${t('queue.drift', { shift: judge.drift.shift.toFixed(2) })}</span>`}
  </div>`;
}

/** @param {{ name: string }} props */
export function Queue({ name }) {
  const view = views.includes(route.value.query.view ?? '') ? /** @type {string} */ (route.value.query.view) : 'open';
  const [list, setList] = useState(/** @type {QueueList | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [at, setAt] = useState('');
  const [page, setPage] = useState(/** @type {CritiquePage | null} */ (null));
  const [draft, setDraft] = useState(/** @type {Record<string, any> | null} */ (null));
  const reader = readerName();
  const latest = useRef(/** @type {any} */ (null));
  const fetching = useRef('');

  const load = () => get(`/collections/${name}/queue`, { view, reader, limit: page_rows }).then((/** @type {QueueList} */ found) => {
    fetching.current = '';
    setList(found);
    setError(null);
    setAt((before) => (found.items.some(({ picture }) => picture === before) ? before : found.items[0]?.picture ?? ''));
  }).catch(setError);
  useEffect(() => { setList(null); setAt(''); load(); }, [name, view, reader]);
  /** The rows behind those that are here; each page is asked for once. */
  const more = () => {
    const cursor = list?.next;
    if (!cursor || fetching.current === cursor) return;
    fetching.current = cursor;
    get(`/collections/${name}/queue`, { view, reader, limit: page_rows, cursor }).then((/** @type {QueueList} */ found) => setList((known) => (known?.next === cursor ? joined(known, found) : known))).catch((problem) => { fetching.current = ''; complain(problem); });
  };
  useEffect(() => {
    setPage(null);
    setDraft(null);
    if (!at) return undefined;
    const abort = new AbortController();
    get(`/collections/${name}/rows/${at}`, { reader }, abort.signal).then(setPage).catch(complain);
    document.getElementById(`q${at}`)?.scrollIntoView({ block: 'nearest' });
    return () => abort.abort();
  }, [name, at, reader]);

  /** What the server says now, in the list too; the list keeps its order under the reader. @param {CritiquePage} now */
  const taken = (now) => {
    setPage((shown) => (shown === null || shown.picture === now.picture ? now : shown));
    setList((known) => known && { ...known, items: known.items.map((item) => (item.picture === now.picture ? { ...item, decision: now.decision, points: now.points, reasons: now.reasons } : item)) });
    get(`/collections/${name}/queue`, { view, reader, limit: 1 }).then((/** @type {QueueList} */ found) => setList((known) => known && { ...known, counts: found.counts, agreement: found.agreement, judge: found.judge })).catch(complain);
  };
  /** A change that came too late is told, and the row is shown as it is now. @param {any} problem */
  const failed = (problem) => {
    complain(problem);
    if (problem.status === 409) get(`/collections/${name}/rows/${at}`, { reader }).then(setPage).catch(complain);
  };
  const move = (/** @type {number} */ by) => {
    const items = list?.items ?? [];
    const place = items.findIndex(({ picture }) => picture === at) + by;
    if (place > items.length - near_end) more();
    const next = items[place];
    if (next) setAt(next.picture);
    else if (by > 0 && items.length > 0) say(t('queue.last'));
  };
  const speak = (/** @type {{ verdict?: string, score?: number | null, note?: string }} */ words, /** @type {boolean} */ on) => {
    if (!page) return;
    const before = page.reading ?? { verdict: 'none', score: null, note: '' };
    put(`/collections/${name}/rows/${page.picture}/reading`, { reader, version: page.version, verdict: before.verdict, score: before.score, note: before.note, ...words }).then(taken).catch(failed);
    if (on) move(1);
  };
  const edit = () => {
    if (!page) return;
    const row = page.row;
    setDraft({ critique_zh: row.critique_zh ?? '', critique_en: row.critique_en ?? '', covered_dimensions: page.dimensions.filter(({ covered }) => covered).map(({ id }) => id) });
    setTimeout(() => /** @type {HTMLElement | null} */ (document.querySelector('textarea[name="critique_zh"]'))?.focus(), 0);
  };
  const keep = () => {
    if (!page || !draft) return;
    const { note = '', ...members } = draft;
    const changes = changed({ ...page.row, covered_dimensions: page.dimensions.filter(({ covered }) => covered).map(({ id }) => id) }, members);
    if (Object.keys(changes).length === 0) { setDraft(null); return; }
    put(`/collections/${name}/rows/${page.picture}`, { author: reader, version: page.version, changes, note }).then((now) => { setDraft(null); taken(now); say(t('queue.kept', { name: reader })); }).catch(failed);
  };
  const perform = (/** @type {import('./keys.logic.js').Command} */ what) => {
    if (what.do === 'move') move(what.by);
    else if (what.do === 'verdict') speak({ verdict: what.verdict }, what.verdict !== 'none');
    else if (what.do === 'score') speak({ score: page?.reading?.score === what.score ? null : what.score }, false);
    else if (what.do === 'edit') edit();
    else if (what.do === 'save') keep();
    else if (what.do === 'back') setDraft(null);
    else if (what.do === 'note') /** @type {HTMLElement | null} */ (document.querySelector('textarea[name="note"]'))?.focus();
    else if (what.do === 'second') stay(address(`/critiques/${name}`, { view: view === 'second' ? '' : 'second' }));
  };
  latest.current = { perform, editing: draft !== null };
  useEffect(() => {
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      const { perform: act, editing } = latest.current;
      const what = command(event, editing);
      // While a text is open its own keys count too: they leave it or keep it.
      if (!what || (foreign(event) && !(editing && !document.querySelector('dialog[open]')))) return;
      event.preventDefault();
      act(what);
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);

  return html`<div class="queue">
    <aside class="queue-side">
      <header><a href="#/critiques" class="dim">${t('nav.critiques')}</a> / <h1>${name}</h1></header>
      <${Choice} label=${t('queue.view')} value=${view} onChange=${(/** @type {string} */ next) => stay(address(`/critiques/${name}`, { view: next === 'open' ? '' : next }))} options=${views.map((value) => ({ value, label: `${t(`queue_view.${value}`)} ${list ? count(list.counts[value] ?? 0) : ''}`, hint: value === 'second' ? t('queue.second_hint') : undefined }))} />
      <label class="row tight"><span class="dim">${t('review.reviewer')}</span><input class="grow" name="reviewer" value=${reviewer.value} placeholder=${about.value?.reviewer ?? ''} maxlength="60" onChange=${(/** @type {any} */ event) => { reviewer.value = textOf(event).trim(); }} /></label>
      ${error && html`<${Failed} error=${error} />`}
      ${list && html`<${List} list=${list} at=${at} onPick=${setAt} onEnd=${more} /><${Figures} list=${list} />`}
    </aside>
    <div class="queue-main">
      ${list && list.items.length === 0 && html`<${Empty} title=${t(view === 'second' ? 'queue.no_second' : 'queue.none')}><${Button} label=${t('again')} icon="retry" onClick=${load} /></${Empty}>`}
      ${page && html`<${RowPage} page=${page} draft=${draft} onDraft=${setDraft} perform=${perform} onNote=${(/** @type {string} */ note) => speak({ note }, false)} />`}
    </div>
  </div>`;
}
