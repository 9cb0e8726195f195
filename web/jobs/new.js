// A new job: the form, its plan as it is typed, presets, and the start with consent to what it may cost.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { get, post, put, remove } from '../api.js';
import { about, ask, complain, go, mergeJob, route, say } from '../state.js';
import { recall, remember } from '../kept.js';
import { count, duration, money } from '../format.js';
import { Button, Check, Choice, Failed, Field, Select, textOf } from '../parts/parts.js';
import { Source } from './source.js';
import { CritiqueFields, InfographicFields } from './recipes.js';
import { blank, complete, firstProfile, formOf, jobFile, missing, takes } from './new.logic.js';

/** @typedef {import('./new.logic.js').Form} Form */

/** How often a step is made for each task, and what one costs. @param {NonNullable<import('../documents.d.ts').Plan['steps']>[number]} step */
const steps = ({ times: [least, , most], call }) => [t('plan.times', { n: least === most ? String(most) : `${least}–${most}` }), call ? money(call.likely) : t('money.unknown')].join(' · ');

/** @param {{ plan: import('../documents.d.ts').Plan }} props */
const PlanFacts = ({ plan }) => html`
  ${plan.cost ? html`<div><div class="price">${plan.cost.low === plan.cost.high ? money(plan.cost.likely) : t('plan.range', { low: money(plan.cost.low), high: money(plan.cost.high) })}</div>
      <div class="dim">${t('plan.likely', { money: money(plan.cost.likely) })} · ${t('plan.price_of', { date: plan.cost.date })}</div></div>`
    : html`<div class="warned">${t('plan.no_price')}</div>`}
  <dl class="facts">
    <dt>${t('plan.tasks')}</dt><dd>${count(plan.tasks)}${plan.known ? html`<span class="dim"> ${t('plan.known', { n: plan.known })}</span>` : ''}</dd>
    ${plan.sources > 0 && html`<dt>${t('plan.sources')}</dt><dd>${count(plan.sources)}</dd>`}
    <dt>${t('job.model')}</dt><dd>${plan.model} <span class="dim">${plan.profile}</span></dd>
    ${plan.size?.size && html`<dt>${t('new.size')}</dt><dd>${plan.size.size}</dd>`}
    ${plan.call_ceiling !== null && html`<dt>${t('plan.ceiling')}</dt><dd>${money(plan.call_ceiling)}</dd>`}
    ${plan.budget !== null && html`<dt>${t('new.budget')}</dt><dd>${money(plan.budget)}</dd>`}
    ${plan.seconds_at_rate !== null && html`<dt>${t('plan.at_least')}</dt><dd>${duration(plan.seconds_at_rate)}</dd>`}
    ${(plan.steps ?? []).map((step, at) => html`<dt key=${`k${at}`}>${t(`plan.step.${step.kind}`)}</dt><dd key=${`v${at}`}>${step.model} <span class="dim">${steps(step)}</span></dd>`)}
    <dt>${t('new.unknown')}</dt><dd>${word('unknown_policy', plan.unknown_policy)}</dd>
    <dt>${t('new.name')}</dt><dd class="mono">${plan.name ?? plan.job}</dd>
  </dl>
  ${plan.warnings.map((warning) => html`<div class="warned" key=${warning}>${warning}</div>`)}
  ${plan.skipped.length > 0 && html`<details><summary>${t('plan.skipped', { n: plan.skipped.length })}</summary>
    <ul class="plain">${plan.skipped.slice(0, 50).map((skip) => html`<li key=${skip.path} class="break"><span class="mono">${skip.path}</span> <span class="dim">${word('skip', skip.reason.reason)} ${skip.reason.of ?? skip.reason.detail ?? ''}</span></li>`)}</ul></details>`}
  ${plan.ignored_files > 0 && html`<p class="dim">${t('plan.ignored', { n: plan.ignored_files })}</p>`}
  ${plan.task_list.length > 0 && html`<details><summary>${t('plan.first', { n: plan.task_list.length })}</summary>
    <ul class="plain">${plan.task_list.map((task) => html`<li key=${task.key} class="break"><b>${task.source}</b> <span class="dim">${task.prompt}</span></li>`)}</ul></details>`}`;

