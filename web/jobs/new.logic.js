// From the form to a job file, and back from a preset.

/** @typedef {{ recipe: string, name: string, paths: string[], prompts: string[], system_prompt: string, negative_prompt: string, profile: string, model: string,
 *   samples: string, budget: string, accept_unknown_price: boolean, size: string, aspect_ratio: string, quality: string, output_format: string, n: string, seed: string, concurrency: string,
 *   requests_per_minute: string, unknown: string, max_edge: string, sidecar_prompts: boolean, save_folder: string, save_preset: string,
 *   collection: string, rubric: string, gate: string, rounds: string, expand: string, fidelity: string, layout: string, style: string, repair: string,
 *   text_profile: string, text_model: string, vision_profile: string, vision_model: string }} Form */

/** @returns {Form} */
export const blank = () => ({
  recipe: 'edit', name: '', paths: [], prompts: [''], system_prompt: '', negative_prompt: '', profile: '', model: '', samples: '1', budget: '', accept_unknown_price: false, size: '',
  aspect_ratio: '', quality: '', output_format: '', n: '', seed: '', concurrency: '', requests_per_minute: '', unknown: 'auto', max_edge: '', sidecar_prompts: false, save_folder: '', save_preset: '',
  collection: '', rubric: '', gate: '', rounds: '', expand: '', fidelity: '', layout: '', style: '', repair: '', text_profile: '', text_model: '', vision_profile: '', vision_model: '',
});

/** What a recipe takes. @param {string} recipe */
export const takes = (recipe) => ({
  pictures: recipe === 'edit' || recipe === 'critique',
  prompts: recipe !== 'critique',
  /** Sizes, formats and seeds of pictures. */
  options: recipe !== 'critique',
  /** Prompts for a model that makes pictures at once. */
  system: recipe === 'edit' || recipe === 'generate',
  words: recipe === 'critique' || recipe === 'infographic',
});

/** A number when it is one, the text otherwise: the server then says what is wrong with it. @param {string} text */
const number = (text) => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text);

/** @param {Record<string, any>} table @param {[string, string, boolean][]} entries Name, text, whether it is a number. */
function put(table, entries) {
  for (const [key, text, numeric] of entries) if (text.trim() !== '') table[key] = numeric ? number(text.trim()) : text.trim();
}

/** The job file of docs/job-file.md as JSON; only what was filled in. `base` is what a preset had beyond the form.
 * @param {Form} form @param {Record<string, any>} [base] */
export function jobFile(form, base = {}) {
  const prompts = form.prompts.map((prompt) => prompt.trim()).filter(Boolean);
  /** @type {Record<string, any>} */
  const file = structuredClone(base);
  for (const key of ['name', 'profile', 'model', 'system_prompt', 'negative_prompt', 'prompt', 'prompts', 'samples', 'budget', 'accept_unknown_price', 'save_preset']) delete file[key];
  file.recipe = form.recipe;
  put(file, [['name', form.name, false], ['profile', form.profile, false], ['model', form.model, false], ['system_prompt', form.system_prompt, false],
    ['negative_prompt', form.negative_prompt, false], ['samples', form.samples === '1' ? '' : form.samples, true], ['budget', form.budget, true]]);
  if (prompts.length === 1) [file.prompt] = prompts;
  if (prompts.length > 1) file.prompts = prompts;
  if (form.accept_unknown_price) file.accept_unknown_price = true;
  const table = (/** @type {string} */ name, /** @type {[string, string, boolean][]} */ entries) => {
    const own = { ...file[name] };
    for (const [key] of entries) delete own[key];
    put(own, entries);
    if (Object.keys(own).length > 0) file[name] = own;
    else delete file[name];
  };
  const taken = takes(form.recipe);
  if (taken.pictures) {
    file.source = { ...file.source, paths: form.paths };
    if (form.sidecar_prompts && form.recipe === 'edit') file.source.sidecar_prompts = true;
    else delete file.source.sidecar_prompts;
    table('prepare', [['max_edge', form.max_edge, true]]);
  } else {
    delete file.prepare;
    if (file.source && !file.source.list) delete file.source;
  }
  if (!taken.system) for (const key of ['system_prompt', 'negative_prompt']) delete file[key];
  if (!taken.options) delete file.samples;
  const asked = (/** @type {string} */ text) => (taken.options ? text : '');
  table('critique', form.recipe === 'critique' ? [['collection', form.collection, false], ['rubric', form.rubric, false], ['gate', form.gate, false]] : []);
  table('infographic', form.recipe === 'infographic' ? [['rounds', form.rounds, true], ['expand', form.expand, false], ['fidelity', form.fidelity, false], ['layout', form.layout, false],
    ['style', form.style, false], ['repair', form.repair, false]] : []);
  for (const name of ['critique', 'infographic']) if (name !== form.recipe) delete file[name];
  table('text', [['profile', form.recipe === 'infographic' ? form.text_profile : '', false], ['model', form.recipe === 'infographic' ? form.text_model : '', false]]);
  table('vision', [['profile', taken.words ? form.vision_profile : '', false], ['model', taken.words ? form.vision_model : '', false]]);
  table('options', [['size', asked(form.size), false], ['aspect_ratio', asked(form.aspect_ratio), false], ['quality', asked(form.quality), false], ['output_format', asked(form.output_format), false],
    ['n', taken.system ? form.n : '', true], ['seed', asked(form.seed), true]]);
  table('limits', [['concurrency', form.concurrency, true], ['requests_per_minute', form.requests_per_minute, true]]);
  table('retry', [['unknown', form.unknown === 'auto' ? '' : form.unknown, false]]);
  if (form.save_folder.trim()) {
    file.save = { ...file.save, folder: form.save_folder.trim() };
    if (form.save_preset) file.save_preset = form.save_preset;
  } else delete file.save;
  return file;
}

