// Every page held against the rules of axe-core (WCAG 2.2 A and AA): names, roles, contrast, order.
//   node web/e2e/readable.mjs BINARY [PART OF A NAME]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { launch, open } from './browser.mjs';
import { stage } from './stage.mjs';

const [binary, only = ''] = process.argv.slice(2);
const require = createRequire(process.env.IMAGEMILL_NODE_MODULES ? `${process.env.IMAGEMILL_NODE_MODULES}/` : import.meta.url);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const { server, pages, stop } = await stage(binary);
const browser = await launch();
let faults = 0;
for (const [width, height] of [[1280, 860], [360, 780]]) for (const colorScheme of ['light', 'dark']) for (const [name, path, keys = [], act] of pages) {
  if (!`${name}-${width}-${colorScheme}`.includes(only)) continue;
  const { page, context } = await open(browser, { width, height, colorScheme });
  await context.addInitScript(() => { localStorage.setItem('imagemill.language', '"en"'); localStorage.setItem('imagemill.reviewer', '"ann"'); });
  await page.goto(`${server.url}/#${path}`);
  await page.waitForTimeout(700);
  await act?.(page);
  for (const key of keys) { await page.keyboard.press(key); await page.waitForTimeout(120); }
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  for (const { id, help, nodes } of violations) {
    faults += 1;
    console.log(`${name} ${width} ${colorScheme}: ${id}: ${help}`);
    for (const node of nodes.slice(0, 3)) console.log(`    ${node.target.join(' ')}  ${node.any[0]?.message ?? ''}`);
  }
  await context.close();
}
await browser.close();
await stop();
console.log(`${faults} faults`);
process.exitCode = faults ? 1 : 0;
