// A small double of /api/v1 with as many results as wanted, for measuring the page and for looking at it without the program.
//   node web/dev/fake.mjs [--port N] [--results N] [--live]
// It serves the page under the same Content-Security-Policy as the program. Nothing is kept.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { landscape } from './pictures.mjs';

const option = (name, otherwise) => { const at = process.argv.indexOf(`--${name}`); return at < 0 ? otherwise : Number(process.argv[at + 1]); };
const RESULTS = option('results', 100_000);
const PICTURES = 20;
const root = new URL('..', import.meta.url).pathname;
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

let seq = 1;
const now = () => Date.now() * 1000;
const counts = (more) => ({ queued: 0, running: 0, waiting: 0, succeeded: 0, partial: 0, failed: 0, refused: 0, unknown: 0, stopped: 0, ...more });
const job = (id, name, more) => {
  const tasks = counts(more.tasks);
  return { reason: null, profile: 'simulator', model: 'sim-image', recipe: 'edit', created_us: now() - id * 7.2e9, reserved: 0, budget: null, waiting_until_us: null, profile_paused: null, failures: [], put_off: {}, unknown: [], seconds: 4000,
    job: name, id, total: Object.values(tasks).reduce((a, b) => a + b, 0), pictures: tasks.succeeded, spent: tasks.succeeded * 0.04, unpriced: 0, ...more, tasks };
};
const jobs = new Map([
  job(1, 'alps-at-night', { state: 'finished', tasks: { succeeded: RESULTS - 60, failed: 42, refused: 18 }, pictures: RESULTS, failures: [{ kind: 'bad_picture', state: 'failed', tasks: 42, task: 7, title: '007.png', message: 'the picture ends in the middle' }, { kind: 'refused', state: 'refused', tasks: 18, task: 9, title: '009.png', message: 'the provider answered 400: moderation' }] }),
  job(2, 'harbour-in-winter', { state: 'active', budget: 12.5, reserved: 0.24, tasks: { queued: 180, running: 6, waiting: 4, succeeded: 205, failed: 3, partial: 2 }, failures: [{ kind: 'transient', state: 'failed', tasks: 3, task: 11, title: '011.png', message: 'the connection was closed' }], put_off: { rate_limited: 9 } }),
  job(3, 'fox-prompts', { state: 'paused', reason: 'budget', recipe: 'generate', tasks: { queued: 40, succeeded: 60, unknown: 2 }, budget: 2.4 }),
  job(4, 'portraits', { state: 'stopped', tasks: { stopped: 12, succeeded: 30 } }),
].map((entry) => [entry.id, entry]));
const reviews = new Map();
const clients = new Set();
const tell = (event) => { seq += 1; for (const client of clients) client.write(`id: ${seq}\nevent: event\ndata: ${JSON.stringify({ type: 'event', seq, at_us: now(), ...event })}\n\n`); };

const findings = (id) => (id % 37 === 0 ? ['size_differs'] : id % 53 === 0 ? ['unchanged'] : []);
const reviewOf = (id, reviewer) => reviews.get(id)?.get(reviewer) ?? null;
const row = (id, reviewer) => {
  const all = [...(reviews.get(id)?.values() ?? [])];
  const keep = all.filter((review) => review.verdict === 'keep').length;
  const reject = all.filter((review) => review.verdict === 'reject').length;
  return { id, task: id, job: 1, hash: `h${id}`, format: 'png', width: 1024, height: 768, bytes: 812_345, title: `${String(id).padStart(6, '0')}.png`, prompt: 'make it night, keep everything else as it is, with a full moon over the hills', model: 'sim-image',
    findings: findings(id), stack: id % 20 < 3 ? Math.floor(id / 20) : null, source: { task: id }, review: reviewOf(id, reviewer), reviews: { keep, reject, disputed: keep > 0 && reject > 0 }, created_us: now() - id * 1e6 };
};
const all = Array.from({ length: RESULTS }, (_, index) => index + 1);
const pool = new Map();
const picture = (hash, small) => {
  const number = Number(hash.replace(/\D/g, '')) % PICTURES;
  const key = `${hash[0]}${number}${small}`;
  if (!pool.has(key)) pool.set(key, landscape(number + 1, small ? 256 : 1024, small ? 192 : 768, hash[0] === 'h'));
  return pool.get(key);
};
const profile = (name, more) => ({ name, description: '', provider: 'openai', protocol: 'images', base_url: 'https://api.openai.com/v1', model: 'gpt-image-2', credential: { env: 'OPENAI_API_KEY' }, ready: true, default: false, limits: { concurrency: 8, requests_per_minute: null }, budget: null, paused: null, network: { allow_private_api: false, allow_private_downloads: false }, origin: 'console', editable: true, ...more });
const profiles = [profile('openai', { default: true }), profile('studio', { provider: 'grok2api', base_url: 'http://192.168.1.20:8000/v1', model: 'grok-imagine-image-edit', ready: false, credential: null, paused: { kind: 'auth', reason: 'the key was refused', until_us: null } }), profile('simulator', { provider: 'simulator', model: 'sim-image' })];

