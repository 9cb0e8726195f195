// One critique beside its picture: both texts, what is known against them, what was changed and said; and both texts open for changes.
import { html, useEffect, useState } from '../html.js';
import { t, language, word } from '../i18n/texts.js';
import { time } from '../format.js';
import { Button, textOf } from '../parts/parts.js';
import { Icon } from '../parts/icons.js';

/** @typedef {import('../documents.d.ts').CritiquePage} CritiquePage */
/** @typedef {{ page: CritiquePage, draft: Record<string, any> | null, onDraft: (draft: Record<string, any> | null) => void, perform: (what: import('./keys.logic.js').Command) => void, onNote: (note: string) => void }} Props */

/** A difference, piece by piece. @param {{ pieces: { kind: string, text: string }[] }} props */
const Difference = ({ pieces }) => html`<p class="difference">${pieces.map(({ kind, text }, at) => (kind === 'same' ? text : kind === 'added' ? html`<ins key=${at}>${text}</ins>` : html`<del key=${at}>${text}</del>`))}</p>`;

/** @param {Props} props */
function Texts({ page, draft, onDraft }) {
  const sides = [['critique_zh', 'zh-CN'], ['critique_en', 'en']];
  if (!draft) {
    return html`<div class="texts">${sides.map(([member = '', lang = '']) => html`<section key=${member}><h3>${t(`queue.${member}`)}</h3>
      <div class="prompt" lang=${lang}>${page.row[member] ?? ''}</div></section>`)}</div>`;
  }
  const set = (/** @type {string} */ member, /** @type {unknown} */ value) => onDraft({ ...draft, [member]: value });
  return html`<div class="texts">${sides.map(([member = '', lang = '']) => html`<label key=${member}><h3>${t(`queue.${member}`)}</h3>
      <textarea name=${member} lang=${lang} rows="16" value=${draft[member]} onInput=${(/** @type {any} */ event) => set(member, textOf(event))}></textarea></label>`)}
    <label class="wide"><span class="field-label">${t('queue.why')}</span><input name="why" value=${draft.note ?? ''} maxlength="500" onInput=${(/** @type {any} */ event) => set('note', textOf(event))} /></label></div>`;
}

/** What is covered, by layer; open for changes while the texts are. @param {Props} props */
function Dimensions({ page, draft, onDraft }) {
  const covered = new Set(draft ? draft.covered_dimensions : page.dimensions.filter((one) => one.covered).map(({ id }) => id));
  const turn = (/** @type {string} */ id) => onDraft({ ...draft, covered_dimensions: page.dimensions.map((one) => one.id).filter((known) => covered.has(known) !== (known === id)) });
  const layers = [...new Set(page.dimensions.map(({ layer }) => layer))];
  return html`<section class="dimensions"><h3>${t('queue.dimensions', { n: covered.size, of: page.dimensions.length })}</h3>
    ${layers.map((layer) => html`<div class="row tight" key=${layer}><span class="mono dim">${layer ? `L${layer}` : '?'}</span>${page.dimensions.filter((one) => one.layer === layer && (draft || covered.has(one.id))).map((one) => {
      const label = (language.value === 'en' ? one.name?.en : one.name?.zh) ?? one.id;
      return draft
        ? html`<button type="button" key=${one.id} class="pill" aria-pressed=${covered.has(one.id)} title=${one.id} onClick=${() => turn(one.id)}>${label}</button>`
        : html`<span key=${one.id} class=${one.layer ? 'pill' : 'pill failed'} title=${one.id}>${label}</span>`;
    })}</div>`)}</section>`;
}

/** @param {{ page: CritiquePage }} props */
const Against = ({ page }) => html`${page.findings && page.findings.length > 0 && html`<section><h3>${t('queue.findings')}</h3>
    <ul class="plain">${page.findings.map(({ rule, message }, at) => html`<li key=${at} class="wait row tight"><${Icon} name="warn" size=${13} /><span class="break" title=${rule}>${message}</span></li>`)}</ul></section>`}
  ${page.claims && html`<section><h3>${t('queue.claims')}${page.quality ? ` · ${t('queue.quality', { quality: page.quality })}` : ''}</h3>
    <ul class="plain claims">${page.claims.map((claim, at) => html`<li key=${at}><span class=${`pill ${claim.support}`}>${word('support', claim.support)}</span> <span class="break">${claim.claim}</span>${claim.where && html`<span class="dim break"> ${claim.where}</span>`}</li>`)}</ul></section>`}`;

