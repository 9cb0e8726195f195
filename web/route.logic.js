// Addresses behind the #: /gallery?job=3 and back.

/** @typedef {{ page: string, args: string[], query: Record<string, string> }} Route */

/** @param {string} hash @returns {Route} */
export function parseRoute(hash) {
  const [path, query] = hash.replace(/^#/, '').split('?');
  const parts = (path ?? '').split('/').filter(Boolean).map(decoded);
  return { page: parts[0] ?? 'jobs', args: parts.slice(1), query: Object.fromEntries(new URLSearchParams(query ?? '')) };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @param {string} path @param {Record<string, unknown>} query Empty values are left out. */
export function address(path, query) {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '' && value !== 0) parts.set(key, String(value));
  }
  const text = parts.toString();
  return text ? `${path}?${text}` : path;
}
