import test from 'node:test';
import assert from 'node:assert/strict';
import { fold, noChanges } from './events.logic.js';

test('a burst folds into one change for each thing', () => {
  const changes = noChanges();
  fold(changes, { event: 'job_submitted', job: 2, added: 3 });
  for (let task = 1; task <= 100; task += 1) fold(changes, { event: 'task_state', job: 2, task, state: 'succeeded', pictures: 2 });
  fold(changes, { event: 'task_state', job: 2, task: 7, state: 'running', pictures: 0 });
  fold(changes, { event: 'review', job: 2, asset: 9, reviewer: 'a', verdict: 'keep' });
  fold(changes, { event: 'profile_paused', job: null, profile: 'p' });
  fold(changes, { event: 'something_newer', job: 3 });
  assert.deepEqual([...changes.jobs], [2, 3]);
  assert.equal(changes.arrived.get(2), 200);
  assert.equal(changes.tasks.size, 100);
  assert.deepEqual([...changes.reviewed], [9]);
  assert.ok(changes.submitted && changes.profiles);
});