/** Presets: saved job files. @param {{ onApply: (file: any) => void, current: () => any }} props */
function Presets({ onApply, current }) {
  const [presets, setPresets] = useState(/** @type {{ name: string, job: any }[]} */ ([]));
  const [chosen, setChosen] = useState('');
  const [naming, setNaming] = useState(/** @type {string | null} */ (null));
  const load = () => get('/presets').then((answer) => setPresets(answer.presets), () => {});
  useEffect(() => { load(); }, []);
  const apply = (/** @type {string} */ name) => {
    setChosen(name);
    const preset = presets.find((entry) => entry.name === name);
    if (preset) onApply(preset.job);
  };
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const name = (naming ?? '').trim();
    if (!name) return;
    try {
      await put(`/presets/${encodeURIComponent(name)}`, current());
      say(t('preset.saved', { name }));
      setNaming(null);
      setChosen(name);
      load();
    } catch (error) {
      complain(error);
    }
  };
  const erase = async () => {
    const yes = await ask({ title: t('preset.delete_title', { name: chosen }), text: t('preset.delete_text'), confirm: t('delete'), danger: true });
    if (yes) await remove(`/presets/${encodeURIComponent(chosen)}`).then(() => { setChosen(''); load(); }, complain);
  };
  return html`<div class="row">
    ${presets.length > 0 && html`<${Select} label=${t('preset.choose')} value=${chosen} onChange=${apply} options=${[{ value: '', label: t('preset.choose') }, ...presets.map(({ name }) => ({ value: name, label: name }))]} />`}
    ${chosen && html`<${Button} label=${t('preset.delete')} icon="trash" bare onClick=${erase} />`}
    ${naming === null ? html`<${Button} label=${t('preset.save')} tone="quiet" onClick=${() => setNaming(chosen)} />`
      : html`<form class="row" onSubmit=${save}><input class="grow" placeholder=${t('preset.name')} aria-label=${t('preset.name')} value=${naming} autofocus onInput=${(/** @type {any} */ event) => setNaming(textOf(event))} style=${{ width: '160px' }} />
        <${Button} label=${t('save')} type="submit" disabled=${!naming.trim()} /><${Button} label=${t('cancel')} tone="quiet" onClick=${() => setNaming(null)} /></form>`}
  </div>`;
}

/** The live plan of a job file. @param {Form} form @param {any} file */
function usePlan(form, file) {
  const [state, setState] = useState(/** @type {{ plan: import('../documents.d.ts').Plan | null, error: any, busy: boolean }} */ ({ plan: null, error: null, busy: false }));
  const text = JSON.stringify(file);
  useEffect(() => {
    if (!complete(form)) {
      setState({ plan: null, error: null, busy: false });
      return undefined;
    }
    const abort = new AbortController();
    setState((old) => ({ ...old, busy: true }));
    const wait = setTimeout(() => {
      post('/plans', { job: JSON.parse(text), preview: 5 }, abort.signal)
        .then((plan) => setState({ plan, error: null, busy: false }))
        .catch((error) => { if (error.name !== 'AbortError') setState({ plan: null, error, busy: false }); });
    }, 350);
    return () => { clearTimeout(wait); abort.abort(); };
  }, [text]);
  return state;
}

