// What the recipes ask for beyond pictures and prompts: rubric and gate of critiques; rounds, layout and style of infographics; who answers in words.
import { html, useEffect, useState } from '../html.js';
import { t, language, word } from '../i18n/texts.js';
import { get } from '../api.js';
import { Field, Select, textOf } from '../parts/parts.js';

/** @typedef {import('./new.logic.js').Form} Form */
/** @typedef {{ form: Form, change: (part: Partial<Form>) => void, profiles: import('../documents.d.ts').Profile[] }} Props */

/** In the language of the page, as far as there is a text in it. @param {{ en: string, zh?: string | null }} title */
const said = (title) => (language.value === 'zh-CN' && title.zh ? title.zh : title.en);

/** @param {string} path @returns {any} */
function useTable(path) {
  const [table, setTable] = useState(/** @type {any} */ (null));
  useEffect(() => { get(path).then(setTable, () => {}); }, [path]);
  return table;
}

/** @param {Props & { name: keyof Form, label: string, placeholder?: string, options?: string[], hint?: string }} props */
const Text = ({ form, change, name, label, placeholder, options, hint }) => html`<${Field} label=${label} hint=${hint}>
  <input name=${name} value=${form[name]} placeholder=${placeholder} list=${options ? `${name}-names` : undefined} onInput=${(/** @type {any} */ event) => change({ [name]: textOf(event) })} />
  ${options && html`<datalist id=${`${name}-names`}>${options.map((value) => html`<option key=${value} value=${value} />`)}</datalist>`}</${Field}>`;

/** @param {Props & { name: keyof Form, label: string, options: { value: string, label: string }[], hint?: string }} props */
const Chosen = ({ form, change, name, label, options, hint }) => html`<${Field} label=${label} hint=${hint}>
  <${Select} name=${name} value=${form[name]} options=${options} onChange=${(/** @type {string} */ value) => change({ [name]: value })} /></${Field}>`;

/** Profile and model that answer in words, or look. @param {Props & { who: 'text' | 'vision' }} props */
const Speaker = ({ who, ...props }) => html`
  <${Chosen} ...${props} name=${`${who}_profile`} label=${t(`new.${who}_profile`)} options=${[{ value: '', label: t('new.same_profile') }, ...props.profiles.map(({ name }) => ({ value: name, label: name }))]} />
  <${Text} ...${props} name=${`${who}_model`} label=${t(`new.${who}_model`)} placeholder=${t('new.model_placeholder')} />`;

/** @param {Props} props */
export function CritiqueFields(props) {
  const table = useTable('/rubrics');
  const rubrics = (table?.rubrics ?? []).map((/** @type {any} */ rubric) => rubric.name);
  return html`<section class="panel"><div class="fields">
    <${Text} ...${props} name="collection" label=${t('new.collection')} placeholder="korean" options=${table?.collections ?? []} hint=${t('new.collection_hint')} />
    <${Text} ...${props} name="rubric" label=${t('new.rubric')} placeholder=${t('new.of_collection')} options=${rubrics} hint=${t('new.rubric_hint')} />
    <${Text} ...${props} name="gate" label=${t('new.gate')} placeholder=${t('new.of_collection')} options=${table?.gates ?? []} />
    <${Speaker} ...${props} who="vision" />
  </div></section>`;
}

/** @param {Props} props */
export function InfographicFields(props) {
  const table = useTable('/catalogue');
  const entries = (/** @type {any[] | undefined} */ list) => [{ value: '', label: t('new.drawn') }, ...(list ?? []).map((entry) => ({ value: entry.name, label: `${said(entry.title)} (${entry.name})` }))];
  const either = (/** @type {string} */ otherwise, /** @type {string[]} */ values, /** @type {(value: string) => string} */ label) => [{ value: '', label: otherwise }, ...values.map((value) => ({ value, label: label(value) }))];
  const looked = Number(props.form.rounds) > 1;
  return html`<section class="panel"><div class="fields">
    <${Chosen} ...${props} name="rounds" label=${t('new.rounds')} hint=${t('new.rounds_hint')} options=${['', '1', '2', '3', '4', '5', '6', '7', '8'].map((value) => ({ value, label: value || t('new.rounds_default') }))} />
    <${Chosen} ...${props} name="layout" label=${t('new.layout')} options=${entries(table?.layouts)} />
    <${Chosen} ...${props} name="style" label=${t('new.style')} options=${entries(table?.styles)} />
    <${Chosen} ...${props} name="expand" label=${t('new.expand')} options=${either(t('expand.default'), ['force', 'disable'], (value) => word('expand', value))} />
    <${Chosen} ...${props} name="fidelity" label=${t('new.fidelity')} options=${either(t('fidelity.default'), ['enrich'], (value) => word('fidelity', value))} />
    <${Chosen} ...${props} name="repair" label=${t('new.repair')} options=${either(t('repair.default'), ['edit'], (value) => word('repair', value))} />
    <${Speaker} ...${props} who="text" />${looked && html`<${Speaker} ...${props} who="vision" />`}
  </div></section>`;
}
