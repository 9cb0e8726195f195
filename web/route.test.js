import test from 'node:test';
import assert from 'node:assert/strict';
import { parseRoute, address } from './route.logic.js';

test('an address comes back as it was made', () => {
  const made = address('/gallery', { job: 3, q: 'a fox & 雪', verdict: '', rating_min: 0 });
  assert.deepEqual(parseRoute(`#${made}`), { page: 'gallery', args: [], query: { job: '3', q: 'a fox & 雪' } });
});

test('nothing leads to the jobs, and broken escapes do no harm', () => {
  assert.equal(parseRoute('').page, 'jobs');
  assert.deepEqual(parseRoute('#/jobs/%E0%A4%A/x').args, ['%E0%A4%A', 'x']);
});
