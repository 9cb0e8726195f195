import test from 'node:test';
import assert from 'node:assert/strict';
import { costOf, faultsOf, nextStep, pretty } from './task.logic.js';
import en from '../i18n/en.js';

test('every state has a next step with a sentence', () => {
  for (const state of ['queued', 'running', 'waiting', 'succeeded', 'partial', 'failed', 'refused', 'unknown', 'stopped']) {
    for (const kind of ['invalid', 'auth', 'quota', 'local', 'transient', 'bad_picture', undefined]) {
      const step = nextStep({ state, failure: kind && { kind } }, []);
      assert.ok(`next.${step}` in en, `next.${step}`);
    }
  }
  assert.equal(nextStep({ state: 'failed', failure: { kind: 'auth' } }, []), 'profile');
  assert.ok('next.written' in en && nextStep({ state: 'succeeded' }, [], 'critique') === 'written');
  assert.equal(nextStep({ state: 'waiting' }, [{ call: { state: 'accepted' } }]), 'asking');
});

test('calls without a price are not taken for free ones', () => {
  const calls = [{ state: 'fetched', cost: 0.04, ceiling: 0.05 }, { state: 'failed', cost: null, ceiling: 0.05 }, { state: 'fetched', cost: null, ceiling: null }, { state: 'refused', cost: 0, ceiling: null }, { state: 'unknown', cost: null, ceiling: 0.05 }];
  assert.deepEqual(costOf(calls.map((call) => ({ call }))), { spent: 0.09, unpriced: 1 });
});

test('JSON is indented and anything else untouched', () => {
  assert.equal(pretty('{"a":1}'), '{\n  "a": 1\n}');
  assert.equal(pretty('data: x'), 'data: x');
});

test('labels that are right count for nothing', () => {
  const labels = [{ label: 'Water', read: 'Water', state: 'same' }, { label: 'Steam', read: 'Stean', state: 'near' }, { label: 'Ice', read: null, state: 'missing' }];
  assert.deepEqual(faultsOf({ violations: [{ rule: 'space', detail: 'empty below' }], labels }),
    [{ rule: 'space', detail: 'empty below' }, { rule: 'label', label: 'Steam', read: 'Stean' }, { rule: 'label', label: 'Ice', read: null }]);
  assert.deepEqual(faultsOf(null), []);
});
