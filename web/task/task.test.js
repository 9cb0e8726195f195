import test from 'node:test';
import assert from 'node:assert/strict';
import { nextStep, pretty } from './task.logic.js';
import en from '../i18n/en.js';

test('every state has a next step with a sentence', () => {
  for (const state of ['queued', 'running', 'waiting', 'succeeded', 'partial', 'failed', 'refused', 'unknown', 'stopped']) {
    for (const kind of ['invalid', 'auth', 'quota', 'local', 'transient', 'bad_picture', undefined]) {
      const step = nextStep({ state, failure: kind && { kind } }, []);
      assert.ok(`next.${step}` in en, `next.${step}`);
    }
  }
  assert.equal(nextStep({ state: 'failed', failure: { kind: 'auth' } }, []), 'profile');
  assert.equal(nextStep({ state: 'waiting' }, [{ call: { state: 'accepted' } }]), 'asking');
});

test('JSON is indented and anything else untouched', () => {
  assert.equal(pretty('{"a":1}'), '{\n  "a": 1\n}');
  assert.equal(pretty('data: x'), 'data: x');
});
