import test from 'node:test';
import assert from 'node:assert/strict';
import { defaults, full, inserted, lean } from './save.logic.js';

test('a rule keeps only what differs, and comes back whole', () => {
  const rule = { ...defaults, name: '{pair_stem}_end', copy_source: true };
  assert.deepEqual(lean(rule), { name: '{pair_stem}_end', copy_source: true });
  assert.deepEqual(full(lean(rule)), rule);
  assert.deepEqual(full(/** @type {any} */ ({ name: null, folder: '/x', collision: 'skip' })), { ...defaults, collision: 'skip' });
});

test('a variable goes where the cursor is', () => {
  assert.equal(inserted('ab', 1, 1, 'sample'), 'a{sample}b');
  assert.equal(inserted('abc', 0, 2, 'job'), '{job}c');
});
