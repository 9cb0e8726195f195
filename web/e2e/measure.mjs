// Measures the gallery: first paint with many results, key to next picture, memory after scrolling through all.
//   node web/e2e/measure.mjs URL [--job N] [--loupe-job N] [--presses 1000] [--json]
import { readFileSync } from 'node:fs';
import { launch, open } from './browser.mjs';

const option = (name, otherwise) => { const at = process.argv.indexOf(`--${name}`); return at < 0 ? otherwise : process.argv[at + 1]; };
const url = process.argv[2];
const job = option('job', '1');
const loupe_job = option('loupe-job', job);
const presses = Number(option('presses', '1000'));

/** Memory of the page's renderer in MB: what is its own (private), and its JavaScript heap. */
async function memory(browser, page) {
  const cdp = await browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  const own = await page.context().newCDPSession(page);
  await own.send('HeapProfiler.collectGarbage');
  const { usedSize } = await own.send('Runtime.getHeapUsage');
  const sizes = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => {
    const text = readFileSync(`/proc/${id}/smaps_rollup`, 'utf8');
    return Number(/Private_Dirty:\s+(\d+)/.exec(text)[1]) / 1000 + Number(/Private_Clean:\s+(\d+)/.exec(text)[1]) / 1000;
  });
  return { renderer_mb: Math.max(...sizes), heap_mb: usedSize / 1e6 };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const share = (list, part) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * part))];

const browser = await launch();
const { page, errors } = await open(browser, { width: 1440, height: 900 });

// First paint: from the request of the page to the first picture of the grid drawn, with a cold cache.
const paints = [];
for (let round = 0; round < 3; round += 1) {
  const fresh = await open(browser, { width: 1440, height: 900 });
  await fresh.page.addInitScript(() => {
    const look = () => {
      const image = document.querySelector('.cell img');
      if (image?.complete && image.naturalWidth > 0) requestAnimationFrame(() => { window.painted_ms = performance.now(); });
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await fresh.page.goto(`${url}/#/gallery?job=${job}`);
  await fresh.page.waitForFunction(() => window.painted_ms);
  paints.push(await fresh.page.evaluate(() => window.painted_ms));
  await fresh.context.close();
}

await page.goto(`${url}/#/gallery?job=${job}`);
await page.waitForSelector('.cell img');
const total = await page.evaluate(() => Number(document.querySelector('[role=option]').getAttribute('aria-setsize')));

// Scroll through all results, a screen at a time, then look at the memory.
const began = Date.now();
await page.evaluate(async () => {
  const grid = document.querySelector('.grid');
  for (let top = 0; top < grid.scrollHeight; top += grid.clientHeight * 3) {
    grid.scrollTop = top;
    await new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); });
  }
  grid.scrollTop = grid.scrollHeight;
});
const scroll_s = (Date.now() - began) / 1000;
await page.waitForTimeout(1500);
const scrolled = await memory(browser, page);
const cells = await page.evaluate(() => document.querySelectorAll('.cell').length);
await page.goto(`${url}/#/gallery?job=${loupe_job}`);
await page.reload();
await page.waitForSelector('.cell img');

// Key to next picture: from the key event in the page to the frame in which the next result, decoded, is in the loupe.
await page.evaluate(() => {
  window.times = [];
  window.press = (key) => new Promise((resolve) => {
    const before = document.querySelector('.loupe').dataset.id;
    const begin = performance.now();
    document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    const look = () => {
      const loupe = document.querySelector('.loupe');
      const image = loupe.querySelector('.frame img');
      if (loupe.dataset.id !== before && image?.complete && image.naturalWidth > 0) {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => { window.times.push(performance.now() - begin); resolve(image.className); };
        channel.port2.postMessage(0);
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
});
await page.keyboard.press('Space');
await page.waitForSelector('.loupe .frame img');
await page.waitForTimeout(300);
const standing = await page.evaluate(async (count) => {
  let small = 0;
  let forward = true;
  for (let at = 0; at < count; at += 1) {
    if (document.querySelector('.step.next').disabled) forward = false;
    if (document.querySelector('.step.prev').disabled) forward = true;
    if (await window.press(forward ? (at % 5 === 4 ? 'p' : 'ArrowRight') : 'ArrowLeft') === 'coming') small += 1;
    await new Promise((resolve) => { setTimeout(resolve, 60); });
  }
  return small;
}, presses);
const times = await page.evaluate(() => window.times);
await page.keyboard.press('Escape');
const looked = await memory(browser, page);
await browser.close();

const result = { results: total, first_paint_ms: Math.round(median(paints)), key_ms_p50: +share(times, 0.5).toFixed(1), key_ms_p95: +share(times, 0.95).toFixed(1), key_ms_max: +share(times, 1).toFixed(1), presses: times.length,
  thumbnails_first: standing, scroll_s: +scroll_s.toFixed(1), page_mb: Math.round(scrolled.renderer_mb), heap_mb: Math.round(scrolled.heap_mb), page_after_loupe_mb: Math.round(looked.renderer_mb), cells_in_page: cells, errors };
if (process.argv.includes('--json')) console.log(JSON.stringify(result));
else for (const [key, value] of Object.entries(result)) console.log(`${key.padEnd(18)} ${Array.isArray(value) ? value.length : value}`);
process.exit(errors.length ? 1 : 0);
