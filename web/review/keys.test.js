import test from 'node:test';
import assert from 'node:assert/strict';
import { command } from './keys.logic.js';

const press = (/** @type {string} */ key, more = {}) => command({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

test('the keys of photo culling programs', () => {
  assert.deepEqual(press('p'), { do: 'verdict', verdict: 'keep' });
  assert.deepEqual(press('P', { shiftKey: true }), { do: 'verdict', verdict: 'keep' }, 'caps lock is no other key');
  assert.deepEqual(press('x'), { do: 'verdict', verdict: 'reject' });
  assert.deepEqual(press('u'), { do: 'verdict', verdict: 'none' });
  assert.deepEqual(press('5'), { do: 'rate', rating: 5 });
  assert.equal(press('6'), null);
  assert.deepEqual(press(' '), { do: 'loupe' });
  assert.deepEqual(press('ArrowRight', { shiftKey: true }), { do: 'move', move: 'right', extend: true });
});

test('keys of the browser stay its own', () => {
  assert.deepEqual(press('z', { ctrlKey: true }), { do: 'undo' });
  assert.deepEqual(press('z', { metaKey: true }), { do: 'undo' });
  assert.equal(press('p', { ctrlKey: true }), null);
  assert.equal(press('r', { ctrlKey: true }), null);
  assert.equal(press('ArrowLeft', { altKey: true }), null);
});
