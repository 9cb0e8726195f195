// One slide deck: its pages as they arrive, each with its prompt, its pictures to choose from, and what was misspelt.
import { html, useEffect, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { BASE, get, post, put, thumbnailUrl } from '../api.js';
import { ask, complain, route, say } from '../state.js';
import { onChanges } from '../events.js';
import { money } from '../format.js';
import { Button, Dialog, Failed, Field, Select, textOf } from '../parts/parts.js';
import { firstProfile } from '../jobs/new.logic.js';
import { choices, isLeft, isRunning, standing } from './deck.logic.js';

/** @typedef {import('../documents.d.ts').Deck} Deck */
/** @typedef {import('../documents.d.ts').DeckPage} DeckPage */

/** Starts a run; asks for the money when the server wants a yes. @param {string} id @param {Record<string, unknown>} wish @returns {Promise<boolean>} */
async function run(id, wish) {
  try {
    await post(`/decks/${id}/run`, wish);
    return true;
  } catch (/** @type {any} */ problem) {
    if (problem.kind !== 'needs_consent') { complain(problem); return false; }
    const most = problem.document.most;
    const yes = await ask({ title: t('deck.consent'), text: problem.message, confirm: most === undefined || most === null ? t('deck.run') : t('deck.pay', { money: money(most) }) });
    if (!yes) return false;
    return run(id, { ...wish, ...(most === undefined || most === null ? { accept_unknown_price: true } : { agreed_up_to: most }) });
  }
}

/** @param {{ deck: Deck, page: DeckPage, running: boolean, onClose: () => void, onChange: (deck: Deck) => void, redo: (pages: number[], from?: string) => void }} props */
function Editor({ deck, page, running, onClose, onChange, redo }) {
  const [prompt, setPrompt] = useState(page.prompt ?? '');
  const at = `/decks/${deck.id}/pages/${page.page_no}`;
  const keep = () => put(`${at}/prompt`, { prompt }).then((next) => { onChange(next); say(t('deck.prompt_kept')); }, complain);
  const take = (/** @type {string} */ picture) => put(`${at}/picture`, { picture }).then(onChange, complain);
  const changed = prompt.trim() !== (page.prompt ?? '').trim();
  return html`<${Dialog} title=${t('deck.page', { n: page.page_no, title: page.title ?? '' })} onClose=${onClose} wide>
    ${page.picture && html`<img class="deck-large" src=${`${BASE}${at}/picture?of=${page.picture.slice(0, 8)}`} alt=${page.title ?? ''} />`}
    ${(page.words?.misprints ?? []).map((entry) => html`<div class="warned" key=${entry.label}>${t('deck.misprint', { label: entry.label, read: entry.read ?? t('deck.nothing') })}</div>`)}
    ${page.failure && !page.png_done && html`<div class="trouble">${page.failure}</div>`}
    ${!running && !page.failure && page.action !== 'skip' && page.why && html`<div class="dim">${page.why}</div>`}
    ${choices(page).length > 1 && html`<div class="deck-takes" role="group" aria-label=${t('deck.takes')}>${choices(page).map((hash) => html`<button type="button" key=${hash} aria-pressed=${hash === page.picture} onClick=${() => take(hash)}>
      <img src=${thumbnailUrl(hash)} alt=${t('deck.take')} loading="lazy" /></button>`)}</div>`}
    <${Field} label=${t('deck.prompt')} wide><textarea rows="7" name="prompt" value=${prompt} onInput=${(/** @type {any} */ event) => setPrompt(textOf(event))}></textarea></${Field}>
    <div class="dialog-end"><${Button} label=${t('deck.keep_prompt')} disabled=${!changed || !prompt.trim()} name="keep-prompt" onClick=${keep} />
      <${Button} label=${t('deck.redo')} icon="retry" tone="main" name="redo" onClick=${() => (changed && prompt.trim() ? put(`${at}/prompt`, { prompt }) : Promise.resolve()).then(() => { redo([page.page_no], 'pictures'); onClose(); }, complain)} /></div>
  </${Dialog}>`;
}

/** @param {{ deck: Deck, page: DeckPage, running: boolean, onOpen: () => void }} props */
const Card = ({ deck, page, running, onOpen }) => {
  const state = standing(page, running);
  return html`<button type="button" class="deck-card" data-page=${page.page_no} data-state=${state} onClick=${onOpen}>
    <span class="deck-picture">${page.picture && page.png_done ? html`<img src=${`${BASE}/decks/${deck.id}/pages/${page.page_no}/picture?of=${page.picture.slice(0, 8)}`} alt="" loading="lazy" />` : html`<span class="dim">${t(`deck.${state}`)}</span>`}</span>
    <span class="deck-name"><b>${page.page_no}</b> <span class="ellipsis">${page.title ?? ''}</span>${(page.words?.misprints.length ?? 0) > 0 && html`<span class="warned" title=${t('deck.misprints', { n: page.words?.misprints.length ?? 0 })}>!</span>`}</span>
  </button>`;
};

/** @param {{ id: string }} props */
export function DeckView({ id }) {
  const [deck, setDeck] = useState(/** @type {Deck | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [open, setOpen] = useState(Number(route.value.query.page) || 0);
  const [takes, setTakes] = useState('1');
  const [profile, setProfile] = useState('');
  const [profiles, setProfiles] = useState(/** @type {import('../documents.d.ts').Profile[] | null} */ (null));
  const load = () => get(`/decks/${id}`).then((next) => { setDeck(next); setError(null); }).catch(setError);
  useEffect(() => { get('/profiles').then((answer) => { setProfiles(answer.profiles); setProfile(firstProfile(answer.profiles)); }).catch(complain); }, []);
  useEffect(() => {
    let due = 0;
    load();
    const stop = onChanges((told) => { if (told.written.size > 0 || told.jobs.size > 0) due ||= window.setTimeout(() => { due = 0; load(); }, 300); });
    return () => { stop(); clearTimeout(due); };
  }, [id]);
  // Between two jobs, and while the files are written, nothing is told.
  useEffect(() => {
    if (!deck?.goes_on || deck.jobs.some((job) => job.open > 0)) return undefined;
    const timer = setTimeout(load, 800);
    return () => clearTimeout(timer);
  }, [deck]);
  if (!deck) return html`<div class="page">${error ? html`<${Failed} error=${error} />` : html`<p class="dim">${t('loading')}</p>`}</div>`;
  const running = isRunning(deck);
  const known = profiles ?? [];
  const own = known.find((entry) => entry.default && entry.ready);
  const start = (/** @type {number[]} */ pages = [], /** @type {string | undefined} */ from = undefined) => { run(id, { pages, from, takes: Number(takes), profile: profile || undefined }).then(load); };
  const page = deck.pages.find(({ page_no }) => page_no === open);
  const file = (/** @type {string} */ form) => html`<a class="button" href=${`${BASE}/decks/${id}/file/${form}`} download>${form.toUpperCase()}</a>`;
  return html`<div class="page"><header class="page-head"><h1 class="break">${deck.title || deck.topic || deck.deck_id}</h1>
      <span class="dim">${t('deck.done_of', { done: deck.pages_done, all: deck.page_count ?? 0 })}</span>
      <div class="row push">${deck.pages_done > 0 && html`${file('pptx')}${file('pdf')}`}
        ${known.length > 0 && html`<${Select} label=${t('new.profile')} name="profile" value=${profile} onChange=${setProfile} options=${[...(own ? [{ value: '', label: t('new.default_profile', { name: own.name }) }] : []), ...known.map((entry) => ({ value: entry.name, label: entry.ready ? entry.name : t('new.not_ready', { name: entry.name }) }))]} />`}
        <${Select} label=${t('deck.takes')} name="takes" value=${takes} onChange=${setTakes} options=${['1', '2', '3', '4'].map((value) => ({ value, label: t('deck.takes_of', { n: Number(value) }) }))} />
        <${Button} label=${running ? t('deck.making') : t('deck.run')} icon="play" tone="main" name="run" disabled=${running || !isLeft(deck)} onClick=${() => start()} /></div></header>
    ${profiles && !known.some((entry) => entry.ready) && html`<p class="warned">${t('new.no_profile')} <a href="#/profiles">${t('new.to_profiles')}</a></p>`}
    <p class="faint break">${deck.folder}</p>
    ${deck.jobs.filter((job) => job.open > 0 || job.state !== 'finished').map((job) => html`<div key=${job.id}><a href=${`#/jobs/${job.id}`}>${t(`deck.job.${job.what}`)}</a> <span class=${`pill ${job.state}`}>${word('job_state', job.state)}</span> ${job.reason && html`<span class="warned">${job.reason}</span>`}</div>`)}
    <div class="deck-pages">${deck.pages.map((entry) => html`<${Card} key=${entry.page_no} deck=${deck} page=${entry} running=${running} onOpen=${() => setOpen(entry.page_no)} />`)}</div>
    ${deck.style && html`<details class="panel"><summary>${t('deck.style')}</summary><pre class="file">${deck.style}</pre></details>`}
    ${page && html`<${Editor} key=${page.page_no} deck=${deck} page=${page} running=${running} onClose=${() => setOpen(0)} onChange=${setDeck} redo=${start} />`}
  </div>`;
}
