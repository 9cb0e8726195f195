// The program under test: a workspace of its own, pictures to edit, and `imagemill serve`.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { landscape } from '../dev/pictures.mjs';

/** A folder with `count` small pictures in it, and a workspace beside; the folder may be named where people see it. */
export function workspace(count, width = 320, height = 240, folder = mkdtempSync(join(tmpdir(), 'imagemill-console-'))) {
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(folder, 'photos'));
  for (let number = 1; number <= count; number += 1) writeFileSync(join(folder, 'photos', `${String(number).padStart(3, '0')}_start.png`), landscape(number, width, height, false));
  return { folder, photos: join(folder, 'photos'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

const surroundings = (folder, environment) => ({ ...process.env, XDG_CONFIG_HOME: join(folder, 'config'), IMAGEMILL_WORKSPACE: folder, ...environment });

/** A command that ends by itself. */
export function command(binary, folder, words, codes = [0]) {
  const ran = spawnSync(binary, words, { cwd: folder, encoding: 'utf8', env: surroundings(folder, {}) });
  if (!codes.includes(ran.status)) throw new Error(`imagemill ${words.join(' ')} ended with ${ran.status}:\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

/** A collection whose pictures have critiques; everything is read twice. */
export function critiques(binary, folder) {
  writeFileSync(join(folder, 'imagemill.toml'), '[collections.korean]\nsecond_read = 1.0\nmilestones = [10, 50, 100, 150]\n');
  command(binary, folder, ['collections', 'add', 'korean', 'photos']);
  command(binary, folder, ['collections', 'run', 'korean', '--count', '2', '--profile', 'simulator', '--yes']);
}

/** The server; the address is known when it listens. */
export const serve = (binary, folder, port = 0) => start(binary, ['serve', '--lang', 'en'], folder, { USER: 'ann' }, port);

async function start(binary, command, folder, environment, port = 0) {
  const child = spawn(binary, [...command, '--port', String(port), '--json'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: surroundings(folder, environment) });
  let log = '';
  child.stderr.on('data', (part) => { log += part; });
  const url = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
      const line = text.split('\n').find((candidate) => candidate.startsWith('{'));
      if (line) resolve(JSON.parse(line).url);
    });
    child.on('exit', (code) => reject(new Error(`imagemill ${command[0]} ended with ${code}:\n${log}`)));
  });
  const stop = (signal = 'SIGTERM') => new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.on('exit', resolve);
    child.kill(signal);
    // A second one closes what is still open, as Ctrl-C twice does.
    setTimeout(() => child.kill(signal), 1500).unref();
    return undefined;
  });
  return { url, stop, log: () => log };
}

/** @param {string} url */
export const api = (url) => ({
  get: async (path) => (await fetch(`${url}/api/v1${path}`)).json(),
  put: async (path, body) => (await fetch(`${url}/api/v1${path}`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json(),
  post: async (path, body) => (await fetch(`${url}/api/v1${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json(),
});
