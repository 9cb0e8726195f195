// What it all cost: by day, model and job.
import { html, useEffect, useState } from '../html.js';
import { t } from '../i18n/texts.js';
import { get } from '../api.js';
import { onChanges } from '../events.js';
import { jobList, route, stay } from '../state.js';
import { address } from '../route.logic.js';
import { count, money, spent } from '../format.js';
import { Choice, Empty, Failed, Select } from '../parts/parts.js';
import { Days, Rows } from './charts.js';

/** @typedef {import('../documents.d.ts').Costs} CostsDocument */

export function Costs() {
  const { days = '30', job = '' } = route.value.query;
  const [costs, setCosts] = useState(/** @type {Record<string, CostsDocument> | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  useEffect(() => {
    let due = 0;
    const load = () => {
      due = 0;
      const query = { days: days === 'all' ? '' : days, job };
      Promise.all(['day', 'model', 'profile', 'job'].map((by) => get('/costs', { ...query, by })))
        .then(([day, model, profile, jobs]) => { setCosts({ day, model, profile, job: jobs }); setError(null); }).catch(setError);
    };
    load();
    const stop = onChanges((told) => { if (told.tasks.size > 0) due ||= window.setTimeout(load, 5000); });
    return () => { stop(); clearTimeout(due); };
  }, [days, job]);
  const where = (/** @type {Record<string, string>} */ change) => stay(address('/costs', { days, job, ...change }));
  const total = costs?.day?.total;
  return html`<div class="page"><header class="page-head"><h1>${t('nav.costs')}</h1>
      <${Choice} label=${t('costs.time')} value=${days} onChange=${(/** @type {string} */ value) => where({ days: value })} options=${['7', '30', '90', 'all'].map((value) => ({ value, label: value === 'all' ? t('costs.all') : t('costs.days', { n: Number(value) }) }))} />
      <${Select} label=${t('filter.job')} value=${job} onChange=${(/** @type {string} */ value) => where({ job: value })} options=${[{ value: '', label: t('filter.all_jobs') }, ...jobList.value.map((entry) => ({ value: String(entry.id), label: entry.job }))]} /></header>
    ${error && html`<${Failed} error=${error} />`}
    ${costs && total && (total.calls === 0 ? html`<${Empty} title=${t('costs.none')} />` : html`
      <dl class="numbers"><div><dt>${t('costs.spent')}</dt><dd>${spent(total.spent, total.unpriced)}</dd></div><div><dt>${t('costs.held')}</dt><dd>${money(total.held)}<small>${t('costs.held_hint')}</small></dd></div>
        <div><dt>${t('job.pictures_label')}</dt><dd>${count(total.pictures)}<small>${total.pictures > 0 && total.unpriced === 0 ? t('costs.each', { money: money(total.spent / total.pictures) }) : ''}</small></dd></div>
        <div><dt>${t('costs.calls')}</dt><dd>${count(total.calls)}<small>${total.unknown > 0 ? t('costs.unknown', { n: total.unknown }) : ''}</small></dd></div>
        ${total.unpriced > 0 && html`<div><dt>${t('costs.unpriced')}</dt><dd>${count(total.unpriced)}<small>${t('costs.unpriced_hint')}</small></dd></div>`}</dl>
      <section class="panel"><header><h2>${t('costs.by_day')}</h2></header><${Days} groups=${costs.day?.groups ?? []} days=${days === 'all' ? 0 : Number(days)} /></section>
      <div class="cost-pair"><section class="panel"><header><h2>${t('costs.by_model')}</h2></header><${Rows} groups=${costs.model?.groups ?? []} /></section>
        <section class="panel"><header><h2>${t('costs.by_profile')}</h2></header><${Rows} groups=${costs.profile?.groups ?? []} /></section></div>
      <section class="panel"><header><h2>${t('costs.by_job')}</h2></header><${Rows} groups=${costs.job?.groups ?? []} link=${true} /></section>`)}
    ${!costs && !error && html`<p class="dim">${t('loading')}</p>`}
  </div>`;
}
