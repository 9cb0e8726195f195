// A written critique as people read it: both languages side by side, scores by layer, and where it is from.
import { html } from '../html.js';
import { t, word } from '../i18n/texts.js';
import { Button } from '../parts/parts.js';
import { complain, say } from '../state.js';

const facts = ['art_form', 'art_style', 'medium', 'artist', 'title', 'art_genre', 'rubric', 'rubric_version', 'gate', 'model', 'attempts'];

/** @param {{ row: any }} props */
export const Critique = ({ row }) => html`<section class="panel"><header><h2>${t('critique.title')}</h2>${row.quality_score !== undefined && row.quality_score !== null && html`<span class="pill succeeded">${t('critique.score', { n: Math.round(row.quality_score) })}</span>`}
    <div class="push"><${Button} label=${t('critique.copy')} icon="copy" tone="quiet" onClick=${() => navigator.clipboard.writeText(JSON.stringify(row, null, 2)).then(() => say(t('copied')), complain)} /></div></header>
  <div class="both-languages">
    <article lang="zh-CN"><h3>中文</h3><p class="prompt break">${row.critique_zh}</p></article>
    <article lang="en"><h3>English</h3><p class="prompt break">${row.critique_en}</p></article></div>
  <dl class="facts">
    ${row.scores && html`<dt>${t('critique.scores')}</dt><dd>${Object.entries(row.scores).map(([layer, score]) => `${word('layer', layer)} ${score}`).join(' · ')}</dd>`}
    ${row.covered_dimensions?.length > 0 && html`<dt>${t('critique.dimensions', { n: row.covered_dimensions.length })}</dt><dd class="mono break">${row.covered_dimensions.join(' ')}</dd>`}
    ${facts.filter((key) => row[key] !== undefined && row[key] !== null && row[key] !== '').map((key) => html`<dt key=${key}>${t(`critique.${key === 'title' ? 'title_of' : key}`)}</dt><dd key=${`${key}-is`} class="break">${row[key]}</dd>`)}</dl>
</section>`;
