// A workspace in which every page has something to show, for pictures and audits of them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { api, critiques, serve, workspace } from './program.mjs';

/** @param {string} binary @param {string} [folder] Where it is, when people will see the name. */
export async function stage(binary, folder) {
  const place = workspace(24, 640, 480, folder);
  critiques(binary, place.folder);
  const server = await serve(binary, place.folder);
  const { get, post, put } = api(server.url);
  const submit = (job) => post('/jobs', { job: { profile: 'simulator', ...job }, accept_unknown_price: true, agreed_up_to: 1000 });
  const ended = async (id) => { for (;;) { const job = await get(`/jobs/${id}`); if (job.state === 'finished' || (job.tasks.queued + job.tasks.running + job.tasks.waiting === 0)) return job; await new Promise((resolve) => { setTimeout(resolve, 200); }); } };
  const source = { paths: [place.photos] };
  const night = await submit({ name: 'night-in-the-hills', recipe: 'edit', prompts: ['make it night, keep everything else as it is', 'the same place in deep winter, with snow on the hills'], source, samples: 2, budget: 25, model: 'sim-image' });
  await ended(night.id);
  const refused = await submit({ name: 'portraits-refused', recipe: 'edit', prompt: 'paint it in the manner of a late summer evening', source: { paths: [join(place.photos, '00?_start.png')] }, model: 'refuse' });
  await ended(refused.id);
  const foxes = await submit({ name: 'foxes', recipe: 'generate', prompt: 'a red fox in snow', samples: 9, model: 'sim-image+size:480x640' });
  await ended(foxes.id);
  const tea = await submit({ name: 'green-tea', recipe: 'infographic', prompt: 'How green tea is made: pick, steam for 90 seconds, roll, dry at 80 °C', infographic: { rounds: 2, expand: 'force' } });
  await ended(tea.id);
  const notes = await submit({ name: 'notes-on-hills', recipe: 'critique', model: 'sim-text', source: { paths: [join(place.photos, '00[1-3]_start.png')] }, critique: { rubric: 'chinese' } });
  await ended(notes.id);
  const firstTask = async (job) => (await get(`/tasks?job=${job.id}`)).items[0].id;
  const running = await submit({ name: 'harbour-at-dusk', recipe: 'edit', prompt: 'the harbour at dusk', source, samples: 40, budget: 60, model: 'sim-image+delay:2500' });
  const deck = await post('/decks', { topic: '绿茶是怎样制成的：采摘，杀青，揉捻，干燥', pages: 7, audience: '茶园游客' });
  await post(`/decks/${deck.id}/run`, { profile: 'simulator', takes: 2, agreed_up_to: 1000 });
  for (;;) { const made = await get(`/decks/${deck.id}`); if (made.pages.every((page) => page.png_done)) break; await new Promise((resolve) => { setTimeout(resolve, 200); }); }
  const { ids } = await get(`/results/ids?job=${night.id}`);
  const verdicts = (list) => list.map((id, at) => ({ id, ...(at % 3 === 0 ? { verdict: 'keep', rating: 4 } : at % 5 === 0 ? { verdict: 'reject' } : at % 4 === 1 ? { rating: 3 } : { note: '' }) }));
  await post('/reviews', { reviewer: 'ann', changes: verdicts(ids.slice(0, 60)) });
  await post('/reviews', { reviewer: 'ben', changes: verdicts(ids.slice(1, 40)).map((change) => (change.id % 7 === 0 ? { ...change, verdict: 'reject' } : change)) });
  const task = (await post('/results/rows', { ids: [ids[5]] })).rows[0].task;

  writeFileSync(join(place.folder, 'research.md'), 'what people like');
  const asset = { assetId: 'maya-desk-v1', personaId: 'maya', assetPurpose: 'persona_candidate', sourceBasis: ['research.md'], localAssetDir: 'assets/maya-desk-v1', provider: 'simulator',
    prompt: 'A woman at her desk, phone camera, window light.', mustKeep: ['short hair'], canVary: ['the mug'], mustAvoid: ['studio light'], qualityProfile: 'draft', qualityReason: 'a first look' };
  await post('/requests', { batch: [1, 2, 3, 4].map((run) => ({ ...asset, runId: `image-run-00${run}`, seed: run })) });
  const maya = '/asset-folders/asset?folder=assets/maya-desk-v1';
  while (((await get(maya)).pictures ?? []).length < 4) await new Promise((resolve) => { setTimeout(resolve, 200); });
  const { words } = await get('/asset-folders');
  const [first, second] = (await get(maya)).pictures;
  const said = { folder: 'assets/maya-desk-v1', reviewer: 'ann' };
  await post('/asset-folders/verdicts', { ...said, object: first.object, verdict: 'approve', answers: Object.fromEntries(words.questions.map((question) => [question, 'pass'])) });
  await post('/asset-folders/verdicts', { ...said, object: second.object, verdict: 'reject', bad: ['skin like plastic'], categories: ['visual_realism'] });

  const rows = (await get('/collections/korean/queue?view=all')).items;
  for (const [at, item] of rows.entries()) {
    const path = `/collections/korean/rows/${item.picture}`;
    const { version, row } = await get(path);
    if (at % 3 === 1) await put(`${path}/reading`, { reader: 'ben', version, verdict: at % 2 ? 'approve' : 'reject', score: 1 + (at % 5), note: 'as Ben reads it' });
    if (at % 6 === 1) await put(`${path}/reading`, { reader: 'ann', version, verdict: 'approve', score: 4 });
    if (at === 0) await put(path, { author: 'ben', version, note: 'the seal is red', changes: { critique_en: `${row.critique_en.replace(' is ', ' may be ')} The seal is red.`, critique_zh: row.critique_zh.replace('，', '，大约') } });
  }

  const fill = async (page, recipe, prompt) => {
    await page.click(`.choice button:nth-child(${['edit', 'generate', 'infographic', 'critique'].indexOf(recipe) + 1})`);
    if (recipe === 'edit' || recipe === 'critique') {
      await page.fill('input[name=path]', place.photos);
      await page.keyboard.press('Enter');
    }
    if (recipe === 'critique') await page.fill('input[name=rubric]', 'korean');
    await page.selectOption('select[name=profile]', 'simulator');
    if (recipe === 'critique') await page.fill('input[name=model]', 'sim-text');
    await page.fill('textarea[name=prompt]', prompt);
    await page.waitForSelector('.plan .facts');
  };
  const open = (selector) => async (page) => { await page.click(selector); };

  /** Name, address, keys to press, what else is done before anybody looks. */
  const pages = [
    ['jobs', '/jobs'],
    ['job', `/jobs/${running.id}`],
    ['job-refused', `/jobs/${refused.id}`],
    ['new', '/jobs/new', [], (page) => fill(page, 'edit', 'make it night, keep everything else')],
    ['new-infographic', '/jobs/new', [], (page) => fill(page, 'infographic', 'How green tea is made')],
    ['new-critique', '/jobs/new', [], (page) => fill(page, 'critique', 'Mind the seals.')],
    ['gallery', `/gallery?job=${night.id}`],
    ['selected', `/gallery?job=${night.id}`, ['ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowDown']],
    ['loupe', `/gallery?job=${night.id}`, ['ArrowRight', 'Space']],
    ['loupe-side', `/gallery?job=${night.id}`, ['ArrowRight', 'Space', 'c']],
    ['loupe-slider', `/gallery?job=${night.id}`, ['Space', 'c', 'c']],
    ['loupe-difference', `/gallery?job=${night.id}`, ['Space', 'Shift+C']],
    ['task', `/task/${task}`],
    ['task-infographic', `/task/${await firstTask(tea)}`],
    ['task-drafts', `/task/${await firstTask(tea)}`, [], open('.draft summary')],
    ['task-critique', `/task/${await firstTask(notes)}`],
    ['save', `/save?job=${night.id}`],
    ['assets', '/assets?folder=assets%2Fmaya-desk-v1', ['1', '2']],
    ['persona', '/assets?persona=maya'],
    ['decks', '/decks'],
    ['deck', `/decks/${deck.id}`],
    ['deck-page', `/decks/${deck.id}?page=2`],
    ['profiles', '/profiles?name=simulator'],
    ['profile-new', '/profiles?create=1'],
    ['critiques', '/critiques'],
    ['critique-queue', '/critiques/korean?view=all'],
    ['critique-edit', '/critiques/korean?view=all', ['e']],
    ['critique-second', '/critiques/korean?view=second'],
    ['costs', '/costs'],
    ['server', '/server'],
    ...['check', 'models', 'catalogue', 'log', 'changes'].map((part) => [`server-${part}`, `/server?part=${part}`]),
    ['keys', '/jobs', ['?']],
  ];

  return { server, place, pages, stop: async () => { await server.stop(); place.remove(); } };
}
