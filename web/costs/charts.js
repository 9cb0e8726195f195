// Two small charts, drawn as SVG and HTML with numbers that can be read.
import { html, useEffect, useRef, useState } from '../html.js';
import { t } from '../i18n/texts.js';
import { jobList } from '../state.js';
import { language } from '../i18n/texts.js';
import { count, money, spent } from '../format.js';
import { filled, ticks } from './charts.logic.js';

/** @typedef {import('../documents.d.ts').CostGroup} Group */

const today = () => { const now = new Date(); return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10); };

/** Money by day, as bars; what is held stands on what is spent. @param {{ groups: Group[], days: number }} props */
export function Days({ groups, days }) {
  /** @type {import('../html.js').Ref<HTMLDivElement | null>} */
  const box = useRef(null);
  const [width, setWidth] = useState(800);
  const [over, setOver] = useState(-1);
  useEffect(() => {
    const element = /** @type {HTMLDivElement} */ (box.current);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  const all = filled(groups, days, today());
  const axis = ticks(Math.max(...all.map(({ group }) => (group ? group.spent + group.held : 0)), 0));
  const most = /** @type {number} */ (axis.at(-1));
  const [left, bottom, height] = [56, 22, 210];
  const plot = { width: Math.max(60, width - left - 4), height: height - bottom - 8 };
  const step = plot.width / all.length;
  const y = (/** @type {number} */ value) => 8 + plot.height * (1 - value / most);
  const label = (/** @type {string} */ day) => new Date(`${day}T12:00:00`).toLocaleDateString(language.value, { month: 'short', day: 'numeric' });
  const every = Math.max(1, Math.ceil(84 / step));
  const shown = all[over];
  return html`<div class="chart" ref=${box}>
    <div class="chart-note" aria-live="polite">${shown ? html`<b>${label(shown.day)}</b> ${spent(shown.group?.spent ?? 0, shown.group?.unpriced)}${shown.group ? ` · ${t('gallery.n_pictures', { n: shown.group.pictures })}` : ''}${shown.group && shown.group.held > 0 ? ` · ${t('costs.held')} ${money(shown.group.held)}` : ''}` : html`<span class="faint">${t('costs.hover')}</span>`}
      ${html`<span class="legend"><i></i>${t('costs.spent')} <i class="held"></i>${t('costs.held')}</span>`}</div>
    <svg width=${width} height=${height} role="img" aria-label=${t('costs.by_day')} onMouseLeave=${() => setOver(-1)}>
      ${axis.map((value) => html`<g key=${value}><line x1=${left} x2=${width} y1=${y(value)} y2=${y(value)} class="axis" /><text x=${left - 8} y=${y(value) + 4} text-anchor="end">${money(value)}</text></g>`)}
      ${all.map(({ day, group }, index) => html`<g key=${day} class=${index === over ? 'over' : ''} onMouseEnter=${() => setOver(index)}>
        <rect x=${left + index * step} y="8" width=${step} height=${plot.height} class="hit" />
        ${group && group.spent > 0 && html`<rect class="spent" x=${left + index * step + Math.min(2, step * 0.12)} width=${Math.max(1, step - Math.min(4, step * 0.24))} y=${y(group.spent)} height=${Math.max(1, y(0) - y(group.spent))} />`}
        ${group && group.held > 0 && html`<rect class="held" x=${left + index * step + Math.min(2, step * 0.12)} width=${Math.max(1, step - Math.min(4, step * 0.24))} y=${y(group.spent + group.held)} height=${Math.max(1, y(group.spent) - y(group.spent + group.held))} />`}
        ${index % every === 0 && index * step < plot.width - 36 && html`<text x=${left + index * step + step / 2} y=${height - 5} text-anchor=${index === 0 ? 'start' : 'middle'}>${label(day)}</text>`}
      </g>`)}
    </svg>
  </div>`;
}

/** Money by name, longest first, with the numbers beside. @param {{ groups: Group[], link?: boolean }} props */
export function Rows({ groups, link = false }) {
  const sorted = [...groups].sort((a, b) => b.spent + b.held - (a.spent + a.held));
  const most = Math.max(...sorted.map((group) => group.spent + group.held), 1e-9);
  const idOf = (/** @type {string} */ name) => jobList.value.find((job) => job.job === name)?.id;
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${t('nav.costs')}><table class="cost-rows"><thead><tr><th></th><th class="share"></th><th class="right">${t('costs.spent')}</th><th class="right">${t('costs.held')}</th><th class="right">${t('job.pictures_label')}</th><th class="right">${t('costs.calls')}</th></tr></thead>
    <tbody>${sorted.map((group) => html`<tr key=${group.name}><td class="break">${link && idOf(group.name) ? html`<a href=${`#/jobs/${idOf(group.name)}`}>${group.name}</a>` : group.name}</td>
      <td class="share"><div class="share-bar"><i style=${{ width: `${(group.spent / most) * 100}%` }}></i><i class="held" style=${{ width: `${(group.held / most) * 100}%` }}></i></div></td>
      <td class="right">${spent(group.spent, group.unpriced)}</td><td class="right dim">${group.held > 0 ? money(group.held) : '–'}</td><td class="right">${count(group.pictures)}</td>
      <td class="right">${count(group.calls)}${group.unpriced > 0 && html`<div class="wait">${t('costs.n_unpriced', { n: group.unpriced })}</div>`}</td></tr>`)}</tbody></table></div>`;
}
