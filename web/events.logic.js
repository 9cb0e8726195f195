// How a burst of events becomes few changes of the page.

/** @typedef {{ jobs: Set<number>, submitted: boolean, arrived: Map<number, number>, reviewed: Set<number>, tasks: Set<number>, written: Set<number>, profiles: boolean }} Changes */

/** @returns {Changes} */
export const noChanges = () => ({ jobs: new Set(), submitted: false, arrived: new Map(), reviewed: new Set(), tasks: new Set(), written: new Set(), profiles: false });

/** Folds one event document into what has changed since the last time the page was told.
 * @param {Changes} changes @param {any} event */
export function fold(changes, event) {
  if (typeof event.job === 'number') changes.jobs.add(event.job);
  switch (event.event) {
    case 'job_submitted':
      changes.submitted = true;
      break;
    case 'task_state':
      changes.tasks.add(event.task);
      if (event.pictures > 0) changes.arrived.set(event.job, (changes.arrived.get(event.job) ?? 0) + event.pictures);
      break;
    case 'artifact':
      changes.written.add(event.task);
      break;
    case 'review':
      changes.reviewed.add(event.asset);
      break;
    case 'profile_paused':
    case 'profile_resumed':
      changes.profiles = true;
      break;
    default:
  }
  return changes;
}
