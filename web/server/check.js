// Whether everything a run needs is in order, as `imagemill doctor` tells it, and the files that nothing refers to any more, as `gc` does.
import { html, useEffect, useState } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { get, remove } from '../api.js';
import { ask, complain, say } from '../state.js';
import { bytes } from '../format.js';
import { Button, Failed } from '../parts/parts.js';

/** @typedef {import('../documents.d.ts').DoctorFinding} DoctorFinding */
const marks = /** @type {Record<string, string>} */ ({ good: '✓', note: '·', warning: '!', broken: '✗' });

/** @param {{ finding: DoctorFinding }} props */
const Line = ({ finding }) => html`<li class=${`finding ${finding.level}`}><span class="mark" aria-hidden="true">${marks[finding.level]}</span>
  <div class="break"><span class="sr">${word('level', finding.level)}: </span>${finding.message}${finding.fix && html`<div class="dim">${finding.fix}</div>`}</div></li>`;

/** @param {{ wanted: string }} props */
export function Check({ wanted }) {
  const [known, setKnown] = useState(/** @type {{ findings: DoctorFinding[], broken: number } | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const look = () => { setKnown(null); get('/doctor').then((answer) => { setKnown(answer); setError(null); }, setError); };
  useEffect(look, []);
  if (error) return html`<${Failed} error=${error} />`;
  if (!known) return html`<p class="dim" role="status">${t('doctor.busy')}</p>`;
  const shown = known.findings.filter(({ message, profile }) => `${profile ?? ''} ${message}`.toLowerCase().includes(wanted.toLowerCase()));
  const profiles = [...new Set(shown.map(({ profile }) => profile))];
  return html`<div class="row"><p role="status" class=${known.broken ? 'warned' : 'dim'}>${t(known.broken ? 'doctor.broken' : 'doctor.well', { n: known.broken })}</p><${Button} label=${t('doctor.again')} icon="retry" onClick=${look} /></div>
    ${profiles.map((profile) => html`<section class="panel" key=${profile ?? ''}><header><h2>${profile === null ? t('doctor.machine') : html`<a href=${`#/profiles?name=${encodeURIComponent(profile)}`}>${profile}</a>`}</h2></header>
      <ul class="plain">${shown.filter((finding) => finding.profile === profile).map((finding) => html`<${Line} key=${finding.check + finding.message} finding=${finding} />`)}</ul></section>`)}
    <${LooseFiles} />`;
}

function LooseFiles() {
  const [known, setKnown] = useState(/** @type {import('../documents.d.ts').Loose | null} */ (null));
  const load = () => get('/loose-files').then(setKnown, complain);
  useEffect(() => { load(); }, []);
  const clear = async () => {
    const yes = await ask({ title: t('loose.remove_title', { n: known?.files }), text: t('loose.remove_text'), confirm: t('loose.remove'), danger: true });
    if (!yes) return;
    await remove('/loose-files').then((gone) => say(t('loose.removed', { n: gone.files, size: bytes(gone.bytes) })), complain);
    load();
  };
  return html`<section class="panel"><header><h2>${t('loose.title')}</h2></header>
    ${!known ? html`<p class="dim">${t('loading')}</p>` : known.files === 0 ? html`<p class="dim">${t('loose.none')}</p>`
      : html`<p>${t('loose.some', { n: known.files, size: bytes(known.bytes) })}</p>
        <details><summary>${t('loose.first', { n: known.paths.length })}</summary><ul class="plain mono break">${known.paths.map((path) => html`<li key=${path}>${path}</li>`)}</ul></details>
        <div class="row"><${Button} label=${t('loose.remove')} icon="trash" tone="danger" name="remove-loose" onClick=${clear} /></div>`}</section>`;
}
