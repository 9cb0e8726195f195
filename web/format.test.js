import test from 'node:test';
import assert from 'node:assert/strict';
import { money, bytes, duration } from './format.logic.js';

test('small amounts keep the digits that matter', () => {
  assert.equal(money(12.5, 'en'), '$12.50');
  assert.equal(money(0, 'en'), '$0.00');
  assert.equal(money(0.0412, 'en'), '$0.0412');
  assert.equal(money(0.00005, 'en'), '$0.00005');
});

test('sizes count in thousands', () => {
  assert.equal(bytes(999, 'en'), '999 B');
  assert.equal(bytes(1_496_197, 'en'), '1.5 MB');
  assert.equal(bytes(64_000_000, 'en'), '64 MB');
});

test('times show their two largest parts', () => {
  assert.deepEqual(duration(0.2), [[0, 's']]);
  assert.deepEqual(duration(59.7), [[1, 'min']]);
  assert.deepEqual(duration(3725), [[1, 'h'], [2, 'min']]);
  assert.deepEqual(duration(90061), [[1, 'd'], [1, 'h']]);
});
