// Profiles: who is called, with which key and limits.
import { html, useEffect, useRef, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { BASE, get, post, put, remove } from '../api.js';
import { activity, ask, complain, route, say, stay } from '../state.js';
import { onChanges } from '../events.js';
import { time } from '../format.js';
import { Button, Check, Empty, Failed, Field, Select, textOf } from '../parts/parts.js';
import { Icon } from '../parts/icons.js';
import { blank, formOf, keyPlace, profileBody, protocols, providers } from './profiles.logic.js';

/** @typedef {import('../documents.d.ts').Profile} Profile */

/** @type {Record<string, string>} */
const placeholders = { env: 'MY_API_KEY', file: '~/.config/imagemill/studio.key', keyring: 'studio' };

/** @param {{ profile: Profile, on: boolean }} props */
const Line = ({ profile, on }) => {
  const now = activity.value.profiles.find((entry) => entry.name === profile.name);
  return html`<a class=${on ? 'profile on' : 'profile'} href=${`#/profiles?name=${encodeURIComponent(profile.name)}`} aria-current=${on ? 'true' : undefined}>
    <span class="row tight"><span class=${`dot ${profile.paused ? 'lost' : profile.ready ? 'live' : ''}`}></span><b class="ellipsis">${profile.name}</b>${profile.default && html`<span class="pill">${t('profiles.default')}</span>`}</span>
    <span class="dim ellipsis">${profile.model || profile.provider || profile.protocol}</span>
    ${now && now.in_flight > 0 && html`<span class="dim">${t('profiles.in_flight', { n: now.in_flight, limit: now.limit })}</span>`}</a>`;
};

/** @param {{ name: string }} props */
function Test({ name }) {
  const [result, setResult] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  useEffect(() => { setResult(null); setError(null); }, [name]);
  const run = () => { setBusy(true); setError(null); post(`/profiles/${encodeURIComponent(name)}/test`).then(setResult, setError).finally(() => setBusy(false)); };
  return html`<section class="panel"><header><h2>${t('profiles.test')}</h2><${Button} label=${busy ? t('profiles.testing') : t('profiles.test_now')} icon="play" name="test" disabled=${busy} onClick=${run} /><span class="dim">${t('profiles.test_free')}</span></header>
    <div aria-live="polite">${error && html`<${Failed} error=${error} />`}
    ${result && html`<ul class="plain checks-list">${result.checks.map((/** @type {any} */ check) => html`<li key=${check.name}><span class=${check.ok ? 'good' : 'bad'}><${Icon} name=${check.ok ? 'check' : 'close'} /></span><div><b>${word('check', check.name)}</b> <span class="dim break">${check.message}</span>${check.fix && html`<div class="break">${check.fix}</div>`}</div></li>`)}</ul>`}</div></section>`;
}

/** @param {{ profile: Profile | null, onSaved: (name: string) => void, onGone: () => void }} props */
function Editor({ profile, onSaved, onGone }) {
  const [form, setForm] = useState(() => (profile ? formOf(profile) : blank()));
  const [models, setModels] = useState(/** @type {string[] | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState('');
  const change = (/** @type {Partial<import('./profiles.logic.js').Form>} */ part) => { setError(null); setForm((old) => ({ ...old, ...part })); };
  const text = (/** @type {keyof import('./profiles.logic.js').Form} */ key, /** @type {any} */ more = {}) => html`<${Field} label=${t(`profiles.${key}`)} hint=${more.hint} wide=${more.wide}><input name=${key} value=${form[key]} placeholder=${more.placeholder}
    list=${more.list} required=${more.required} inputmode=${more.numeric ? 'decimal' : undefined} class=${more.mono ? 'mono' : ''} onInput=${(/** @type {any} */ event) => change({ [key]: textOf(event) })} /></${Field}>`;
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy('save');
    const name = form.name.trim();
    await put(`/profiles/${encodeURIComponent(name)}`, profileBody(form)).then(() => { say(t('profiles.saved', { name })); onSaved(name); }, setError);
    setBusy('');
  };
  const erase = async () => {
    if (!profile || !(await ask({ title: t('profiles.delete_title', { name: profile.name }), text: t('profiles.delete_text'), confirm: t('delete'), danger: true }))) return;
    await remove(`/profiles/${encodeURIComponent(profile.name)}`).then(onGone, setError);
  };
  const [place, where] = profile ? keyPlace(profile) : ['none', ''];
  const listModels = () => { setBusy('models'); get(`/profiles/${encodeURIComponent(form.name)}/models`).then((answer) => setModels(answer.names), setError).finally(() => setBusy('')); };
  return html`<form class="profile-form" onSubmit=${save}>
    <section class="panel"><div class="fields">
      ${profile ? '' : text('name', { required: true, placeholder: 'studio' })}${text('description', { wide: Boolean(profile) })}
      ${text('provider', { list: 'providers' })}<datalist id="providers">${providers.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
      <${Field} label=${t('profiles.protocol')}><${Select} name="protocol" value=${form.protocol} onChange=${(/** @type {string} */ protocol) => change({ protocol })} options=${protocols.map((value) => ({ value, label: value === 'auto' ? t('profiles.auto') : value }))} /></${Field}>
      ${text('base_url', { wide: true, mono: true, placeholder: 'https://api.openai.com/v1', hint: t('profiles.base_url_hint') })}
      <div class="field wide"><span class="field-label">${t('profiles.model')}</span><div class="row"><input class="grow" style=${{ width: 'auto' }} aria-label=${t('profiles.model')} name="model" value=${form.model} list="profile-models" onInput=${(/** @type {any} */ event) => change({ model: textOf(event) })} />
        ${profile && html`<${Button} label=${busy === 'models' ? t('loading') : t('profiles.list_models')} name="models" onClick=${listModels} />`}</div>
        <datalist id="profile-models">${(models ?? []).map((name) => html`<option key=${name} value=${name} />`)}</datalist>
        ${models && html`<div class="variables">${models.length === 0 ? html`<span class="dim">${t('profiles.no_models')}</span>` : models.slice(0, 60).map((name) => html`<button type="button" class="pill" key=${name} aria-pressed=${form.model === name} onClick=${() => change({ model: name })}>${name}</button>`)}</div>`}</div>
      </div></section>
    <section class="panel"><h2>${t('profiles.credential')}</h2>${profile && html`<p class="dim break">${t(`profiles.credential_is_${place}`, { where })}</p>`}
      <div class="row"><${Select} label=${t('profiles.credential')} name="credential_kind" value=${form.credential_kind} onChange=${(/** @type {any} */ credential_kind) => change({ credential_kind, credential_value: '' })}
        options=${[...(profile ? ['keep'] : []), 'key', 'env', 'file', 'keyring', 'none'].map((value) => ({ value, label: t(`profiles.credential_${value === 'none' ? 'no' : value}`) }))} />
        ${!['keep', 'none'].includes(form.credential_kind) && html`<input class="grow mono" style=${{ width: 'auto' }} name="credential_value" aria-label=${t(`profiles.credential_${form.credential_kind}`)} type=${form.credential_kind === 'key' ? 'password' : 'text'} autocomplete="off" value=${form.credential_value}
          placeholder=${placeholders[form.credential_kind] ?? 'sk-…'} onInput=${(/** @type {any} */ event) => change({ credential_value: textOf(event) })} />`}</div>
      ${form.credential_kind === 'keyring' && html`<span class="field-hint">${t('profiles.credential_keyring_hint', { name: form.name.trim() || 'NAME' })}</span>`}</section>
    <section class="panel"><h2>${t('profiles.limits')}</h2><div class="fields">${text('concurrency', { numeric: true, placeholder: '8' })}${text('requests_per_minute', { numeric: true, placeholder: t('new.no_limit') })}${text('images_per_minute', { numeric: true, placeholder: t('new.no_limit') })}
      ${text('budget_day', { numeric: true, placeholder: t('new.no_limit') })}${text('budget_total', { numeric: true, placeholder: t('new.no_limit') })}</div></section>
    <section class="panel"><h2>${t('profiles.network')}</h2><${Check} label=${t('profiles.private_api')} hint=${t('profiles.private_api_hint')} checked=${form.allow_private_api} onChange=${(/** @type {boolean} */ allow_private_api) => change({ allow_private_api })} />
      <${Check} label=${t('profiles.private_downloads')} hint=${t('profiles.private_downloads_hint')} checked=${form.allow_private_downloads} onChange=${(/** @type {boolean} */ allow_private_downloads) => change({ allow_private_downloads })} /></section>
    ${error && html`<${Failed} error=${error} />`}
    ${profile && !profile.editable && html`<p class="dim">${t('profiles.fixed')}</p>`}
    <div class="row"><${Button} label=${t('save')} tone="main" type="submit" name="save" disabled=${busy !== '' || !form.name.trim() || profile?.editable === false} />${profile?.origin === 'console' && html`<${Button} label=${t('delete')} icon="trash" tone="danger" onClick=${erase} />`}
      ${profile && html`<span class="faint push">${word('profile_origin', profile.origin)}</span>`}</div>
  </form>`;
}

export function Profiles() {
  const [profiles, setProfiles] = useState(/** @type {Profile[] | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  /** @type {import('../html.js').Ref<HTMLInputElement | null>} */
  const picker = useRef(null);
  const load = () => get('/profiles').then((answer) => { setProfiles(answer.profiles); setError(null); }).catch(setError);
  useEffect(() => { load(); return onChanges((told) => { if (told.profiles) load(); }); }, []);
  const { name, create } = route.value.query;
  const profile = profiles?.find((entry) => entry.name === name) ?? (create || !profiles ? null : profiles.find((entry) => entry.default) ?? profiles[0] ?? null);
  const bring = async (/** @type {File | undefined} */ file) => {
    if (!file) return;
    try {
      const answer = await post('/profiles/import', JSON.parse(await file.text()));
      say(t('profiles.imported', { n: answer.profiles.length, names: answer.profiles.join(', ') }));
      for (const warning of answer.warnings ?? []) say(warning, { tone: 'bad' });
      load();
    } catch (problem) {
      complain(problem instanceof SyntaxError ? new Error(t('profiles.not_json', { name: file.name })) : problem);
    }
  };
  return html`<div class="page"><header class="page-head"><h1>${t('nav.profiles')}</h1><div class="row push"><a class="button" href="#/profiles?create=1">${t('profiles.new')}</a>
      <${Button} label=${t('profiles.import')} onClick=${() => picker.current?.click()} /><a class="button" href=${`${BASE}/profiles/export?credentials=false`} download>${t('profiles.export')}</a>
      <input ref=${picker} type="file" accept=".json,application/json" hidden onChange=${(/** @type {any} */ event) => { bring(event.currentTarget.files[0]); event.currentTarget.value = ''; }} /></div></header>
    ${error && html`<${Failed} error=${error} />`}
    ${profiles && html`<div class="profiles"><nav class="profile-list" aria-label=${t('nav.profiles')}>${profiles.map((entry) => html`<${Line} key=${entry.name} profile=${entry} on=${entry === profile} />`)}</nav>
      <div class="profile-page">
        <header class="page-head"><h2>${profile ? profile.name : t('profiles.new')}</h2>${profile && html`<span class=${`pill ${profile.ready ? 'finished' : 'waiting'}`}>${t(profile.ready ? 'profiles.ready' : 'profiles.not_ready')}</span>`}</header>
        ${profile?.paused && html`<div class="warned row"><span>${t('profiles.paused', { why: profile.paused.reason || word('failure', profile.paused.kind) })}${profile.paused.until_us ? ` ${t('profiles.until', { time: time(profile.paused.until_us) })}` : ''}</span>
          <${Button} label=${t('profiles.resume')} icon="play" onClick=${() => post(`/profiles/${encodeURIComponent(profile.name)}/resume`).then(load, complain)} /></div>`}
        ${profile || create ? html`<${Editor} key=${profile?.name ?? ''} profile=${profile} onSaved=${(/** @type {string} */ saved) => { load(); stay(`/profiles?name=${encodeURIComponent(saved)}`); }} onGone=${() => { load(); stay('/profiles'); }} />`
          : html`<${Empty} title=${t('profiles.none')} />`}
        ${profile && html`<${Test} name=${profile.name} />`}
      </div></div>`}
  </div>`;
}
