import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import en from '../i18n/en.js';
import { blank, formOf, keyPlace, profileBody, protocols } from './profiles.logic.js';

test('a kept key is never sent, a new one is', () => {
  assert.equal('credential' in profileBody({ ...blank(), credential_kind: 'keep', credential_value: 'typed before' }), false);
  assert.equal('credential' in profileBody({ ...blank(), credential_kind: 'key', credential_value: ' ' }), false);
  assert.deepEqual(profileBody({ ...blank(), credential_kind: 'env', credential_value: 'MY_KEY ' }).credential, { kind: 'env', value: 'MY_KEY' });
  assert.deepEqual(profileBody({ ...blank(), credential_kind: 'none' }).credential, { kind: 'none' });
});

test('wherever a key is, there is a sentence for it and the form keeps it', () => {
  for (const [credential, place] of /** @type {[any, string][]} */ ([[{ env: 'A' }, 'env'], [{ file: '/k' }, 'file'], [{ keyring: 'studio' }, 'keyring'], [null, 'none']])) {
    const profile = /** @type {any} */ ({ name: 'studio', credential, network: {} });
    assert.equal(keyPlace(profile)[0], place);
    assert.ok(`profiles.credential_is_${place}` in en, place);
    assert.equal('credential' in profileBody(formOf(profile)), false);
  }
  assert.deepEqual(profileBody({ ...blank(), credential_kind: 'keyring', credential_value: ' studio ' }).credential, { kind: 'keyring', value: 'studio' });
});

test('every protocol of the documents can be chosen', () => {
  const row = readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8').split('\n').find((line) => line.startsWith('| `protocol` | `auto` |')) ?? '';
  const named = [...new Set([...row.matchAll(/`([a-z0-9_]+)`/g)].map((match) => match[1]))].filter((name) => name !== 'protocol');
  assert.deepEqual([...protocols].sort(), named.sort());
});

test('an emptied limit is taken away, words are handed on for the server to name', () => {
  const body = profileBody({ ...blank(), concurrency: '4', requests_per_minute: '', images_per_minute: 'many', budget_day: '2.5' });
  assert.deepEqual(body.limits, { concurrency: 4, requests_per_minute: null, images_per_minute: 'many' });
  assert.deepEqual(body.budget, { day: 2.5, total: null });
});

test('a profile goes through the form unchanged', () => {
  const profile = /** @type {any} */ ({ name: 'studio', description: 'd', provider: 'grok2api', protocol: 'images', base_url: 'http://192.168.1.20:8000/v1', model: 'm', limits: { concurrency: 4, longest_wait_ms: 9 }, budget: { day: '20', total: null }, network: { allow_private_api: true, allow_private_downloads: false } });
  const body = profileBody(formOf(profile));
  assert.deepEqual(body.budget, { day: 20, total: null });
  assert.deepEqual([body.provider, body.base_url, body.network.allow_private_api, body.network.allow_private_downloads], ['grok2api', 'http://192.168.1.20:8000/v1', true, false]);
});
