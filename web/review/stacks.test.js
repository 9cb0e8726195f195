import test from 'node:test';
import assert from 'node:assert/strict';
import { folded, stackOf } from './stacks.logic.js';

const of = stackOf([[2, 3], [9], [5, 6, 7]]);

test('a folded stack shows its first picture', () => {
  const ids = [1, 2, 3, 4, 5, 6, 7, 9];
  assert.deepEqual(folded(ids, of, true, new Set()), [1, 2, 4, 5, 9]);
  assert.deepEqual(folded(ids, of, true, new Set([0])), [1, 2, 3, 4, 5, 9], 'one opened');
  assert.deepEqual(folded(ids, of, false, new Set([2])), [1, 2, 3, 4, 5, 9], 'one closed');
  assert.equal(folded(ids, of, false, new Set()), ids, 'nothing is copied when nothing is folded');
});
