import test from 'node:test';
import assert from 'node:assert/strict';
import { blank, complete, firstProfile, formOf, jobFile } from './new.logic.js';

test('only what was filled in stands in the file', () => {
  const form = { ...blank(), paths: ['photos'], prompts: ['make it night', ' '], budget: '12.50', size: '2K' };
  assert.deepEqual(jobFile(form), { recipe: 'edit', prompt: 'make it night', budget: 12.5, source: { paths: ['photos'] }, options: { size: '2K' } });
});

test('a word where a number belongs is handed on, so that the server names it', () => {
  assert.equal(jobFile({ ...blank(), samples: 'two' }).samples, 'two');
});

test('a preset comes back as it was, with the keys the form does not show', () => {
  const file = {
    recipe: 'edit', prompts: ['a', 'b'], profile: 'p', samples: 3, variables: { time: 'dusk' }, source: { paths: ['x'], references: ['style.png'], sidecar_prompts: true },
    options: { size: '1K', extra_body: { user: 'batch' } }, limits: { concurrency: 4 }, retry: { attempts: 6, unknown: 'never' }, prepare: { max_edge: 2048, rotate: false },
    save: { folder: 'out', collision: 'skip' }, save_preset: 'edit_pairs',
  };
  assert.deepEqual(jobFile(formOf(file), file), file);
});

test('an emptied field goes from the file', () => {
  const file = { recipe: 'edit', prompt: 'a', model: 'm', source: { paths: ['x'] }, options: { seed: 7 }, save: { folder: 'out' } };
  const made = jobFile({ ...formOf(file), model: '', seed: '', save_folder: '' }, file);
  assert.deepEqual(made, { recipe: 'edit', prompt: 'a', source: { paths: ['x'] } });
});

test('a plan needs a prompt, and an edit a source', () => {
  assert.equal(complete({ ...blank(), prompts: ['x'] }), false);
  assert.equal(complete({ ...blank(), prompts: ['x'], paths: ['p'] }), true);
  assert.equal(complete({ ...blank(), recipe: 'generate', prompts: ['x'] }), true);
  assert.equal(complete({ ...blank(), sidecar_prompts: true, paths: ['p'] }), true);
});

test('a profile that can be called is chosen when the default cannot', () => {
  const profile = (/** @type {string} */ name, /** @type {boolean} */ ready, more = {}) => ({ name, provider: name, ready, default: false, ...more });
  const simulator = profile('simulator', true);
  assert.equal(firstProfile([profile('openai', true, { default: true }), simulator]), '');
  assert.equal(firstProfile([profile('openai', false, { default: true }), simulator]), 'simulator');
  assert.equal(firstProfile([simulator, profile('gemini', true)]), 'gemini');
  assert.equal(firstProfile([profile('openai', false)]), '');
});
