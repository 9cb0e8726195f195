// The one door to the vendored libraries: templates, components, signals. Knows nothing of imagemill.
import htm from './vendor/htm.js';
import { h, render, Fragment } from './vendor/preact.js';

export { h, render, Fragment };
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback } from './vendor/hooks.js';
export { signal, computed, effect, batch, untracked } from './vendor/signals-core.js';
export { useSignal, useComputed, useSignalEffect } from './vendor/signals.js';

/** Tagged template for elements: html`<p class="a">${text}</p>`. */
export const html = htm.bind(h);
