// One view for all pictures of a comparison: factor and shift, the same for each of them.

/** Factor 1 fits the picture into its frame; x and y are the shift of its middle in pixels of the frame.
 * @typedef {{ k: number, x: number, y: number }} View */

/** @type {View} */
export const FIT = { k: 1, x: 0, y: 0 };
const MOST = 32;

/** The picture never leaves its frame. @param {View} view @param {{ width: number, height: number }} frame @returns {View} */
export function bounded(view, frame) {
  const k = Math.min(MOST, Math.max(1, view.k));
  const most = { x: (frame.width * (k - 1)) / 2, y: (frame.height * (k - 1)) / 2 };
  return { k, x: Math.max(-most.x, Math.min(most.x, view.x)), y: Math.max(-most.y, Math.min(most.y, view.y)) };
}

/** Zooms about a point, measured from the middle of the frame: what is under it stays there.
 * @param {View} view @param {number} k @param {{ x: number, y: number }} point @param {{ width: number, height: number }} frame @returns {View} */
export function zoomed(view, k, point, frame) {
  const to = Math.min(MOST, Math.max(1, k));
  const ratio = to / view.k;
  return bounded({ k: to, x: point.x - (point.x - view.x) * ratio, y: point.y - (point.y - view.y) * ratio }, frame);
}

/** The factor at which one pixel of the picture is one of the screen.
 * @param {{ width: number, height: number }} picture @param {{ width: number, height: number }} frame @param {number} [density] */
export function actual(picture, frame, density = 1) {
  const fit = Math.min(frame.width / picture.width, frame.height / picture.height);
  return Math.max(1, 1 / (fit * density));
}
