// The assets page against the program: requests become folders, their pictures are judged by keyboard, an edit is proposed, priced and made.
//   node web/e2e/assets.mjs BINARY
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, open } from './browser.mjs';
import { api, serve, workspace } from './program.mjs';

const binary = process.argv[2];
const place = workspace(1);
const server = await serve(binary, place.folder);
const { get, post } = api(server.url);
const browser = await launch();
const { page, errors } = await open(browser);
page.setDefaultTimeout(30_000);

const request = (asset, run, more = {}) => ({
  assetId: asset, runId: run, personaId: 'maya', assetPurpose: 'persona_candidate', sourceBasis: ['research.md'], localAssetDir: `assets/${asset}`,
  prompt: 'A woman at her desk, phone camera, window light.', mustKeep: ['short hair'], canVary: ['the mug'], qualityProfile: 'draft', qualityReason: 'a first look', provider: 'simulator', ...more,
});
const shot = async (name) => { if (process.env.IMAGEMILL_SHOTS) await page.screenshot({ path: join(process.env.IMAGEMILL_SHOTS, `${name}.png`) }); };

try {
  writeFileSync(join(place.folder, 'research.md'), 'what people like');
  const batch = ['image-run-001', 'image-run-002', 'image-run-003'].map((run, seed) => request('maya-desk-v1', run, { seed: seed + 1 }));
  await post('/requests', { batch: [...batch, request('maya-cafe-v1', 'image-run-001', { prompt: 'A woman in a café' })] });
  await page.goto(`${server.url}/#/assets`);
  await page.waitForFunction(() => document.querySelectorAll('.asset-side .profile').length === 2);
  await page.click('text=maya-desk-v1');
  await page.waitForFunction(() => document.querySelectorAll('.asset-strip button').length === 3);
  await shot('assets-waiting');

  // An approval that says too little is not sent; with all answers it moves the picture and makes it the hero.
  await page.keyboard.press('p');
  await page.waitForSelector('.toast.bad');
  for (const key of ['1', '2', '2', '0']) await page.keyboard.press(key);
  assert.equal(await page.locator('.asset-question').nth(1).locator('[aria-pressed=true]').innerText(), 'concern');
  await page.keyboard.press('p');
  await page.waitForSelector('.asset-mark.hero');
  const card = JSON.parse(readFileSync(join(place.folder, 'assets/maya-desk-v1/asset.json'), 'utf8'));
  assert.match(card.heroImagePath, /^images\/approved\//);

  // The next one that waits is shown beside it, with its distance. It is rejected with a reason.
  await page.waitForFunction(() => document.querySelectorAll('.asset-stage .asset-shot').length === 2);
  await page.waitForSelector('.asset-stage >> text=/bits/');
  await page.keyboard.press('x');
  await page.waitForSelector('.toast.bad');
  await page.fill('textarea[name=reasons]', 'skin like plastic');
  await page.click('.pill:text-is("not real")');
  await shot('assets-verdict');
  await page.click('[data-name=reject]');
  await page.waitForSelector('.asset-mark.rejected');
  // The language changes in the middle, nothing is lost.
  await page.click('[data-name=language]');
  await page.waitForSelector('text=定稿');
  await shot('assets-zh');
  await page.click('[data-name=language]');

  // An edit of the third is proposed, priced and made; its picture appears by itself.
  await page.click('[data-name=edit]');
  await page.fill('textarea[name=feedback]', 'warmer light');
  await page.selectOption('dialog select[name=profile]', 'simulator');
  await page.click('dialog [data-name=propose]');
  await page.waitForSelector('dialog .prompt');
  assert.match(await page.innerText('dialog .prompt'), /warmer light/);
  await shot('assets-edit');
  await page.click('dialog [data-name=submit]');
  await page.waitForFunction(() => document.querySelectorAll('.asset-strip button').length === 4);
  await page.click('text=Persona maya');
  await page.waitForFunction(() => document.querySelectorAll('.asset-grid .asset-shot').length >= 3);
  await shot('assets-persona');
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(`${server.url}/#/assets?folder=assets%2Fmaya-desk-v1`);
  await page.waitForSelector('.asset-strip');
  await shot('assets-small');
  assert.equal(await page.evaluate(() => document.scrollingElement.scrollWidth > innerWidth + 1), false, 'nothing is wider than a small screen');
  const decided = await get('/asset-folders/asset?folder=assets/maya-desk-v1');
  assert.deepEqual(decided.decisions.map(({ verdict }) => verdict), ['approved', 'reject']);
  assert.deepEqual(errors, []);
  console.log('  assets: judged by keyboard, edited, compared');
} catch (error) {
  await page.screenshot({ path: join(process.env.IMAGEMILL_SHOTS ?? place.folder, 'failed.png') });
  console.error(`${server.log()}\n${errors.join('\n')}`);
  throw error;
} finally {
  await browser.close();
  await server.stop();
  place.remove();
}