/** Who changed what. @param {{ page: CritiquePage }} props */
const Edits = ({ page }) => (page.edits?.length ? html`<section><h3>${t('queue.edits')}</h3>${page.edits.map((edit, at) => html`<div class="edit" key=${at}>
  <p class="dim"><b>${edit.author}</b> · ${time(edit.at_us)}${edit.note && html` · ${edit.note}`}</p>
  ${edit.changes.map((change) => html`<div key=${change.member}><span class="mono dim">${change.member}</span><${Difference} pieces=${change.difference} /></div>`)}</div>`)}</section>` : null);

/** @param {{ page: CritiquePage }} props */
const Others = ({ page }) => (page.readings?.length ? html`<section><h3>${t('queue.readings')}</h3>${page.readings.map((one) => html`<div class="row tight" key=${one.reader}><span class=${`pill ${one.verdict}`}>${word('reading', one.verdict)}</span><span>${one.reader}</span>
  ${one.score && html`<span class="stars">${'★'.repeat(one.score)}</span>`}${one.blind && html`<span class="dim">${t('queue.blind_mark')}</span>`}${one.note && html`<span class="dim break">${one.note}</span>`}</div>`)}</section>` : null);

/** @param {{ page: CritiquePage, onNote: (note: string) => void }} props */
function Note({ page, onNote }) {
  const was = page.reading?.note ?? '';
  const [text, setText] = useState(was);
  useEffect(() => setText(was), [page.picture, was]);
  return html`<textarea name="note" rows="1" placeholder=${t('queue.note')} aria-label=${t('queue.note')} value=${text} onInput=${(/** @type {any} */ event) => setText(textOf(event))}
    onBlur=${() => { if (text !== was) onNote(text); }} onKeyDown=${(/** @type {any} */ event) => { if (event.key === 'Escape' || (event.key === 'Enter' && (event.ctrlKey || event.metaKey))) event.currentTarget.blur(); }}></textarea>`;
}

/** @param {Props} props */
export function RowPage(props) {
  const { page, draft, perform, onNote } = props;
  const own = page.reading;
  const url = `/api/v1/collections/${page.name}/pictures/${page.picture}`;
  const facts = ['artist', 'title', 'art_form', 'art_style', 'medium', 'model', 'authorship'].filter((member) => page.row[member]);
  return html`<article class="critique" data-picture=${page.picture}>
    <figure><a href=${url} target="_blank" rel="noopener"><img src=${url} alt=${page.file} /></a>
      <figcaption><b class="break">${page.file}</b><dl class="facts">${facts.map((member) => html`<dt key=${`${member}-t`}>${word('member', member)}</dt><dd key=${member}>${page.row[member]}</dd>`)}</dl></figcaption></figure>
    <div class="critique-words">
      <div class="row critique-tools">
        ${draft ? html`<${Button} label=${t('save')} icon="check" tone="main" hint="Ctrl+Enter" name="keep-edit" onClick=${() => perform({ do: 'save' })} /><${Button} label=${t('cancel')} hint="Esc" onClick=${() => perform({ do: 'back' })} />` : html`
          <${Button} label=${t('queue.approve')} icon="check" hint="A" name="approve" class="keep" pressed=${own?.verdict === 'approve'} onClick=${() => perform({ do: 'verdict', verdict: own?.verdict === 'approve' ? 'none' : 'approve' })} />
          <${Button} label=${t('queue.reject')} icon="close" hint="X" name="reject" class="reject" pressed=${own?.verdict === 'reject'} onClick=${() => perform({ do: 'verdict', verdict: own?.verdict === 'reject' ? 'none' : 'reject' })} />
          <span class="choice" role="group" aria-label=${t('queue.score')}>${[1, 2, 3, 4, 5].map((score) => html`<button type="button" key=${score} class=${own?.score === score ? 'on' : ''} aria-pressed=${own?.score === score} title=${t('queue.score')} onClick=${() => perform({ do: 'score', score })}>${score}</button>`)}</span>
          <${Button} label=${t('queue.edit')} icon="edit" hint="E" name="edit" onClick=${() => perform({ do: 'edit' })} />`}
        ${page.blind && html`<span class="pill waiting">${t('queue.blind')}</span>`}
      </div>
      ${!draft && html`<${Note} page=${page} onNote=${onNote} />`}
      <${Texts} ...${props} />
      <${Against} page=${page} />
      <${Dimensions} ...${props} />
      <${Edits} page=${page} /><${Others} page=${page} />
    </div>
  </article>`;
}
