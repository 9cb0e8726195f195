// Numbers, money, times and sizes as people read them, in the language of the page.
import { language, t } from './i18n/texts.js';
import * as logic from './format.logic.js';

/** @param {number | null | undefined} dollars */
export const money = (dollars) => (dollars === null || dollars === undefined ? t('money.unknown') : logic.money(dollars, language.value));
/** What is told of a sum that `unpriced` calls are not in. @param {number} dollars @param {number | undefined} unpriced */
export const spent = (dollars, unpriced) => (!unpriced ? money(dollars) : dollars > 0 ? t('money.at_least', { money: money(dollars) }) : t('money.unknown'));
/** @param {number} value */
export const count = (value) => value.toLocaleString(language.value);
/** @param {number} bytes */
export const bytes = (bytes) => logic.bytes(bytes, language.value);

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  return logic.duration(seconds).map(([n, unit]) => t(`unit.${unit}`, { n })).join(' ');
}

/** @param {number | null | undefined} micros Microseconds since 1970. */
export function time(micros) {
  if (!micros) return '–';
  const date = new Date(micros / 1000);
  const today = new Date().toDateString() === date.toDateString();
  return date.toLocaleString(language.value, today
    ? { hour: '2-digit', minute: '2-digit', second: '2-digit' }
    : { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
}
