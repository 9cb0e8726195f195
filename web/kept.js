// Signals that survive a reload in this browser. Storage that is full or forbidden loses the memory, never the page.
import { signal, effect } from './html.js';

/** @param {string} key @returns {any} */
export function recall(key) {
  try {
    const text = localStorage.getItem(`imagemill.${key}`);
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string} key @param {unknown} value `null` forgets it. @returns {boolean} whether it is kept */
export function remember(key, value) {
  try {
    if (value === null || value === undefined) localStorage.removeItem(`imagemill.${key}`);
    else localStorage.setItem(`imagemill.${key}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** @template T @param {string} key @param {T} initial @returns {import('./html.js').Signal<T>} */
export function kept(key, initial) {
  const value = signal(recall(key) ?? initial);
  effect(() => { remember(key, value.value); });
  return value;
}