/** The form that shows a job file. What it has no field for stays in the file. @param {Record<string, any>} file @returns {Form} */
export function formOf(file) {
  const text = (/** @type {unknown} */ value) => (value === undefined || value === null ? '' : String(value));
  const prompts = [...(file.prompt ? [file.prompt] : []), ...(file.prompts ?? [])];
  const { options = {}, limits = {}, source = {}, prepare = {}, retry = {}, save = {}, critique = {}, infographic = {}, text: words = {}, vision = {} } = file;
  return {
    recipe: text(file.recipe) || 'edit', name: text(file.name), paths: source.paths ?? [], prompts: prompts.length > 0 ? prompts : [''], system_prompt: text(file.system_prompt),
    negative_prompt: text(file.negative_prompt), profile: text(file.profile), model: text(file.model), samples: text(file.samples) || '1', budget: text(file.budget),
    accept_unknown_price: Boolean(file.accept_unknown_price), size: text(options.size), aspect_ratio: text(options.aspect_ratio), quality: text(options.quality),
    output_format: text(options.output_format), n: text(options.n), seed: text(options.seed), concurrency: text(limits.concurrency), requests_per_minute: text(limits.requests_per_minute),
    unknown: text(retry.unknown) || 'auto', max_edge: text(prepare.max_edge), sidecar_prompts: Boolean(source.sidecar_prompts), save_folder: text(save.folder), save_preset: text(file.save_preset),
    collection: text(critique.collection), rubric: text(critique.rubric), gate: text(critique.gate), rounds: text(infographic.rounds), expand: text(infographic.expand), fidelity: text(infographic.fidelity),
    layout: text(infographic.layout), style: text(infographic.style), repair: text(infographic.repair), text_profile: text(words.profile), text_model: text(words.model),
    vision_profile: text(vision.profile), vision_model: text(vision.model),
  };
}

/** The profile that is chosen when nobody chose one: none when the default can be called, else one that can, a provider before the simulator.
 * @param {{ name: string, provider: string, ready: boolean, default: boolean }[]} profiles */
export function firstProfile(profiles) {
  const ready = profiles.filter((profile) => profile.ready);
  if (ready.some((profile) => profile.default)) return '';
  return (ready.find(({ provider }) => provider !== 'simulator') ?? ready[0])?.name ?? '';
}

/** Which step is missing before there is enough to ask for a plan, as the key of a text; nothing when none is. @param {Form} form */
export function missing(form) {
  const { pictures, prompts } = takes(form.recipe);
  const prompted = form.prompts.some((prompt) => prompt.trim()) || (form.sidecar_prompts && form.recipe === 'edit');
  if (pictures && form.paths.length === 0) return 'new.missing_source';
  if (form.recipe === 'critique' && !form.collection.trim() && !form.rubric.trim()) return 'new.missing_rubric';
  return prompts && !prompted ? 'new.missing_prompt' : '';
}

/** Whether there is enough to ask for a plan. @param {Form} form */
export const complete = (form) => missing(form) === '';
