// Line icons of 16 units, drawn in the colour of the text.
import { html } from '../html.js';

const paths = {
  play: 'M5 3.5v9l7-4.5z', pause: 'M5 3.5v9M11 3.5v9', stop: 'M4 4h8v8H4z', retry: 'M12.5 8a4.5 4.5 0 1 1-1.4-3.2M12.5 2.5v3h-3',
  trash: 'M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5', plus: 'M8 3v10M3 8h10', close: 'M4 4l8 8M12 4l-8 8', check: 'M3 8.5l3.5 3.5L13 4.5',
  grid: 'M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z', list: 'M3 4h10M3 8h10M3 12h10', save: 'M8 2.5v7M5 7l3 3 3-3M3 13h10', search: 'M7 2.8a4.2 4.2 0 1 1 0 8.4 4.2 4.2 0 0 1 0-8.4M10.2 10.2L13.5 13.5',
  undo: 'M6 3L3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6', left: 'M10 3L5 8l5 5', right: 'M6 3l5 5-5 5', down: 'M3 6l5 5 5-5', filter: 'M2.5 3.5h11L9.5 8.5v4l-3-1.5V8.5z',
  sun: 'M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1',
  moon: 'M12.8 9.6A5.3 5.3 0 0 1 6.4 3.2a5.3 5.3 0 1 0 6.4 6.4z', system: 'M2.5 3.5h11v7h-11zM6 13h4M8 10.5V13', help: 'M6 6.2a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.3M8 11.6v.4M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8',
  stack: 'M5.5 5.5h7v7h-7zM3.5 10.5v-7h7', folder: 'M2.5 4h4l1.2 1.5h5.8V12.5h-11z', upload: 'M8 10V3M5 5.5L8 2.5l3 3M3 13h10', external: 'M6 3.5H3.5v9h9V10M9 3h4v4M13 3L7.5 8.5',
  warn: 'M8 2.5l6 11H2zM8 6.5v3.2M8 11.4v.4', coin: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M9.8 5.9C9.3 5.2 6.4 5 6.4 6.7c0 1.6 3.4.9 3.4 2.6 0 1.6-2.9 1.5-3.6.7M8 4.3v7.4',
  person: 'M8 2.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5M3.5 13.5c.3-2.8 2.2-4 4.5-4s4.2 1.2 4.5 4', info: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M8 7v4M8 4.8v.4',
  compare: 'M2.5 3.5h11v9h-11zM8 2v12', key: 'M5.5 5.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5M8 8h6M12 8v2.5', copy: 'M5.5 5.5h7v7h-7zM3.5 10.5h-0v-7h7', edit: 'M3 13l.7-2.7L10.5 3.5l2 2L5.7 12.3z',
};

/** @typedef {keyof typeof paths} IconName */

/** @param {{ name: IconName, size?: number }} props */
export const Icon = ({ name, size = 16 }) => html`<svg class="icon" width=${size} height=${size} viewBox="0 0 16 16" aria-hidden="true"><path d=${paths[name]} /></svg>`;

/** A star of a rating. @param {{ on: boolean }} props */
export const Star = ({ on }) => html`<svg class=${on ? 'star on' : 'star'} viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1.8l1.9 4 4.3.6-3.1 3 .750 4.3L8 11.7l-3.850 2 .750-4.3-3.1-3 4.3-.6z" /></svg>`;
