import test from 'node:test';
import assert from 'node:assert/strict';
import { actual, bounded, FIT, zoomed } from './zoom.logic.js';

const frame = { width: 800, height: 600 };

test('what is under the pointer stays there', () => {
  const point = { x: 100, y: -50 };
  const view = zoomed(FIT, 4, point, frame);
  assert.deepEqual({ x: (point.x - view.x) / view.k, y: (point.y - view.y) / view.k }, { x: 100, y: -50 });
});

test('the picture never leaves its frame, and fits when zoomed out', () => {
  assert.deepEqual(bounded({ k: 2, x: 9999, y: -9999 }, frame), { k: 2, x: 400, y: -300 });
  const out = zoomed({ k: 2, x: 400, y: 300 }, 0.1, { x: 0, y: 0 }, frame);
  assert.equal(out.k, 1);
  assert.equal(Math.abs(out.x) + Math.abs(out.y), 0);
});

test('actual pixels', () => {
  assert.equal(actual({ width: 1600, height: 1200 }, frame), 2);
  assert.equal(actual({ width: 400, height: 300 }, frame), 1);
  assert.equal(actual({ width: 3200, height: 2400 }, frame, 2), 2);
});
