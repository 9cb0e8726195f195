// Texts in the language of the page. Knows nothing of what the texts are about.
import { effect } from '../html.js';
import { kept } from '../kept.js';
import { fill } from './fill.logic.js';
import en from './en.js';
import zh from './zh-CN.js';

/** @typedef {'en' | 'zh-CN'} Language */
const preferred = globalThis.navigator?.language?.startsWith('zh') ? 'zh-CN' : 'en';
export const language = kept('language', /** @type {Language} */ (preferred));

/** @type {Record<Language, Record<string, string>>} */
const tables = { en, 'zh-CN': zh };

effect(() => {
  if (globalThis.document) document.documentElement.lang = language.value;
});

/** The text of a key in the current language. `{name}` and `{n|one|many}` are filled in.
 * @param {string} key @param {Record<string, unknown>} [values] */
export function t(key, values) {
  const text = tables[language.value][key] ?? en[/** @type {keyof typeof en} */ (key)] ?? key;
  return values ? fill(text, values, language.value) : text;
}

/** Whether a text exists: for words of the server that may be newer than this page. @param {string} key */
export const has = (key) => key in en;

/** The text of a machine word (`state.failed`), or the word itself when it is not known here.
 * @param {string} group @param {string} word */
export const word = (group, word) => (has(`${group}.${word}`) ? t(`${group}.${word}`) : word.replaceAll('_', ' '));
