// Saving: which rule, what it would name, and the copies themselves.
import { html, useEffect, useRef, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { BASE, get, post, put, remove } from '../api.js';
import { ask, complain, jobList, jobs, route, say, stay } from '../state.js';
import { recall, remember } from '../kept.js';
import { Button, Check, Empty, Failed, Field, Select, textOf } from '../parts/parts.js';
import { defaults, full, inserted, lean, variables } from './save.logic.js';

/** A run of saving, followed until it is done. @param {{ id: string, zip: boolean }} props */
function Run({ id, zip }) {
  const [run, setRun] = useState(/** @type {import('../documents.d.ts').SaveRun | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  useEffect(() => {
    let timer = 0;
    const look = () => get(`/saves/${id}`).then((/** @type {import('../documents.d.ts').SaveRun} */ next) => {
      setRun(next);
      if (next.state === 'running') timer = window.setTimeout(look, 300);
      else if (next.state === 'done' && zip) location.assign(`${BASE}/saves/${id}/zip`);
    }, setError);
    look();
    return () => clearTimeout(timer);
  }, [id]);
  if (error) return html`<${Failed} error=${error} />`;
  if (!run) return html`<p class="dim">${t('loading')}</p>`;
  if (run.state === 'running') return html`<div role="status"><progress value=${run.done} max=${run.total || 1}></progress> ${t('save.progress', { done: run.done, total: run.total })}</div>`;
  if (run.state === 'failed') return html`<${Failed} error=${typeof run.error === 'string' ? { message: run.error } : run.error ?? { message: t('save.failed') }} />`;
  const { result } = run;
  return html`<div class="saved" role="status"><b>${zip ? t('save.zipped') : t('save.done')}</b> ${zip && html`<a href=${`${BASE}/saves/${id}/zip`}>${t('save.zip_again')}</a>`}
    ${result && html`${!zip && html`<div class="mono break">${result.folder}</div>`}<dl class="facts"><dt>${t('job.pictures_label')}</dt><dd>${result.pictures}</dd>
      ${result.sources > 0 && html`<dt>${t('save.sources')}</dt><dd>${result.sources}</dd>`}${result.texts > 0 && html`<dt>${t('save.texts')}</dt><dd>${result.texts}</dd>`}
      ${result.already_there > 0 && html`<dt>${t('save.already')}</dt><dd>${result.already_there}</dd>`}${result.skipped > 0 && html`<dt>${t('save.skipped')}</dt><dd>${result.skipped}</dd>`}</dl>
      ${result.error_count > 0 && html`<div class="trouble"><b>${t('save.errors', { n: result.error_count })}</b><ul class="plain">${result.errors.map((entry) => html`<li key=${entry.path} class="break"><a href=${`#/task/${entry.task}`}>${entry.path}</a> ${entry.message}</li>`)}</ul></div>`}`}
  </div>`;
}

/** @param {{ job: number, rule: any, folder: string }} props */
function Preview({ job, rule, folder }) {
  const [state, setState] = useState(/** @type {{ preview: import('../documents.d.ts').SavePreview | null, error: any }} */ ({ preview: null, error: null }));
  const text = JSON.stringify(rule);
  useEffect(() => {
    const abort = new AbortController();
    const wait = setTimeout(() => post(`/jobs/${job}/save/preview`, { rule: JSON.parse(text), ...(folder ? { folder } : {}), limit: 20 }, abort.signal)
      .then((preview) => setState({ preview, error: null })).catch((error) => { if (error.name !== 'AbortError') setState({ preview: null, error }); }), 250);
    return () => { clearTimeout(wait); abort.abort(); };
  }, [job, text, folder]);
  const { preview, error } = state;
  return html`<section class="panel preview" aria-live="polite"><header><h2>${t('save.preview')}</h2>${preview && html`<span class="dim">${t('save.preview_of', { n: new Set(preview.names.map((name) => name.asset)).size, total: preview.pictures })}</span>`}</header>
    ${error && html`<${Failed} error=${error} />`}
    ${preview && preview.pictures === 0 && html`<p class="dim">${t('save.nothing')}</p>`}
    ${preview && html`<ol class="file-names">${preview.names.map((name) => html`<li key=${name.file} class=${name.kind === 'picture' ? 'mono' : 'mono dim'}><span class="break">${name.file}</span>${name.there && html` <span class="faint">${t('save.there')}</span>`}</li>`)}</ol>`}
    ${(preview?.errors ?? []).map((entry) => html`<div class="warned" key=${entry.path}>${entry.path}: ${entry.message}</div>`)}
  </section>`;
}

