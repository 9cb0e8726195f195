import test from 'node:test';
import assert from 'node:assert/strict';
import { inverse, MOST, overlaid, requests, together } from './verdicts.logic.js';

const entry = (/** @type {any} */ more) => ({ key: '1', reviewer: 'a', parts: [{ ids: [1], set: { verdict: 'keep' } }], ...more });

test('a bulk change is cut into requests in order', () => {
  const ids = Array.from({ length: 2500 }, (_, index) => index);
  const sent = requests(entry({ parts: [{ ids, set: { verdict: 'reject' } }] }));
  assert.deepEqual(sent.map((part) => part.length), [MOST, MOST, 500]);
  assert.deepEqual(sent.flat().map(({ id }) => id), ids);
});

test('small ones travel together, never across reviewers', () => {
  const many = [...Array.from({ length: 3 }, () => entry({})), entry({ reviewer: 'b' }), entry({})];
  assert.equal(together(many).length, 3);
  assert.equal(together([entry({ parts: [{ ids: Array(5000).fill(1), set: {} }] }), entry({})]).length, 1);
  assert.deepEqual(together([]), []);
});

test('what is on its way stands over what the server said, the last one wins', () => {
  const row = { id: 1, review: { verdict: /** @type {const} */ ('none'), rating: 2, note: 'x' } };
  const entries = [entry({}), entry({ parts: [{ ids: [1], set: { verdict: 'reject' } }] })];
  assert.deepEqual(overlaid(row, entries).review, { verdict: 'reject', rating: 2, note: 'x' });
  assert.equal(overlaid({ id: 2, review: null }, entries).review, null);
});

test('undo brings back only what was changed, put together by value', () => {
  const before = [{ id: 1, verdict: 'keep', rating: 3 }, { id: 2, verdict: 'none', rating: 0 }, { id: 3 }];
  assert.deepEqual(inverse(before, ['verdict']), [{ ids: [1], set: { verdict: 'keep' } }, { ids: [2, 3], set: { verdict: 'none' } }]);
});
