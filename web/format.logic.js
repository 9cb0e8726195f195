// Pure rules of formatting.

/** Cents where cents say enough, more digits for less. @param {number} dollars @param {string} language */
export function money(dollars, language) {
  const digits = dollars === 0 || Math.abs(dollars) >= 0.1 ? 2 : Math.abs(dollars) >= 0.001 ? 4 : 6;
  return dollars.toLocaleString(language, {
    style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', minimumFractionDigits: 2, maximumFractionDigits: digits,
  });
}

/** @param {number} bytes @param {string} language */
export function bytes(bytes, language) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return `${value.toLocaleString(language, { maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0 })} ${units[unit]}`;
}

/** The two largest parts of a time. @param {number} seconds @returns {[number, 'd' | 'h' | 'min' | 's'][]} */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  /** @type {[number, 'd' | 'h' | 'min' | 's'][]} */
  const parts = [[Math.floor(whole / 86400), 'd'], [Math.floor(whole / 3600) % 24, 'h'], [Math.floor(whole / 60) % 60, 'min'], [whole % 60, 's']];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return [[0, 's']];
  return parts.slice(first, first + 2).filter(([n], index) => index === 0 || n > 0);
}
