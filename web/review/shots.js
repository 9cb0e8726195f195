// Pictures ready before they are looked at: neighbours of the cursor are fetched and decoded, and the very element is put on the page.
import { html, useLayoutEffect, useRef } from '../html.js';

const MOST = 12;
/** @type {Map<string, HTMLImageElement>} */
const ready = new Map();

/** An element for a picture, fetched and decoded once. @param {string} url */
export function prepare(url) {
  let image = ready.get(url);
  if (!image) {
    image = new Image();
    image.draggable = false;
    image.alt = '';
    image.src = url;
    image.decode().catch(() => {});
  }
  ready.delete(url);
  ready.set(url, image);
  for (const [old, element] of ready) {
    if (ready.size <= MOST) break;
    if (!element.isConnected) ready.delete(old);
    else break;
  }
  return image;
}

/** Forgets all, when the loupe closes. */
export const release = () => ready.clear();

/** One picture in its frame. Until it is there its thumbnail stands for it.
 * @param {{ url: string, thumbnail: string, label: string, view: import('./zoom.logic.js').View, onSize?: (size: { width: number, height: number }) => void }} props */
export function Shot({ url, thumbnail, label, view, onSize }) {
  /** @type {import('../html.js').Ref<HTMLDivElement | null>} */
  const frame = useRef(null);
  useLayoutEffect(() => {
    const box = /** @type {HTMLDivElement} */ (frame.current);
    const image = prepare(url);
    image.alt = label;
    const show = () => {
      box.replaceChildren(image);
      onSize?.({ width: image.naturalWidth, height: image.naturalHeight });
    };
    if (image.complete && image.naturalWidth > 0) {
      show();
      return undefined;
    }
    const small = new Image();
    small.src = thumbnail;
    small.className = 'coming';
    small.alt = label;
    box.replaceChildren(small);
    image.addEventListener('load', show, { once: true });
    image.addEventListener('error', () => { box.classList.add('broken'); }, { once: true });
    return () => image.removeEventListener('load', show);
  }, [url]);
  return html`<div class="shot" ref=${frame} style=${{ transform: view.k === 1 ? 'none' : `translate(${view.x}px, ${view.y}px) scale(${view.k})`, imageRendering: view.k > 4 ? 'pixelated' : 'auto' }}></div>`;
}
