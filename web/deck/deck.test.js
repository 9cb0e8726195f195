import { test } from 'node:test';
import assert from 'node:assert/strict';
import { choices, isLeft, isRunning, lines, standing } from './deck.logic.js';

const page = { page_no: 1, png_done: false, prompt_done: true, action: 'render_only', why: null, words: null, title: 'A', prompt: 'p', picture: null, failure: null, takes: [] };

test('a page stands where its files and its jobs say', () => {
  assert.equal(standing({ ...page, png_done: true, failure: 'old' }, true), 'done');
  assert.equal(standing(page, true), 'making');
  assert.equal(standing({ ...page, failure: 'refused' }, false), 'failed');
  assert.equal(standing(page, false), 'open');
});

test('what is left and what runs', () => {
  const deck = { style_spec_done: true, outline_done: true, pages: [{ ...page, action: 'skip' }], jobs: [{ state: 'active', open: 0 }], goes_on: false };
  assert.equal(isLeft(deck), false);
  assert.equal(isLeft({ ...deck, pages: [page] }), true);
  assert.equal(isLeft({ ...deck, outline_done: false }), true);
  assert.equal(isRunning(deck), false);
  assert.equal(isRunning({ ...deck, jobs: [{ state: 'active', open: 2 }] }), true);
  assert.equal(isRunning({ ...deck, jobs: [{ state: 'paused', open: 2 }] }), false);
  assert.equal(isRunning({ ...deck, goes_on: true, jobs: [{ state: 'finished', open: 0 }] }), true);
  assert.equal(isRunning({ ...deck, goes_on: true, jobs: [{ state: 'paused', open: 2 }] }), false);
});

test('choices are each picture once, the chosen one first', () => {
  assert.deepEqual(choices({ ...page, takes: ['a', 'b', 'a'], picture: 'b' }), ['b', 'a']);
  assert.deepEqual(choices({ ...page, takes: ['a'], picture: 'own' }), ['a']);
  assert.deepEqual(lines(' a \n\nb'), ['a', 'b']);
});
