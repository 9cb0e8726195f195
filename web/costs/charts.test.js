import test from 'node:test';
import assert from 'node:assert/strict';
import { filled, ticks } from './charts.logic.js';

test('an axis has round steps and holds the largest value', () => {
  assert.deepEqual(ticks(9.7), [0, 2.5, 5, 7.5, 10]);
  assert.deepEqual(ticks(0.04), [0, 0.01, 0.02, 0.03, 0.04]);
  assert.deepEqual(ticks(0), [0, 1]);
  for (const most of [0.0003, 1, 3.3, 17, 999, 123456]) assert.ok(/** @type {number} */ (ticks(most).at(-1)) >= most);
});

test('days without a call have a place', () => {
  const days = filled([{ name: '2026-11-19' }], 3, '2026-11-21');
  assert.deepEqual(days.map(({ day, group }) => [day, group !== null]), [['2026-11-19', true], ['2026-11-20', false], ['2026-11-21', false]]);
  assert.equal(filled([{ name: '2026-11-01' }], 0, '2026-11-21').length, 21);
});
