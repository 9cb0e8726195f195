// The console against the program, as a person uses it: a job from a folder, watched, stopped, resumed; 500 results reviewed by keyboard with a reload and a
// restart of the server in the middle; some made again; pairs saved; two pages that agree.
//   node web/e2e/console.mjs BINARY
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, open } from './browser.mjs';
import { api, serve, workspace } from './program.mjs';

const binary = process.argv[2];
const SOURCES = 50;
const SAMPLES = 10;
const RESULTS = SOURCES * SAMPLES;
const place = workspace(SOURCES);
let server = await serve(binary, place.folder);
const { get } = api(server.url);
const browser = await launch();
const { page, errors } = await open(browser);
page.setDefaultTimeout(30_000);

const step = async (name, run) => {
  const begin = Date.now();
  try {
    await run();
  } catch (error) {
    await page.screenshot({ path: join(process.env.IMAGEMILL_SHOTS ?? place.folder, 'failed.png') });
    console.error(`FAILED: ${name}\n${error.stack}\n${server.log()}\n${errors.join('\n')}`);
    process.exitCode = 1;
    throw error;
  }
  console.log(`  ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
};
const until = async (what, test, timeout_ms = 60_000) => {
  const end = Date.now() + timeout_ms;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
};
const go = (path, on = page) => on.goto(`${server.url}/#${path}`);
const dialog = async () => { await page.click('dialog[open] [data-name=confirm]'); };
const sent = (on = page) => on.waitForFunction(() => !Object.keys(localStorage).some((key) => key.startsWith('imagemill.verdict.')));
const expected = new Map();

try {
  let job;
  await step('a job from a folder, with its plan before it starts', async () => {
    await go('/jobs');
    await page.click('a[href="#/jobs/new"]');
    await page.fill('input[name=path]', place.photos);
    await page.keyboard.press('Enter');
    await page.fill('textarea[name=prompt]', 'make it night');
    await page.selectOption('select[name=profile]', 'simulator');
    await page.fill('input[name=model]', 'sim-image+delay:200+size:320x240');
    await page.fill('input[name=samples]', String(SAMPLES));
    await page.fill('input[name=name]', 'night');
    await page.waitForFunction((tasks) => document.querySelector('.plan .facts dd')?.textContent.includes(String(tasks)), RESULTS);
    if ((await page.isVisible('.plan .warned')) && !(await page.isVisible('.plan .price'))) await page.check('text=Run even if nobody knows the price');
    await page.click('[data-name=start]:enabled');
    if (await page.waitForSelector('dialog[open]', { timeout: 1500 }).catch(() => null)) await dialog();
    await page.waitForURL(/#\/jobs\/\d+$/);
    job = Number(/\d+$/.exec(page.url())[0]);
  });

  await step('watched: progress comes by itself', async () => {
    await page.waitForFunction(() => Number(document.querySelector('.numbers dd').textContent.replace(/\D/g, '')) >= 10);
    await page.waitForSelector('.pill.active');
  });

  await step('stopped, and resumed', async () => {
    await page.click('[data-name=stop]');
    await dialog();
    await page.waitForSelector('.page-head .pill.stopped');
    const before = await until('nothing runs', async () => { const found = await get(`/jobs/${job}`); return found.tasks.running === 0 && found; });
    assert.ok(before.pictures < RESULTS && before.tasks.stopped > 0, 'it was stopped in the middle');
    await page.click('[data-name=resume]');
    await page.waitForFunction((n) => Number(document.querySelector('.numbers dd').textContent.replace(/\D/g, '')) > n, before.pictures);
  });

  await step('a page opened in the middle of the run fills up without losing its place', async () => {
    await go(`/gallery?job=${job}`);
    await page.waitForSelector('.cell img');
    await page.reload();
    await page.waitForSelector('.cell img');
    await until('all tasks ended', async () => { const { tasks, total } = await get(`/jobs/${job}`); return tasks.succeeded + tasks.unknown + tasks.failed === total; }, 120_000);
    const left = await get(`/jobs/${job}`);
    // Calls that the stop cut are unknown: nothing is sent twice unasked. They are sent again by hand here.
    if (left.tasks.unknown > 0) {
      const { calls } = await get(`/reconcile?job=${job}`);
      await api(server.url).post('/reconcile', { calls: calls.map(({ call }) => call), as: 'resend' });
      await until('the lost ones are there', async () => (await get(`/jobs/${job}`)).tasks.succeeded === RESULTS);
    }
    const fresh = page.locator('.fresh');
    await until('the page shows all', async () => {
      if (await fresh.isVisible()) await fresh.click();
      return (await page.getAttribute('[role=option]', 'aria-setsize')) === String(RESULTS);
    });
  });

  const ids = (await get(`/results/ids?job=${job}`)).ids;
  assert.equal(ids.length, RESULTS);
  const keys = ['p', 'x', '4', 'p', '2'];
  const judge = async (from, to, key = (at) => keys[at % keys.length]) => {
    for (let at = from; at < to; at += 1) {
      assert.equal(await page.evaluate(() => Number(document.querySelector('.cell.current')?.id.slice(1))), ids[at], `the cursor is on picture ${at}`);
      await page.keyboard.press(key(at));
      const press = key(at);
      const old = expected.get(ids[at]) ?? { verdict: 'none', rating: 0 };
      expected.set(ids[at], press === 'p' ? { ...old, verdict: 'keep' } : press === 'x' ? { ...old, verdict: 'reject' } : { ...old, rating: Number(press) });
    }
  };
  await step('250 results reviewed by keyboard, then a reload at once', async () => {
    await page.keyboard.press('Home');
    await judge(0, 250);
    await page.reload();
    await page.waitForSelector('.cell.current');
    assert.equal(await page.evaluate(() => Number(document.querySelector('.cell.current').id.slice(1))), ids[250], 'the place is the same');
  });
  await step('the server goes away in the middle and comes back: nothing is lost', async () => {
    const port = new URL(server.url).port;
    await server.stop();
    await page.waitForSelector('.notice');
    await judge(250, 260);
    server = await serve(binary, place.folder, port);
    await page.waitForSelector('.notice', { state: 'detached' });
    await sent();
  });
  await step('the rest, in the grid and in the loupe', async () => {
    await judge(260, 400);
    await page.keyboard.press('Space');
    await page.waitForSelector('.loupe .frame img');
    for (let at = 400; at < RESULTS; at += 1) {
      await page.waitForFunction((id) => document.querySelector('.loupe')?.dataset.id === String(id), ids[at]);
      await page.keyboard.press(keys[at % keys.length]);
      const press = keys[at % keys.length];
      expected.set(ids[at], press === 'p' ? { verdict: 'keep', rating: 0 } : press === 'x' ? { verdict: 'reject', rating: 0 } : { verdict: 'none', rating: Number(press) });
    }
    for (const mode of ['side', 'slider', 'blink', 'difference']) {
      await page.keyboard.press('c');
      await page.waitForSelector(`.stage.${mode} .frame img`);
    }
    await page.keyboard.press('Escape');
    await sent();
  });
  await step('undo takes back the last one only', async () => {
    const last = expected.get(ids[RESULTS - 1]);
    await page.keyboard.press('x');
    await sent();
    await page.keyboard.press('Control+z');
    await sent();
    const rows = await api(server.url).post('/results/rows', { ids: [ids[RESULTS - 1]], reviewer: 'ann' });
    assert.deepEqual({ verdict: rows.rows[0].review.verdict, rating: rows.rows[0].review.rating }, last);
  });
  await step('every verdict is on the server', async () => {
    const { rows } = await api(server.url).post('/results/rows', { ids, reviewer: 'ann' });
    const wrong = rows.filter((row) => { const want = expected.get(row.id); return row.review?.verdict !== want.verdict || row.review?.rating !== want.rating; });
    assert.deepEqual(wrong.map((row) => [row.id, row.review, expected.get(row.id)]), []);
  });

  const other = await open(browser);
  await step('two pages agree: the same person sees it at once, another reviewer disagrees', async () => {
    await go(`/gallery?job=${job}`, other.page);
    await other.page.waitForSelector(`#r${ids[0]}.keep`);
    await page.keyboard.press('Home');
    await page.keyboard.press('x');
    await other.page.waitForSelector(`#r${ids[0]}.reject`);
    await other.page.fill('input[name=reviewer]', 'ben');
    await other.page.keyboard.press('Enter');
    await other.page.waitForSelector(`#r${ids[0]}:not(.reject)`);
    await other.page.focus('.grid');
    await other.page.keyboard.press('Home');
    await other.page.keyboard.press('p');
    await page.waitForSelector(`#r${ids[0]} .badge.disputed`);
    await sent(other.page);
    const agreement = await get(`/agreement?job=${job}`);
    assert.equal(agreement.disputed, 1);
    await page.waitForFunction(() => document.querySelector('.names')?.textContent.includes('ben'));
  });
  await step('a range is selected and made again; new pictures arrive', async () => {
    await page.keyboard.press('End');
    for (let at = 0; at < 2; at += 1) await page.keyboard.press('Shift+ArrowLeft');
    const before = (await get(`/jobs/${job}`)).pictures;
    await page.keyboard.press('r');
    await dialog();
    await until('three more are there', async () => (await get(`/jobs/${job}`)).pictures === before + 3);
    const fresh = page.locator('.fresh');
    await until('the page has them', async () => {
      if (await fresh.isVisible()) await fresh.click();
      return (await page.getAttribute('[role=option]', 'aria-setsize')) === String(before + 3);
    });
  });
  await step('kept pairs are saved under the names of the preview', async () => {
    await go(`/save?job=${job}`);
    await page.selectOption('select[name=preset]', 'edit_pairs');
    await page.check('text=Only kept pictures');
    await page.waitForFunction(() => [...document.querySelectorAll('.file-names li')].some((line) => line.textContent.includes('_end')));
    const previewed = await page.$$eval('.file-names li span:first-child', (lines) => lines.map((line) => line.textContent));
    await page.fill('input[name=folder]', join(place.folder, 'pairs'));
    await page.click('[data-name=save]');
    await page.waitForSelector('.saved');
    const files = readdirSync(join(place.folder, 'pairs'));
    for (const name of previewed) assert.ok(files.includes(name), `${name} of the preview is there`);
    // What Ann kept: Ben's keep of what Ann rejected is not saved.
    const { rows } = await api(server.url).post('/results/rows', { ids, reviewer: 'ann' });
    const kept = rows.filter((row) => row.review?.verdict === 'keep').length;
    assert.equal(files.filter((name) => name.includes('_end')).length, kept);
    assert.equal(files.filter((name) => name.includes('_start')).length, kept);
    const download = page.waitForEvent('download');
    await page.click('[data-name=zip]');
    assert.match((await download).suggestedFilename(), /\.zip$/);
  });
  await step('uploaded files are a source, a preset comes back, a folder is browsed', async () => {
    await go('/jobs/new');
    await page.setInputFiles('input[name=files]', ['001_start.png', '002_start.png'].map((name) => join(place.photos, name)));
    await page.fill('textarea[name=prompt]', 'make it winter');
    await page.selectOption('select[name=profile]', 'simulator');
    await page.waitForFunction(() => document.querySelector('.plan .facts dd')?.textContent.startsWith('2'));
    await page.click('text=Save as preset');
    await page.fill('input[placeholder="Name of the preset"]', 'winter');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('select[aria-label=Presets]')?.value === 'winter');
    await page.fill('textarea[name=prompt]', 'something else');
    await page.reload();
    assert.equal(await page.inputValue('textarea[name=prompt]'), 'something else', 'what was typed survives a reload');
    await page.selectOption('select[aria-label=Presets]', 'winter');
    assert.equal(await page.inputValue('textarea[name=prompt]'), 'make it winter');
    await page.click('text=Browse');
    await page.waitForSelector('.folder-list button');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
  });
  await step('a profile is made, its key never comes out, and it goes again', async () => {
    await go('/profiles?create=1');
    await page.fill('input[name=name]', 'studio');
    await page.fill('input[name=provider]', 'grok2api');
    await page.fill('input[name=base_url]', 'http://127.0.0.1:9/v1');
    await page.fill('input[name=model]', 'grok-imagine-image');
    await page.fill('input[name=credential_value]', 'sk-very-secret-key');
    await page.check('text=Allow an address in a private network');
    await page.fill('input[name=concurrency]', '3');
    await page.click('.profile-form [data-name=save]');
    await page.waitForSelector('.profile.on >> text=studio');
    const { profiles } = await get('/profiles');
    const studio = profiles.find((profile) => profile.name === 'studio');
    assert.equal(studio.limits.concurrency, 3);
    assert.ok(studio.network.allow_private_api && !JSON.stringify(profiles).includes('very-secret'));
    await page.click('[data-name=test]');
    await page.waitForSelector('.checks-list .bad');
    await page.click('.profile-form >> text=Delete');
    await dialog();
    await page.waitForFunction(() => ![...document.querySelectorAll('.profile')].some((line) => line.textContent.includes('studio')));
  });
  await step('files of the older console are taken in, and what goes out holds no key', async () => {
    const config = (model) => ({ system_prompt: 'sys', user_prompt: 'old', api_key: 'sk-old-secret-key-1234567890', api_url: 'http://127.0.0.1:8000/v1/chat/completions', model_name: model, concurrency_limit: 5, max_retries: 2 });
    const old = (name, value) => { const path = join(place.folder, name); writeFileSync(path, JSON.stringify(value)); return path; };
    await go('/profiles');
    const names = () => page.$$eval('.profile', (lines) => lines.map((line) => line.textContent).join(' '));
    await page.setInputFiles('input[type=file]', old('presets.json', { studio: config('grok-imagine-1.0-edit') }));
    await until('the preset is a profile', async () => /studio/.test(await names()));
    await page.setInputFiles('input[type=file]', old('state.json', { tasks: {}, task_order: [], current_config: config('grok-imagine-image') }));
    await until('the current configuration is one too', async () => (await get('/profiles')).profiles.some((profile) => profile.model === 'grok-imagine-image' && profile.origin === 'console'));
    const download = page.waitForEvent('download');
    await page.click('a[download]');
    const file = await download;
    const exported = readFileSync(await file.path(), 'utf8');
    assert.match(file.suggestedFilename(), /\.json$/);
    assert.ok(exported.includes('grok-imagine-1.0-edit') && !exported.includes('sk-old-secret'), exported);
    await page.setInputFiles('input[type=file]', old('broken.json', [1, 2]));
    await page.waitForSelector('.toast.bad');
    await page.setInputFiles('input[type=file]', join(place.photos, '001_start.png'));
    await page.waitForFunction(() => [...document.querySelectorAll('.toast')].some((toast) => toast.textContent.includes('is no JSON')));
    // What was exported can be taken in again and changes nothing.
    const before = (await get('/profiles')).profiles.find(({ name }) => name === 'studio');
    await page.setInputFiles('input[type=file]', old('again.json', JSON.parse(exported)));
    await page.waitForFunction(() => [...document.querySelectorAll('.toast')].some((toast) => /\d+ profiles? imported/.test(toast.textContent)));
    assert.deepEqual((await get('/profiles')).profiles.find(({ name }) => name === 'studio'), before);
  });
  const begin = async (recipe, fields) => {
    await go('/jobs/new');
    await page.evaluate(() => localStorage.removeItem('imagemill.draft'));
    await page.reload();
    await page.click(`.choice button:nth-child(${recipe})`);
    for (const [name, value] of Object.entries(fields)) {
      const field = page.locator(`[name=${name}]`).first();
      if (await field.evaluate((element) => element.tagName === 'SELECT')) await field.selectOption(value);
      else await field.fill(value);
      if (name === 'path') await page.keyboard.press('Enter');
    }
    await page.waitForSelector('.plan .facts');
    await page.click('[data-name=start]:enabled');
    if (await page.waitForSelector('dialog[open]', { timeout: 1500 }).catch(() => null)) await dialog();
    await page.waitForURL(/#\/jobs\/\d+$/);
    const id = Number(/\d+$/.exec(page.url())[0]);
    await until('its task ended', async () => (await get(`/jobs/${id}`)).tasks.succeeded >= 1);
    await go(`/task/${(await get(`/tasks?job=${id}`)).items[0].id}`);
    return id;
  };
  await step('an infographic: layouts to choose from, rounds and what was found, a draft changed and made again', async () => {
    const id = await begin(3, { profile: 'simulator', prompt: 'How green tea is made: pick, steam, roll, dry', rounds: '2', layout: 'linear-progression', expand: 'force', name: 'tea' });
    assert.deepEqual((await get(`/jobs/${id}/file`)).infographic.layout, 'linear-progression');
    await page.waitForSelector('.round img');
    await page.waitForSelector('.facts >> text=linear-progression');
    const draft = page.locator('.draft', { hasText: 'expanded-prompt.txt' });
    await draft.locator('summary').click();
    const text = await draft.locator('textarea').inputValue();
    await draft.locator('textarea').fill(`${text} All of it by hand.`);
    await draft.locator('[data-name=save-draft]').click();
    await draft.locator('.pill').waitFor();
    await page.click('[data-name=retry-drafts]');
    const task = (await get(`/tasks?job=${id}`)).items[0].id;
    await until('it was drawn again', async () => { const { made } = await get(`/tasks/${task}/drafts`); return made.state === 'succeeded' && made.record.prompt.includes('All of it by hand.'); });
    await page.waitForFunction(() => document.querySelector('.page-head .pill.succeeded'));
  });
  await step('a critique in both languages', async () => {
    await begin(4, { path: join(place.photos, '001_start.png'), rubric: 'korean', profile: 'simulator', model: 'sim-text', name: 'notes' });
    await page.waitForSelector('.both-languages article[lang=zh-CN]');
    assert.ok((await page.textContent('.both-languages article[lang=en]')).length > 200);
  });
  await step('the check tells what is in order, and files that nothing refers to go', async () => {
    await go('/server?part=check');
    await page.waitForSelector('.finding.good');
    await page.click('[data-name=remove-loose]');
    await dialog();
    await until('they are gone', async () => (await get('/loose-files')).files === 0);
    await go('/server?part=models');
    await page.waitForSelector('.server-table tbody tr');
    await go('/server?part=catalogue');
    await page.waitForSelector('.draft summary');
  });
  await step('the other language, kept over a reload', async () => {
    await page.click('[data-name=language]');
    await page.waitForSelector('nav >> text=图库');
    await page.reload();
    await page.waitForSelector('nav >> text=图库');
    assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');
  });
  await step('every page opens, in both languages, without an error', async () => {
    const { task } = (await api(server.url).post('/results/rows', { ids: [ids[0]] })).rows[0];
    for (const language of ['zh-CN', 'en']) for (const path of ['/jobs', `/jobs/${job}`, '/jobs/new', `/gallery?job=${job}`, `/task/${task}`, `/save?job=${job}`, '/profiles?name=simulator', '/costs', '/server', '/server?part=check', '/server?part=models', '/server?part=catalogue', '/server?part=log', '/server?part=changes']) {
      if (language === 'en' && path === '/jobs') await page.click('[data-name=language]');
      assert.equal(await page.getAttribute('html', 'lang'), language);
      await go(path);
      await page.waitForTimeout(300);
      assert.equal(await page.locator('.trouble').count(), 0, path);
      // Nothing is wider than the page.
      assert.ok(await page.evaluate(() => document.querySelector('.content').scrollWidth <= document.querySelector('.content').clientWidth), `${path} fits`);
    }
    await page.goto(`${server.url}/#/profiles?name=simulator`);
    await page.click('[data-name=test]');
    await page.waitForSelector('.checks-list li');
  });
  // What the browser itself says of a refused answer is not a fault of the page. While the server was away it itself complains about each try; everything else is a fault of the page.
  assert.deepEqual([...errors, ...other.errors].filter((error) => !/status of 4\d\d|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_NETWORK/.test(error)), []);
  console.log('console: all steps passed');
} finally {
  await browser.close();
  await server.stop();
  place.remove();
}
