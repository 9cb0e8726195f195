// One task: what was asked, what came of it, every call with what it cost, and what to do next.
import { html, useEffect, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { get, pictureUrl, post, sourceUrl, thumbnailUrl } from '../api.js';
import { complain, say } from '../state.js';
import { onChanges } from '../events.js';
import { bytes, duration, money, spent, time } from '../format.js';
import { Button, Failed } from '../parts/parts.js';
import { Critique } from './critique.js';
import { Infographic } from './infographic.js';
import { costOf, countsOf, nextStep, pretty } from './task.logic.js';

/** @param {{ title: string, value: unknown }} props */
const Raw = ({ title, value }) => {
  const text = typeof value === 'string' ? pretty(value) : JSON.stringify(value, null, 2);
  return html`<details><summary>${title} <span class="faint">${bytes(text.length)}</span></summary><pre class="file">${text}</pre>
  <${Button} label=${t('copy')} icon="copy" onClick=${() => navigator.clipboard.writeText(text).then(() => say(t('copied')), complain)} /></details>`;
};

/** @param {{ entry: any, allowed: boolean }} props */
const Call = ({ entry, allowed }) => {
  const { call } = entry;
  return html`<li class="call">
    <div class="row"><span class=${`pill ${call.state === 'fetched' ? 'succeeded' : call.state}`}>${word('call_state', call.state)}</span><b>${call.step}</b><span class="dim">${t('task.attempt', { n: call.attempt })}</span>
      <span class="dim">${call.model} · ${call.profile}</span>${call.http_status && html`<span class="mono dim">HTTP ${call.http_status}</span>`}
      <span class="push nowrap">${(call.cost ?? null) !== null || countsOf(call) === null ? money(call.cost) : t('task.up_to', { money: money(call.ceiling) })}</span></div>
    <div class="dim">${time(call.sent_us)}${call.ended_us ? ` · ${duration((call.ended_us - call.sent_us) / 1e6)}` : ''}${call.remote_id ? html` · <span class="mono">${call.remote_id}</span>` : ''}
      ${Object.entries(call.usage ?? {}).filter(([, value]) => typeof value === 'number' && value > 0).map(([key, value]) => html` · ${key.replaceAll('_', ' ')} ${value}`)}</div>
    ${call.failure && html`<div class="trouble"><b>${word('failure', call.failure.kind)}</b> ${call.failure.message}</div>`}
    ${entry.request && html`<${Raw} title=${t('task.request')} value=${entry.request} />`}
    ${entry.answer && html`<${Raw} title=${t('task.answer')} value=${entry.answer} />`}
    ${!allowed && html`<p class="faint">${t('task.raw_hidden')}</p>`}
  </li>`;
};

/** @param {{ entry: any }} props */
const Picture = ({ entry }) => {
  const { asset, prepared } = entry;
  const { facts } = asset;
  const hash = facts.blake3;
  return html`<figure class="task-shot"><a href=${pictureUrl(hash)} target="_blank" rel="noopener"><img src=${thumbnailUrl(hash)} alt=${t('result')} loading="lazy" /></a>
    <figcaption><div>${facts.width} × ${facts.height} · ${facts.format}, ${bytes(facts.bytes)}</div><div class="mono dim">${hash.slice(0, 16)}</div>
      ${prepared && html`<details><summary>${t('task.prepared')}</summary><pre class="file">${JSON.stringify(prepared, null, 2)}</pre></details>`}</figcaption></figure>`;
};

/** @param {{ id: number }} props */
export function TaskPage({ id }) {
  const [known, setKnown] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const load = () => get(`/tasks/${id}`).then((answer) => { setKnown(answer); setError(null); }).catch(setError);
  useEffect(() => {
    load();
    let due = 0;
    const stop = onChanges((told) => { if (told.tasks.has(id)) due ||= window.setTimeout(() => { due = 0; load(); }, 300); });
    return () => { stop(); clearTimeout(due); };
  }, [id]);
  if (!known) return html`<div class="page">${error ? html`<${Failed} error=${error} />` : html`<p class="dim">${t('loading')}</p>`}</div>`;
  const { task } = known;
  const job = known.job_id;
  const title = known.title;
  const sources = task.spec.src ?? [];
  const cost = costOf(known.calls);
  const step = nextStep(task, known.calls, known.recipe);
  const retry = () => post(`/jobs/${job}/retry`, { tasks: [id] }).then((answer) => { say(t('job.retried', { n: answer.tasks })); load(); }, complain);
  return html`<div class="page">
    <header class="page-head"><a href=${`#/jobs/${job}`}>${known.job}</a><span class="faint">/</span><h1 class="break">${title}</h1><span class=${`pill ${task.state}`}>${word('state', task.state)}</span>
      <div class="row push"><${Button} label=${t('gallery.retry')} icon="retry" name="retry" disabled=${['queued', 'running'].includes(task.state)} onClick=${retry} /></div></header>
    <div class="task-page">
      <div class="task-main">
        ${task.failure && html`<div class="trouble"><b>${word('failure', task.failure.kind)}</b><p>${task.failure.message}</p></div>`}
        <section class="panel"><h2>${t('task.next')}</h2><p>${t(`next.${step}`)}</p></section>
        <section class="panel"><header><h2>${t('task.pictures')}</h2></header><div class="task-shots">
          ${sources.length > 0 && html`<figure class="task-shot"><a href=${sourceUrl(id)} target="_blank" rel="noopener"><img src=${`${sourceUrl(id)}/thumbnail`} alt=${t('original')} loading="lazy" /></a><figcaption><div>${t('original')}</div><div class="dim break">${sources[0].path}</div></figcaption></figure>`}
          ${known.assets.map((/** @type {any} */ entry) => html`<${Picture} key=${entry.asset.id} entry=${entry} />`)}
          ${known.assets.length === 0 && known.recipe !== 'critique' && html`<p class="dim">${t('task.no_pictures')}</p>`}</div></section>
        ${known.recipe === 'critique' && known.document && html`<${Critique} row=${known.document} />`}
        ${known.recipe === 'infographic' && html`<${Infographic} id=${id} state=${task.state} seen=${known.calls.length} onRetry=${retry} />`}
        <section class="panel"><header><h2>${t('task.calls', { n: known.calls.length })}</h2></header>
          ${known.calls.length === 0 ? html`<p class="dim">${t('task.no_calls')}</p>` : html`<ol class="calls">${known.calls.map((/** @type {any} */ entry) => html`<${Call} key=${entry.call.id} entry=${entry} allowed=${known.raw_allowed !== false} />`)}</ol>`}</section>
      </div>
      <aside class="panel">${known.prompt && html`<h3>${t('new.prompt')}</h3><p class="break prompt">${known.prompt}</p>`}
        <dl class="facts"><dt>${t('job.cost')}</dt><dd>${spent(cost.spent, cost.unpriced)}</dd><dt>${t('job.tries')}</dt><dd>${task.attempt}</dd>
          <dt>${t('task.sample')}</dt><dd>${(task.spec.s ?? 0) + 1}</dd>
          <dt>${t('task.key')}</dt><dd class="mono break">${task.key.slice(0, 16)}</dd>
          ${task.started_us && html`<dt>${t('task.started')}</dt><dd>${time(task.started_us)}</dd>`}${task.ended_us && html`<dt>${t('task.ended')}</dt><dd>${time(task.ended_us)}</dd>`}
          ${task.not_before_us && html`<dt>${t('task.not_before')}</dt><dd>${time(task.not_before_us)}</dd>`}
          ${sources.slice(1).map((/** @type {any} */ source) => html`<dt key=${source.name}>${t('task.reference')}</dt><dd>${source.name}</dd>`)}</dl>
        ${known.assets.length > 0 && html`<div class="row"><a class="button" href=${`#/gallery?job=${job}&q=${encodeURIComponent(title)}`}>${t('task.in_gallery')}</a></div>`}</aside>
    </div>
  </div>`;
}
