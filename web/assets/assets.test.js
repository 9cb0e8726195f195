import test from 'node:test';
import assert from 'node:assert/strict';
import { allWell, assetKey, lacking, nextAnswer, nextWaiting, nothingSaid, toggled, verdictBody } from './assets.logic.js';

const words = { questions: ['realism', 'fit'], answers: ['pass', 'concern', 'fail'], categories: ['ad_like'], stages: ['image'] };
const press = (key) => assetKey({ key, ctrlKey: false, metaKey: false, altKey: false }, words);

test('an answer goes round and all at once leaves what was said', () => {
  assert.equal(nextAnswer(undefined, words.answers), 'pass');
  assert.equal(nextAnswer('fail', words.answers), 'pass');
  assert.deepEqual(allWell({ ...nothingSaid(), answers: { fit: 'concern' } }, words).answers, { realism: 'pass', fit: 'concern' });
  assert.deepEqual(toggled(toggled([], 'a'), 'a'), []);
});

test('what a verdict lacks is known before it is sent', () => {
  const said = nothingSaid();
  assert.deepEqual(lacking('approve', said, words), ['answers']);
  assert.deepEqual(lacking('approve', allWell(said, words), words), []);
  assert.deepEqual(lacking('approve', { ...said, answers: { realism: 'fail', fit: 'pass' } }, words), ['fail']);
  assert.deepEqual(lacking('approve', { ...allWell(said, words), stages: ['image'] }, words), ['no_category']);
  assert.deepEqual(lacking('reject', said, words), ['reason', 'category']);
  assert.deepEqual(lacking('revise', { ...said, reasons: 'too dark', categories: ['ad_like'] }, words), []);
});

test('reasons speak for an approved picture and against any other', () => {
  const said = { ...nothingSaid(), reasons: ' one \n\ntwo' };
  assert.deepEqual(verdictBody('a', 'o', 'approve', said, 'ada').good, ['one', 'two']);
  assert.deepEqual(verdictBody('a', 'o', 'revise', said, 'ada').bad, ['one', 'two']);
});

test('the next picture is one that waits', () => {
  const pictures = [true, false, false, true].map((waits) => ({ waits }));
  assert.equal(nextWaiting(pictures, 0), 3);
  assert.equal(nextWaiting(pictures, 3), 0);
  assert.equal(nextWaiting([{ waits: false }, { waits: false }], 1), 1);
});

test('keys', () => {
  assert.deepEqual(press('2'), { do: 'answer', question: 'fit' });
  assert.equal(press('3'), null);
  assert.deepEqual(press('P'), { do: 'verdict', verdict: 'approve' });
  assert.deepEqual(press('ArrowLeft'), { do: 'move', by: -1 });
  assert.equal(assetKey({ key: 'p', ctrlKey: true, metaKey: false, altKey: false }, words), null);
});
