import test from 'node:test';
import assert from 'node:assert/strict';
import { changed, command, joined } from './keys.logic.js';

const press = (/** @type {string} */ key, more = {}, editing = false) => command({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more }, editing);

test('a verdict, a score and a step are one key each', () => {
  assert.deepEqual(press('a'), { do: 'verdict', verdict: 'approve' });
  assert.deepEqual(press('X'), { do: 'verdict', verdict: 'reject' });
  assert.deepEqual(press('4'), { do: 'score', score: 4 });
  assert.deepEqual(press('ArrowDown'), { do: 'move', by: 1 });
  assert.equal(press('a', { ctrlKey: true }), null, 'the browser keeps its own');
  assert.equal(press('0'), null);
});

test('while a text is open, keys write', () => {
  assert.equal(press('a', {}, true), null);
  assert.deepEqual(press('Escape', {}, true), { do: 'back' });
  assert.deepEqual(press('Enter', { ctrlKey: true }, true), { do: 'save' });
  assert.equal(press('Enter', {}, true), null);
});

test('only what is another one was changed', () => {
  const row = { critique_en: 'A hill.', covered_dimensions: ['KR_L1_D1'] };
  assert.deepEqual(changed(row, { ...row, medium: '' }), {});
  assert.deepEqual(changed(row, { critique_en: 'A slope.', covered_dimensions: ['KR_L1_D1'] }), { critique_en: 'A slope.' });
  assert.deepEqual(changed(row, { covered_dimensions: [] }), { covered_dimensions: [] });
});

test('pages follow one another, and no row stands there twice', () => {
  const rows = (/** @type {string} */ names) => [...names].map((picture) => ({ picture }));
  const list = joined({ items: rows('abc'), next: '9.2', total: 6 }, { items: rows('bde'), next: null, total: 5 });
  assert.deepEqual(list, { items: rows('abcde'), next: null, total: 5 });
});
