// Pictures of every page in every width, theme and language, to be looked at, and what can be checked of them without eyes: nothing wider than the page, no
// text cut off in a control, no control under another.
//   node web/e2e/shots.mjs BINARY FOLDER [PART OF A NAME, such as gallery-1280-dark-en]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, open } from './browser.mjs';
import { stage } from './stage.mjs';

const [binary, out, only = ''] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const { server, pages, stop } = await stage(binary);
const browser = await launch();
let faults = 0;
for (const [width, height] of [[360, 780], [1280, 860], [2560, 1440]]) for (const colorScheme of ['light', 'dark']) for (const language of ['en', 'zh-CN']) {
  for (const [name, path, keys = [], act] of pages) {
    if (!`${name}-${width}-${colorScheme}-${language}`.includes(only)) continue;
    const { page, context, errors } = await open(browser, { width, height, colorScheme });
    await context.addInitScript((chosen) => { localStorage.setItem('imagemill.language', JSON.stringify(chosen)); localStorage.setItem('imagemill.reviewer', '"ann"'); }, language);
    await page.goto(`${server.url}/#${path}`);
    await page.waitForTimeout(700);
    await act?.(page);
    for (const key of keys) { await page.keyboard.press(key); await page.waitForTimeout(120); }
    await page.waitForTimeout(350);
    const found = await page.evaluate(() => {
      const wrong = [];
      const content = document.querySelector('.content');
      if (content.scrollWidth > content.clientWidth) wrong.push(`the page is ${content.scrollWidth - content.clientWidth} px too wide`);
      const top = document.querySelector('dialog[open]') ?? document.querySelector('.loupe') ?? document.body;
      for (const control of top.querySelectorAll('button, a.button, .pill, .choice button, .nav a')) {
        const box = control.getBoundingClientRect();
        if (control.closest('.film') || !control.checkVisibility() || box.width === 0 || box.bottom <= 0 || box.top >= innerHeight) continue;
        if (control.scrollWidth > control.clientWidth + 1) wrong.push(`cut off: ${control.textContent.trim() || control.ariaLabel}`);
        if (box.right > innerWidth + 1 || box.left < -1) { if (!control.closest('.scroll-x, .nav')) wrong.push(`outside: ${control.textContent.trim() || control.ariaLabel}`); continue; }
        const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        if (at && !control.contains(at) && !at.contains(control) && !control.disabled && !at.closest('.toasts, .nav, .rail, .step, .fresh, dialog')) wrong.push(`${control.textContent.trim() || control.ariaLabel} lies under ${at.className || at.tagName}`);
      }
      return [...new Set(wrong)];
    });
    for (const fault of [...found, ...errors]) { faults += 1; console.log(`${width} ${colorScheme} ${language} ${name}: ${fault}`); }
    await page.screenshot({ path: join(out, `${name}-${width}-${colorScheme}-${language}.png`) });
    await context.close();
  }
}
await browser.close();
await stop();
console.log(`${faults} faults`);
process.exitCode = faults ? 1 : 0;
