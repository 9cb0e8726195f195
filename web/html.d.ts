// Types of what html.js hands on, as far as the console uses it.
export type Node = unknown;
export interface Signal<T> { value: T; peek(): T; subscribe(fn: (value: T) => void): () => void }
export interface ReadonlySignal<T> { readonly value: T; peek(): T; subscribe(fn: (value: T) => void): () => void }
export interface Ref<T> { current: T }

export function html(strings: TemplateStringsArray, ...values: unknown[]): Node;
export function h(type: unknown, props: Record<string, unknown> | null, ...children: unknown[]): Node;
export function render(node: Node, parent: Element): void;
export const Fragment: unknown;

export function useState<T>(initial: T | (() => T)): [T, (next: T | ((old: T) => T)) => void];
export function useEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useLayoutEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useRef<T>(initial: T): Ref<T>;
export function useMemo<T>(factory: () => T, inputs: unknown[]): T;
export function useCallback<T extends (...args: any[]) => unknown>(callback: T, inputs: unknown[]): T;

export function signal<T>(value: T): Signal<T>;
export function computed<T>(compute: () => T): ReadonlySignal<T>;
export function effect(run: () => void | (() => void)): () => void;
export function batch<T>(run: () => T): T;
export function untracked<T>(run: () => T): T;
export function useSignal<T>(value: T): Signal<T>;
export function useComputed<T>(compute: () => T): ReadonlySignal<T>;
export function useSignalEffect(run: () => void | (() => void)): void;
