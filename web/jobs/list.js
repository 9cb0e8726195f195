// The list of jobs.
import { html, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { about, jobList, jobsLoaded } from '../state.js';
import { time } from '../format.js';
import { Button, Choice, Empty } from '../parts/parts.js';
import { Bar, Counts, Failures, Money, Pace } from './progress.js';
import { commands } from './progress.logic.js';
import * as actions from './actions.js';

/** @param {{ job: import('../documents.d.ts').Job, long?: boolean }} props */
export const Commands = ({ job, long = false }) => {
  const can = commands(job);
  // In a list the words alone do not say whose.
  const of = (/** @type {string} */ what) => (long ? what : t('job.command', { what, job: job.job }));
  return html`<div class="row tight commands">
    ${can.pause && html`<${Button} label=${of(t('job.pause'))} hint=${long ? undefined : t('job.pause')} icon="pause" bare=${!long} name="pause" onClick=${() => actions.pause(job)} />`}
    ${can.resume && html`<${Button} label=${of(t('job.resume'))} hint=${long ? undefined : t('job.resume')} icon="play" bare=${!long} name="resume" onClick=${() => actions.resume(job)} />`}
    ${can.stop && html`<${Button} label=${of(t('job.stop'))} hint=${long ? undefined : t('job.stop')} icon="stop" bare=${!long} name="stop" onClick=${() => actions.stop(job)} />`}
    ${can.retry && html`<${Button} label=${of(t('job.retry_failed'))} hint=${long ? undefined : t('job.retry_failed')} icon="retry" bare=${!long} name="retry" onClick=${() => actions.retry(job)} />`}
    ${can.remove && html`<${Button} label=${of(t('job.delete'))} hint=${long ? undefined : t('job.delete')} icon="trash" bare tone="danger" name="delete" onClick=${() => actions.erase(job)} />`}
  </div>`;
};

/** @param {{ job: import('../documents.d.ts').Job }} props */
const JobRow = ({ job }) => html`
  <article class="job" data-job=${job.id} aria-label=${job.job}>
    <div class="job-name"><a href=${`#/jobs/${job.id}`} class="ellipsis" title=${job.job}>${job.job}</a>
      <div class="dim ellipsis">${[job.recipe && word('recipe', job.recipe), job.model, job.profile].filter(Boolean).join(' · ')}</div></div>
    <div class="job-state"><span class=${`pill ${job.state}`}>${word('job_state', job.state)}</span><div class="faint">${job.created_us ? time(job.created_us) : ''}</div></div>
    <div class="job-bar"><${Bar} job=${job} /><${Counts} job=${job} /></div>
    <div class="job-pace"><${Pace} job=${job} /></div>
    <div class="job-money"><${Money} job=${job} /></div>
    <div class="job-failures"><${Failures} job=${job} /></div>
    <div class="job-end"><a class="button quiet" href=${`#/gallery?job=${job.id}`}>${t('job.pictures', { n: job.pictures })}</a><${Commands} job=${job} /></div>
  </article>`;

export function Jobs() {
  const [state, setState] = useState('');
  const all = jobList.value;
  const shown = state ? all.filter((job) => (state === 'open' ? job.state !== 'finished' && job.state !== 'stopped' : job.state === state)) : all;
  return html`<div class="page">
    <header class="page-head"><h1>${t('nav.jobs')}</h1>
      <${Choice} label=${t('jobs.filter')} value=${state} onChange=${setState} options=${['', 'open', 'finished', 'stopped'].map((value) => ({ value, label: t(`jobs.filter.${value || 'all'}`) }))} />
      <a class="button main push" href="#/jobs/new">${t('job.new')}</a></header>
    ${about.value?.runs === false && html`<div class="warned">${about.value.owner ? t('jobs.other_owner', { command: about.value.owner.command, pid: about.value.owner.pid }) : t('jobs.no_owner')}</div>`}
    ${!jobsLoaded.value ? html`<p class="dim">${t('loading')}</p>`
      : all.length === 0 ? html`<${Empty} title=${t('jobs.none')}><p>${t('jobs.none_text')}</p><a class="button main" href="#/jobs/new">${t('job.new')}</a></${Empty}>`
      : shown.length === 0 ? html`<${Empty} title=${t('jobs.none_filter')} />`
      : html`<div class="jobs">${shown.map((job) => html`<${JobRow} key=${job.id} job=${job} />`)}</div>`}
  </div>`;
}
