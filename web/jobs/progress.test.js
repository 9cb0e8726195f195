import test from 'node:test';
import assert from 'node:assert/strict';
import { commands, done, segments } from './progress.logic.js';

const tasks = { queued: 50, running: 2, waiting: 0, succeeded: 40, partial: 1, failed: 3, refused: 1, unknown: 1, stopped: 2 };

test('one failure among many thousand can still be seen, and the bar is never over-full', () => {
  const parts = segments({ succeeded: 99_999, failed: 1 }, 100_000);
  assert.ok(/** @type {any} */ (parts.find(({ state }) => state === 'failed')).share > 0.005);
  assert.ok(parts.reduce((sum, { share }) => sum + share, 0) <= 1.000001);
  assert.deepEqual(segments({}, 0), []);
});

test('what has ended counts as done, whatever its end', () => {
  assert.equal(done(tasks), 48);
});

test('commands follow the state', () => {
  const job = (/** @type {any} */ state) => /** @type {any} */ ({ state, tasks });
  assert.deepEqual(commands(job('active')), { pause: true, resume: false, stop: true, retry: true, remove: false });
  assert.deepEqual(commands(job('paused')), { pause: false, resume: true, stop: true, retry: true, remove: false });
  assert.equal(commands(/** @type {any} */ ({ state: 'finished', tasks: { succeeded: 3 } })).resume, false);
  assert.equal(commands(/** @type {any} */ ({ state: 'finished', tasks: { succeeded: 3 } })).remove, true);
});
