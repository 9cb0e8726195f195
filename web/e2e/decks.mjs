// The decks page against the program: a deck is made from a form, its pages appear by themselves, one is made again with another prompt, another of its pictures is
// taken, and a page that was refused says so.
//   node web/e2e/decks.mjs BINARY
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, open } from './browser.mjs';
import { api, serve, workspace } from './program.mjs';

const binary = process.argv[2];
const place = workspace(1);
const server = await serve(binary, place.folder);
const { get, post } = api(server.url);
const browser = await launch();
const { page, errors } = await open(browser);
page.setDefaultTimeout(60_000);
const shot = async (name) => { if (process.env.IMAGEMILL_SHOTS) await page.screenshot({ path: join(process.env.IMAGEMILL_SHOTS, `${name}.png`) }); };

try {
  writeFileSync(join(place.folder, 'notes.md'), '# Tea\n\nTea is steamed for 90 seconds. It is dried at 80 °C.\n');
  await page.goto(`${server.url}/#/decks`);
  await page.fill('textarea[name=topic]', 'How green tea is made: pick the leaves, steam them, roll them, dry them');
  await page.fill('input[name=pages]', '5');
  await page.click('summary');
  // A document that is not there is said in the form, and the form keeps what was typed.
  await page.fill('textarea[name=docs]', 'none.md');
  await page.click('[data-name=make]');
  await page.waitForSelector('text=none.md');
  await page.fill('textarea[name=docs]', 'notes.md');
  await page.click('[data-name=make]');
  await page.waitForFunction(() => document.querySelectorAll('.deck-card[data-state=open]').length === 5);
  await shot('deck-new');

  // One click; pages appear as they arrive, and nothing is clicked between the words and the pages.
  await page.selectOption('select[name=takes]', '2');
  await page.click('[data-name=run]');
  await page.waitForSelector('.deck-card[data-state=making]');
  await shot('deck-making');
  await page.waitForFunction(() => document.querySelectorAll('.deck-card[data-state=done] img').length === 5);
  await page.waitForFunction(() => document.querySelector('[data-name=run]').innerText.includes('Make what is left'));
  await shot('deck-done');
  const id = new URL(page.url()).hash.split('/')[2];
  const info = await get(`/decks/${id}`);
  assert.ok(info.pages.every((entry) => entry.takes.length === 2 && entry.words.fidelity === 1));

  // Another of the two pictures.
  await page.click('.deck-card[data-page="2"]');
  await page.waitForSelector('.deck-takes button');
  const chosen = () => page.$eval('.deck-takes [aria-pressed=true] img', (picture) => picture.src);
  const before = await chosen();
  await page.click('.deck-takes [aria-pressed=false]');
  await page.waitForFunction((was) => document.querySelector('.deck-takes [aria-pressed=true] img').src !== was, before);
  await shot('deck-page');

  // Another prompt: kept first, then drawn; the page is made again and no other.
  const prompt = await page.inputValue('textarea[name=prompt]');
  await page.fill('textarea[name=prompt]', `${prompt.trim()} Seen from above.`);
  await page.click('[data-name=keep-prompt]');
  await page.waitForSelector('.toast');
  assert.equal((await get(`/decks/${id}`)).pages[1].action, 'render_only');
  await page.click('[data-name=redo]');
  await page.waitForFunction(() => document.querySelector('.deck-card[data-page="2"]').dataset.state === 'making');
  await page.waitForFunction(() => document.querySelectorAll('.deck-card[data-state=done] img').length === 5);
  assert.equal((await get(`/decks/${id}`)).pages[1].takes.length, 4);
  assert.equal((await get(`/decks/${id}`)).pages[2].takes.length, 2);

  // A page that is refused says so and stops nothing; the other pages of the deck stand.
  await post(`/decks/${id}/run`, { profile: 'simulator', model: 'refuse', pages: [3], from: 'pictures' });
  await page.waitForSelector('.deck-card[data-page="3"][data-state=failed]');
  await page.click('.deck-card[data-page="3"]');
  await page.waitForSelector('.trouble');
  await shot('deck-refused');
  await page.keyboard.press('Escape');
  await page.click('[data-name=language]');
  await page.waitForSelector('text=未能制作');
  await shot('deck-zh');
  await page.setViewportSize({ width: 360, height: 740 });
  await shot('deck-small');
  assert.equal(await page.evaluate(() => document.scrollingElement.scrollWidth > innerWidth + 1), false, 'nothing is wider than a small screen');
  // The document that is not there.
  assert.deepEqual(errors.filter((error) => !error.includes('400')), []);
  console.log('  decks: made, changed, and what failed is told');
} catch (error) {
  await page.screenshot({ path: join(process.env.IMAGEMILL_SHOTS ?? place.folder, 'failed.png') });
  console.error(`${server.log()}\n${errors.join('\n')}`);
  throw error;
} finally {
  await browser.close();
  await server.stop();
  place.remove();
}
