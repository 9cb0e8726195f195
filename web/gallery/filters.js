// The rail beside the grid: what is shown, in which order, who reviews and how far reviewers agree.
import { html, useEffect, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { get } from '../api.js';
import { about, jobList, jobs, reviewer } from '../state.js';
import { onChanges } from '../events.js';
import { count } from '../format.js';
import { Button, Check, Choice, Select, textOf } from '../parts/parts.js';
import { advance } from './act.js';

const findings = ['size_differs', 'aspect_differs', 'unchanged', 'blank', 'near_duplicate'];

/** How far reviewers agree. @param {{ job: string }} props */
function Agreement({ job }) {
  const [facts, setFacts] = useState(/** @type {import('../documents.d.ts').Agreement | null} */ (null));
  useEffect(() => {
    let due = 0;
    const load = () => { due = 0; get('/agreement', { job }).then(setFacts, () => setFacts(null)); };
    load();
    const stop = onChanges((told) => { if (told.reviewed.size > 0) due ||= window.setTimeout(load, 1000); });
    return () => { stop(); clearTimeout(due); };
  }, [job]);
  if (!facts || facts.reviewers.length === 0) return null;
  return html`<section><h3>${t('agreement.title')}</h3>
    <div class="names">${facts.reviewers.map((person) => html`<span class="ellipsis" key=${person.name}>${person.name}</span><span class="good">${count(person.keep)}</span><span class="bad">${count(person.reject)}</span>`)}</div>
    ${facts.pairs.map((pair) => html`<div class="dim" key=${pair.a + pair.b} title=${t('agreement.kappa_hint')}>${t('agreement.pair', { a: pair.a, b: pair.b, percent: Math.round(100 * pair.agree), n: pair.both })}${pair.kappa !== null ? ` · κ ${pair.kappa.toFixed(2)}` : ''}</div>`)}
    ${facts.disputed > 0 && html`<div>${t('agreement.disputed', { n: facts.disputed })}</div>`}
  </section>`;
}

/** @param {{ filter: import('./results.js').Filter, onChange: (change: Record<string, string>) => void, onClose: () => void }} props */
export function Filters({ filter, onChange, onClose }) {
  const job = filter.job ? jobs.value.get(Number(filter.job)) : null;
  const models = [...new Set([...jobList.value.flatMap((entry) => (entry.model ? [entry.model] : [])), ...(filter.model ? [filter.model] : [])])];
  const choose = (/** @type {string} */ key, /** @type {string[]} */ values, /** @type {string} */ group) => html`<${Choice} label=${t(`filter.${key}`)} value=${/** @type {any} */ (filter)[key] ?? ''}
    onChange=${(/** @type {string} */ value) => onChange({ [key]: value })} options=${values.map((value) => ({ value, label: t(`${group}.${value || 'any'}`), hint: t(`${group}.${value || 'any'}`) }))} />`;
  const active = ['verdict', 'rating_min', 'finding', 'model', 'state', 'q'].some((key) => /** @type {any} */ (filter)[key]);
  return html`<aside class="rail" aria-label=${t('filter.title')}>
    <section><h3>${t('filter.job')}</h3><${Select} name="job" label=${t('filter.job')} value=${filter.job ?? ''} onChange=${(/** @type {string} */ value) => onChange({ job: value })}
      options=${[{ value: '', label: t('filter.all_jobs') }, ...jobList.value.map((entry) => ({ value: String(entry.id), label: entry.job }))]} />
      ${job && html`<a href=${`#/jobs/${job.id}`}>${t('filter.open_job')}</a>`}</section>
    <section><h3>${t('filter.verdict')}</h3>${choose('verdict', ['', 'none', 'keep', 'reject'], 'filter_verdict')}
      <${Choice} label=${t('filter.disputed')} value=${filter.verdict ?? ''} onChange=${() => onChange({ verdict: filter.verdict === 'disputed' ? '' : 'disputed' })} options=${[{ value: 'disputed', label: t('filter.disputed') }]} /></section>
    <section><h3>${t('filter.rating')}</h3><${Choice} label=${t('filter.rating')} value=${filter.rating_min ?? ''} onChange=${(/** @type {string} */ value) => onChange({ rating_min: value })}
      options=${['', '1', '2', '3', '4', '5'].map((value) => ({ value, label: value ? `${value}★` : t('filter.any'), hint: value ? t('filter.at_least', { n: Number(value) }) : t('filter.any') }))} /></section>
    <section><h3>${t('filter.finding')}</h3><${Select} label=${t('filter.finding')} value=${filter.finding ?? ''} onChange=${(/** @type {string} */ value) => onChange({ finding: value })}
      options=${[{ value: '', label: t('filter.any') }, ...findings.map((value) => ({ value, label: word('finding', value) }))]} /></section>
    ${models.length > 1 && html`<section><h3>${t('job.model')}</h3><${Select} label=${t('job.model')} value=${filter.model ?? ''} onChange=${(/** @type {string} */ value) => onChange({ model: value })}
      options=${[{ value: '', label: t('filter.any') }, ...models.map((value) => ({ value, label: value }))]} /></section>`}
    <section><h3>${t('filter.state')}</h3><${Select} label=${t('filter.state')} value=${filter.state ?? ''} onChange=${(/** @type {string} */ value) => onChange({ state: value })}
      options=${['', 'succeeded', 'partial', 'failed', 'refused', 'stopped'].map((value) => ({ value, label: value ? word('state', value) : t('filter.any_state') }))} /></section>
    <section><h3>${t('filter.sort')}</h3><${Select} name="sort" label=${t('filter.sort')} value=${filter.sort ?? 'order'} onChange=${(/** @type {string} */ value) => onChange({ sort: value === 'order' ? '' : value })}
      options=${['order', 'newest', 'rating', 'findings'].map((value) => ({ value, label: t(`sort.${value}`) }))} /></section>
    ${active && html`<${Button} label=${t('filter.clear')} icon="close" onClick=${() => onChange({ verdict: '', rating_min: '', finding: '', model: '', state: '', q: '' })} />`}
    <section><h3>${t('review.reviewer')}</h3><input aria-label=${t('review.reviewer')} name="reviewer" value=${reviewer.value} placeholder=${about.value?.reviewer ?? ''} maxlength="60" onChange=${(/** @type {any} */ event) => { reviewer.value = textOf(event).trim(); }} />
      <${Check} label=${t('review.advance')} checked=${advance.value} onChange=${(/** @type {boolean} */ on) => { advance.value = on; }} /></section>
    ${filter.job && html`<${Agreement} job=${filter.job} />`}
    <div class="rail-close"><${Button} label=${t('close')} onClick=${onClose} /></div>
  </aside>`;
}
