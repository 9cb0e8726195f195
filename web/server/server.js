// The server itself: its settings and where each comes from, whether all is in order, the tables in force, the end of its log, and what was changed through it.
import { html, useEffect, useState } from '../html.js';
import { t } from '../i18n/texts.js';
import { get } from '../api.js';
import { about, route, stay } from '../state.js';
import { address } from '../route.logic.js';
import { time } from '../format.js';
import { Button, Choice, Empty, Failed, textOf } from '../parts/parts.js';
import { Check } from './check.js';
import { Catalogue, Models } from './tables.js';

/** Lines of the log that are shown. */
const LINES = 500;
/** Between two looks at the log. */
const EVERY_MS = 2000;

/** @param {{ wanted: string }} props */
function Settings({ wanted }) {
  const [config, setConfig] = useState(/** @type {import('../documents.d.ts').Config | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  useEffect(() => { get('/config').then(setConfig, setError); }, []);
  if (error) return html`<${Failed} error=${error} />`;
  if (!config) return html`<p class="dim">${t('loading')}</p>`;
  const shown = config.settings.filter(({ key, value }) => `${key} ${value}`.toLowerCase().includes(wanted.toLowerCase()));
  const origin = (/** @type {string} */ word) => (word === 'default' ? t('server.default') : word);
  return html`${config.unknown_keys.length > 0 && html`<div class="notice-inline warned">${t('server.unknown_keys', { keys: config.unknown_keys.map((path) => path.join('.')).join(', ') })}</div>`}
    <div class="scroll-x" tabindex="0" role="region" aria-label=${t('server.settings')}><table class="server-table"><thead><tr><th>${t('server.key')}</th><th>${t('server.value')}</th><th>${t('server.origin')}</th></tr></thead>
    <tbody>${shown.map((setting) => html`<tr key=${setting.key}><td class="mono break">${setting.key}</td><td class="mono break">${setting.value}</td><td class="dim break">${origin(setting.origin)}</td></tr>`)}</tbody></table></div>`;
}

/** @param {{ wanted: string }} props */
function Log({ wanted }) {
  const [lines, setLines] = useState(/** @type {string[] | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  useEffect(() => {
    let due = 0;
    let gone = false;
    const read = async (/** @type {string | null} */ after) => {
      let place = after;
      try {
        const { lines: more, next } = await get('/logs', { after });
        if (gone) return;
        place = next;
        setError(null);
        setLines((old) => [...(old ?? []), ...more].slice(-LINES));
      } catch (problem) {
        if (gone) return;
        setError(problem);
      }
      due = window.setTimeout(() => read(place), EVERY_MS);
    };
    read(null);
    return () => { gone = true; clearTimeout(due); };
  }, []);
  if (error) return html`<${Failed} error=${error} />`;
  const shown = (lines ?? []).filter((line) => line.toLowerCase().includes(wanted.toLowerCase()));
  if (lines && shown.length === 0) return html`<${Empty} title=${lines.length === 0 ? t('server.empty_log') : t('server.no_lines')} />`;
  return html`<pre class="log" tabindex="0" role="region" aria-label=${t('server.log')}>${[...shown].reverse().join('\n')}</pre>`;
}

/** @param {{ wanted: string }} props */
function Changes({ wanted }) {
  const [page, setPage] = useState(/** @type {import('../documents.d.ts').Page<import('../documents.d.ts').AuditEntry> | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const load = (/** @type {string | null} */ cursor) => get('/audit', { cursor })
    .then((next) => setPage((old) => (cursor && old ? { items: [...old.items, ...next.items], next: next.next } : next)), setError);
  useEffect(() => { load(null); }, []);
  if (error) return html`<${Failed} error=${error} />`;
  if (!page) return html`<p class="dim">${t('loading')}</p>`;
  const shown = page.items.filter(({ path, detail, who }) => `${path} ${detail} ${who}`.toLowerCase().includes(wanted.toLowerCase()));
  if (shown.length === 0 && !page.next) return html`<${Empty} title=${t('server.no_changes')} />`;
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${t('server.changes')}><table class="server-table"><thead><tr><th>${t('server.when')}</th><th>${t('server.who')}</th><th>${t('server.what')}</th><th>${t('server.detail')}</th><th class="right">${t('server.status')}</th></tr></thead>
    <tbody>${shown.map((entry, at) => html`<tr key=${at}><td class="nowrap">${time(entry.at_us)}</td><td class="dim">${entry.who}</td><td class="mono break">${entry.method} ${entry.path}</td><td class="break">${entry.detail}</td>
      <td class=${entry.status >= 400 ? 'right warned' : 'right dim'}>${entry.status}</td></tr>`)}</tbody></table></div>
    ${page.next && html`<div><${Button} label=${t('server.more')} onClick=${() => load(page.next)} /></div>`}`;
}

const parts = { settings: Settings, check: Check, models: Models, catalogue: Catalogue, log: Log, changes: Changes };

export function Server() {
  const { part = 'settings', q = '' } = route.value.query;
  const where = (/** @type {Record<string, string>} */ change) => stay(address('/server', { part, q, ...change }));
  const Part = parts[/** @type {keyof typeof parts} */ (part)] ?? Settings;
  return html`<div class="page"><header class="page-head"><h1>${t('nav.server')}</h1>
      <${Choice} label=${t('server.part')} value=${part} onChange=${(/** @type {string} */ value) => where({ part: value, q: '' })} options=${Object.keys(parts).map((value) => ({ value, label: t(`server.${value}`) }))} />
      <input type="search" class="push" placeholder=${t('server.search')} aria-label=${t('server.search')} value=${q} onInput=${(/** @type {any} */ event) => where({ q: textOf(event) })} /></header>
    <p class="dim break">imagemill ${about.value?.version} · <span class="mono">${about.value?.workspace}</span></p>
    <${Part} wanted=${q} />
  </div>`;
}