const routes = [
  ['GET', /^\/about$/, () => ({ version: '0', workspace: '/work', language: 'en', remote: false, seq, confirm_above: 5, reviewer: 'me', roots: [], simulator: true })],
  ['GET', /^\/jobs$/, () => ({ items: [...jobs.values()], next: null })],
  ['GET', /^\/jobs\/(\d+)$/, ([id]) => jobs.get(Number(id))],
  ['GET', /^\/jobs\/(\d+)\/file$/, () => ({ recipe: 'edit', prompt: 'make it night', source: { paths: ['photos'] } })],
  ['POST', /^\/jobs\/(\d+)\/(pause|resume|stop)$/, ([id, command]) => { const entry = jobs.get(Number(id)); entry.state = { pause: 'paused', resume: 'active', stop: 'stopped' }[command]; tell({ job: entry.id, event: 'job_state', state: entry.state }); return entry; }],
  ['POST', /^\/jobs\/(\d+)\/retry$/, (_, body) => ({ tasks: body.tasks?.length ?? 3 })],
  ['POST', /^\/plans$/, (_, body) => ({ job: 'photos', recipe: body.job.recipe, profile: 'openai', provider: 'openai', protocol: 'images', model: 'gpt-image-2', size: { size: '1536x1024' }, tasks: 120, sources: 60, cost: { low: 1.2, likely: 4.1, high: 22.5, source: 'x', date: '2026-11-21' }, call_ceiling: 0.19, budget: null, seconds_at_rate: null, unknown_policy: 'never', skipped: [{ path: 'photos/copy.png', reason: { reason: 'duplicate', of: 'photos/1.png' } }], ignored_files: 2, warnings: ['The model does not take a seed.'], task_list: [{ key: 'a', source: '1.png', prompt: 'make it night', sample: 0 }], needs_consent: true, most: 22.5, known: 0 })],
  ['POST', /^\/jobs$/, () => jobs.get(2)],
  ['GET', /^\/tasks$/, (_, __, query) => ({ items: all.slice(0, 60).map((id) => ({ id, job: Number(query.get('job')), position: id, title: row(id).title, state: id % 9 === 0 ? 'failed' : 'succeeded', failure: id % 9 === 0 ? { kind: 'bad_picture', message: 'the picture ends in the middle' } : null, prompt: row(id).prompt, pictures: 1, cost: 0.04, tries: 1, thumbnails: [`h${id}`], source: `s${id}` })), next: null })],
  ['GET', /^\/tasks\/(\d+)$/, ([id]) => ({ job: 'alps-at-night', job_id: 1, title: row(Number(id)).title, raw_allowed: true, prompt: row(Number(id)).prompt, task: { id: Number(id), job: 1, key: '70c0aa', state: 'succeeded', attempt: 1, spec: { src: [{ path: `/photos/${id}.png`, name: `${id}.png` }] }, started_us: now() - 9e6, ended_us: now() }, calls: [{ call: { id: 1, step: 'image', attempt: 1, state: 'fetched', model: 'sim-image', profile: 'simulator', cost: 0.04, ceiling: 0.1, http_status: 200, sent_us: now() - 8e6, ended_us: now(), usage: { output_tokens: 1056 } }, request: { model: 'sim-image', prompt: 'make it night' }, answer: { data: [{ b64_json: '<picture h1>' }] } }], assets: [{ asset: { id: Number(id), facts: { blake3: `h${id}`, width: 1024, height: 768, format: 'png', bytes: 812345 } }, prepared: { rotated: true } }] })],
  ['GET', /^\/results\/ids$/, (_, __, query) => {
    const reviewer = query.get('reviewer') ?? '';
    const q = query.get('q') ?? '';
    let list = query.get('job') && query.get('job') !== '1' ? [] : all;
    const verdict = query.get('verdict');
    if (verdict) list = list.filter((id) => (verdict === 'disputed' ? row(id).reviews.disputed : (reviewOf(id, reviewer)?.verdict ?? 'none') === verdict));
    if (query.get('rating_min')) list = list.filter((id) => (reviewOf(id, reviewer)?.rating ?? 0) >= Number(query.get('rating_min')));
    if (query.get('finding')) list = list.filter((id) => findings(id).includes(query.get('finding')));
    if (q) list = list.filter((id) => row(id).title.includes(q));
    if (query.get('sort') === 'newest') list = [...list].reverse();
    return { ids: list, total: list.length, seq };
  }],
  ['POST', /^\/results\/rows$/, (_, body) => ({ rows: body.ids.map((id) => row(id, body.reviewer)) })],
  ['GET', /^\/results\/stacks$/, () => ({ stacks: Array.from({ length: Math.floor(RESULTS / 20) }, (_, stack) => [stack * 20, stack * 20 + 1, stack * 20 + 2].filter((id) => id > 0)) })],
  ['GET', /^\/results\/(\d+)$/, ([id]) => ({ ...row(Number(id)), all_reviews: [...(reviews.get(Number(id))?.entries() ?? [])].map(([reviewer, review]) => ({ reviewer, ...review })) })],
  ['POST', /^\/reviews$/, (_, body) => {
    const before = body.changes.map(({ id }) => ({ id, verdict: 'none', rating: 0, note: '', ...reviewOf(id, body.reviewer) }));
    for (const { id, ...set } of body.changes) {
      if (!reviews.has(id)) reviews.set(id, new Map());
      reviews.get(id).set(body.reviewer, { verdict: 'none', rating: 0, note: '', ...reviewOf(id, body.reviewer), ...set });
      if (body.changes.length < 50) tell({ job: 1, event: 'review', asset: id, reviewer: body.reviewer });
    }
    return { changed: body.changes.length, before };
  }],
  ['GET', /^\/agreement$/, () => ({ reviewers: [], pairs: [], disputed: 0 })],
  ['GET', /^\/save-rules$/, () => ({ presets: ['edit_pairs', 'aitookit_edit', 'keep_source_name', 'source_with_txt', 'first_only_clean', 'indexed_archive'].map((name) => ({ name, built_in: true, rule: { name: '{pair_stem}_end', copy_source: name === 'edit_pairs' } })) })],
  ['POST', /^\/jobs\/\d+\/save\/preview$/, () => ({ names: all.slice(0, 20).map((id) => ({ task: id, asset: id, kind: 'picture', file: `${String(id).padStart(3, '0')}_end.png`, there: id < 3 })), pictures: RESULTS, errors: [] })],
  ['POST', /^\/jobs\/\d+\/(save|zip)$/, () => ({ save: 's1' })],
  ['GET', /^\/saves\/s1$/, () => ({ state: 'done', done: 20, total: 20, result: { folder: '/home/ada/pairs', pictures: 20, sources: 20, texts: 0, already_there: 2, skipped: 0, errors: [], error_count: 0, manifest: '/home/ada/pairs/manifest.json', contact_sheets: [] } })],
  ['GET', /^\/profiles$/, () => ({ profiles, default: 'openai' })],
  ['POST', /^\/profiles\/[^/]+\/test$/, () => ({ ok: false, checks: [{ name: 'connection', ok: true, message: 'https://api.openai.com/v1', fix: null }, { name: 'credential', ok: false, message: 'OPENAI_API_KEY is empty', fix: 'Set it and start the server again.' }] })],
  ['GET', /^\/profiles\/[^/]+\/models$/, () => ({ names: ['gpt-image-2', 'gpt-image-1.5'] })],
  ['GET', /^\/models$/, () => ({ models: [{ model: 'gpt-image-2' }, { model: 'sim-image' }] })],
  ['GET', /^\/presets$/, () => ({ presets: [{ name: 'night', job: { recipe: 'edit', prompt: 'make it night', source: { paths: ['photos'] } } }] })],
  ['GET', /^\/folders$/, (_, __, query) => ({ path: query.get('path') || '/home/me', parent: '/home', folders: ['photos', 'scans'], pictures: 12 })],
  ['GET', /^\/reconcile$/, (_, __, query) => ({ calls: query.get('job') === '3' ? [{ call: 12, task: 9, task_state: 'unknown', title: 'a red fox', job: 'fox-prompts', profile: 'openai', model: 'gpt-image-2', sent_us: now() - 9e9, ceiling: 0.12, message: 'the connection was cut while the answer came' }] : [], ceiling: 0.12 })],
  ['GET', /^\/costs$/, (_, __, query) => {
    const group = (name, n) => ({ name, calls: n, pictures: n, spent: n * 0.041, held: n % 5 === 0 ? 0.4 : 0, unknown: n % 5 === 0 ? 1 : 0, unpriced: 0 });
    const by = query.get('by');
    const groups = by === 'day' ? Array.from({ length: 24 }, (_, at) => group(new Date(Date.now() - at * 86_400_000).toISOString().slice(0, 10), (at * 37) % 90)) : by === 'job' ? [...jobs.values()].map((entry) => group(entry.job, entry.id * 90)) : ['gpt-image-2', 'sim-image', 'gemini-3-pro-image'].map((name, at) => group(name, 300 - at * 110));
    return { by, groups, total: group('total', 720) };
  }],
];

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://x');
  const send = (status, type, body, more = {}) => { response.writeHead(status, { 'Content-Type': type, 'Content-Security-Policy': CSP, ...more }); response.end(body); };
  if (!url.pathname.startsWith('/api/v1')) {
    const path = normalize(url.pathname === '/' ? '/index.html' : url.pathname);
    const file = await readFile(join(root, path)).catch(() => null);
    return file ? send(200, types[extname(path)] ?? 'text/plain', file, { 'Cache-Control': 'no-cache' }) : send(404, 'text/plain', 'no such page');
  }
  const path = url.pathname.slice(7);
  if (path === '/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(': hello\n\n');
    clients.add(response);
    request.on('close', () => clients.delete(response));
    return undefined;
  }
  const drawn = /^\/(?:pictures\/(h\d+)|tasks\/(\d+)\/source)(\/thumbnail)?$/.exec(path);
  if (drawn) return send(200, 'image/png', picture(drawn[1] ?? `s${drawn[2]}`, Boolean(drawn[3])), { 'Cache-Control': 'private, max-age=31536000, immutable' });
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  for (const [method, pattern, answer] of routes) {
    const match = method === request.method && pattern.exec(path);
    if (!match) continue;
    const body = answer(match.slice(1), text ? JSON.parse(text) : {}, url.searchParams);
    return body ? send(200, 'application/json', JSON.stringify(body)) : send(404, 'application/problem+json', '{"title":"not there","status":404,"detail":"There is nothing here."}');
  }
  return send(404, 'application/problem+json', JSON.stringify({ title: 'not there', status: 404, detail: `the double has no ${request.method} ${path}` }));
});
// Drawn before the first request, so that a measurement of the page measures the page.
for (let number = 0; number < PICTURES; number += 1) for (const kind of 'hs') for (const small of [true, false]) picture(`${kind}${number}`, small);
server.listen(option('port', 0), '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })));

if (process.argv.includes('--live')) {
  setInterval(() => {
    const entry = jobs.get(2);
    if (entry.state !== 'active' || entry.tasks.queued === 0) return;
    entry.tasks.queued -= 1;
    entry.tasks.succeeded += 1;
    entry.pictures += 1;
    entry.spent += 0.04;
    tell({ job: 2, event: 'task_state', task: entry.tasks.succeeded, state: 'succeeded', pictures: 1, cost: 0.04 });
    for (const client of clients) client.write(`event: activity\ndata: ${JSON.stringify({ jobs: [{ id: 2, rate_per_minute: 120, eta_s: entry.tasks.queued / 2, running: 6 }], profiles: [{ name: 'simulator', limit: 8, in_flight: 6, paused: null }] })}\n\n`);
  }, 500);
}
