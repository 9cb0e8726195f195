// Pictures of every page in every width, theme and language, to be looked at, and what can be checked of them without eyes: nothing wider than the page, no
// text cut off in a control, no control under another.
//   node web/e2e/shots.mjs BINARY FOLDER [PART OF A NAME, such as gallery-1280-dark-en]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, open } from './browser.mjs';
import { api, serve, simulate, workspace } from './program.mjs';

const [binary, out, only = ''] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const place = workspace(24, 640, 480);
const simulator = await simulate(binary, place.folder);
const server = await serve(binary, place.folder, simulator.url);
const { get, post } = api(server.url);
const submit = (job) => post('/jobs', { job: { profile: 'simulator', ...job }, accept_unknown_price: true, agreed_up_to: 1000 });
const ended = async (id) => { for (;;) { const job = await get(`/jobs/${id}`); if (job.state === 'finished' || (job.tasks.queued + job.tasks.running + job.tasks.waiting === 0)) return job; await new Promise((resolve) => { setTimeout(resolve, 200); }); } };
const source = { paths: [place.photos] };
const night = await submit({ name: 'night-in-the-hills', recipe: 'edit', prompts: ['make it night, keep everything else as it is', 'the same place in deep winter, with snow on the hills'], source, samples: 2, budget: 25, model: 'sim-image' });
await ended(night.id);
const refused = await submit({ name: 'portraits-refused', recipe: 'edit', prompt: 'paint it in the manner of a late summer evening', source: { paths: [join(place.photos, '00?_start.png')] }, model: 'refuse' });
await ended(refused.id);
const foxes = await submit({ name: 'foxes', recipe: 'generate', prompt: 'a red fox in snow', samples: 9, model: 'sim-image+size:480x640' });
await ended(foxes.id);
const running = await submit({ name: 'harbour-at-dusk', recipe: 'edit', prompt: 'the harbour at dusk', source, samples: 40, budget: 60, model: 'sim-image+delay:2500' });
const { ids } = await get(`/results/ids?job=${night.id}`);
const verdicts = (list) => list.map((id, at) => ({ id, ...(at % 3 === 0 ? { verdict: 'keep', rating: 4 } : at % 5 === 0 ? { verdict: 'reject' } : at % 4 === 1 ? { rating: 3 } : { note: '' }) }));
await post('/reviews', { reviewer: 'ann', changes: verdicts(ids.slice(0, 60)) });
await post('/reviews', { reviewer: 'ben', changes: verdicts(ids.slice(1, 40)).map((change) => (change.id % 7 === 0 ? { ...change, verdict: 'reject' } : change)) });
const task = (await post('/results/rows', { ids: [ids[5]] })).rows[0].task;

/** Name, address, keys to press. */
const pages = [['jobs', '/jobs'], ['job', `/jobs/${running.id}`], ['job-refused', `/jobs/${refused.id}`], ['new', '/jobs/new'], ['gallery', `/gallery?job=${night.id}`], ['selected', `/gallery?job=${night.id}`, ['ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowDown']],
  ['loupe', `/gallery?job=${night.id}`, ['ArrowRight', 'Space']], ['loupe-side', `/gallery?job=${night.id}`, ['ArrowRight', 'Space', 'c']], ['loupe-slider', `/gallery?job=${night.id}`, ['Space', 'c', 'c']], ['loupe-difference', `/gallery?job=${night.id}`, ['Space', 'Shift+C']],
  ['task', `/task/${task}`], ['save', `/save?job=${night.id}`], ['profiles', '/profiles?name=simulator'], ['profile-new', '/profiles?create=1'], ['costs', '/costs'], ['keys', '/jobs', ['?']]];

const browser = await launch();
let faults = 0;
for (const [width, height] of [[360, 780], [1280, 860], [2560, 1440]]) for (const colorScheme of ['light', 'dark']) for (const language of ['en', 'zh-CN']) {
  for (const [name, path, keys = []] of pages) {
    if (!`${name}-${width}-${colorScheme}-${language}`.includes(only)) continue;
    const { page, context, errors } = await open(browser, { width, height, colorScheme });
    await context.addInitScript((chosen) => { localStorage.setItem('imagemill.language', JSON.stringify(chosen)); localStorage.setItem('imagemill.reviewer', '"ann"'); }, language);
    await page.goto(`${server.url}/#${path}`);
    await page.waitForTimeout(700);
    if (name === 'new') {
      await page.fill('input[name=path]', place.photos);
      await page.keyboard.press('Enter');
      await page.fill('textarea[name=prompt]', 'make it night, keep everything else');
      await page.selectOption('select[name=profile]', 'simulator');
      await page.waitForSelector('.plan .facts');
    }
    for (const key of keys) { await page.keyboard.press(key); await page.waitForTimeout(120); }
    await page.waitForTimeout(350);
    const found = await page.evaluate(() => {
      const wrong = [];
      const content = document.querySelector('.content');
      if (content.scrollWidth > content.clientWidth) wrong.push(`the page is ${content.scrollWidth - content.clientWidth} px too wide`);
      const top = document.querySelector('dialog[open]') ?? document.querySelector('.loupe') ?? document.body;
      for (const control of top.querySelectorAll('button, a.button, .pill, .choice button, .nav a')) {
        const box = control.getBoundingClientRect();
        if (control.closest('.film') || box.width === 0 || box.bottom <= 0 || box.top >= innerHeight) continue;
        if (control.scrollWidth > control.clientWidth + 1) wrong.push(`cut off: ${control.textContent.trim() || control.ariaLabel}`);
        if (box.right > innerWidth + 1 || box.left < -1) { if (!control.closest('.scroll-x')) wrong.push(`outside: ${control.textContent.trim() || control.ariaLabel}`); continue; }
        const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        if (at && !control.contains(at) && !at.contains(control) && !control.disabled && !at.closest('.toasts, .nav, .rail, .step, .fresh, dialog')) wrong.push(`${control.textContent.trim() || control.ariaLabel} lies under ${at.className || at.tagName}`);
      }
      return [...new Set(wrong)];
    });
    for (const fault of [...found, ...errors]) { faults += 1; console.log(`${width} ${colorScheme} ${language} ${name}: ${fault}`); }
    await page.screenshot({ path: join(out, `${name}-${width}-${colorScheme}-${language}.png`) });
    await context.close();
  }
}
await browser.close();
await server.stop();
await simulator.stop();
place.remove();
console.log(`${faults} faults`);
process.exitCode = faults ? 1 : 0;
