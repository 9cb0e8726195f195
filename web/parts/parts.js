// Small controls that every page uses: buttons, fields, segmented choices, dialogs.
import { html, useLayoutEffect, useRef } from '../html.js';
import { t } from '../i18n/texts.js';
import { Icon } from './icons.js';

/** A button. With only an icon its label is for the tooltip and the screen reader.
 * @param {{ label: string, icon?: import('./icons.js').IconName, onClick?: (event: Event) => void, tone?: 'plain' | 'main' | 'danger' | 'quiet', bare?: boolean,
 *   disabled?: boolean, pressed?: boolean, hint?: string, class?: string, type?: string, name?: string }} props */
export const Button = ({ label, icon, onClick, tone = 'plain', bare = false, disabled = false, pressed, hint, class: extra = '', type = 'button', name }) => html`
  <button type=${type} class=${`button ${tone} ${bare ? 'bare' : ''} ${extra}`} disabled=${disabled} onClick=${onClick} aria-pressed=${pressed}
    aria-label=${bare ? label : undefined} title=${hint ?? (bare ? label : undefined)} data-name=${name}>
    ${icon && html`<${Icon} name=${icon} />`}${!bare && html`<span>${label}</span>`}
  </button>`;

/** A label above its control. @param {{ label: string, hint?: unknown, wide?: boolean, children?: unknown }} props */
export const Field = ({ label, hint, wide = false, children }) => html`
  <label class=${wide ? 'field wide' : 'field'}><span class="field-label">${label}</span>${children}${hint && html`<span class="field-hint">${hint}</span>`}</label>`;

/** One of a few. @param {{ label: string, value: string, options: { value: string, label: string, hint?: string }[], onChange: (value: string) => void }} props */
export const Choice = ({ label, value, options, onChange }) => html`
  <div class="choice" role="group" aria-label=${label}>
    ${options.map((option) => html`<button type="button" key=${option.value} class=${option.value === value ? 'on' : ''} aria-pressed=${option.value === value}
      title=${option.hint} onClick=${() => onChange(option.value)}>${option.label}</button>`)}
  </div>`;

/** @param {{ label: string, checked: boolean, onChange: (checked: boolean) => void, hint?: string }} props */
export const Check = ({ label, checked, onChange, hint }) => html`
  <label class="check"><input type="checkbox" checked=${checked} onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.checked)} />
    <span>${label}${hint && html`<small>${hint}</small>`}</span></label>`;

/** A select. @param {{ value: string, options: { value: string, label: string }[], onChange: (value: string) => void, label?: string, name?: string }} props */
export const Select = ({ value, options, onChange, label, name }) => html`
  <select value=${value} aria-label=${label} name=${name} onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.value)}>
    ${options.map((option) => html`<option key=${option.value} value=${option.value} selected=${option.value === value}>${option.label}</option>`)}
  </select>`;

/** A window over the page that holds the focus until it is closed.
 * @param {{ title: string, onClose: () => void, children?: unknown, wide?: boolean }} props */
export function Dialog({ title, onClose, children, wide = false }) {
  /** @type {import('../html.js').Ref<HTMLDialogElement | null>} */
  const element = useRef(null);
  useLayoutEffect(() => {
    const dialog = element.current;
    const opener = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog?.showModal();
    return () => {
      dialog?.close();
      // The focus goes back to where it was; what was there may have gone with what the dialog did.
      setTimeout(() => {
        if (document.activeElement !== document.body && document.activeElement !== null) return;
        const there = opener?.isConnected && opener !== document.body ? opener : document.getElementById('main');
        there?.focus({ preventScroll: true });
      });
    };
  }, []);
  return html`<dialog ref=${element} class=${wide ? 'dialog wide' : 'dialog'} aria-label=${title}
    onCancel=${(/** @type {Event} */ event) => { event.preventDefault(); onClose(); }}
    onKeyDown=${(/** @type {Event} */ event) => event.stopPropagation()}
    onClick=${(/** @type {any} */ event) => { if (event.target === element.current) onClose(); }}>
    <header><h2>${title}</h2><${Button} label=${t('close')} icon="close" tone="quiet" bare onClick=${onClose} /></header>
    <div class="dialog-body">${children}</div>
  </dialog>`;
}

/** Shown where a list is empty. @param {{ title: string, children?: unknown }} props */
export const Empty = ({ title, children }) => html`<div class="empty"><h2>${title}</h2>${children}</div>`;

/** What went wrong, with what to do. @param {{ error: any }} props */
export const Failed = ({ error }) => html`<div class="trouble" role="alert"><p>${error.message}</p>${error.help && html`<p class="dim">${error.help}</p>`}</div>`;

/** The text of the field that an event came from. @param {any} event */
export const textOf = (event) => String(event.currentTarget.value);
