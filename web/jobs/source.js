// Where the pictures of a new job come from: a path, a folder chosen on the server, or files dropped, pasted and picked here.
import { html, useEffect, useRef, useState } from '../html.js';
import { t } from '../i18n/texts.js';
import { get, upload } from '../api.js';
import { complain, say } from '../state.js';
import { Button, Dialog, Failed, textOf } from '../parts/parts.js';
import { Icon } from '../parts/icons.js';

/** @param {{ start: string, onChoose: (path: string) => void, onClose: () => void }} props */
function Folders({ start, onChoose, onClose }) {
  const [path, setPath] = useState(start);
  const [list, setList] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  useEffect(() => { get('/folders', { path }).then((answer) => { setList(answer); setError(null); }).catch(setError); }, [path]);
  return html`<${Dialog} title=${t('folders.title')} onClose=${onClose}>
    <div class="mono break">${list?.path ?? path}</div>
    ${error && html`<${Failed} error=${error} />`}
    <div class="folder-list">
      ${list?.parent && html`<button type="button" onClick=${() => setPath(list.parent)}><${Icon} name="left" />${t('folders.up')}</button>`}
      ${(list?.folders ?? []).map((/** @type {string} */ folder) => {
        const full = `${list.path.replace(/\/$/, '')}/${folder}`;
        return html`<button type="button" key=${folder} onClick=${() => setPath(full)}><${Icon} name="folder" />${folder}</button>`;
      })}
    </div>
    <div class="dialog-end"><span class="dim" style=${{ marginRight: 'auto', alignSelf: 'center' }}>${list ? t('folders.pictures', { n: list.pictures ?? 0 }) : ''}</span>
      <${Button} label=${t('cancel')} onClick=${onClose} /><${Button} label=${t('folders.choose')} tone="main" disabled=${!list} onClick=${() => onChoose(list.path)} /></div>
  </${Dialog}>`;
}

/** Files of a drop, folders walked. @param {DataTransfer} transfer @returns {Promise<File[]>} */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  if (entries.length === 0) return [...transfer.files];
  /** @type {File[]} */
  const files = [];
  /** @param {any} entry */
  const walk = async (entry) => {
    if (entry.isFile) files.push(await new Promise((resolve, reject) => { entry.file(resolve, reject); }));
    else {
      const reader = entry.createReader();
      for (;;) {
        /** @type {any[]} */
        const part = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
        if (part.length === 0) break;
        for (const child of part) await walk(child);
      }
    }
  };
  for (const entry of entries) await walk(entry);
  return files;
}

/** @param {{ paths: string[], onChange: (paths: string[]) => void }} props */
export function Source({ paths, onChange }) {
  const [typed, setTyped] = useState('');
  const [browsing, setBrowsing] = useState(false);
  const [over, setOver] = useState(false);
  const [progress, setProgress] = useState(/** @type {number | null} */ (null));
  const [labels, setLabels] = useState(/** @type {Record<string, string>} */ ({}));
  /** @type {import('../html.js').Ref<HTMLInputElement | null>} */
  const picker = useRef(null);
  const latest = useRef(paths);
  latest.current = paths;
  const add = (/** @type {string} */ path) => { if (path.trim() && !latest.current.includes(path.trim())) onChange([...latest.current, path.trim()]); };
  const send = async (/** @type {File[]} */ files) => {
    const pictures = files.filter((file) => file.size > 0);
    if (pictures.length === 0) return;
    setProgress(0);
    try {
      const answer = await upload('/uploads', pictures, setProgress);
      const bad = answer.files.filter((/** @type {any} */ file) => !file.ok);
      const good = answer.files.length - bad.length;
      if (answer.folder) {
        setLabels((old) => ({ ...old, [answer.folder]: t('upload.folder', { n: good }) }));
        add(answer.folder);
      }
      if (bad.length > 0) say(t('upload.bad', { n: bad.length, name: bad[0].name, why: bad[0].message }), { tone: 'bad' });
    } catch (error) {
      complain(error);
    }
    setProgress(null);
  };
  useEffect(() => {
    const paste = (/** @type {ClipboardEvent} */ event) => {
      const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith('image/'));
      if (files.length === 0) return;
      event.preventDefault();
      send(files);
    };
    document.addEventListener('paste', paste);
    return () => document.removeEventListener('paste', paste);
  }, []);
  return html`<div class="field wide"><span class="field-label">${t('new.source')}</span>
    ${paths.map((path) => html`<div class="row" key=${path}><span class="mono break grow">${labels[path] ?? path}</span><${Button} label=${t('remove', { name: path })} icon="close" tone="quiet" bare onClick=${() => onChange(paths.filter((other) => other !== path))} /></div>`)}
    <div class="row"><input class="grow mono" name="path" placeholder=${t('new.path_placeholder')} aria-label=${t('new.path')} value=${typed} onInput=${(/** @type {any} */ event) => setTyped(textOf(event))}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === 'Enter') { event.preventDefault(); add(typed); setTyped(''); } }}
        onBlur=${() => { add(typed); setTyped(''); }} style=${{ width: 'auto' }} />
      <${Button} label=${t('new.browse')} icon="folder" name="browse" onClick=${() => setBrowsing(true)} /></div>
    <div class=${over ? 'drop over' : 'drop'} onDragOver=${(/** @type {Event} */ event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
      onDrop=${(/** @type {DragEvent} */ event) => { event.preventDefault(); setOver(false); if (event.dataTransfer) dropped(event.dataTransfer).then(send, complain); }}>
      ${progress === null ? html`<span>${t('new.drop')}</span><${Button} label=${t('new.pick')} icon="upload" onClick=${() => picker.current?.click()} />`
        : html`<span>${t('upload.progress', { percent: Math.round(progress * 100) })}</span><progress value=${progress} max="1"></progress>`}
      <input ref=${picker} type="file" name="files" multiple accept="image/*" hidden onChange=${(/** @type {any} */ event) => { send([...event.currentTarget.files]); event.currentTarget.value = ''; }} />
    </div>
    ${browsing && html`<${Folders} start=${paths.at(-1)?.startsWith('upload:') ? '' : paths.at(-1) ?? ''} onClose=${() => setBrowsing(false)} onChoose=${(/** @type {string} */ path) => { add(path); setBrowsing(false); }} />`}
  </div>`;
}
