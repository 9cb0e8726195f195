// Starts Debian's chromium for the browser tests and measurements.
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';

const require = createRequire(process.env.IMAGEMILL_NODE_MODULES ? `${process.env.IMAGEMILL_NODE_MODULES}/` : import.meta.url);
const { chromium } = require('playwright-core');

export const executable = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

/** @param {object} [options] */
export const launch = (options = {}) => chromium.launch({ executablePath: executable, args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb', '--font-render-hinting=none'], ...options });

/** A page that collects every error of its own. */
export async function open(browser, { width = 1280, height = 800, ...more } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: 'en-US', ...more });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(`${error}\n${error.stack}`));
  page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()); });
  // The browser's own complaint names neither the address nor the reason.
  page.on('response', async (response) => {
    if (response.status() >= 500) errors.push(`${response.request().method()} ${response.url()}: ${await response.text().catch(() => response.status())}`);
  });
  return { context, page, errors };
}
