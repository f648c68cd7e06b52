//! Components with state, effects, contexts and hooks of their own.

pub(super) const COMPONENTS: &[(&str, &str)] = &[
    (
        "jsx",
        r##"import { useState } from 'react'; export default function Counter() { const [n, setN] = useState(0); return <button onClick={() => setN(n + 1)}>{n} click{n === 1 ? '' : 's'}</button>; }"##,
    ),
    (
        "jsx",
        r##"import React from 'react'; export const Hello = ({ name = 'you' }) => <p>Hello, {name} & welcome — it's {new Date().getFullYear()}!</p>;"##,
    ),
    (
        "tsx",
        r##"import { useEffect, useState } from 'react'; import { get } from '../lib/api'; import type { User } from '../types'; export function Users() { const [users, setUsers] = useState<User[]>([]); useEffect(() => { let live = true; get<User[]>('/users?page=1&size=20').then(u => { if (live) setUsers(u); }); return () => { live = false; }; }, []); return <ul>{users.map(u => <li key={u.id}>{u.name}</li>)}</ul>; }"##,
    ),
    (
        "tsx",
        r##"import { createContext, useContext, type ReactNode } from 'react'; type Theme = 'light' | 'dark'; const Ctx = createContext<Theme>('light'); export const useTheme = () => useContext(Ctx); export function ThemeProvider({ value, children }: { value: Theme; children: ReactNode }) { return <Ctx.Provider value={value}>{children}</Ctx.Provider>; }"##,
    ),
    (
        "tsx",
        r##"import { useReducer } from 'react'; type Action = { type: 'add'; text: string } | { type: 'toggle'; id: number }; interface Todo { id: number; text: string; done: boolean } function reduce(state: Todo[], action: Action): Todo[] { switch (action.type) { case 'add': return [...state, { id: Date.now(), text: action.text, done: false }]; case 'toggle': return state.map(t => t.id === action.id ? { ...t, done: !t.done } : t); default: { const never: never = action; return never; } } } export function Todos() { const [todos, dispatch] = useReducer(reduce, []); return <>{todos.map(t => <label key={t.id}><input type="checkbox" checked={t.done} onChange={() => dispatch({ type: 'toggle', id: t.id })} />{t.text}</label>)}</>; }"##,
    ),
    (
        "jsx",
        r##"import { useRef, useLayoutEffect } from 'react'; export function AutoFocus(props) { const ref = useRef(null); useLayoutEffect(() => { ref.current?.focus(); }, []); return <input ref={ref} {...props} />; }"##,
    ),
    (
        "tsx",
        r##"import { forwardRef, useImperativeHandle, useRef } from 'react'; export interface Handle { open(): void } const Dialog = forwardRef<Handle, { title: string }>(({ title }, ref) => { const el = useRef<HTMLDialogElement>(null); useImperativeHandle(ref, () => ({ open: () => el.current?.showModal() })); return <dialog ref={el} aria-label={title}><form method="dialog"><button>Close</button></form></dialog>; }); Dialog.displayName = 'Dialog'; export default Dialog;"##,
    ),
    (
        "jsx",
        r##"import { Component } from 'react'; export class Boundary extends Component { state = { error: null }; static getDerivedStateFromError(error) { return { error }; } componentDidCatch(error, info) { console.error(error, info); } render() { return this.state.error ? <p role="alert">{String(this.state.error)}</p> : this.props.children; } }"##,
    ),
    (
        "tsx",
        r##"import { lazy, Suspense } from 'react'; const Panel = lazy(() => import('./Panel')); export const Page = () => <Suspense fallback={<p>Loading…</p>}><Panel /></Suspense>;"##,
    ),
    (
        "tsx",
        r##"import { createPortal } from 'react-dom'; import type { PropsWithChildren } from 'react'; export function Modal({ children, open }: PropsWithChildren<{ open: boolean }>) { if (!open) return null; return createPortal(<div className="backdrop"><div role="dialog" aria-modal>{children}</div></div>, document.body); }"##,
    ),
    (
        "tsx",
        r##"import { memo, useCallback, useMemo, useState } from 'react'; const Row = memo(function Row({ id, onPick }: { id: number; onPick: (id: number) => void }) { return <tr onClick={() => onPick(id)}><td>{id}</td></tr>; }); export function Table({ ids }: { ids: readonly number[] }) { const [picked, setPicked] = useState<number>(); const sorted = useMemo(() => [...ids].sort((a, b) => a - b), [ids]); const pick = useCallback((id: number) => setPicked(id), []); return <table><caption>{picked ?? 'none'}</caption><tbody>{sorted.map(id => <Row key={id} id={id} onPick={pick} />)}</tbody></table>; }"##,
    ),
    (
        "ts",
        r##"import { useEffect, useState } from 'react'; export function useLocalStorage<T>(key: string, initial: T): [T, (value: T) => void] { const [value, setValue] = useState<T>(() => { try { const raw = localStorage.getItem(key); return raw ? JSON.parse(raw) as T : initial; } catch { return initial; } }); useEffect(() => { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full or forbidden */ } }, [key, value]); return [value, setValue]; }"##,
    ),
    (
        "ts",
        r##"import { useEffect, useRef } from 'react'; export const useInterval = (fn: () => void, ms: number | null) => { const saved = useRef(fn); useEffect(() => { saved.current = fn; }); useEffect(() => { if (ms === null) return; const id = setInterval(() => saved.current(), ms); return () => clearInterval(id); }, [ms]); };"##,
    ),
    (
        "js",
        r##"import { useState, useEffect } from 'react'; export function useMedia(query) { const [matches, set] = useState(false); useEffect(() => { const m = window.matchMedia(query); const on = e => set(e.matches); set(m.matches); m.addEventListener('change', on); return () => m.removeEventListener('change', on); }, [query]); return matches; }"##,
    ),
    (
        "tsx",
        r##"import { useSyncExternalStore } from 'react'; const subscribe = (cb: () => void) => { window.addEventListener('online', cb); window.addEventListener('offline', cb); return () => { window.removeEventListener('online', cb); window.removeEventListener('offline', cb); }; }; export const Online = () => useSyncExternalStore(subscribe, () => navigator.onLine) ? <b>online</b> : <b>offline</b>;"##,
    ),
    (
        "tsx",
        r##"import { useTransition, useDeferredValue, useState, useId } from 'react'; export function Search({ all }: { all: string[] }) { const id = useId(); const [q, setQ] = useState(''); const [pending, start] = useTransition(); const late = useDeferredValue(q); return <div aria-busy={pending}><label htmlFor={id}>Find</label><input id={id} value={q} onChange={e => start(() => setQ(e.target.value))} />{all.filter(a => a.toLowerCase().includes(late.toLowerCase())).map(a => <p key={a}>{a}</p>)}</div>; }"##,
    ),
    (
        "jsx",
        r##"import React, { useState } from 'react'; const withLoading = Wrapped => function WithLoading({ loading, ...rest }) { return loading ? <progress /> : <Wrapped {...rest} />; }; export default withLoading(({ items }) => <ol>{items.map((i, at) => <li key={at}>{i}</li>)}</ol>);"##,
    ),
    (
        "jsx",
        r##"import { useState } from 'react'; export const Mouse = ({ render }) => { const [p, set] = useState({ x: 0, y: 0 }); return <div onMouseMove={({ clientX: x, clientY: y }) => set({ x, y })}>{render(p)}</div>; }; export const Shown = () => <Mouse render={({ x, y }) => <span>{x} × {y}</span>} />;"##,
    ),
    (
        "tsx",
        r##"import * as React from 'react'; export function List<T extends { id: React.Key }>({ items, children }: { items: T[]; children: (item: T) => React.ReactNode }) { return <ul>{items.map(item => <li key={item.id}>{children(item)}</li>)}</ul>; }"##,
    ),
    (
        "tsx",
        r##"import { useState } from 'react'; const pick = <T,>(list: T[], at: number): T | undefined => list[at]; export const Tabs = ({ tabs }: { tabs: { title: string; body: JSX.Element }[] }) => { const [at, setAt] = useState(0); return <section><nav>{tabs.map((t, i) => <button key={t.title} aria-selected={i === at} onClick={() => setAt(i)}>{t.title}</button>)}</nav>{pick(tabs, at)?.body}</section>; };"##,
    ),
    (
        "jsx",
        r##"import { useEffect, useRef } from 'react'; export function Chart({ points }) { const ref = useRef(); useEffect(() => { const c = ref.current.getContext('2d'); c.clearRect(0, 0, 300, 150); c.beginPath(); points.forEach(([x, y], i) => i ? c.lineTo(x, y) : c.moveTo(x, y)); c.stroke(); }, [points]); return <canvas ref={ref} width={300} height={150} />; }"##,
    ),
    (
        "tsx",
        r##"import { useEffect, useState } from 'react'; export function Clock() { const [now, tick] = useState(() => new Date()); useEffect(() => { const t = window.setInterval(() => tick(new Date()), 1_000); return () => window.clearInterval(t); }, []); return <time dateTime={now.toISOString()}>{now.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}</time>; }"##,
    ),
    (
        "jsx",
        r##"import { useState } from 'react'; export function Upload({ onFiles }) { const [over, setOver] = useState(false); return <div className={`drop ${over ? 'over' : ''}`} onDragOver={e => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={e => { e.preventDefault(); setOver(false); onFiles([...e.dataTransfer.files]); }}>Drop here or <label>choose<input type="file" multiple hidden onChange={e => onFiles([...e.target.files])} /></label></div>; }"##,
    ),
    (
        "tsx",
        r##"import { useEffect, useRef, useState } from 'react'; export function Reveal({ children }: { children: React.ReactNode }) { const ref = useRef<HTMLDivElement | null>(null); const [seen, setSeen] = useState(false); useEffect(() => { const io = new IntersectionObserver(([entry]) => entry!.isIntersecting && setSeen(true), { threshold: 0.2 }); if (ref.current) io.observe(ref.current); return () => io.disconnect(); }, []); return <div ref={ref} data-seen={seen || undefined}>{children}</div>; }"##,
    ),
    (
        "jsx",
        r##"import { useState } from 'react'; export default function Stars({ max = 5 }) { const [n, set] = useState(0); return <div role="radiogroup">{Array.from({ length: max }, (_, i) => <button key={i} aria-label={`${i + 1} of ${max}`} onClick={() => set(i + 1)}>{i < n ? '★' : '☆'}</button>)}</div>; }"##,
    ),
    (
        "tsx",
        r##"import { useCallback, useEffect, useState } from 'react'; import { ApiError, request } from '../lib/api'; type State<T> = { status: 'idle' | 'busy' } | { status: 'done'; data: T } | { status: 'failed'; error: ApiError }; export function useRequest<T>(url: string) { const [state, set] = useState<State<T>>({ status: 'idle' }); const load = useCallback(async (signal?: AbortSignal) => { set({ status: 'busy' }); try { set({ status: 'done', data: await request<T>(url, { signal }) }); } catch (error) { if (error instanceof ApiError) set({ status: 'failed', error }); else throw error; } }, [url]); useEffect(() => { const c = new AbortController(); void load(c.signal); return () => c.abort(); }, [load]); return { ...state, load } as const; } export const Load = () => { const r = useRequest<string>('/x'); return r.status === 'done' ? <p>{r.data}</p> : <p>{r.status}</p>; };"##,
    ),
    (
        "jsx",
        r##"import { useState } from 'react'; export function Accordion({ items }) { const [open, setOpen] = useState(new Set()); const flip = key => setOpen(old => { const next = new Set(old); next.has(key) ? next.delete(key) : next.add(key); return next; }); return items.map(({ key, title, body }) => <section key={key}><h3><button aria-expanded={open.has(key)} onClick={() => flip(key)}>{title}</button></h3>{open.has(key) && <p>{body}</p>}</section>); }"##,
    ),
    (
        "tsx",
        r##"import { useState, type ChangeEvent, type FormEvent } from 'react'; const EMAIL = /^[^\s@"']+@[^\s@]+\.[^\s@]+$/; export function Signup() { const [v, set] = useState({ email: '', age: '' }); const [err, setErr] = useState<Partial<Record<keyof typeof v, string>>>({}); const on = (k: keyof typeof v) => (e: ChangeEvent<HTMLInputElement>) => set(o => ({ ...o, [k]: e.target.value })); const submit = (e: FormEvent<HTMLFormElement>) => { e.preventDefault(); setErr({ ...(EMAIL.test(v.email) ? {} : { email: "That isn't an address" }), ...(Number(v.age) >= 18 ? {} : { age: '18 & over' }) }); }; return <form onSubmit={submit} noValidate><input value={v.email} onChange={on('email')} />{err.email && <em>{err.email}</em>}<input value={v.age} onChange={on('age')} />{err.age}</form>; }"##,
    ),
    (
        "jsx",
        r##"import { useEffect, useState } from 'react'; export const Toasts = () => { const [all, set] = useState([]); useEffect(() => { const on = ({ detail }) => { const id = crypto.randomUUID(); set(a => [...a, { id, ...detail }]); setTimeout(() => set(a => a.filter(t => t.id !== id)), 4e3); }; addEventListener('toast', on); return () => removeEventListener('toast', on); }, []); return <aside aria-live="polite">{all.map(({ id, text }) => <p key={id}>{text}</p>)}</aside>; };"##,
    ),
    (
        "tsx",
        r##"import { useState } from 'react'; export default function Calculator() { const [expr, setExpr] = useState(''); const keys = ['7', '8', '9', '/', '4', '5', '6', '*', '1', '2', '3', '-', '0', '.', '=', '+'] as const; const press = (k: (typeof keys)[number]) => setExpr(e => k === '=' ? String(compute(e)) : e + k); return <div className="grid grid-cols-4 gap-2"><output>{expr || '0'}</output>{keys.map(k => <button key={k} onClick={() => press(k)}>{k}</button>)}</div>; } function compute(text: string): number { const parts = text.match(/(\d+\.?\d*|[-+*/])/g) ?? []; let total = Number(parts[0] ?? 0); for (let i = 1; i < parts.length; i += 2) { const b = Number(parts[i + 1]); switch (parts[i]) { case '+': total += b; break; case '-': total -= b; break; case '*': total *= b; break; case '/': total /= b; } } return total; }"##,
    ),
    (
        "jsx",
        r##"import { useState } from 'react'; export const Menu = ({ entries }) => { const [at, move] = useState(0); return <ul role="menu" onKeyDown={e => { if (e.key === 'ArrowDown') move((at + 1) % entries.length); else if (e.key === 'ArrowUp') move((at - 1 + entries.length) % entries.length); }}>{entries.map((e, i) => <li role="menuitem" tabIndex={i === at ? 0 : -1} key={e}>{e}</li>)}</ul>; };"##,
    ),
    (
        "tsx",
        r##"import { useRef, useState } from 'react'; export function Stopwatch() { const start = useRef<number | null>(null); const frame = useRef(0); const [ms, set] = useState(0); function loop(t: DOMHighResTimeStamp) { start.current ??= t; set(t - start.current); frame.current = requestAnimationFrame(loop); } return <><output>{(ms / 1000).toFixed(2)} s</output><button onClick={() => { frame.current = requestAnimationFrame(loop); }}>Start</button><button onClick={() => { cancelAnimationFrame(frame.current); start.current = null; }}>Stop</button></>; }"##,
    ),
    (
        "jsx",
        r##"import { useState } from 'react'; const SIZE = 9; const wins = [[0,1,2],[3,4,5],[6,7,8],[0,3,6],[1,4,7],[2,5,8],[0,4,8],[2,4,6]]; const winner = b => { for (const [x, y, z] of wins) if (b[x] && b[x] === b[y] && b[y] === b[z]) return b[x]; return null; }; export default function Game() { const [board, set] = useState(Array(SIZE).fill(null)); const next = board.filter(Boolean).length % 2 ? 'O' : 'X'; const won = winner(board); return <div><p>{won ? `${won} wins` : `${next}'s turn`}</p>{board.map((v, i) => <button key={i} disabled={v || won} onClick={() => set(Object.assign([...board], { [i]: next }))}>{v}</button>)}</div>; }"##,
    ),
];
