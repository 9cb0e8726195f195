// The tables in force: models with what is known of each, and the layouts and styles of infographics.
import { html, useEffect, useState } from '../html.js';
import { t, language } from '../i18n/texts.js';
import { get } from '../api.js';
import { Empty, Failed } from '../parts/parts.js';
import { priceOf, sizesOf } from './tables.logic.js';

/** @param {string} path @returns {{ table: any, error: any }} */
function useTable(path) {
  const [state, setState] = useState(/** @type {{ table: any, error: any }} */ ({ table: null, error: null }));
  useEffect(() => { get(path).then((table) => setState({ table, error: null }), (error) => setState({ table: null, error })); }, [path]);
  return state;
}

/** @param {{ wanted: string }} props */
export function Models({ wanted }) {
  const { table, error } = useTable('/models');
  if (error) return html`<${Failed} error=${error} />`;
  if (!table) return html`<p class="dim">${t('loading')}</p>`;
  const shown = table.models.filter((/** @type {any} */ entry) => `${entry.provider} ${entry.model} ${entry.note ?? ''}`.toLowerCase().includes(wanted.toLowerCase()));
  if (shown.length === 0) return html`<${Empty} title=${t('models.none')} />`;
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${t('server.models')}><table class="server-table"><thead><tr><th>${t('new.model')}</th><th>${t('models.endpoints')}</th><th>${t('new.size')}</th><th class="right">${t('models.references')}</th><th>${t('models.price')}</th></tr></thead>
    <tbody>${shown.map((/** @type {any} */ entry) => html`<tr key=${`${entry.provider} ${entry.model}`}><td class="break"><b>${entry.model}</b> <span class="dim">${entry.provider}</span>
        ${entry.note && html`<div class="dim">${entry.note}</div>`}${entry.unknown.length > 0 && html`<div class="faint">${t('models.unknown', { keys: entry.unknown.join(', ') })}</div>`}</td>
      <td class="break">${entry.endpoints.join(', ')}</td><td class="break">${sizesOf(entry.size) || '?'}</td><td class="right">${entry.max_references ?? '?'}</td><td class="break">${priceOf(entry.price, t)}</td></tr>`)}</tbody></table></div>`;
}

/** @param {{ title: string, entries: any[] }} props */
const Entries = ({ title, entries }) => html`<section class="panel"><header><h2>${title}</h2><span class="dim">${entries.length}</span></header>
  ${entries.map((entry) => { const in_page = (/** @type {any} */ text) => (language.value === 'zh-CN' && text.zh ? text.zh : text.en);
    return html`<details key=${entry.name} class="draft"><summary><b>${in_page(entry.title)}</b> <span class="mono dim">${entry.name}</span> <span class="dim">${in_page(entry.gist)}</span></summary>
      <dl class="facts">${Object.entries(entry).filter(([key, value]) => !['name', 'title', 'gist'].includes(key) && !(Array.isArray(value) && value.length === 0)).map(([key, value]) => html`<dt key=${key}>${key.replaceAll('_', ' ')}</dt><dd key=${`${key}-is`} class="break">${plain(value)}</dd>`)}</dl></details>`; })}</section>`;

/** A value of a table as a line. @param {any} value @returns {string} */
const plain = (value) => (Array.isArray(value) ? value.map(plain).join('; ') : value !== null && typeof value === 'object' ? Object.entries(value).map(([key, part]) => `${key}: ${plain(part)}`).join(', ') : String(value));

/** @param {{ wanted: string }} props */
export function Catalogue({ wanted }) {
  const { table, error } = useTable('/catalogue');
  if (error) return html`<${Failed} error=${error} />`;
  if (!table) return html`<p class="dim">${t('loading')}</p>`;
  const shown = (/** @type {any[]} */ list) => list.filter((entry) => JSON.stringify([entry.name, entry.title, entry.gist, Object.keys(entry.fits)]).toLowerCase().includes(wanted.toLowerCase()));
  const [layouts, styles] = [shown(table.layouts), shown(table.styles)];
  if (layouts.length + styles.length === 0) return html`<${Empty} title=${t('catalogue.none')} />`;
  return html`${layouts.length > 0 && html`<${Entries} title=${t('catalogue.layouts')} entries=${layouts} />`}${styles.length > 0 && html`<${Entries} title=${t('catalogue.styles')} entries=${styles} />`}`;
}
