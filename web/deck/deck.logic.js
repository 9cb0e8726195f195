// What is told of a deck, from its document.

/** Entries of a field, one a line. @param {string} text */
export const lines = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** @typedef {import('../documents.d.ts').DeckPage} DeckPage */

/** How a page stands: done, being made, failed, or waiting. @param {DeckPage} page @param {boolean} running */
export function standing(page, running) {
  if (page.png_done) return 'done';
  if (running) return 'making';
  return page.failure ? 'failed' : 'open';
}

/** Whether a deck has anything left to make. @param {import('../documents.d.ts').Deck} deck */
export const isLeft = (deck) => !deck.style_spec_done || !deck.outline_done || deck.pages.some((page) => page.action !== 'skip');

/** Whether one of its jobs has open tasks, or the next one is about to start. @param {import('../documents.d.ts').Deck} deck */
export const isRunning = (deck) => deck.jobs.some((job) => job.open > 0 && job.state === 'active') || (deck.goes_on && deck.jobs.every((job) => job.open === 0));

/** The pictures to choose from, each once, the page's own first. @param {DeckPage} page */
export function choices(page) {
  const all = page.picture && page.takes.includes(page.picture) ? [page.picture, ...page.takes] : page.takes;
  return [...new Set(all)];
}
