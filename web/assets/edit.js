// The next edit of a picture: proposed from its verdict or from what is written here, priced, and submitted when somebody says so.
import { html, useEffect, useState } from '../html.js';
import { t } from '../i18n/texts.js';
import { get, post } from '../api.js';
import { say } from '../state.js';
import { money } from '../format.js';
import { Button, Dialog, Failed, Field, Select, textOf } from '../parts/parts.js';

/** @param {{ folder: string, object: string, onClose: () => void }} props */
export function EditDialog({ folder, object, onClose }) {
  const [feedback, setFeedback] = useState('');
  const [profile, setProfile] = useState('');
  const [profiles, setProfiles] = useState(/** @type {string[]} */ ([]));
  const [proposal, setProposal] = useState(/** @type {any} */ (null));
  const [plan, setPlan] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  useEffect(() => { get('/profiles').then((answer) => setProfiles(answer.profiles.map((/** @type {{ name: string }} */ one) => one.name))).catch(() => {}); }, []);
  const lines = () => feedback.split('\n').map((line) => line.trim()).filter(Boolean);
  const propose = async () => {
    setBusy(true);
    setError(null);
    try {
      const answer = await post('/asset-folders/proposals', { folder, object, feedback: lines() });
      setProposal(answer.proposal);
      setPlan(await post('/requests/plans', { verb: 'edit', request: answer.proposal.request, profile: profile || null, accept_unknown_price: true }));
    } catch (problem) {
      setError(problem);
      setPlan(null);
    }
    setBusy(false);
  };
  const submit = async () => {
    setBusy(true);
    try {
      await post('/requests', { verb: 'edit', request: proposal.request, profile: profile || null, agreed_up_to: plan.most, accept_unknown_price: plan.most === null });
      say(t('assets.edit_started', { run: proposal.run }));
      onClose();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  const taken = plan?.requests[0];
  return html`<${Dialog} title=${t('assets.edit')} wide onClose=${onClose}>
    <p class="dim">${t('assets.edit_text')}</p>
    <${Field} label=${t('assets.feedback')} hint=${t('assets.feedback_hint')} wide><textarea name="feedback" rows="3" value=${feedback} onInput=${(/** @type {any} */ event) => { setFeedback(textOf(event)); setPlan(null); }}></textarea></${Field}>
    <${Field} label=${t('assets.profile')}><${Select} name="profile" value=${profile} onChange=${(/** @type {string} */ value) => { setProfile(value); setPlan(null); }} options=${[{ value: '', label: t('assets.profile_of_asset') }, ...profiles.map((value) => ({ value, label: value }))]} /></${Field}>
    ${error && html`<${Failed} error=${error} />`}
    ${taken && html`<section class="panel"><p class="prompt break">${taken.prompt}</p><dl class="facts"><div><dt>${t('assets.model')}</dt><dd class="break">${`${taken.model} · ${taken.profile}`}</dd></div>
      <div><dt>${t('assets.price')}</dt><dd>${plan.most === null ? t('money.unknown') : t('assets.up_to', { money: money(plan.most) })}</dd></div></dl>
      ${proposal.regenerate && html`<p class="warned">${t('assets.regenerate')}</p>`}${taken.warnings.map((/** @type {string} */ warning) => html`<p class="warned" key=${warning}>${warning}</p>`)}</section>`}
    <div class="dialog-end"><${Button} label=${t('cancel')} onClick=${onClose} />
      ${taken ? html`<${Button} label=${plan.most ? t('assets.submit_for', { money: money(plan.most) }) : t('assets.submit')} tone="main" name="submit" disabled=${busy} onClick=${submit} />`
        : html`<${Button} label=${busy ? t('loading') : t('assets.propose')} tone="main" name="propose" disabled=${busy} onClick=${propose} />`}</div>
  </${Dialog}>`;
}
