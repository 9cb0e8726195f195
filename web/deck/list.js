// Slide decks: those that are there, and the start of a new one.
import { html, useEffect, useState } from '../html.js';
import { t } from '../i18n/texts.js';
import { get, post } from '../api.js';
import { go } from '../state.js';
import { onChanges } from '../events.js';
import { Button, Empty, Failed, Field, textOf } from '../parts/parts.js';
import { DeckView } from './deck.js';
import { lines } from './deck.logic.js';

/** @typedef {import('../documents.d.ts').DeckRow} DeckRow */

/** @param {{ deck: DeckRow }} props */
const Row = ({ deck }) => html`<tr><td><a class="break" href=${`#/decks/${deck.id}`}>${deck.title || deck.topic || deck.deck_id}</a><div class="faint break">${deck.folder}</div></td>
  <td class="nowrap">${deck.fault ? html`<span class="warned">${deck.fault}</span>` : t('deck.done_of', { done: deck.pages_done, all: deck.page_count ?? 0 })}</td></tr>`;

function New() {
  const [wish, setWish] = useState({ topic: '', pages: '10', audience: '', docs: '', references: '' });
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const set = (/** @type {string} */ key) => (/** @type {any} */ event) => setWish({ ...wish, [key]: textOf(event) });
  const make = (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    post('/decks', { topic: wish.topic, pages: Number(wish.pages), audience: wish.audience, docs: lines(wish.docs), references: lines(wish.references) })
      .then((deck) => go(`/decks/${deck.id}`)).catch((problem) => { setError(problem); setBusy(false); });
  };
  return html`<form class="panel" onSubmit=${make}><header><h2>${t('deck.new')}</h2></header>
    <${Field} label=${t('deck.topic')} wide><textarea rows="2" name="topic" value=${wish.topic} onInput=${set('topic')}></textarea></${Field}>
    <div class="row"><${Field} label=${t('deck.pages')}><input type="number" min="1" max="200" name="pages" value=${wish.pages} onInput=${set('pages')} /></${Field}>
      <${Field} label=${t('deck.audience')} wide><input name="audience" value=${wish.audience} onInput=${set('audience')} /></${Field}></div>
    <details><summary>${t('deck.material')}</summary>
      <${Field} label=${t('deck.docs')} hint=${t('deck.a_line')} wide><textarea rows="2" name="docs" value=${wish.docs} onInput=${set('docs')}></textarea></${Field}>
      <${Field} label=${t('deck.references')} hint=${t('deck.a_line')} wide><textarea rows="2" name="references" value=${wish.references} onInput=${set('references')}></textarea></${Field}></details>
    ${error && html`<${Failed} error=${error} />`}
    <div class="row"><${Button} label=${t('deck.make')} tone="main" type="submit" name="make" disabled=${busy || !wish.topic.trim()} /><span class="dim">${t('deck.make_hint')}</span></div>
  </form>`;
}

/** @param {{ id?: string }} props */
export function Decks({ id }) {
  const [decks, setDecks] = useState(/** @type {DeckRow[] | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  useEffect(() => {
    if (id) return undefined;
    let due = 0;
    const load = () => { due = 0; get('/decks').then((answer) => { setDecks(answer.items); setError(null); }).catch(setError); };
    load();
    const stop = onChanges((told) => { if (told.written.size > 0) due ||= window.setTimeout(load, 1000); });
    return () => { stop(); clearTimeout(due); };
  }, [id]);
  if (id) return html`<${DeckView} id=${id} />`;
  return html`<div class="page"><header class="page-head"><h1>${t('nav.decks')}</h1></header>
    ${error && html`<${Failed} error=${error} />`}
    ${decks && decks.length === 0 && html`<${Empty} title=${t('deck.none')} />`}
    ${decks && decks.length > 0 && html`<section class="panel"><table><tbody>${decks.map((deck) => html`<${Row} key=${deck.id} deck=${deck} />`)}</tbody></table></section>`}
    <${New} />
  </div>`;
}
