// Assets: folders of creative assets, one asset's pictures beside the approved one, verdicts, the next edit.
import { html, useEffect, useMemo, useRef, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { get, post, assetPictureUrl } from '../api.js';
import { complain, route, say, stay } from '../state.js';
import { onChanges } from '../events.js';
import { Button, Choice, Empty, Failed, Field, textOf } from '../parts/parts.js';
import { Icon } from '../parts/icons.js';
import { foreign } from '../parts/keys.js';
import { reviewerName } from '../review/verdicts.js';
import { address } from '../route.logic.js';
import { allWell, assetKey, lacking, nextAnswer, nextWaiting, nothingSaid, toggled, verdictBody } from './assets.logic.js';
import { EditDialog } from './edit.js';

/** @typedef {import('../documents.d.ts').Asset} Asset */
/** @typedef {import('../documents.d.ts').AssetCard} AssetCard */
/** @typedef {import('../documents.d.ts').AssetPicture} Picture */
/** @typedef {import('../documents.d.ts').Drift} Drift */
/** @typedef {import('../documents.d.ts').ReviewWords} Words */

const to = (/** @type {string} */ folder, /** @type {Record<string, unknown>} */ more = {}) => address('/assets', { folder, ...more });
/** Drawn as shapes too: a colour alone says nothing to many. @param {Picture} picture */
const mark = (picture) => (picture.waits ? 'waits' : picture.hero ? 'hero' : picture.path.split('/')[1] ?? '');

/** @param {{ card: AssetCard, on: boolean }} props */
const Line = ({ card, on }) => html`<a class=${on ? 'profile on' : 'profile'} href=${`#${to(card.folder)}`} aria-current=${on ? 'true' : undefined}>
  <span class="row tight"><b class="ellipsis">${card.asset}</b>${card.candidates > 0 && card.status !== 'approved' && html`<span class="pill waiting">${card.candidates}</span>`}</span>
  <span class="dim ellipsis">${[card.persona, card.concept, card.purpose && word('asset_purpose', card.purpose), card.status && word('asset_status', card.status)].filter(Boolean).join(' · ')}</span></a>`;

/** @param {{ folder: string, path: string, sha256?: string, label: string, children?: unknown, big?: boolean }} props */
const Shot = ({ folder, path, sha256, label, children, big = false }) => html`<figure class=${big ? 'asset-shot big' : 'asset-shot'}>
  <a href=${assetPictureUrl(folder, path, sha256)} target="_blank" rel="noreferrer"><img src=${assetPictureUrl(folder, path, sha256, !big)} alt=${label} loading=${big ? 'eager' : 'lazy'} /></a>
  <figcaption>${children}</figcaption></figure>`;

/** How far a picture is from the approved one. @param {{ drift: Drift | null, picture: Picture }} props */
const Distance = ({ drift, picture }) => {
  const found = drift?.pictures.find((one) => one.object === picture.object && one.sha256 === picture.sha256);
  if (!found) return null;
  if (found.error) return html`<span class="bad">${found.error}</span>`;
  return found.perceptual_bits !== null && html`<span class="dim" title=${t('assets.drift_units')}>${t('assets.distance', { bits: found.perceptual_bits, colour: found.colour_delta_e?.toFixed(1) })}</span>`;
};

/** Any of a few words. @param {{ label: string, words: string[], on: string[], name: (word: string) => string, change: (on: string[]) => void }} props */
const Words = ({ label, words, on, name, change }) => html`<div class="field wide"><span class="field-label">${label}</span>
  <div class="variables" role="group" aria-label=${label}>${words.map((one) => html`<button type="button" class="pill plain-words" key=${one} aria-pressed=${on.includes(one)} onClick=${() => change(toggled(on, one))}>${name(one)}</button>`)}</div></div>`;

/** The form of a verdict. @param {{ words: Words, said: import('./assets.logic.js').Said, change: (said: import('./assets.logic.js').Said) => void, give: (verdict: string) => void, busy: boolean }} props */
const Verdict = ({ words, said, change, give, busy }) => html`<section class="panel asset-verdict" aria-label=${t('assets.verdict')}>
  ${words.questions.map((question, at) => html`<div class="asset-question" key=${question}><span><kbd>${at + 1}</kbd> ${word('asset_question', question)}</span>
    <${Choice} label=${word('asset_question', question)} value=${said.answers[question] ?? ''} options=${words.answers.map((value) => ({ value, label: word('asset_answer', value) }))}
      onChange=${(/** @type {string} */ answer) => change({ ...said, answers: { ...said.answers, [question]: answer } })} /></div>`)}
  <${Field} label=${t('assets.reasons')} hint=${t('assets.reasons_hint')} wide><textarea name="reasons" rows="3" value=${said.reasons} onInput=${(/** @type {any} */ event) => change({ ...said, reasons: textOf(event) })}></textarea></${Field}>
  <${Words} label=${t('assets.categories')} words=${words.categories} on=${said.categories} name=${(/** @type {string} */ one) => word('asset_category', one)} change=${(/** @type {string[]} */ categories) => change({ ...said, categories })} />
  <${Words} label=${t('assets.stages')} words=${words.stages} on=${said.stages} name=${(/** @type {string} */ one) => word('asset_stage', one)} change=${(/** @type {string[]} */ stages) => change({ ...said, stages })} />
  <div class="row">
    ${/** @type {const} */ ([['approve', 'main', 'P'], ['revise', 'plain', 'V'], ['reject', 'danger', 'X']]).map(([verdict, tone, key]) => html`<${Button} key=${verdict} label=${`${t(`assets.${verdict}`)} (${key})`} tone=${tone} name=${verdict} disabled=${busy} onClick=${() => give(verdict)} />`)}
    <${Button} label=${t('assets.all_well')} tone="quiet" onClick=${() => change(allWell(said, words))} />
  </div></section>`;

/** @param {{ folder: string, words: Words, onChanged: () => void }} props */
function AssetPage({ folder, words, onChanged }) {
  const [asset, setAsset] = useState(/** @type {Asset | null} */ (null));
  const [drift, setDrift] = useState(/** @type {Drift | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [said, setSaid] = useState(nothingSaid);
  const [busy, setBusy] = useState(false);
  const [editing, setEditing] = useState(/** @type {string | null} */ (null));
  /** @type {import('../html.js').Ref<HTMLDivElement | null>} */
  const strip = useRef(null);
  const load = () => get('/asset-folders/asset', { folder }).then((answer) => { setAsset(answer); setError(null); }).catch(setError);
  useEffect(() => { load(); return onChanges((told) => { if (told.jobs.size > 0) load(); }); }, [folder]);
  const hero = asset?.card.hero ?? null;
  const count = asset?.pictures.length ?? 0;
  useEffect(() => { if (count > 0) get('/asset-folders/drift', { folder }).then(setDrift).catch(() => setDrift(null)); }, [folder, hero, count]);
  const pictures = asset?.pictures ?? [];
  const wanted = route.value.query.object;
  const at = Math.max(0, wanted ? pictures.findIndex((one) => one.object === wanted) : pictures.findIndex((one) => one.waits));
  const picture = pictures[at] ?? null;
  const show = (/** @type {number} */ next) => { const one = pictures[next]; if (one) { setSaid(nothingSaid()); stay(to(folder, { object: one.object })); } };
  useEffect(() => { strip.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }); }, [picture?.object]);
  const give = async (/** @type {string} */ verdict) => {
    if (!picture || busy) return;
    const lacks = lacking(verdict, said, words);
    if (lacks.length > 0) { say(lacks.map((one) => t(`assets.lacks_${one}`)).join(' '), { tone: 'bad' }); return; }
    setBusy(true);
    try {
      const judged = await post('/asset-folders/verdicts', verdictBody(folder, picture.object, verdict, said, reviewerName()));
      say(t(`assets.given_${verdict}`, { path: judged.path }));
      const fresh = await get('/asset-folders/asset', { folder });
      setAsset(fresh);
      onChanged();
      const now = fresh.pictures.findIndex((/** @type {Picture} */ one) => one.object === picture.object);
      const next = fresh.pictures[nextWaiting(fresh.pictures, now)];
      setSaid(nothingSaid());
      if (next && verdict !== 'revise') stay(to(folder, { object: next.object }));
    } catch (problem) {
      complain(problem);
    }
    setBusy(false);
  };
  const keys = useRef((/** @type {KeyboardEvent} */ _event) => {});
  keys.current = (event) => {
    if (foreign(event) || !picture) return;
    const what = assetKey(event, words);
    if (!what) return;
    event.preventDefault();
    if (what.do === 'move') show(Math.min(Math.max(at + what.by, 0), pictures.length - 1));
    else if (what.do === 'answer') setSaid({ ...said, answers: { ...said.answers, [what.question]: nextAnswer(said.answers[what.question], words.answers) } });
    else if (what.do === 'well') setSaid(allWell(said, words));
    else give(what.verdict);
  };
  useEffect(() => {
    const listen = (/** @type {KeyboardEvent} */ event) => keys.current(event);
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
  const history = useMemo(() => (asset?.decisions ?? []).filter((record) => record.targetObjectId === picture?.object).reverse(), [asset, picture?.object]);
  if (error) return html`<${Failed} error=${error} />`;
  if (!asset) return html`<p class="dim">${t('loading')}</p>`;
  const { card } = asset;
  const asked = picture?.run ? asset.runs[picture.run]?.input : null;
  const reference = drift?.reference ?? (card.hero ? { folder, path: card.hero } : null);
  return html`<div class="profile-page">
    <header class="page-head"><h2 class="break">${card.asset}</h2>${card.status && html`<span class=${`pill ${card.status === 'approved' ? 'finished' : 'waiting'}`}>${word('asset_status', card.status)}</span>`}
      <span class="dim">${[card.persona, card.purpose && word('asset_purpose', card.purpose)].filter(Boolean).join(' · ')}</span>
      <div class="row push">${card.persona && html`<a class="button" href=${`#${to('', { persona: card.persona })}`}>${t('assets.persona', { name: card.persona })}</a>`}
        <${Button} label=${t('assets.edit')} icon="edit" name="edit" disabled=${!picture || picture.path.startsWith('images/rejected/')} onClick=${() => setEditing(picture?.object ?? null)} /></div></header>
    ${!picture && html`<${Empty} title=${t('assets.no_pictures')}><p class="dim">${t('assets.no_pictures_text')}</p></${Empty}>`}
    ${picture && html`
      <div class="asset-columns"><div class="profile-page">
      <div class="asset-stage">
        ${reference && reference.path !== picture.path && html`<${Shot} folder=${reference.folder} path=${reference.path} label=${t('assets.approved_one')} big><b>${t('assets.approved_one')}</b> <span class="dim break">${reference.path.split('/').pop()}</span></${Shot}>`}
        <${Shot} folder=${folder} path=${picture.path} sha256=${picture.sha256} label=${picture.object} big><b>${word('asset_standing', mark(picture))}</b> <span class="dim break">${picture.path.split('/').pop()}</span> <${Distance} drift=${drift} picture=${picture} /></${Shot}>
      </div>
      <div class="asset-strip" ref=${strip} role="group" aria-label=${t('assets.pictures')}>${pictures.map((one, index) => html`<button type="button" key=${one.object + one.sha256} class=${one === picture ? 'on' : ''} aria-current=${one === picture ? 'true' : undefined}
        aria-label=${`${one.object}: ${word('asset_standing', mark(one))}`} title=${word('asset_standing', mark(one))} onClick=${() => show(index)}><img src=${assetPictureUrl(folder, one.path, one.sha256, true)} alt="" loading="lazy" /><span class=${`asset-mark ${mark(one)}`}><${Icon} name=${mark(one) === 'rejected' ? 'close' : mark(one) === 'waits' || mark(one) === 'candidates' ? 'edit' : 'check'} size=${12} /></span></button>`)}</div>
          ${asked && html`<section class="panel"><h2>${t('assets.asked')}</h2><p class="prompt break">${asked.prompt}</p><dl class="facts">
            ${/** @type {const} */ (['mustKeep', 'canVary', 'mustAvoid', 'feedback', 'sourceBasis']).map((key) => asked[key]?.length > 0 && html`<div key=${key}><dt>${t(`assets.${key}`)}</dt><dd class="break">${asked[key].join(', ')}</dd></div>`)}
            <div><dt>${t('assets.model')}</dt><dd class="break">${[asked.model, asked.qualityProfile].filter(Boolean).join(' · ')}</dd></div></dl></section>`}
          <section class="panel"><h2>${t('assets.history')}</h2>${history.length === 0 ? html`<p class="dim">${t('assets.no_history')}</p>` : html`<ul class="plain">${history.map((record) => html`<li key=${record.qaReportId}>
            <b>${word('asset_standing', record.verdict)}</b> <span class="dim">${record.reviewer} · ${String(record.reviewedAt).slice(0, 16).replace('T', ' ')}${record.status === 'superseded' ? ` · ${t('assets.superseded')}` : ''}</span>
            <div class="break">${[...(record.goodReasons ?? []), ...(record.badReasons ?? [])].join('; ')}</div></li>`)}</ul>`}</section>
        </div>
        <${Verdict} words=${words} said=${said} change=${setSaid} give=${give} busy=${busy} /></div>
      <div class="sr" role="status" aria-live="polite">${`${at + 1} / ${pictures.length}: ${picture.object}, ${word('asset_standing', mark(picture))}`}</div>`}
    ${editing && html`<${EditDialog} folder=${folder} object=${editing} onClose=${() => setEditing(null)} />`}
  </div>`;
}

/** All assets of a persona beside its approved face. @param {{ persona: string, path: string }} props */
function PersonaPage({ persona, path }) {
  const [drift, setDrift] = useState(/** @type {Drift | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  useEffect(() => { setDrift(null); get('/asset-folders/drift', { folder: path, persona }).then(setDrift, setError); }, [persona, path]);
  if (error) return html`<${Failed} error=${error} />`;
  if (!drift) return html`<p class="dim">${t('loading')}</p>`;
  const spread = (/** @type {{ least: number, middle: number, most: number } | null} */ one) => (one ? `${one.least} – ${one.middle} – ${one.most}` : '–');
  return html`<div class="profile-page"><header class="page-head"><h2>${t('assets.persona', { name: persona })}</h2></header>
    ${!drift.reference && html`<p class="warned">${t('assets.no_face')}</p>`}
    <div class="persona"><aside>${drift.reference && html`<${Shot} folder=${drift.reference.folder} path=${drift.reference.path} label=${t('assets.face')} big><b>${t('assets.face')}</b></${Shot}>`}
      <dl class="facts"><div><dt>${t('assets.bits')}</dt><dd>${spread(drift.perceptual_bits)}</dd></div><div><dt>${t('assets.colour')}</dt><dd>${spread(drift.colour_delta_e)}</dd></div></dl><p class="dim">${t('assets.drift_units')}</p></aside>
      <div class="asset-grid">${drift.pictures.map((one) => html`<${Shot} key=${one.folder + one.path} folder=${one.folder} path=${one.path} sha256=${one.sha256} label=${one.object}>
        <a class="ellipsis" href=${`#${to(one.folder, { object: one.object })}`}>${one.asset}</a> ${one.waits && html`<span class="pill waiting">${word('asset_standing', 'waits')}</span>`}
        <div class="dim">${one.error ?? (one.perceptual_bits === null ? '' : t('assets.distance', { bits: one.perceptual_bits, colour: one.colour_delta_e?.toFixed(1) }))}</div></${Shot}>`)}</div></div></div>`;
}

export function Assets() {
  const [list, setList] = useState(/** @type {import('../documents.d.ts').AssetList | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [search, setSearch] = useState('');
  const { folder, persona, path } = route.value.query;
  const load = () => get('/asset-folders', { path }).then((answer) => { setList(answer); setError(null); }).catch(setError);
  useEffect(() => { load(); return onChanges((told) => { if (told.jobs.size > 0) load(); }); }, [path]);
  const shown = (list?.assets ?? []).filter((card) => `${card.asset} ${card.persona} ${card.concept} ${card.campaign}`.toLowerCase().includes(search.toLowerCase()));
  const first = shown.find((card) => card.candidates > 0 && card.status !== 'approved') ?? shown[0];
  useEffect(() => { if (!folder && !persona && first) stay(to(first.folder)); }, [folder, persona, first?.folder]);
  return html`<div class="page"><header class="page-head"><h1>${t('nav.assets')}</h1><span class="dim break">${list?.path ?? ''}</span></header>
    ${error && html`<${Failed} error=${error} />`}
    ${list && list.assets.length === 0 && html`<${Empty} title=${t('assets.none')}><p class="dim">${t('assets.none_text')}</p></${Empty}>`}
    ${list && list.assets.length > 0 && html`<div class="profiles assets"><div class="asset-side"><input type="search" aria-label=${t('assets.search')} placeholder=${t('assets.search')} value=${search} onInput=${(/** @type {any} */ event) => setSearch(textOf(event))} />
        <nav class="profile-list" aria-label=${t('nav.assets')}>${shown.map((card) => html`<${Line} key=${card.folder} card=${card} on=${card.folder === folder} />`)}</nav>${list.more && html`<p class="dim">${t('assets.more')}</p>`}</div>
      ${persona ? html`<${PersonaPage} key=${persona} persona=${persona} path=${path ?? ''} />` : folder && html`<${AssetPage} key=${folder} folder=${folder} words=${list.words} onChanged=${load} />`}</div>`}
  </div>`;
}
