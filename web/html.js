// The one door to the vendored libraries: templates, components, signals. Knows nothing of imagemill.
import htm from './vendor/htm.js';
import { h, render, Fragment } from './vendor/preact.js';

export { h, render, Fragment };
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback } from './vendor/hooks.js';
export { signal, computed, effect, batch, untracked } from './vendor/signals-core.js';
export { useSignal, useComputed, useSignalEffect } from './vendor/signals.js';

/** Tagged template for elements: html`<p class="a">${text}</p>`. htm would keep elements without a value for good, and with them whatever they once stood in:
 * a gallery that is scrolled through would never be freed. `this[0] = 3` tells it that every element is to be made anew. */
export const html = htm.bind(function element(...parts) {
  this[0] = 3;
  return h(...parts);
});
