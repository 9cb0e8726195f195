// All collections: how far each is, what it cost, when it will be done, and what comes next.
import { html, useEffect, useState } from '../html.js';
import { t, language, word } from '../i18n/texts.js';
import { get } from '../api.js';
import { onChanges } from '../events.js';
import { count, duration, money, spent } from '../format.js';
import { Empty, Failed } from '../parts/parts.js';

/** @typedef {import('../documents.d.ts').Collection} Collection */

/** @param {Collection} one */
export const titleOf = (one) => (language.value === 'en' ? one.title?.en : one.title?.zh) ?? one.name;

/** Accepted, merged, at work and out of reach, as shares of the target. @param {{ one: Collection }} props */
const Bar = ({ one }) => {
  const whole = Math.max(one.target, one.accepted, 1);
  const share = (/** @type {number} */ n) => `${(n * 100) / whole}%`;
  return html`<div class="progress-bar" role="img" aria-label=${t('collections.done', { n: one.accepted, of: count(one.target) })}>
    <i class="done" style=${{ width: share(one.accepted) }}></i><i class="work" style=${{ width: share(Math.min(one.states.working ?? 0, whole - one.accepted)) }}></i>
    ${one.milestones.filter((at) => at < whole).map((at) => html`<b key=${at} class=${at <= one.accepted ? 'reached' : ''} style=${{ left: share(at) }} title=${t('collections.at', { n: at })}></b>`)}</div>`;
};

/** @param {{ one: Collection, first: boolean }} props */
const Card = ({ one, first }) => html`<section class="panel collection" data-name=${one.name}>
  <header><h2><a href=${`#/critiques/${one.name}`}>${titleOf(one)}</a></h2>${first && html`<span class="pill active">${t('collections.first')}</span>`}<span class="push mono">${one.percent === null ? '–' : `${one.percent.toLocaleString(language.value)} %`}</span></header>
  <${Bar} one=${one} />
  <p>${one.target > 0 ? t('collections.done', { n: one.accepted, of: count(one.target) }) : t('collections.accepted', { n: one.accepted })}${one.next_milestone !== null && html` · ${t('collections.next_milestone', { n: one.next_milestone })}`}${one.due && html` · ${t('collections.due', { day: one.due })}`}</p>
  ${one.pictures === 0 ? html`<p class="dim">${t('collections.empty')} <code>imagemill collections add ${one.name} …</code></p>` : html`
    <div class="row tight">${Object.entries(one.states).filter(([, n]) => n > 0).map(([state, n]) => html`<span key=${state} class=${`pill ${state}`}>${word('item', state)} ${count(n)}</span>`)}</div>
    <dl class="facts"><dt>${t('collections.each')}</dt><dd>${one.cost_each === null ? '–' : money(one.cost_each)}</dd><dt>${t('collections.left')}</dt><dd>${one.gap === 0 ? t('collections.reached') : duration(one.seconds_left)}</dd>
      <dt>${t('collections.spent')}</dt><dd>${spent(one.spent, one.unpriced)}</dd><dt>${t('collections.next')}</dt><dd>${one.batches_left > 0 ? t('collections.next_batch', { n: one.batches_left, batch: one.next_batch }) : t('collections.nothing_waits')}</dd></dl>
    ${one.batches_left > 0 && first && html`<p class="dim"><code>imagemill collections run ${one.name}</code></p>`}`}
</section>`;

export function Collections() {
  const [list, setList] = useState(/** @type {{ rule: string, collections: Collection[] } | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  useEffect(() => {
    let due = 0;
    const load = () => { due = 0; get('/collections').then((found) => { setList(found); setError(null); }).catch(setError); };
    load();
    const stop = onChanges((told) => { if (told.tasks.size > 0) due ||= window.setTimeout(load, 2000); });
    return () => { stop(); clearTimeout(due); };
  }, []);
  const first = list?.collections.find((one) => (one.states.pending ?? 0) > 0)?.name;
  const [taken, empty] = [true, false].map((wanted) => list?.collections.filter((one) => (one.pictures > 0) === wanted) ?? []);
  return html`<div class="page"><header class="page-head"><h1>${t('nav.critiques')}</h1>${list && html`<span class="dim">${t('collections.rule', { rule: word('rule', list.rule) })}</span>`}</header>
    ${error && html`<${Failed} error=${error} />`}${!list && !error && html`<p class="dim">${t('loading')}</p>`}
    ${list && taken?.length === 0 && html`<${Empty} title=${t('collections.none')}><p><code>imagemill collections add NAME FOLDER</code></p></${Empty}>`}
    <div class="collections">${[...(taken ?? []), ...(empty ?? [])].map((one) => html`<${Card} key=${one.name} one=${one} first=${one.name === first} />`)}</div>
  </div>`;
}
