// A profile as its form holds it, and the document that is sent.

export const protocols = ['auto', 'chat_completions', 'responses', 'images', 'images_multipart', 'gemini', 'seedream', 'sensenova', 'openrouter_images', 'anthropic_messages', 'fal', 'replicate', 'hosted_media', 'comfy_router', 'comfyui', 'automatic1111'];
export const providers = ['openai', 'openrouter', 'xai', 'gemini', 'seedream', 'sensenova', 'grok2api', 'anthropic', 'fal', 'replicate', 'wavespeed', 'comfy-router', 'comfyui', 'automatic1111', 'sdcpp', 'localai', 'vllm', 'ollama'];

/** @typedef {{ name: string, description: string, provider: string, protocol: string, base_url: string, model: string, credential_kind: 'keep' | 'none' | 'env' | 'file' | 'keyring' | 'key', credential_value: string,
 *   concurrency: string, requests_per_minute: string, images_per_minute: string, budget_day: string, budget_total: string, allow_private_api: boolean, allow_private_downloads: boolean }} Form */

/** @returns {Form} */
export const blank = () => ({
  name: '', description: '', provider: 'openai', protocol: 'auto', base_url: '', model: '', credential_kind: 'key', credential_value: '', concurrency: '', requests_per_minute: '', images_per_minute: '',
  budget_day: '', budget_total: '', allow_private_api: false, allow_private_downloads: false,
});

/** @param {import('../documents.d.ts').Profile} profile @returns {Form} */
export function formOf(profile) {
  const text = (/** @type {unknown} */ value) => (value === undefined || value === null ? '' : String(value));
  return {
    name: profile.name, description: text(profile.description), provider: text(profile.provider), protocol: text(profile.protocol) || 'auto', base_url: text(profile.base_url), model: text(profile.model),
    credential_kind: 'keep', credential_value: '', concurrency: text(profile.limits?.concurrency), requests_per_minute: text(profile.limits?.requests_per_minute), images_per_minute: text(profile.limits?.images_per_minute),
    budget_day: text(profile.budget?.day), budget_total: text(profile.budget?.total), allow_private_api: profile.network.allow_private_api, allow_private_downloads: profile.network.allow_private_downloads,
  };
}

/** Where a profile's key is: the end of the sentence's name, and the place. @param {import('../documents.d.ts').Profile} profile @returns {[string, string]} */
export const keyPlace = (profile) => Object.entries(profile.credential ?? { none: '' })[0];

/** What is sent: the server keeps what is not in it, so a key that is kept is left out and an emptied limit is `null`.
 * @param {Form} form @returns {Record<string, any>} */
export function profileBody(form) {
  const number = (/** @type {string} */ text) => (text.trim() === '' ? null : Number.isFinite(Number(text)) ? Number(text) : text);
  /** @type {Record<string, any>} */
  const body = {
    description: form.description.trim(), provider: form.provider.trim(), protocol: form.protocol, base_url: form.base_url.trim(), model: form.model.trim(),
    limits: { concurrency: number(form.concurrency) ?? 8, requests_per_minute: number(form.requests_per_minute), images_per_minute: number(form.images_per_minute) },
    budget: { day: number(form.budget_day), total: number(form.budget_total) },
    network: { allow_private_api: form.allow_private_api, allow_private_downloads: form.allow_private_downloads },
  };
  if (form.credential_kind === 'none') body.credential = { kind: 'none' };
  else if (form.credential_kind !== 'keep' && form.credential_value.trim()) body.credential = { kind: form.credential_kind, value: form.credential_value.trim() };
  return body;
}
