// From the form to a job file, and back from a preset.

/** @typedef {{ recipe: string, name: string, paths: string[], prompts: string[], system_prompt: string, negative_prompt: string, profile: string, model: string,
 *   samples: string, budget: string, accept_unknown_price: boolean, size: string, aspect_ratio: string, quality: string, output_format: string, n: string, seed: string, concurrency: string,
 *   requests_per_minute: string, unknown: string, max_edge: string, sidecar_prompts: boolean, save_folder: string, save_preset: string }} Form */

/** @returns {Form} */
export const blank = () => ({
  recipe: 'edit', name: '', paths: [], prompts: [''], system_prompt: '', negative_prompt: '', profile: '', model: '', samples: '1', budget: '', accept_unknown_price: false, size: '',
  aspect_ratio: '', quality: '', output_format: '', n: '', seed: '', concurrency: '', requests_per_minute: '', unknown: 'auto', max_edge: '', sidecar_prompts: false, save_folder: '', save_preset: '',
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
  const edits = form.recipe === 'edit';
  if (edits) {
    file.source = { ...file.source, paths: form.paths };
    if (form.sidecar_prompts) file.source.sidecar_prompts = true;
    else delete file.source.sidecar_prompts;
    table('prepare', [['max_edge', form.max_edge, true]]);
  } else {
    delete file.prepare;
    if (file.source && !file.source.list) delete file.source;
  }
  table('options', [['size', form.size, false], ['aspect_ratio', form.aspect_ratio, false], ['quality', form.quality, false], ['output_format', form.output_format, false], ['n', form.n, true], ['seed', form.seed, true]]);
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
  const { options = {}, limits = {}, source = {}, prepare = {}, retry = {}, save = {} } = file;
  return {
    recipe: text(file.recipe) || 'edit', name: text(file.name), paths: source.paths ?? [], prompts: prompts.length > 0 ? prompts : [''], system_prompt: text(file.system_prompt),
    negative_prompt: text(file.negative_prompt), profile: text(file.profile), model: text(file.model), samples: text(file.samples) || '1', budget: text(file.budget),
    accept_unknown_price: Boolean(file.accept_unknown_price), size: text(options.size), aspect_ratio: text(options.aspect_ratio), quality: text(options.quality),
    output_format: text(options.output_format), n: text(options.n), seed: text(options.seed), concurrency: text(limits.concurrency), requests_per_minute: text(limits.requests_per_minute),
    unknown: text(retry.unknown) || 'auto', max_edge: text(prepare.max_edge), sidecar_prompts: Boolean(source.sidecar_prompts), save_folder: text(save.folder), save_preset: text(file.save_preset),
  };
}

/** The profile that is chosen when nobody chose one: none when the default can be called, else one that can, a provider before the simulator.
 * @param {{ name: string, provider: string, ready: boolean, default: boolean }[]} profiles */
export function firstProfile(profiles) {
  const ready = profiles.filter((profile) => profile.ready);
  if (ready.some((profile) => profile.default)) return '';
  return (ready.find(({ provider }) => provider !== 'simulator') ?? ready[0])?.name ?? '';
}

/** Whether there is enough to ask for a plan. @param {Form} form */
export function complete(form) {
  const prompted = form.prompts.some((prompt) => prompt.trim()) || form.sidecar_prompts;
  return form.recipe === 'edit' ? prompted && form.paths.length > 0 : prompted;
}

/** Which step is missing, as the key of a text. @param {Form} form */
export function missing(form) {
  if (form.recipe === 'edit' && form.paths.length === 0) return 'new.missing_source';
  return 'new.missing_prompt';
}
