// The pictures of every page that docs/console shows. Run it when pages have changed, look at the pictures, commit them.
//   node web/e2e/album.mjs BINARY [PART OF A NAME]
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import en from '../i18n/en.js';
import zh from '../i18n/zh-CN.js';
import { launch, open } from './browser.mjs';
import { stage } from './stage.mjs';

const [binary, only = ''] = process.argv.slice(2);
const docs = new URL('../../docs/console/', import.meta.url).pathname;
mkdirSync(docs, { recursive: true });
// A name that tells nothing of the machine.
const folder = join(tmpdir(), 'studio');
if (existsSync(folder)) throw new Error(`${folder} is there already; move it away, its name stands in the pictures`);
const { server, pages, stop } = await stage(binary, folder);
const browser = await launch();

/** Some pages are shown in other shapes, too: name, ending, width, height, theme, language. */
const others = [
  ['jobs', 'zh-CN', 1280, 860, 'light', 'zh-CN'], ['new', 'zh-CN', 1280, 860, 'light', 'zh-CN'], ['gallery', 'zh-CN', 1280, 860, 'dark', 'zh-CN'], ['job-refused', 'zh-CN', 1280, 860, 'light', 'zh-CN'],
  ['task-drafts', 'zh-CN', 1280, 860, 'light', 'zh-CN'], ['costs', 'zh-CN', 1280, 860, 'light', 'zh-CN'], ['loupe-side', 'zh-CN', 1280, 860, 'dark', 'zh-CN'],
  ['jobs', 'dark', 1280, 860, 'dark', 'en'], ['save', 'dark', 1280, 860, 'dark', 'en'], ['profiles', 'dark', 1280, 860, 'dark', 'en'],
  ['jobs', '360', 360, 780, 'light', 'en'], ['gallery', '360', 360, 780, 'dark', 'en'], ['new-infographic', '360', 360, 780, 'light', 'zh-CN'], ['loupe', '360', 360, 780, 'dark', 'en'],
  ['gallery', '2560', 2560, 1440, 'light', 'en'],
];
const wanted = pages.map(([name]) => [name, '', 1280, 860, 'light', 'en']).concat(others.filter(([name]) => pages.some((page) => page[0] === name)));
let bytes = 0;
for (const [name, ending, width, height, colorScheme, language] of wanted) {
  const file = `${name}${ending && `-${ending}`}.webp`;
  if (!file.includes(only)) continue;
  const [, path, keys = [], act] = pages.find((page) => page[0] === name);
  const { page, context } = await open(browser, { width, height, colorScheme });
  await context.addInitScript((chosen) => { localStorage.setItem('imagemill.language', JSON.stringify(chosen)); localStorage.setItem('imagemill.reviewer', '"ann"'); }, language);
  await page.goto(`${server.url}/#${path}`);
  await page.waitForTimeout(900);
  await act?.(page);
  for (const key of keys) { await page.keyboard.press(key); await page.waitForTimeout(150); }
  await page.waitForFunction((words) => !words.some((word) => document.querySelector('.content').textContent.includes(word)), [en.loading, zh.loading], { timeout: 20_000 }).catch(() => {});
  await page.waitForTimeout(600);
  const { data } = await (await context.newCDPSession(page)).send('Page.captureScreenshot', { format: 'webp', quality: 55 });
  writeFileSync(join(docs, file), Buffer.from(data, 'base64'));
  bytes += statSync(join(docs, file)).size;
  await context.close();
}
await browser.close();
await stop();
if (!only) for (const file of readdirSync(docs)) if (!wanted.some(([name, ending]) => file === `${name}${ending && `-${ending}`}.webp`) && file.endsWith('.webp')) rmSync(join(docs, file));
console.log(`${wanted.length} pictures, ${Math.round(bytes / 1000)} kB`);
