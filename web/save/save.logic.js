// Rules of saving as the form holds them.

/** The defaults of docs/saving.md. @type {Required<import('../documents.d.ts').SaveRule>} */
export const defaults = {
  name: '{src_stem}_{result_index}', replace_from: '', replace_to: '', text: false, text_template: '{src_name}', only_first: false, only_kept: false, keep_folders: true, copy_source: false,
  source_name: '{src_stem}', collision: 'suffix', manifest: true, contact_sheet: false,
};

/** What a name template knows. */
export const variables = ['src_stem', 'pair_stem', 'src_name', 'src_ext', 'src_folder', 'result_index', 'global_index', 'prompt_index', 'sample', 'job', 'model', 'task_id', 'task_key', 'result_id', 'width', 'height', 'blake3', 'ext'];

/** Only what differs from the defaults, as a preset holds it. @param {import('../documents.d.ts').SaveRule} rule @returns {import('../documents.d.ts').SaveRule} */
export const lean = (rule) => /** @type {any} */ (Object.fromEntries(Object.entries(rule).filter(([key, value]) => key in defaults && value !== /** @type {any} */ (defaults)[key] && value !== null)));

/** @param {import('../documents.d.ts').SaveRule} rule @returns {Required<import('../documents.d.ts').SaveRule>} */
export const full = (rule) => ({ ...defaults, ...Object.fromEntries(Object.entries(rule).filter(([key, value]) => key in defaults && value !== null && value !== undefined)) });

/** Puts a variable where the cursor of a field is. @param {string} text @param {number} start @param {number} end @param {string} variable */
export const inserted = (text, start, end, variable) => `${text.slice(0, start)}{${variable}}${text.slice(end)}`;
