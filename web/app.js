// The shell: navigation, messages, questions, help, and which page is shown. Knows no page's inside.
import { html, render, useEffect, useState } from './html.js';
import { t, language } from './i18n/texts.js';
import { get, post, tokenWanted } from './api.js';
import { about, activity, complain, connection, dropToast, jobsLoaded, loadJobs, question, route, theme, toasts } from './state.js';
import { start } from './events.js';
import { count } from './format.js';
import { Icon } from './parts/icons.js';
import { Button, Dialog, Failed, Field, textOf } from './parts/parts.js';
import { helpOpen, Help } from './parts/keys.js';
import { unsent, verdictTrouble } from './review/verdicts.js';
import { Jobs } from './jobs/list.js';
import { JobPage } from './jobs/job.js';
import { NewJob } from './jobs/new.js';
import { Gallery } from './gallery/gallery.js';
import { TaskPage } from './task/task.js';
import { Save } from './save/save.js';
import { Profiles } from './profiles/profiles.js';
import { Assets } from './assets/assets.js';
import { Costs } from './costs/costs.js';
import { Decks } from './deck/list.js';
import { Collections } from './collections/overview.js';
import { Queue } from './collections/queue.js';
import { Server } from './server/server.js';

/** @type {{ page: string, icon: import('./parts/icons.js').IconName, also: string[] }[]} */
const places = [
  { page: 'jobs', icon: 'list', also: ['task'] }, { page: 'gallery', icon: 'grid', also: [] }, { page: 'assets', icon: 'folder', also: [] }, { page: 'critiques', icon: 'edit', also: [] }, { page: 'save', icon: 'save', also: [] },
  { page: 'decks', icon: 'copy', also: [] }, { page: 'profiles', icon: 'key', also: [] }, { page: 'costs', icon: 'coin', also: [] }, { page: 'server', icon: 'info', also: [] },
];

const Page = () => {
  const { page, args } = route.value;
  if (page === 'jobs' && args[0] === 'new') return html`<${NewJob} />`;
  if (page === 'jobs' && args[0]) return html`<${JobPage} key=${args[0]} id=${Number(args[0])} />`;
  if (page === 'gallery') return html`<${Gallery} />`;
  if (page === 'critiques') return args[0] ? html`<${Queue} key=${args[0]} name=${args[0]} />` : html`<${Collections} />`;
  if (page === 'task') return html`<${TaskPage} key=${args[0]} id=${Number(args[0])} />`;
  if (page === 'assets') return html`<${Assets} />`;
  if (page === 'save') return html`<${Save} />`;
  if (page === 'decks') return html`<${Decks} key=${args[0] ?? ''} id=${args[0]} />`;
  if (page === 'profiles') return html`<${Profiles} />`;
  if (page === 'costs') return html`<${Costs} />`;
  if (page === 'server') return html`<${Server} />`;
  return html`<${Jobs} />`;
};

const Pulse = () => {
  const running = activity.value.jobs.reduce((sum, job) => sum + job.running, 0);
  const rate = activity.value.jobs.reduce((sum, job) => sum + (job.rate_per_minute ?? 0), 0);
  const state = connection.value;
  return html`<div class="pulse" title=${t(`connection.${state}`)}>
    <span class=${`dot ${state}`}></span><span class="sr">${t(`connection.${state}`)}</span>
    ${running > 0 && html`<span class="pulse-text">${t('pulse.running', { n: running, rate: count(Math.round(rate)) })}</span>`}
  </div>`;
};

const nextTheme = /** @type {const} */ ({ system: 'light', light: 'dark', dark: 'system' });
const themeIcon = /** @type {const} */ ({ system: 'system', light: 'sun', dark: 'moon' });

const Top = () => html`
  <header class="top">
    <a class="brand" href="#/jobs" aria-label="imagemill"><img src="icon.svg" alt="" /><span>imagemill</span></a>
    <nav class="nav" aria-label=${t('nav.label')}>
      ${places.map(({ page, icon, also }) => html`<a key=${page} href=${`#/${page}`} aria-current=${route.value.page === page || also.includes(route.value.page) ? 'page' : undefined}>
        <${Icon} name=${icon} />${t(`nav.${page}`)}</a>`)}
    </nav>
    <div class="top-end">
      <${Pulse} />
      <${Button} label=${language.value === 'en' ? '中文' : 'English'} tone="quiet" hint=${t('language.switch')} name="language"
        onClick=${() => { language.value = language.value === 'en' ? 'zh-CN' : 'en'; }} />
      <${Button} label=${t('theme.switch', { theme: t(`theme.${theme.value}`) })} icon=${themeIcon[theme.value]} tone="quiet" bare name="theme" onClick=${() => { theme.value = nextTheme[theme.value]; }} />
      <${Button} label=${t('help.open')} icon="help" tone="quiet" bare onClick=${() => { helpOpen.value = true; }} />
    </div>
  </header>`;