export function NewJob() {
  const draft = recall('draft') ?? {};
  const [form, setForm] = useState(/** @type {Form} */ ({ ...blank(), ...draft.form }));
  const [base, setBase] = useState(/** @type {any} */ (draft.base ?? {}));
  const [profiles, setProfiles] = useState(/** @type {import('../documents.d.ts').Profile[] | null} */ (null));
  const [models, setModels] = useState(/** @type {string[]} */ ([]));
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(/** @type {any} */ (null));
  const file = useMemo(() => jobFile(form, base), [form, base]);
  const { plan, error, busy: planning } = usePlan(form, file);
  const change = (/** @type {Partial<Form>} */ part) => { setRefused(null); setForm((old) => ({ ...old, ...part })); };
  const changing = (/** @type {keyof Form} */ key) => (/** @type {any} */ event) => change({ [key]: textOf(event) });
  const last = useRef('');
  // Before the page is painted: what was typed just before a reload is kept.
  useLayoutEffect(() => { const text = JSON.stringify(form); if (text !== last.current) { last.current = text; remember('draft', { form, base }); } }, [form, base]);
  useEffect(() => { get('/profiles').then((answer) => setProfiles(answer.profiles)).catch(complain); }, []);
  useEffect(() => { get('/models', form.profile ? { profile: form.profile } : {}).then((answer) => setModels([...new Set(/** @type {string[]} */ (answer.models.map((/** @type {any} */ model) => model.model)))]), () => setModels([])); }, [form.profile]);
  useEffect(() => {
    const { from } = route.value.query;
    if (from) get(`/jobs/${from}/file`).then((job) => { setBase(job); setForm({ ...formOf(job), name: '' }); }).catch(complain);
  }, []);
  const known = profiles ?? [];
  const ownDefault = known.find((entry) => entry.default && entry.ready);
  const profile = known.find(({ name }) => name === form.profile) ?? ownDefault;
  useEffect(() => { if (!form.profile && firstProfile(known)) change({ profile: firstProfile(known) }); }, [profiles, form.profile]);
  const noneReady = profiles !== null && !known.some((entry) => entry.ready);

  const start = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!plan || busy) return;
    const most = plan.most ?? plan.cost?.high ?? null;
    if (!plan.cost && !form.accept_unknown_price) {
      setRefused({ message: t('new.unknown_price'), help: t('new.unknown_price_help') });
      return;
    }
    if (plan.needs_consent) {
      const yes = await ask({ title: t('new.consent_title'), text: t('new.consent_text', { most: money(most), limit: money(about.value?.confirm_above ?? 0) }), confirm: t('new.consent', { most: money(most) }) });
      if (!yes) return;
    }
    setBusy(true);
    try {
      const job = await post('/jobs', { job: file, ...(most === null ? {} : { agreed_up_to: most }), ...(form.accept_unknown_price ? { accept_unknown_price: true } : {}) });
      remember('draft', null);
      mergeJob(job);
      go(`/jobs/${job.id}`);
    } catch (problem) {
      setRefused(problem);
    }
    setBusy(false);
  };
  const taken = takes(form.recipe);
  const more = { form, change, profiles: known };
  const text = (/** @type {keyof Form} */ key, /** @type {string} */ label, /** @type {any} */ more = {}) => html`<${Field} label=${label} hint=${more.hint}>
    <input name=${key} value=${form[key]} placeholder=${more.placeholder} inputmode=${more.numeric ? 'decimal' : undefined} list=${more.list} onInput=${changing(key)} /></${Field}>`;
  const choose = (/** @type {keyof Form} */ key, /** @type {string} */ label, /** @type {string[]} */ values, /** @type {string} */ group) => html`<${Field} label=${label}>
    <${Select} name=${key} value=${form[key]} onChange=${(/** @type {string} */ value) => change({ [key]: value })} options=${values.map((value) => ({ value, label: value ? word(group, value) : t('provider_default') }))} /></${Field}>`;

  return html`<div class="page"><header class="page-head"><h1>${t('job.new')}</h1><div class="push"><${Presets} current=${() => file} onApply=${(/** @type {any} */ job) => { setBase(job); setForm(formOf(job)); }} /></div></header>
    <div class="new-job">
    <form onSubmit=${start} id="new-job">
      <section class="panel">
        <${Choice} label=${t('new.recipe')} value=${form.recipe} onChange=${(/** @type {string} */ recipe) => change({ recipe })} options=${['edit', 'generate', 'infographic', 'critique'].map((value) => ({ value, label: word('recipe', value), hint: t(`recipe.${value}_hint`) }))} />
        ${taken.pictures && html`<${Source} paths=${form.paths} onChange=${(/** @type {string[]} */ paths) => change({ paths })} />`}
        <div class="field"><span class="field-label">${t(`new.prompt_label.${form.recipe}`)}</span><div class="prompts">
          ${form.prompts.map((prompt, index) => html`<div key=${index}><textarea rows="3" name="prompt" aria-label=${t('new.prompt_n', { n: index + 1 })} placeholder=${t(`new.prompt_${form.recipe}`)} value=${prompt}
              onInput=${(/** @type {any} */ event) => change({ prompts: form.prompts.map((old, at) => (at === index ? textOf(event) : old)) })}></textarea>
            ${form.prompts.length > 1 && html`<${Button} label=${t('new.remove_prompt')} icon="close" tone="quiet" bare onClick=${() => change({ prompts: form.prompts.filter((_, at) => at !== index) })} />`}</div>`)}
          <div><${Button} label=${t('new.add_prompt')} icon="plus" tone="quiet" onClick=${() => change({ prompts: [...form.prompts, ''] })} /></div></div></div>
        ${form.recipe === 'edit' && html`<${Check} label=${t('new.sidecar')} hint=${t('new.sidecar_hint')} checked=${form.sidecar_prompts} onChange=${(/** @type {boolean} */ sidecar_prompts) => change({ sidecar_prompts })} />`}
      </section>
      ${form.recipe === 'critique' && html`<${CritiqueFields} ...${more} />`}
      ${form.recipe === 'infographic' && html`<${InfographicFields} ...${more} />`}
      <section class="panel"><div class="fields">
        <${Field} label=${t('new.profile')} hint=${noneReady && html`<span class="warned">${t('new.no_profile')}</span> <a href="#/profiles">${t('new.to_profiles')}</a>`}><${Select} name="profile" value=${form.profile} onChange=${(/** @type {string} */ value) => change({ profile: value, model: '' })}
          options=${[...(ownDefault ? [{ value: '', label: t('new.default_profile', { name: ownDefault.name }) }] : form.profile ? [] : [{ value: '', label: t('new.choose_profile') }]), ...known.map((entry) => ({ value: entry.name, label: entry.ready ? entry.name : t('new.not_ready', { name: entry.name }) }))]} /></${Field}>
        ${text('model', t('new.model'), { placeholder: profile?.model || t('new.model_placeholder'), list: 'models' })}
        <datalist id="models">${models.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
        ${taken.options && text('samples', t(form.recipe === 'infographic' ? 'new.variants' : 'new.samples'), { numeric: true })}
        ${text('budget', t('new.budget'), { numeric: true, placeholder: t('new.no_limit') })}
        ${text('name', t('new.name'), { placeholder: plan?.name ?? plan?.job ?? t('new.name_placeholder') })}
      </div>
      <${Check} label=${t('new.accept_unknown')} checked=${form.accept_unknown_price} onChange=${(/** @type {boolean} */ accept_unknown_price) => change({ accept_unknown_price })} />
      </section>
      <details class="panel" open=${Boolean(draft.form && JSON.stringify(draft.base ?? {}) !== '{}')}><summary>${t('new.options')}</summary><div class="fields">
        ${taken.options && html`${text('size', t('new.size'), { placeholder: '2K, 1536x1024', list: 'sizes' })}<datalist id="sizes">${['1K', '2K', '4K', 'auto', '1024x1024', '1536x1024', '1024x1536'].map((size) => html`<option key=${size} value=${size} />`)}</datalist>
        ${text('aspect_ratio', t('new.aspect'), { placeholder: '16:9' })}
        ${choose('quality', t('new.quality'), ['', 'low', 'medium', 'high', 'auto'], 'quality')}
        ${choose('output_format', t('new.format'), ['', 'png', 'jpeg', 'webp'], 'format')}
        ${taken.system && text('n', t('new.n'), { numeric: true })}${text('seed', t('new.seed'), { numeric: true })}`}
        ${taken.pictures && text('max_edge', t('new.max_edge'), { numeric: true, placeholder: t('new.no_limit') })}
        ${text('concurrency', t('new.concurrency'), { numeric: true, placeholder: String(profile?.limits?.concurrency ?? 8) })}
        ${text('requests_per_minute', t('new.rpm'), { numeric: true, placeholder: t('new.no_limit') })}
        ${choose('unknown', t('new.unknown'), ['auto', 'never', 'once', 'always'], 'unknown_policy')}
        ${taken.system && html`<${Field} label=${t('new.system')} wide><textarea rows="2" name="system_prompt" value=${form.system_prompt} onInput=${changing('system_prompt')}></textarea></${Field}>
        <${Field} label=${t('new.negative')} wide><textarea rows="2" name="negative_prompt" value=${form.negative_prompt} onInput=${changing('negative_prompt')}></textarea></${Field}>`}
        ${text('save_folder', t('new.save_folder'), { placeholder: t('new.save_later'), hint: t('new.save_hint') })}
        ${form.save_folder && choose('save_preset', t('new.save_preset'), ['', 'edit_pairs', 'aitookit_edit', 'keep_source_name', 'source_with_txt', 'first_only_clean', 'indexed_archive'], 'save_preset')}
      </div></details>
    </form>
    <aside class="panel plan" aria-label=${t('plan.title')} aria-live="polite" aria-busy=${planning}>
      <header><h2>${t('plan.title')}</h2>${planning && html`<span class="dim">${t('plan.busy')}</span>`}</header>
      ${error ? html`<${Failed} error=${error} />` : plan ? html`<${PlanFacts} plan=${plan} />` : html`<p class="dim">${t(missing(form) || 'plan.busy')}</p>`}
      ${refused && html`<${Failed} error=${refused} />`}
      <button class="button main" type="submit" form="new-job" disabled=${!plan || busy} data-name="start">${(plan?.most ?? plan?.cost?.high ?? 0) > 0 ? t('new.start_up_to', { money: money(plan?.most ?? plan?.cost?.high) }) : t('new.start')}</button>
    </aside></div></div>`;
}