/** @param {{ onInsert: (variable: string) => void }} props */
const Variables = ({ onInsert }) => html`<div class="variables">${variables.map((name) => html`<button type="button" class="pill" key=${name} title=${t(`variable.${name}`)} onMouseDown=${(/** @type {Event} */ event) => event.preventDefault()} onClick=${() => onInsert(name)}>{${name}}</button>`)}</div>`;

export function Save() {
  const wanted = Number(route.value.query.job);
  const job = jobs.value.get(wanted) ?? jobList.value.find((entry) => entry.pictures > 0) ?? jobList.value[0];
  const [presets, setPresets] = useState(/** @type {import('../documents.d.ts').SavePreset[]} */ ([]));
  const [preset, setPreset] = useState('');
  const [rule, setRule] = useState(/** @type {Required<import('../documents.d.ts').SaveRule>} */ (full(recall('save_rule') ?? defaults)));
  const [folder, setFolder] = useState(recall('save_folder') ?? '');
  const [run, setRun] = useState(/** @type {{ id: string, zip: boolean } | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [name, setName] = useState(/** @type {string | null} */ (null));
  /** @type {import('../html.js').Ref<{ field: HTMLInputElement, key: keyof import('../documents.d.ts').SaveRule } | null>} */
  const focused = useRef(null);
  const load = () => get('/save-rules').then((answer) => setPresets(answer.presets)).catch(complain);
  useEffect(() => { load(); }, []);
  useEffect(() => { remember('save_rule', lean(rule)); remember('save_folder', folder || null); }, [rule, folder]);
  if (!job) return html`<div class="page"><${Empty} title=${t('save.no_jobs')}><a class="button main" href="#/jobs/new">${t('job.new')}</a></${Empty}></div>`;
  const change = (/** @type {Partial<import('../documents.d.ts').SaveRule>} */ part) => { setPreset(''); setRule((old) => full({ ...old, ...part })); };
  const chosen = presets.find((entry) => entry.name === preset);
  const start = async (/** @type {boolean} */ zip) => {
    setError(null);
    setRun(null);
    try {
      const answer = await post(`/jobs/${job.id}/${zip ? 'zip' : 'save'}`, { rule: lean(rule), ...(!zip && folder.trim() ? { folder: folder.trim() } : {}) });
      setRun({ id: String(answer.save), zip });
    } catch (problem) {
      setError(problem);
    }
  };
  const keep = (/** @type {Event} */ event) => {
    event.preventDefault();
    const called = (name ?? '').trim();
    if (called) put(`/save-rules/${encodeURIComponent(called)}`, lean(rule)).then(() => { setName(null); setPreset(called); say(t('preset.saved', { name: called })); load(); }).catch(complain);
  };
  const erase = async () => {
    if (await ask({ title: t('preset.delete_title', { name: preset }), text: t('preset.delete_text'), confirm: t('delete'), danger: true })) remove(`/save-rules/${encodeURIComponent(preset)}`).then(() => { setPreset(''); load(); }).catch(complain);
  };
  const insert = (/** @type {string} */ variable) => {
    const { field, key } = focused.current ?? { field: null, key: /** @type {const} */ ('name') };
    const text = String(rule[key]);
    change({ [key]: inserted(text, field?.selectionStart ?? text.length, field?.selectionEnd ?? text.length, variable) });
    field?.focus();
  };
  const template = (/** @type {'name' | 'source_name' | 'text_template'} */ key) => html`<${Field} label=${t(`save.${key}`)} wide><input class="mono" name=${key} value=${rule[key]} onInput=${(/** @type {any} */ event) => change({ [key]: textOf(event) })}
    onFocus=${(/** @type {any} */ event) => { focused.current = { field: event.currentTarget, key }; }} /></${Field}>`;
  const flag = (/** @type {'only_kept' | 'only_first' | 'keep_folders' | 'copy_source' | 'text' | 'manifest' | 'contact_sheet'} */ key) => html`<${Check} label=${t(`save.${key}`)} hint=${t(`save.${key}_hint`)} checked=${rule[key]} onChange=${(/** @type {boolean} */ on) => change({ [key]: on })} />`;
  return html`<div class="page"><header class="page-head"><h1>${t('nav.save')}</h1><${Select} label=${t('filter.job')} name="job" value=${String(job.id)} onChange=${(/** @type {string} */ value) => { setRun(null); stay(`/save?job=${value}`); }}
      options=${jobList.value.map((entry) => ({ value: String(entry.id), label: `${entry.job} (${entry.pictures})` }))} /></header>
    <div class="save-page"><div class="save-form">
      <section class="panel"><div class="row"><${Select} label=${t('save.preset')} name="preset" value=${preset} onChange=${(/** @type {string} */ value) => { const found = presets.find((entry) => entry.name === value); setPreset(value); if (found) setRule(full(found.rule)); }}
          options=${[{ value: '', label: t('save.own_rule') }, ...presets.map((entry) => ({ value: entry.name, label: entry.built_in ? word('save_preset', entry.name) : entry.name }))]} />
        ${chosen && !chosen.built_in && html`<${Button} label=${t('preset.delete')} icon="trash" bare onClick=${erase} />`}
        ${name === null ? html`<${Button} label=${t('preset.save')} tone="quiet" onClick=${() => setName('')} />` : html`<form class="row" onSubmit=${keep}><input style=${{ width: '150px' }} value=${name} autofocus placeholder=${t('preset.name')} aria-label=${t('preset.name')} onInput=${(/** @type {any} */ event) => setName(textOf(event))} />
          <${Button} label=${t('save')} type="submit" disabled=${!name.trim()} /><${Button} label=${t('cancel')} tone="quiet" onClick=${() => setName(null)} /></form>`}</div>
        <div class="fields">${template('name')}${rule.copy_source && template('source_name')}${rule.text && template('text_template')}</div>
        <${Variables} onInsert=${insert} />
        <div class="fields"><${Field} label=${t('save.replace_from')}><input class="mono" value=${rule.replace_from} placeholder="start" onInput=${(/** @type {any} */ event) => change({ replace_from: textOf(event) })} /></${Field}>
          <${Field} label=${t('save.replace_to')}><input class="mono" value=${rule.replace_to} placeholder="end" onInput=${(/** @type {any} */ event) => change({ replace_to: textOf(event) })} /></${Field}>
          <${Field} label=${t('save.collision')}><${Select} value=${rule.collision} onChange=${(/** @type {any} */ collision) => change({ collision })} options=${['suffix', 'skip', 'overwrite'].map((value) => ({ value, label: t(`collision.${value}`) }))} /></${Field}></div>
      </section>
      <section class="panel checks">${flag('only_kept')}${flag('only_first')}${flag('copy_source')}${flag('keep_folders')}${flag('text')}${flag('manifest')}${flag('contact_sheet')}</section>
      <section class="panel"><${Field} label=${t('save.folder')} hint=${t('save.folder_hint')}><input class="mono" name="folder" value=${folder} placeholder=${`imagemill-out/${job.job}`} onInput=${(/** @type {any} */ event) => setFolder(textOf(event))} /></${Field}>
        <div class="row"><${Button} label=${t('save.start')} icon="save" tone="main" name="save" onClick=${() => start(false)} /><${Button} label=${t('save.zip')} name="zip" onClick=${() => start(true)} /></div>
        ${error && html`<${Failed} error=${error} />`}
        ${run && html`<${Run} key=${run.id} id=${run.id} zip=${run.zip} />`}</section>
    </div><${Preview} job=${job.id} rule=${lean(rule)} folder=${folder.trim()} /></div></div>`;
}
