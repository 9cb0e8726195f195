// Critiques in the console, as two people read them: the overview, the queue by keyboard alone, a change in place, the blind second reading, the agreement.
//   node web/e2e/critiques.mjs BINARY
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { launch, open } from './browser.mjs';
import { api, critiques, serve, workspace } from './program.mjs';

const binary = process.argv[2];
const place = workspace(8);
critiques(binary, place.folder);
const server = await serve(binary, place.folder);
const { get } = api(server.url);
const browser = await launch();
const step = async (name, on, run) => {
  const begin = Date.now();
  try {
    await run();
  } catch (error) {
    await on.screenshot({ path: join(process.env.IMAGEMILL_SHOTS ?? place.folder, 'failed.png') });
    console.error(`FAILED: ${name}\n${error.stack}\n${server.log()}`);
    process.exitCode = 1;
    throw error;
  }
  console.log(`  ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
};
const reading = async (name) => {
  const opened = await open(browser);
  await opened.context.addInitScript((who) => { localStorage.setItem('imagemill.reviewer', JSON.stringify(who)); localStorage.setItem('imagemill.language', '"en"'); }, name);
  opened.page.setDefaultTimeout(15_000);
  return opened;
};
const shown = (page, picture) => page.waitForSelector(`.critique[data-picture="${picture}"]`);

try {
  const ann = await reading('ann');
  const { page } = ann;
  await step('the overview tells how far it is, and leads to the queue', page, async () => {
    await page.goto(`${server.url}/#/critiques`);
    await page.waitForSelector('.collection[data-name=korean]');
    assert.match(await page.textContent('.collection[data-name=korean]'), /8 of 150 critiques accepted.*next milestone at 10/);
    await page.click('.collection[data-name=korean] a');
    await page.waitForSelector('.critique .texts');
  });
  const { items } = await get('/collections/korean/queue?reader=ann');
  const pictures = items.map(({ picture }) => picture);
  await step('verdicts and scores by keyboard; the next row comes by itself', page, async () => {
    await shown(page, pictures[0]);
    await page.keyboard.press('4');
    await page.waitForSelector('.critique-tools .choice button.on >> text=4');
    await page.keyboard.press('a');
    await shown(page, pictures[1]);
    await page.keyboard.press('x');
    await shown(page, pictures[2]);
    await page.keyboard.press('k');
    await shown(page, pictures[1]);
    await page.waitForSelector('[data-name=reject][aria-pressed=true]');
    const kept = await get(`/collections/korean/rows/${pictures[0]}?reader=ann`);
    assert.deepEqual([kept.reading.verdict, kept.reading.score, kept.decision], ['approve', 4, 'approved']);
  });
  await step('a text is changed in place; the difference and who made it stand below', page, async () => {
    await page.keyboard.press('j');
    await shown(page, pictures[2]);
    await page.keyboard.press('e');
    const before = await page.inputValue('textarea[name=critique_en]');
    await page.fill('textarea[name=critique_en]', `${before} The seal is red.`);
    await page.fill('input[name=why]', 'a closer look');
    await page.click('.dimensions .pill[aria-pressed=true]');
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('.edit ins >> text=The seal is red.');
    assert.match(await page.textContent('.edit'), /ann.*a closer look/);
    const kept = await get(`/collections/korean/rows/${pictures[2]}`);
    assert.ok(kept.row.critique_en.endsWith('The seal is red.'));
    assert.deepEqual([kept.row.authorship, kept.row.edited_by, kept.edits[0].changes.map(({ member }) => member)], ['model+human-edited', ['ann'], ['covered_dimensions', 'critique_en']]);
    await page.keyboard.press('e');
    await page.fill('textarea[name=critique_en]', 'something else');
    await page.keyboard.press('Escape');
    await page.waitForSelector('textarea[name=critique_en]', { state: 'detached' });
    assert.ok(!(await page.textContent('.critique')).includes('something else'));
  });
  const ben = await reading('ben');
  await step('a second person reads blind, and the agreement is told', ben.page, async () => {
    await ben.page.goto(`${server.url}/#/critiques/korean`);
    await ben.page.waitForSelector('.critique .texts');
    await ben.page.keyboard.press('b');
    await ben.page.waitForSelector('.pill >> text=Second reading');
    assert.equal(await ben.page.locator('.queue-item').count(), 2, 'the two that Ann decided about');
    assert.ok(!/ann|kept out|approved/.test(await ben.page.textContent('.critique-words')), 'nothing of the first reading is shown');
    await ben.page.keyboard.press('a');
    await ben.page.waitForSelector('.agreement');
    await ben.page.keyboard.press('a');
    await ben.page.waitForFunction(() => document.querySelector('.agreement')?.textContent.includes('50 % of 2'));
  });
  await step('what they disagree about comes first', page, async () => {
    await page.goto(`${server.url}/#/critiques`);
    await page.goto(`${server.url}/#/critiques/korean`);
    await page.waitForSelector('.queue-item');
    assert.match(await page.textContent('.queue-item'), /readers disagree/);
  });
  assert.deepEqual([...ann.errors, ...ben.errors], []);
  console.log('critiques: all steps passed');
} finally {
  await browser.close();
  await server.stop();
  place.remove();
}
