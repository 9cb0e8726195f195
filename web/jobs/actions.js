// What a person can do to a job, each with its question where something is lost or paid.
import { t } from '../i18n/texts.js';
import { post, remove } from '../api.js';
import { ask, complain, go, jobs, loadJob, say } from '../state.js';
import { jobsChanged } from '../events.js';

/** @typedef {import('../documents.d.ts').Job} Job */

/** @param {Job} job @param {string} command @param {unknown} [body] @returns {Promise<any>} */
async function command(job, command, body) {
  try {
    const answer = await post(`/jobs/${job.id}/${command}`, body);
    await loadJob(job.id);
    return answer;
  } catch (error) {
    complain(error);
    return null;
  }
}

/** @param {Job} job */
export const pause = (job) => command(job, 'pause');
/** A stopped job goes on by doing its stopped tasks again. @param {Job} job */
export const resume = (job) => (job.state === 'stopped' ? command(job, 'retry', { states: ['stopped'] }) : command(job, 'resume'));

/** @param {Job} job */
export async function stop(job) {
  const yes = await ask({ title: t('job.stop_title', { job: job.job }), text: t('job.stop_text'), confirm: t('job.stop'), danger: true });
  if (yes) await command(job, 'stop');
}

/** @param {Job} job @param {Record<string, unknown>} [selection] */
export async function retry(job, selection = { states: ['failed', 'partial'] }) {
  const answer = await command(job, 'retry', selection);
  if (answer) say(t('job.retried', { n: answer.tasks ?? 0 }));
}

/** @param {Job} job */
export async function erase(job) {
  const yes = await ask({ title: t('job.delete_title', { job: job.job }), text: t('job.delete_text', { n: job.pictures }), confirm: t('job.delete'), danger: true });
  if (!yes) return;
  try {
    await remove(`/jobs/${job.id}`);
    const next = new Map(jobs.value);
    next.delete(job.id);
    jobs.value = next;
    jobsChanged([], true);
    go('/jobs');
  } catch (error) {
    complain(error);
  }
}
