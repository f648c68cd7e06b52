//! Modules of TypeScript and JavaScript: types, classes, generators, and syntax that is easy to
//! misread.

pub(super) const COMPONENTS: &[(&str, &str)] = &[
    (
        "ts",
        r##"export enum Role { Admin = 'admin', User = 'user' } export const enum Flag { A = 1 << 0, B = 1 << 1, Both = A | B } export const isAdmin = (r: Role): r is Role.Admin => r === Role.Admin;"##,
    ),
    (
        "ts",
        r##"export type Deep<T> = T extends (infer U)[] ? Deep<U>[] : T extends object ? { readonly [K in keyof T]?: Deep<T[K]> } : T; export type Keys<T, P extends string = ''> = { [K in keyof T & string]: T[K] extends object ? `${P}${K}` | Keys<T[K], `${P}${K}.`> : `${P}${K}` }[keyof T & string];"##,
    ),
    (
        "ts",
        r##"export interface A { in_x: string
  readonly out: number
  method?(): void
  [key: string]: unknown
  new (x: number): A
  get size(): number
}"##,
    ),
    (
        "ts",
        r##"export abstract class Repo<T extends { id: string }> { readonly #items = new Map<string, T>(); protected constructor(private readonly name: string, public limit = 10) {} abstract validate(item: T): asserts item is T; add(item: T): this { this.validate(item); this.#items.set(item.id, item); return this; } get size() { return this.#items.size; } static #count = 0; static { Repo.#count++; } *[Symbol.iterator](): Generator<T> { yield* this.#items.values(); } toString() { return `${this.name}: ${this.size}/${this.limit}`; } }"##,
    ),
    (
        "ts",
        r##"function f(a: string): string; function f(a: number): number; function f(a: string | number) { return a; } export { f as default, f as overloaded };"##,
    ),
    (
        "ts",
        r##"export const config = { port: 3000, routes: ['/a', '/b'], nested: { x: null } } as const satisfies Record<string, unknown>; export type Route = (typeof config.routes)[number]; let v = <unknown>config; export const w = v as unknown as string; export const n = w!.length!;"##,
    ),
    (
        "ts",
        r##"declare global { interface Window { app?: { version: string } } } export const version = () => globalThis.window?.app?.version ?? 'dev'; export {};"##,
    ),
    (
        "ts",
        r##"export namespace Shapes { export interface Point { x: number; y: number } export const origin: Point = { x: 0, y: 0 }; } import Point = Shapes.Point; export const move = (p: Point, dx = 0): Point => ({ ...p, x: p.x + dx });"##,
    ),
    (
        "ts",
        r##"export async function* pages<T>(url: string): AsyncGenerator<T[], void, undefined> { let next: string | undefined = url; while (next) { const r: Response = await fetch(next); const { data, link }: { data: T[]; link?: string } = await r.json(); yield data; next = link; } } export async function all(url: string) { const out: unknown[] = []; for await (const page of pages(url)) out.push(...page); return out; }"##,
    ),
    (
        "ts",
        r##"const rx = { mail: /^[\w.+-]+@[\w-]+\.[\w.]+$/u, quote: /["'`/]/g, cls: /[/\]"]+/, named: /(?<year>\d{4})-(?<m>\d\d)/v, look: /(?<=a)b(?!c)/ }; export const year = (s: string) => rx.named.exec(s)?.groups?.year; export const div = (a: number, b: number) => a / b / 2; export const m = 'a/b'.replace(/\//g, '') + 1 / 2;"##,
    ),
    (
        "ts",
        r##"export const tag = (s: TemplateStringsArray, ...v: unknown[]) => String.raw({ raw: s }, ...v); export const q = tag`select * from t where a = ${1} and b in (${[1, 2].map(n => tag`${n}`).join(`, `)})`; export const t = `a ${`b ${`c`}`} \` \${no}`; export const u = { t };"##,
    ),
    (
        "ts",
        r##"import type { User } from '../types'; import { type Order, Status } from '../types'; export const open = (o: Order[], by: User) => o.filter(({ status, user }) => status === Status.Open && user === by.id); export type { User } from '../types'; export * as types from '../types';"##,
    ),
    (
        "ts",
        r##"type Listener<E> = (event: E) => void; export class Bus<M extends Record<string, unknown>> { private all: { [K in keyof M]?: Listener<M[K]>[] } = {}; on<K extends keyof M>(k: K, fn: Listener<M[K]>) { (this.all[k] ??= []).push(fn); return () => void (this.all[k] = this.all[k]?.filter(f => f !== fn)); } emit<K extends keyof M>(k: K, e: M[K]) { this.all[k]?.forEach(f => f(e)); } }"##,
    ),
    (
        "ts",
        r##"export type Result<T, E = Error> = { ok: true; value: T } | { ok: false; error: E }; export const ok = <T>(value: T): Result<T, never> => ({ ok: true, value }); export function unwrap<T>(r: Result<T>): T { if (!r.ok) throw r.error; return r.value; } export const tryIt = async <T>(p: Promise<T>): Promise<Result<T>> => { try { return ok(await p); } catch (e) { return { ok: false, error: e instanceof Error ? e : new Error(String(e)) }; } };"##,
    ),
    (
        "ts",
        r##"const dec = (_: unknown, c: ClassMethodDecoratorContext) => { c.addInitializer(() => {}); }; export class D { @dec run() { return 1; } accessor x = 1; static async *gen() { yield 1; } declare y: string; toString(this: D) { return 'd'; } }"##,
    ),
    (
        "ts",
        r##"export const debounce = <A extends unknown[], R>(fn: (...a: A) => R, ms = 300) => { let t: ReturnType<typeof setTimeout> | undefined; return function (this: unknown, ...a: A) { clearTimeout(t); t = setTimeout(() => fn.apply(this, a), ms); }; };"##,
    ),
    (
        "ts",
        r##"export const big = 1_000_000n ** 2n, hex = 0xff, bin = 0b1010, oct = 0o17, exp = 1e-7, dot = .5; export let x: number | null = null; x ??= 1; x ||= 2; x &&= 3; x **= 2; x >>>= 1; export const chain = x?.toString?.()?.[0]; label: for (const i of [1, 2]) { for (;;) { if (i) continue label; break label; } }"##,
    ),
    (
        "ts",
        r##"export const group = <T, K extends PropertyKey>(list: readonly T[], by: (t: T) => K) => list.reduce<Partial<Record<K, T[]>>>((all, t) => { (all[by(t)] ??= [] as T[])!.push(t); return all; }, {}); const a = group<string, number>(['a'], s => s.length); export const b = a[1]!.length < 2 ? 1 : 2;"##,
    ),
    (
        "js",
        r##"export const store = { get count() { return this._n ?? 0; }, set count(n) { this._n = n; }, async load() { return await import('../lib/api'); }, *ids() { yield 1; }, ['dyn' + 'amic']: 1, 'quoted-key': 2, 3: 4, async *[Symbol.asyncIterator]() {}, get: 1, set: 2, async: 3, static: 4, of: 5 };"##,
    ),
    (
        "js",
        r##"import data from '../data.json' with { type: 'json' }; const { a: { b: [first, , third = 3, ...others] = [] } = {}, ...rest } = data ?? {}; export { first, third, others, rest }; export default class extends Array { #p; static #q = 1; has(o) { return #p in o; } }"##,
    ),
    (
        "js",
        r##"let i = 0
const next = () => i++
const obj = { next }
;[1, 2].forEach(n => obj.next(n))
;(function () { 'use strict'; return this })()
export { next, obj as default }"##,
    ),
    (
        "js",
        r##"if (!('IntersectionObserver' in window)) { document.documentElement.classList.add('no-io') } else for (const el of document.querySelectorAll('[data-x]')) el.hidden = false; do { var n = (n || 0) + 1 } while (n < 3); switch (n) { case 1: case 2: { break } default: } try { JSON.parse('{') } catch { } finally { } export { n };"##,
    ),
    (
        "js",
        r##"const html = (s, ...v) => s.reduce((o, p, i) => o + p + (i < v.length ? String(v[i]).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`) : ''), ''); export const card = ({ title, tags }) => html`<article><h2>${title}</h2>${tags.map(t => html`<span class="tag">${t}</span>`).join('')}<script>no</script></article>`;"##,
    ),
    (
        "js",
        r##"const worker = new Worker(new URL('../lib/worker.js', import.meta.url), { type: 'module' }); worker.onmessage = ({ data }) => console.log(data); export const run = msg => worker.postMessage(msg); if (import.meta.hot) import.meta.hot.accept();"##,
    ),
    (
        "js",
        r##"export function* fib() { let [a, b] = [0, 1]; while (true) { const reset = yield a; [a, b] = reset ? [0, 1] : [b, a + b]; } } export const take = (n, it) => { const out = []; for (const v of it) { if (out.push(v) >= n) break; } return out; };"##,
    ),
    (
        "mjs",
        r##"const res = await Promise.allSettled([1, Promise.reject(new Error('no', { cause: 1 }))]); export const failed = res.filter(r => r.status === 'rejected').map(({ reason: { message } }) => message); export default await Promise.any([Promise.resolve(failed)]);"##,
    ),
    (
        "cjs",
        r##"const { readFile } = require('node:fs/promises'); const path = require('path'); module.exports = async name => JSON.parse(await readFile(path.join(__dirname, name), 'utf8')); if (require.main === module) return;"##,
    ),
    (
        "js",
        r##"const KEY = 'tasks.v1'; const load = () => { try { return JSON.parse(localStorage.getItem(KEY)) ?? [] } catch { return [] } }; let tasks = load(); const save = () => localStorage.setItem(KEY, JSON.stringify(tasks)); document.querySelector('#new')?.addEventListener('submit', e => { e.preventDefault(); const text = new FormData(e.currentTarget).get('text').trim(); if (!text) return; tasks = [...tasks, { id: Date.now(), text, done: false }]; save(); render(); }); function render() { const ul = document.getElementById('list'); ul?.replaceChildren(...tasks.map(({ text, done }) => { const li = document.createElement('li'); li.textContent = text; li.classList.toggle('done', done); return li; })); } render();"##,
    ),
    (
        "js",
        r##"(() => { "use strict"; const $ = (s, r = document) => r.querySelector(s), $$ = (s, r = document) => [...r.querySelectorAll(s)]; $$('[data-tab]').forEach(b => b.addEventListener('click', () => { $$('[data-panel]').forEach(p => p.toggleAttribute('hidden', p.dataset.panel !== b.dataset.tab)); })); $('#year') && ($('#year').textContent = new Date().getFullYear()); })();"##,
    ),
];