const Notices = () => {
  const text = connection.value === 'lost'
    ? unsent.value > 0 ? t('connection.lost_verdicts', { n: unsent.value }) : t('connection.lost_notice')
    : verdictTrouble.value ? t('review.not_sent', { n: unsent.value, why: verdictTrouble.value }) : '';
  return html`<div role="status" aria-live="polite">${text && html`<div class="notice"><${Icon} name="warn" /><span>${text}</span></div>`}</div>`;
};

const Toasts = () => html`<div class="toasts" role="log" aria-live="polite">
  ${toasts.value.map((toast) => html`<div class=${`toast ${toast.tone}`} key=${toast.id}>
    <div>${toast.text}${toast.help && html`<div class="dim">${toast.help}</div>`}</div>
    ${toast.action && html`<${Button} label=${toast.action.label} tone="quiet" onClick=${() => { toast.action?.run(); dropToast(toast.id); }} />`}
    <${Button} label=${t('close')} icon="close" tone="quiet" bare onClick=${() => dropToast(toast.id)} />
  </div>`)}
</div>`;

const Asked = () => {
  const asked = question.value;
  return asked && html`<${Dialog} title=${asked.title} onClose=${() => asked.answer(false)}>
    <p>${asked.text}</p>
    <div class="dialog-end">
      <${Button} label=${t('cancel')} onClick=${() => asked.answer(false)} />
      <${Button} label=${asked.confirm} tone=${asked.danger ? 'danger' : 'main'} name="confirm" onClick=${() => asked.answer(true)} />
    </div>
  </${Dialog}>`;
};

const Token = () => {
  const [token, setToken] = useState('');
  const [error, setError] = useState(/** @type {any} */ (null));
  const enter = (/** @type {Event} */ event) => {
    event.preventDefault();
    post('/session', { token }).then(() => { tokenWanted.value = false; location.reload(); }).catch(setError);
  };
  return html`<${Dialog} title=${t('token.title')} onClose=${() => {}}>
    <p>${t('token.text')}</p>
    <form class="row" onSubmit=${enter}>
      <${Field} label=${t('token.label')} wide><input type="password" autocomplete="current-password" value=${token} onInput=${(/** @type {any} */ event) => setToken(textOf(event))} /></${Field}>
      <${Button} label=${t('token.enter')} tone="main" type="submit" disabled=${!token} />
    </form>
    ${error && html`<${Failed} error=${error} />`}
  </${Dialog}>`;
};

function App() {
  const [error, setError] = useState(/** @type {any} */ (null));
  const load = () => {
    setError(null);
    get('/about').then((facts) => { about.value = facts; start(); }).catch(setError);
    loadJobs().catch(() => { jobsLoaded.value = false; });
  };
  useEffect(load, []);
  // Where the bar of pages is wider than the screen, the one that is shown is in it.
  useEffect(() => { document.querySelector('.nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }); }, [route.value.page]);
  useEffect(() => { document.title = `${t(`nav.${places.some(({ page }) => page === route.value.page) ? route.value.page : 'jobs'}`)} · imagemill`; });
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>${t('skip')}</a>
    <${Top} />
    <main class="content" id="main" tabindex="-1">
      ${error && !tokenWanted.value
        ? html`<div class="page"><${Failed} error=${error} /><div><${Button} label=${t('again')} icon="retry" onClick=${load} /></div></div>`
        : html`<${Page} />`}
    </main>
    <${Notices} /><${Toasts} /><${Asked} />
    ${helpOpen.value && html`<${Help} />`}
    ${tokenWanted.value && html`<${Token} />`}
  </div>`;
}

window.addEventListener('unhandledrejection', (event) => complain(event.reason));
render(html`<${App} />`, /** @type {Element} */ (document.getElementById('app')));
