// The console by keyboard alone, and as a screen reader reads it: every control has a name, the focus goes through the page in its order and is always seen, and
// comes back from dialogs; arrivals are told.
//   node web/e2e/keyboard.mjs BINARY [FOLDER] [PART OF A NAME]
// With a folder, the accessibility tree of each page is written there as text, to be read.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, open } from './browser.mjs';
import { api } from './program.mjs';
import { stage } from './stage.mjs';

const [binary, out, only = ''] = process.argv.slice(2);
if (out) mkdirSync(out, { recursive: true });
const { server, pages, stop } = await stage(binary);
const browser = await launch();
let faults = 0;
const wrong = (page, text) => { faults += 1; console.log(`${page}: ${text}`); };

/** Roles that a person operates. */
const CONTROLS = new Set(['button', 'link', 'textbox', 'searchbox', 'combobox', 'checkbox', 'radio', 'slider', 'spinbutton', 'switch', 'menuitem', 'tab', 'option', 'listbox', 'DisclosureTriangle']);

/** The tree as lines: what is read, in order. */
async function spoken(page, name) {
  const cdp = await page.context().newCDPSession(page);
  const { nodes } = await cdp.send('Accessibility.getFullAXTree');
  const known = new Map(nodes.map((node) => [node.nodeId, node]));
  const lines = [];
  const walk = (node, depth) => {
    const role = node.role?.value ?? '';
    const label = (node.name?.value ?? '').trim();
    const shown = !node.ignored && !['generic', 'none', 'InlineTextBox', 'RootWebArea', 'LayoutTable', 'StaticText'].includes(role);
    if (shown || (role === 'StaticText' && !node.ignored)) {
      const states = (node.properties ?? []).filter(({ name: key, value }) => ['disabled', 'pressed', 'checked', 'expanded', 'selected', 'required', 'live', 'busy', 'modal'].includes(key) && value.value && value.value !== 'false' && value.value !== 'off').map(({ name: key }) => key);
      lines.push(`${'  '.repeat(depth)}${role === 'StaticText' ? '' : `${role} `}${label}${node.value?.value !== undefined && node.value.value !== '' ? ` = ${node.value.value}` : ''}${states.length ? ` (${states.join(', ')})` : ''}`);
      if (CONTROLS.has(role) && !label) wrong(name, `a ${role} has no name`);
      if (role === 'image' && !label) wrong(name, 'a picture has no name and is no decoration');
    }
    for (const child of node.childIds ?? []) if (known.has(child)) walk(known.get(child), shown ? depth + 1 : depth);
  };
  if (nodes[0]) walk(nodes[0], 0);
  return lines.join('\n');
}

/** Tabs through the page: each stop is seen, and they come in the order of the page. */
async function order(page, name) {
  await page.evaluate(() => { /** @type {HTMLElement} */ (document.activeElement)?.blur?.(); });
  const seen = [];
  for (let press = 0; press < 400; press += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const box = element.getBoundingClientRect();
      const style = getComputedStyle(element);
      globalThis.stops ??= [];
      const first = globalThis.stops[0] === element;
      const before = globalThis.stops.at(-1);
      globalThis.stops.push(element);
      return { first, what: `${element.tagName.toLowerCase()} ${(element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 40)}`, hidden: box.width === 0 || box.height === 0, ringed: element.matches(':focus-visible') && (style.outlineStyle !== 'none' || style.boxShadow !== 'none' || style.borderStyle !== 'none'),
        backwards: before ? Boolean(before.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING) : false };
    });
    if (!stop || stop.first) break;
    seen.push(stop.what);
    if (stop.hidden) wrong(name, `the focus goes to what is not seen: ${stop.what}`);
    if (!stop.ringed) wrong(name, `the focus is not shown on ${stop.what}`);
    if (stop.backwards) wrong(name, `the focus goes back up to ${stop.what}`);
  }
  if (seen.length < 5 && !(await page.evaluate(() => Boolean(document.querySelector('dialog[open]'))))) wrong(name, `only ${seen.length} stops for the focus`);
  return seen;
}

for (const language of ['en', 'zh-CN']) for (const [name, path, keys = [], act] of pages) {
  if (!`${name}-${language}`.includes(only)) continue;
  const { page, context } = await open(browser);
  await context.addInitScript((chosen) => { localStorage.setItem('imagemill.language', JSON.stringify(chosen)); localStorage.setItem('imagemill.reviewer', '"ann"'); }, language);
  await page.goto(`${server.url}/#${path}`);
  await page.waitForTimeout(700);
  await act?.(page);
  for (const key of keys) { await page.keyboard.press(key); await page.waitForTimeout(120); }
  const text = await spoken(page, `${name} ${language}`);
  const stops = language === 'en' ? await order(page, name) : [];
  if (out) writeFileSync(join(out, `${name}-${language}.txt`), `${text}\n\n-- focus --\n${stops.join('\n')}\n`);
  await context.close();
}

/** A dialog that a key opens takes the focus, keeps it, and gives it back. */
async function returns(name, path, selector, close = 'Escape') {
  const { page, context } = await open(browser);
  await context.addInitScript(() => { localStorage.setItem('imagemill.language', '"en"'); });
  await page.goto(`${server.url}/#${path}`);
  await page.locator(selector).first().waitFor();
  await page.locator(selector).first().focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  for (let press = 0; press < 6; press += 1) {
    await page.keyboard.press('Tab');
    // Beyond the last control the browser's own bar has its turn.
    if (!(await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement?.closest('dialog'))))) wrong(name, 'the focus leaves the dialog');
  }
  await page.keyboard.press(close);
  await page.waitForSelector('dialog', { state: 'detached' });
  if (!(await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector))) wrong(name, `the focus does not come back: ${await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120))}`);
  await context.close();
}
if (!only) {
  const running = pages.find(([name]) => name === 'job')[1];
  await returns('stop a job', running, '[data-name=stop]');
  await returns('keys', '/jobs', '.top-end button:last-child');
  await returns('browse folders', '/jobs/new', '[data-name=browse]');
  // Arrivals are told in a place that screen readers listen to.
  const { page, context } = await open(browser);
  const { get, post } = api(server.url);
  const job = await post('/jobs', { job: { name: 'arrivals', recipe: 'generate', prompt: 'a lamp', samples: 6, profile: 'simulator', model: 'sim-image+delay:1500' }, accept_unknown_price: true });
  await page.goto(`${server.url}/#/gallery?job=${job.id}`);
  await page.waitForFunction(() => /^6 /.test(document.querySelector('.arrivals')?.textContent ?? ''), undefined, { timeout: 30_000 }).catch(async () => {
    wrong('gallery', `six arrivals are not told: ${await page.evaluate(() => document.querySelector('.arrivals')?.textContent)} of ${(await get(`/jobs/${job.id}`)).pictures}`);
  });
  await context.close();
}
await browser.close();
await stop();
console.log(`${faults} faults`);
process.exitCode = faults ? 1 : 0;
