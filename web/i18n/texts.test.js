import test from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import en from './en.js';
import zh from './zh-CN.js';
import { fill } from './fill.logic.js';

const root = new URL('..', import.meta.url).pathname;
const known = new Set(Object.keys(en));

/** @param {string} folder @returns {string[]} */
const sources = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
  if (['vendor', 'node_modules', 'dev', 'e2e'].includes(entry.name)) return [];
  if (entry.isDirectory()) return sources(join(folder, entry.name));
  return entry.name.endsWith('.js') && !entry.name.endsWith('.test.js') && !folder.endsWith('i18n') ? [readFileSync(join(folder, entry.name), 'utf8')] : [];
});

test('both languages have every text', () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en));
  for (const [key, text] of [...Object.entries(en), ...Object.entries(zh)]) assert.ok(text.trim(), key);
});

test('both languages fill in the same values', () => {
  const names = (/** @type {string} */ text) => [...new Set([...text.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort();
  // A count may stand in a plural form only, which Chinese does not have.
  for (const key of Object.keys(en)) {
    const missing = names(/** @type {any} */ (en)[key]).filter((name) => name !== 'n' && !names(/** @type {any} */ (zh)[key]).includes(name));
    assert.deepEqual(missing, [], key);
    assert.deepEqual(names(/** @type {any} */ (zh)[key]).filter((name) => !names(/** @type {any} */ (en)[key]).includes(name)), [], key);
  }
});

test('every text that the code asks for exists, and every text is asked for', () => {
  const code = sources(root).join('\n');
  const asked = [...code.matchAll(/\bt\(\s*'([^']+)'/g)].map((match) => match[1]);
  assert.ok(asked.length > 200);
  assert.deepEqual(asked.filter((key) => !known.has(/** @type {string} */ (key))), []);
  // Keys made of a group and a word: the group must be there.
  const groups = new Set([...code.matchAll(/(?:\bt\(`|word\(')([\w.]+?)[.']/g)].map((match) => match[1]));
  for (const group of groups) assert.ok([...known].some((key) => key.startsWith(`${group}.`)), group);
  const unused = [...known].filter((key) => !code.includes(`'${key}'`) && !groups.has(/** @type {string} */ (key.split('.')[0])) && !/^(filter_verdict|sort|quality|format|unknown_policy|save_preset)\./.test(key));
  assert.deepEqual(unused, []);
});

test('the Chinese texts are Chinese', () => {
  const same = Object.keys(en).filter((key) => /** @type {any} */ (en)[key] === /** @type {any} */ (zh)[key] && !key.startsWith('format.'));
  assert.deepEqual(same, []);
});

test('plurals and numbers', () => {
  assert.equal(fill('{n} {n|picture|pictures}', { n: 1 }, 'en'), '1 picture');
  assert.equal(fill('{n} {n|picture|pictures}', { n: 12_000 }, 'en'), '12,000 pictures');
  assert.equal(fill('{name} and {other}', { name: 'a' }, 'en'), 'a and {other}');
});
