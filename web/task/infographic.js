// What belongs to an infographic alone: its rounds with what was found in them, and its drafts, which a person may change.
import { html, useEffect, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { get, pictureUrl, put, remove, thumbnailUrl } from '../api.js';
import { complain, say } from '../state.js';
import { Button, Failed, textOf } from '../parts/parts.js';
import { faultsOf } from './task.logic.js';

/** @param {{ round: any, best: boolean }} props */
const Round = ({ round, best }) => {
  const { picture, review } = round;
  const faults = faultsOf(review);
  return html`<li class="round">
    ${picture ? html`<a href=${pictureUrl(picture.blake3)} target="_blank" rel="noopener"><img src=${thumbnailUrl(picture.blake3)} alt=${t('round.picture', { n: round.round })} loading="lazy" /></a>` : html`<div class="no-shot dim">${t('task.no_pictures')}</div>`}
    <div><div class="row"><h3>${t('round.n', { n: round.round })}</h3>${best && html`<span class="pill succeeded">${t('round.best')}</span>`}
        ${review && html`<span class=${`pill ${review.passed ? 'succeeded' : 'partial'}`}>${t(review.passed ? 'round.passed' : 'round.faulty', { n: faults.length })}</span>
          <span class="dim">${t('round.letters', { percent: Math.round(review.text_fidelity * 100) })}</span>`}
        ${round.edits && html`<span class="dim">${t('round.edits', { n: round.edits })}</span>`}</div>
      ${!review && picture && html`<p class="dim">${t('round.unseen')}</p>`}
      ${round.error && html`<p class="warned">${round.error}</p>`}
      ${faults.length > 0 && html`<ul class="plain faults">${faults.map((fault, at) => html`<li key=${at}><b>${word('rule', fault.rule)}</b> ${fault.label !== undefined
        ? t(fault.read === null ? 'round.missing' : 'round.misprint', { label: fault.label, read: fault.read ?? '' }) : fault.detail}</li>`)}</ul>`}
      ${review?.exempted.length > 0 && html`<p class="dim">${t('round.exempted', { n: review.exempted.length })}</p>`}
      ${review?.reasoning && html`<details><summary>${t('round.reasoning')}</summary><p class="break prompt">${review.reasoning}</p></details>`}
      ${round.corrections.length > 0 && html`<details><summary>${t('round.corrections', { n: round.corrections.length })}</summary><ul class="plain">${round.corrections.map((/** @type {string} */ text) => html`<li key=${text} class="break">${text}</li>`)}</ul></details>`}
    </div></li>`;
};

/** @param {{ record: any }} props */
const Rounds = ({ record }) => html`<section class="panel"><header><h2>${t('rounds.title', { n: record.rounds.length })}</h2><span class="dim">${t(`rounds.${record.stopped}`)}</span></header>
  <dl class="facts">
    <dt>${t('rounds.drawn_title')}</dt><dd>${record.title}</dd>
    ${record.choice && ['layout', 'style'].map((kind) => html`<dt key=${kind}>${t(`new.${kind}`)}</dt><dd key=${`${kind}-is`}>${record.choice[kind].name} <span class="dim">${word('because', record.choice[kind].because)}</span></dd>`)}
    <dt>${t('new.size')}</dt><dd>${record.ratio} <span class="dim">${record.size}</span></dd>
    ${record.labels.length > 0 && html`<dt>${t('rounds.labels')}</dt><dd class="break">${record.labels.join(' · ')}</dd>`}</dl>
  ${record.expand_skipped && html`<p class="dim">${t('rounds.unchanged')}</p>`}
  ${record.notes.length > 0 && html`<ul class="plain dim">${record.notes.map((/** @type {string} */ note) => html`<li key=${note} class="break">${note}</li>`)}</ul>`}
  <ol class="rounds">${record.rounds.map((/** @type {any} */ round) => html`<${Round} key=${round.round} round=${round} best=${record.ranking[0] === round.round} />`)}</ol></section>`;

/** @param {{ task: number, draft: { name: string, text: string, edited: boolean }, locked: boolean, onChange: () => void }} props */
function Draft({ task, draft, locked, onChange }) {
  const [text, setText] = useState(draft.text);
  useEffect(() => { setText(draft.text); }, [draft.text]);
  const path = `/tasks/${task}/drafts/${encodeURIComponent(draft.name)}`;
  const then = (/** @type {Promise<unknown>} */ work, /** @type {string} */ told) => work.then(() => { say(t(told, { name: draft.name })); onChange(); }, complain);
  return html`<details class="draft"><summary><span class="mono">${draft.name}</span> ${draft.edited && html`<span class="pill keep">${t('drafts.edited')}</span>`}</summary>
    <textarea rows="10" class="mono" aria-label=${draft.name} value=${text} disabled=${locked} onInput=${(/** @type {any} */ event) => setText(textOf(event))}></textarea>
    <div class="row"><${Button} label=${t('save')} name="save-draft" disabled=${locked || text === draft.text} onClick=${() => then(put(path, { text }), 'drafts.saved')} />
      ${text !== draft.text && html`<${Button} label=${t('cancel')} tone="quiet" onClick=${() => setText(draft.text)} />`}
      <${Button} label=${t('drafts.remove')} tone="quiet" disabled=${locked} onClick=${() => then(remove(path), 'drafts.removed')} /></div></details>`;
}

/** @param {{ id: number, state: string, seen: unknown, onRetry: () => void }} props `seen` changes when the task did. */
export function Infographic({ id, state, seen, onRetry }) {
  const [known, setKnown] = useState(/** @type {any} */ (null));
  const [changed, setChanged] = useState(false);
  const [error, setError] = useState(/** @type {any} */ (null));
  const load = () => get(`/tasks/${id}/drafts`).then((answer) => { setKnown(answer); setError(null); }).catch(setError);
  useEffect(() => { load(); }, [id, state, seen]);
  if (error) return html`<${Failed} error=${error} />`;
  if (!known) return html`<p class="dim">${t('loading')}</p>`;
  const running = state === 'running';
  return html`${known.made.record && html`<${Rounds} record=${known.made.record} />`}
    <section class="panel"><header><h2>${t('drafts.title')}</h2></header>
      <p class="dim">${t('drafts.text')}</p>
      ${known.drafts.length === 0 ? html`<p class="dim">${t('drafts.none')}</p>` : known.drafts.map((/** @type {any} */ draft) => html`<${Draft} key=${draft.name} task=${id} draft=${draft} locked=${running} onChange=${() => { setChanged(true); load(); }} />`)}
      ${changed && !running && html`<div class="row"><${Button} label=${t('drafts.retry')} icon="retry" tone="main" name="retry-drafts" onClick=${() => { setChanged(false); onRetry(); }} /></div>`}
      <p class="dim mono break">${known.folder}</p></section>`;
}
