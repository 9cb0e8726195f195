import test from 'node:test';
import assert from 'node:assert/strict';
import { priceOf, sizesOf } from './tables.logic.js';

test('each size rule is a line', () => {
  assert.equal(sizesOf(null), '');
  assert.equal(sizesOf({ kind: 'list', sizes: ['1024x1024', 'auto'] }), '1024x1024, auto');
  assert.equal(sizesOf({ kind: 'buckets', default: '1K', sizes: { '1K': {}, '2K': {} } }), '1K, 2K');
  assert.equal(sizesOf({ kind: 'names', ratios: ['1:1', '16:9'], sizes: ['1k'] }), '1k × 1:1 16:9');
  assert.equal(sizesOf({ kind: 'pixels', names: { '1K': 1, '2K': 2 }, max_edge: 4096 }), '1K, 2K, W×H ≤ 4096');
});

test('a price for each picture, or for tokens, or none', () => {
  const t = (/** @type {string} */ key, /** @type {any} */ values) => `${key} ${values?.money ?? values?.tokens}`;
  assert.equal(priceOf(null, t), '?');
  assert.equal(priceOf({ per_image: 0, date: '2026-01-01' }, t), 'models.price_picture $0');
  assert.equal(priceOf({ text_in: 5, image_out: 40, date: '2026-01-01' }, t), 'models.price_tokens $5 / ? / $40');
});
