// Requests to /api/v1. The only module that knows addresses and how errors come back.
import { t, language } from './i18n/texts.js';
import { signal } from './html.js';

export const BASE = '/api/v1';

/** Set when the server wants a token: the shell asks for it. */
export const tokenWanted = signal(false);

/** An error of the server or of the way there, with a sentence that says what to do. */
export class Problem extends Error {
  /** @param {number} status @param {Partial<import('./documents.d.ts').ProblemDocument>} document */
  constructor(status, document) {
    super(document.detail || document.title || t('error.status', { status }));
    this.status = status;
    this.kind = document.kind ?? '';
    this.help = document.help ?? null;
    this.place = document.place ?? null;
    this.document = document;
  }

  /** True when the same request may go through later. */
  get passing() {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

/** @param {string} path @param {RequestInit} init */
async function send(path, init) {
  let response;
  try {
    response = await fetch(BASE + path, { credentials: 'same-origin', ...init, headers: { 'Accept-Language': language.peek(), ...init.headers } });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, { kind: 'offline', detail: t('error.offline') });
  }
  if (response.ok) return response;
  if (response.status === 401) tokenWanted.value = true;
  let document = {};
  try {
    document = await response.json();
  } catch {
    // Not a problem document: the status alone has to do.
  }
  throw new Problem(response.status, document);
}

/** @param {Record<string, unknown>} [query] */
function suffix(query) {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') parts.set(key, String(value));
  }
  const text = parts.toString();
  return text ? `?${text}` : '';
}

/** @param {string} path @param {Record<string, unknown>} [query] @param {AbortSignal} [abort] @returns {Promise<any>} */
export async function get(path, query, abort) {
  return (await send(path + suffix(query), { signal: abort })).json();
}

/** @param {string} method @param {string} path @param {unknown} [body] @param {AbortSignal} [abort] @returns {Promise<any>} */
async function change(method, path, body, abort) {
  const response = await send(path, { method, signal: abort, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}) });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** @param {string} path @param {unknown} [body] @param {AbortSignal} [abort] */
export const post = (path, body, abort) => change('POST', path, body, abort);
/** @param {string} path @param {unknown} [body] */
export const put = (path, body) => change('PUT', path, body);
/** @param {string} path */
export const remove = (path) => change('DELETE', path);

/** Sends files with progress, which fetch cannot tell.
 * @param {string} path @param {File[]} files @param {(share: number) => void} progress @returns {Promise<any>} */
export function upload(path, files, progress) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const file of files) form.append('files', file, file.webkitRelativePath || file.name);
    const request = new XMLHttpRequest();
    request.open('POST', BASE + path);
    request.setRequestHeader('Accept-Language', language.peek());
    request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Problem(0, { kind: 'offline', detail: t('error.offline') }));
    request.onload = () => {
      let document = {};
      try {
        document = JSON.parse(request.responseText);
      } catch {
        // The status alone has to do.
      }
      if (request.status < 300) resolve(document);
      else reject(new Problem(request.status, document));
    };
    request.send(form);
  });
}

/** @param {string} hash */
export const pictureUrl = (hash) => `${BASE}/pictures/${hash}`;
/** @param {string} hash */
export const thumbnailUrl = (hash) => `${BASE}/pictures/${hash}/thumbnail`;
/** @param {number} task */
export const sourceUrl = (task) => `${BASE}/tasks/${task}/source`;
/** @param {number} task */
export const sourceThumbnailUrl = (task) => `${BASE}/tasks/${task}/source/thumbnail`;
/** A picture of an asset folder. Its hash is in the address, because what lies at a path may change. @param {string} folder @param {string} path @param {string} [sha256] @param {boolean} [small] */
export const assetPictureUrl = (folder, path, sha256, small) => `${BASE}/asset-folders/picture${suffix({ folder, path, thumbnail: small ? 'true' : '', v: sha256?.slice(7, 23) })}`;
