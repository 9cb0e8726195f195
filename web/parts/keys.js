// The map of keys that ? shows, and when a key press belongs to the page.
import { html, signal } from '../html.js';
import { t } from '../i18n/texts.js';
import { Dialog } from './parts.js';

export const helpOpen = signal(false);

/** Keys by group; the texts are under `key.`. @type {[string, [string[], string][]][]} */
const groups = [
  ['verdict', [[['P'], 'keep'], [['X'], 'reject'], [['U'], 'clear'], [['1', '…', '5'], 'rate'], [['0'], 'unrate'], [['Ctrl', 'Z'], 'undo'], [['N'], 'note'], [['R'], 'retry']]],
  ['move', [[['←', '→', '↑', '↓'], 'arrows'], [['Shift', '→'], 'range'], [['Ctrl', 'A'], 'all'], [['Home', 'End'], 'ends'], [['Page ↓'], 'page'], [['S'], 'stack'], [['Shift', 'S'], 'stacks'], [['/'], 'search']]],
  ['loupe', [[['Space'], 'loupe'], [['C'], 'compare'], [['Shift', 'C'], 'compare_back'], [['Z'], 'zoom'], [['+', '−'], 'zoom_step'], [['I'], 'panel'], [['T'], 'task'], [['Esc'], 'back'], [['?'], 'help']]],
  ['reading', [[['A'], 'approve'], [['X'], 'turn_down'], [['U'], 'take_back'], [['1', '…', '5'], 'score'], [['J', '↓'], 'next_row'], [['K', '↑'], 'previous_row'], [['E'], 'edit'], [['Ctrl', 'Enter'], 'keep_edit'], [['N'], 'note'], [['B'], 'second']]],
];

export const Help = () => html`<${Dialog} title=${t('help.title')} wide onClose=${() => { helpOpen.value = false; }}>
  <div class="key-map">${groups.map(([group, keys]) => html`<section key=${group}><h3>${t(`key.${group}.title`)}</h3>
    <dl>${keys.map(([caps, name]) => html`<div key=${name}><dt>${caps.map((cap) => (cap === '…' ? '…' : html`<kbd>${cap === 'Space' ? t('key.space') : cap}</kbd>`))}</dt><dd>${t(`key.${name}`)}</dd></div>`)}</dl></section>`)}</div>
  <p class="dim">${t('help.advance')}</p>
</${Dialog}>`;

/** True when a key is meant for a field, a dialog or the browser. @param {KeyboardEvent} event */
export function foreign(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (document.querySelector('dialog[open]')) return true;
  return target.isContentEditable || target.tagName === 'TEXTAREA' || target.tagName === 'SELECT'
    || (target.tagName === 'INPUT' && !['checkbox', 'range', 'radio', 'button'].includes(/** @type {HTMLInputElement} */ (target).type));
}

globalThis.addEventListener?.('keydown', (event) => {
  if (event.key === '?' && !foreign(event)) {
    event.preventDefault();
    helpOpen.value = true;
  }
});
