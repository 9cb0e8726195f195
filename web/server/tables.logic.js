// Sizes and prices of models in a line.

/** @param {any} rule A size rule of docs/models.md. @returns {string} empty where nobody knows */
export function sizesOf(rule) {
  if (!rule) return '';
  if (Array.isArray(rule.ratios)) return [rule.sizes.join(', '), rule.ratios.join(' ')].filter(Boolean).join(' × ');
  if (Array.isArray(rule.sizes)) return rule.sizes.join(', ');
  if (rule.sizes) return Object.keys(rule.sizes).join(', ');
  return [Object.keys(rule.names).join(', '), rule.max_edge ? `W×H ≤ ${rule.max_edge}` : 'W×H'].join(', ');
}

/** @param {any} price @param {(key: string, values?: Record<string, unknown>) => string} t */
export function priceOf(price, t) {
  if (!price) return '?';
  const dollars = (/** @type {number | undefined} */ value) => (value === undefined || value === null ? '?' : `$${value}`);
  if (price.per_image !== undefined && price.per_image !== null) return t('models.price_picture', { money: dollars(price.per_image), date: price.date });
  return t('models.price_tokens', { tokens: [price.text_in, price.image_in, price.image_out].map(dollars).join(' / '), date: price.date });
}
