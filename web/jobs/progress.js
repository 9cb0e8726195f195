// How far a job is: a bar by state, the counts beside it, money.
import { html } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { count, duration, money, spent } from '../format.js';
import { jobActivity } from '../state.js';
import { segments, done } from './progress.logic.js';

/** @param {{ job: import('../documents.d.ts').Job }} props */
export const Bar = ({ job }) => html`
  <div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax=${job.total} aria-valuenow=${done(job.tasks)}
    aria-label=${t('job.progress', { done: done(job.tasks), total: job.total })}>
    ${segments(job.tasks, job.total).map(({ state, share }) => html`<i key=${state} class=${`s-${state}`} style=${{ width: `${share * 100}%` }}
      title=${`${word('state', state)}: ${count(job.tasks[state])}`}></i>`)}
  </div>`;

/** @param {{ job: import('../documents.d.ts').Job }} props */
export const Counts = ({ job }) => html`<div class="counts">
  <b>${count(done(job.tasks))}</b><span class="dim"> / ${count(job.total)}</span>
  ${segments(job.tasks, job.total).filter(({ state }) => state !== 'queued').map(({ state }) => html`<span key=${state} class="count"><i class=${`s-${state}`}></i>${count(job.tasks[state])} ${word('state', state)}</span>`)}
</div>`;

/** Rate and time to go, or why it stands. @param {{ job: import('../documents.d.ts').Job }} props */
export const Pace = ({ job }) => {
  const active = jobActivity(job.id);
  if (job.profile_paused) return html`<span class="wait">${t('job.profile_paused', { profile: job.profile, why: job.profile_paused.reason || word('failure', job.profile_paused.kind) })}</span>`;
  if (job.state === 'active' && active && (active.rate_per_minute || active.running)) {
    return html`${Boolean(active.rate_per_minute) && html`<span>${t('job.rate', { n: Math.round((active.rate_per_minute ?? 0) * 10) / 10 })}</span>`}
      ${active.eta_s !== null && html`<span class="dim">${t('job.eta', { time: duration(active.eta_s) })}</span>`}`;
  }
  if (job.state !== 'finished' && job.reason) return html`<span class="dim">${word('reason', job.reason)}</span>`;
  return null;
};

/** @param {{ job: import('../documents.d.ts').Job }} props */
export const Money = ({ job }) => html`<span class="nowrap">${spent(job.spent, job.unpriced)}${job.budget !== null && html`<span class="dim"> / ${money(job.budget)}</span>`}</span>
  ${job.reserved > 0 && html`<span class="faint nowrap" title=${t('job.reserved_hint')}>${t('job.reserved', { money: money(job.reserved) })}</span>`}`;

/** Failures by kind; each leads to its tasks. @param {{ job: import('../documents.d.ts').Job }} props */
export const Failures = ({ job }) => html`${(job.failures ?? []).map((group) => html`
  <a key=${`${group.kind}${group.state}`} class=${`pill ${group.state ?? 'failed'}`} title=${group.message ?? ''} href=${`#/jobs/${job.id}?failure=${group.kind}`}>${count(group.tasks)} ${word('failure', group.kind)}</a>`)}`;
