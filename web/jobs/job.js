// One job: its numbers, what went wrong, lost answers, and its tasks.
import { html, useEffect, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { get, post, sourceThumbnailUrl, thumbnailUrl } from '../api.js';
import { ask, complain, jobs, loadJob, route, say, stay } from '../state.js';
import { onChanges } from '../events.js';
import { address } from '../route.logic.js';
import { count, duration, money, spent, time } from '../format.js';
import { Button, Empty, Failed, Select, textOf } from '../parts/parts.js';
import { Bar, Counts, Failures, Pace } from './progress.js';
import { Commands } from './list.js';
import * as actions from './actions.js';

const states = ['queued', 'running', 'waiting', 'succeeded', 'partial', 'failed', 'refused', 'unknown', 'stopped'];

/** @param {{ job: import('../documents.d.ts').Job }} props */
const Numbers = ({ job }) => html`<dl class="numbers">
  <div><dt>${t('job.pictures_label')}</dt><dd>${count(job.pictures)}</dd></div>
  <div><dt>${t('job.tasks_label')}</dt><dd>${count(job.total)}</dd></div>
  <div><dt>${t('job.spent')}</dt><dd>${spent(job.spent, job.unpriced)}<small>${job.budget === null ? t('job.no_budget') : t('job.of_budget', { money: money(job.budget) })}</small>${job.unpriced > 0 && html`<small class="wait">${t('costs.n_unpriced', { n: job.unpriced })}</small>`}</dd></div>
  <div><dt>${t('job.held')}</dt><dd>${money(job.reserved)}</dd></div>
  ${job.seconds !== undefined && html`<div><dt>${t('job.time')}</dt><dd>${duration(job.seconds)}</dd></div>`}
  <div><dt>${t('job.model')}</dt><dd class="name">${job.model ?? '–'}<small>${job.profile}</small></dd></div>
  ${job.saved && html`<div><dt>${t('job.saved')}</dt><dd>${t('job.saved_files', { n: job.saved.pictures + job.saved.sources + job.saved.texts })}<small class="break">${job.saved.folder}</small></dd></div>`}
  ${job.not_saved && html`<div><dt>${t('job.saved')}</dt><dd class="warned">–<small class="break">${t('job.not_saved', { why: job.not_saved })}</small></dd></div>`}
  ${Object.entries(job.put_off ?? {}).length > 0 && html`<div><dt>${t('job.put_off')}</dt><dd>${count(Object.values(job.put_off ?? {}).reduce((a, b) => a + b, 0))}
    <small>${Object.entries(job.put_off ?? {}).map(([kind, n]) => `${word('failure', kind)} ${n}`).join(', ')}</small></dd></div>`}
</dl>`;

/** Calls whose answer was lost, and what to do about them. @param {{ job: import('../documents.d.ts').Job }} props */
function Lost({ job }) {
  const [calls, setCalls] = useState(/** @type {import('../documents.d.ts').LostCall[]} */ ([]));
  const unknown = job.tasks.unknown ?? 0;
  const load = () => get('/reconcile', { job: job.id }).then((answer) => setCalls(answer.calls), () => setCalls([]));
  useEffect(() => { load(); }, [job.id, unknown]);
  if (calls.length === 0) return null;
  const act = async (/** @type {string} */ as) => {
    const yes = await ask({ title: t(`lost.${as}`), text: t(`lost.${as}_text`, { n: calls.length }), confirm: t(`lost.${as}`), danger: as === 'resend' });
    if (!yes) return;
    await post('/reconcile', { calls: calls.map((call) => call.call), as }).catch(complain);
    load();
    loadJob(job.id).catch(complain);
  };
  return html`<section class="panel"><header><h2>${t('lost.title', { n: calls.length })}</h2></header><p class="dim">${t('lost.text')}</p>
    <div class="scroll-x"><table><thead><tr><th>${t('task')}</th><th>${t('lost.sent')}</th><th class="right">${t('lost.ceiling')}</th><th>${t('lost.message')}</th></tr></thead>
    <tbody>${calls.slice(0, 20).map((call) => html`<tr key=${call.call}><td><a href=${`#/task/${call.task}`}>${call.title}</a></td><td class="nowrap">${time(call.sent_us)}</td><td class="right">${money(call.ceiling)}</td><td>${call.message}</td></tr>`)}</tbody></table></div>
    <div class="row"><${Button} label=${t('lost.resend')} icon="retry" onClick=${() => act('resend')} /><${Button} label=${t('lost.charged')} onClick=${() => act('charged')} /><${Button} label=${t('lost.not_charged')} onClick=${() => act('not_charged')} /></div>
  </section>`;
}

/** @param {{ task: import('../documents.d.ts').TaskRow }} props */
const TaskLine = ({ task }) => html`<tr>
  <td><div class="shots">${task.source && html`<img class="original" src=${sourceThumbnailUrl(task.id)} loading="lazy" alt=${t('original')} />`}
    ${task.thumbnails.slice(0, 3).map((hash) => html`<img key=${hash} src=${thumbnailUrl(hash)} loading="lazy" alt=${t('result')} />`)}</div></td>
  <td><a href=${`#/task/${task.id}`} class="break">${task.title}</a></td>
  <td><span class=${`pill ${task.state}`}>${word('state', task.state)}</span></td>
  <td class="what dim">${task.failure ? task.failure.message : html`<span class="ellipsis" title=${task.prompt}>${task.prompt.slice(0, 90)}${task.prompt.length > 90 ? '…' : ''}</span>`}</td>
  <td class="right">${task.tries}</td>
  <td class="right">${task.cost === null ? '–' : money(task.cost)}</td>
</tr>`;

/** @param {{ job: import('../documents.d.ts').Job }} props */
function Tasks({ job }) {
  const { state = '', failure = '', q = '' } = route.value.query;
  const [page, setPage] = useState(/** @type {import('../documents.d.ts').Page<import('../documents.d.ts').TaskRow>} */ ({ items: [], next: null }));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(true);
  const query = { job: job.id, state, failure, q, limit: 100 };
  const load = (/** @type {string | null} */ cursor = null) => {
    setBusy(true);
    return get('/tasks', { ...query, cursor }).then((next) => {
      setError(null);
      setPage((old) => (cursor ? { items: [...old.items, ...next.items], next: next.next } : next));
    }).catch(setError).finally(() => setBusy(false));
  };
  useEffect(() => { const wait = setTimeout(load, 120); return () => clearTimeout(wait); }, [job.id, state, failure, q]);
  // Rows that are shown follow their tasks, without moving: each changed one is replaced in its place.
  useEffect(() => {
    let due = 0;
    const stop = onChanges((told) => {
      if (!page.items.some((task) => told.tasks.has(task.id)) && !(told.jobs.has(job.id) && page.items.length < 100)) return;
      due ||= window.setTimeout(() => { due = 0; if (page.items.length <= 100) load(); }, 1500);
    });
    return () => { stop(); clearTimeout(due); };
  }, [page, state, failure, q]);
  const where = (/** @type {Record<string, string>} */ change) => stay(address(`/jobs/${job.id}`, { state, failure, q, ...change }));
  const kinds = [...new Set([...(job.failures ?? []).map((group) => group.kind), ...(failure ? [failure] : [])])];
  return html`<section class="panel">
    <header><h2>${t('job.tasks_label')}</h2>
      <${Select} label=${t('filter.state')} value=${state} onChange=${(/** @type {string} */ value) => where({ state: value })}
        options=${[{ value: '', label: t('filter.any_state') }, ...states.map((value) => ({ value, label: word('state', value) }))]} />
      ${kinds.length > 0 && html`<${Select} label=${t('filter.failure')} value=${failure} onChange=${(/** @type {string} */ value) => where({ failure: value })}
        options=${[{ value: '', label: t('filter.any_failure') }, ...kinds.map((value) => ({ value, label: word('failure', value) }))]} />`}
      <span class="grow"><input type="search" placeholder=${t('filter.search_tasks')} aria-label=${t('filter.search_tasks')} value=${q} onInput=${(/** @type {any} */ event) => where({ q: textOf(event) })} /></span>
      ${failure && html`<${Button} label=${t('job.retry_these')} icon="retry" onClick=${() => actions.retry(job, { kinds: [failure] })} />`}
    </header>
    ${error && html`<${Failed} error=${error} />`}
    ${page.items.length === 0 && !error ? html`<${Empty} title=${busy ? t('loading') : t('job.no_tasks')} />`
      : html`<div class="scroll-x"><table class="tasks"><thead><tr><th></th><th>${t('task')}</th><th>${t('filter.state')}</th><th>${t('job.what')}</th><th class="right">${t('job.tries')}</th><th class="right">${t('job.cost')}</th></tr></thead>
        <tbody>${page.items.map((task) => html`<${TaskLine} key=${task.id} task=${task} />`)}</tbody></table></div>`}
    ${page.next && html`<div><${Button} label=${t('more')} disabled=${busy} onClick=${() => load(page.next)} /></div>`}
  </section>`;
}

/** The job as a file to copy, or as the start of another. @param {{ id: number }} props */
function File({ id }) {
  const [file, setFile] = useState('');
  const copy = () => navigator.clipboard.writeText(file).then(() => say(t('copied')), complain);
  return html`<details class="panel" onToggle=${() => { if (!file) get(`/jobs/${id}/file`).then((answer) => setFile(JSON.stringify(answer, null, 2))).catch(complain); }}>
    <summary>${t('job.file')}</summary>
    <pre class="file">${file || t('loading')}</pre>
    <div class="row"><${Button} label=${t('copy')} icon="copy" onClick=${copy} /><a class="button" href=${`#/jobs/new?from=${id}`}>${t('job.again')}</a></div>
  </details>`;
}

/** @param {{ id: number }} props */
export function JobPage({ id }) {
  const [error, setError] = useState(/** @type {any} */ (null));
  useEffect(() => { loadJob(id).catch(setError); }, [id]);
  const job = jobs.value.get(id);
  if (!job) return html`<div class="page">${error ? html`<${Failed} error=${error} />` : html`<p class="dim">${t('loading')}</p>`}</div>`;
  return html`<div class="page">
    <header class="page-head"><h1 class="break">${job.job}</h1><span class=${`pill ${job.state}`}>${word('job_state', job.state)}</span><${Pace} job=${job} />
      <div class="row push"><a class="button" href=${`#/gallery?job=${id}`}>${t('nav.gallery')}</a><a class="button" href=${`#/save?job=${id}`}>${t('nav.save')}</a><${Commands} job=${job} long /></div></header>
    <div class="job-bar"><${Bar} job=${job} /><${Counts} job=${job} /></div>
    <${Numbers} job=${job} />
    ${(job.failures ?? []).length > 0 && html`<section class="panel"><header><h2>${t('job.failures')}</h2></header>
      <table><tbody>${(job.failures ?? []).map((group) => html`<tr key=${group.kind + group.state}><td class="nowrap"><${Failures} job=${{ ...job, failures: [group] }} /></td><td class="break">${group.message ?? ''} ${group.task && html`<a href=${`#/task/${group.task}`}>${group.title}</a>`}</td></tr>`)}</tbody></table></section>`}
    <${Lost} job=${job} />
    <${Tasks} job=${job} />
    <${File} id=${id} />
  </div>`;
}
