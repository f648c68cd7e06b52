//! Components on top of the libraries that generated applications use.

pub(super) const COMPONENTS: &[(&str, &str)] = &[
    (
        "tsx",
        r##"import styled, { css } from 'styled-components'; const Button = styled.button<{ $primary?: boolean }>`padding: 4px; ${({ $primary }) => $primary && css`color: white; &:hover { opacity: .9 }`}`; export const A = () => <Button $primary>Go & see</Button>;"##,
    ),
    (
        "tsx",
        r##"import styled from 'styled-components'; import { Link } from 'react-router-dom'; const Nav = styled(Link).attrs({ replace: true })<{ p: boolean }>`color: ${p => (p.p ? 'red' : 'blue')};`; export default () => <Nav p to="/a?b=1&c=2">x</Nav>;"##,
    ),
    (
        "jsx",
        r##"import styled from '@emotion/styled'; import { keyframes } from '@emotion/react'; const S = styled('div')(({ theme }) => ({ animation: `${spin} 1s linear infinite`, color: theme?.c })); const spin = keyframes`from { transform: rotate(0) } to { transform: rotate(1turn) }`; export const Spin = () => <S size={1} />;"##,
    ),
    (
        "tsx",
        r##"import { BrowserRouter, Routes, Route, NavLink, Outlet, useParams } from 'react-router-dom'; const Layout = () => <><NavLink to="/" className={({ isActive }) => isActive ? 'on' : undefined}>Home</NavLink><Outlet /></>; const Item = () => { const { id } = useParams<{ id: string }>(); return <p>{id}</p>; }; export default function Router() { return <BrowserRouter><Routes><Route element={<Layout />}><Route index element={<p>Home</p>} /><Route path="items/:id" element={<Item />} /><Route path="*" element={<p>404</p>} /></Route></Routes></BrowserRouter>; }"##,
    ),
    (
        "ts",
        r##"import { create } from 'zustand'; import { persist, createJSONStorage } from 'zustand/middleware'; interface Cart { lines: Record<string, number>; add(id: string): void } export const useCart = create<Cart>()(persist(set => ({ lines: {}, add: id => set(s => ({ lines: { ...s.lines, [id]: (s.lines[id] ?? 0) + 1 } })) }), { name: 'cart', storage: createJSONStorage(() => localStorage) }));"##,
    ),
    (
        "tsx",
        r##"import { useQuery, useMutation, useQueryClient } from '@tanstack/react-query'; import { get, post } from '../lib/api'; export function Posts() { const qc = useQueryClient(); const { data = [], isPending } = useQuery({ queryKey: ['posts'], queryFn: () => get<{ id: number }[]>('/posts') }); const add = useMutation({ mutationFn: (text: string) => post('/posts', { text }), onSuccess: () => qc.invalidateQueries({ queryKey: ['posts'] }) }); return isPending ? <p>…</p> : <button onClick={() => add.mutate('x')}>{data.length}</button>; }"##,
    ),
    (
        "tsx",
        r##"import { useForm } from 'react-hook-form'; import { zodResolver } from '@hookform/resolvers/zod'; import { z } from 'zod'; const schema = z.object({ name: z.string().min(2, 'Too short'), age: z.coerce.number().int().gte(18) }); type Values = z.infer<typeof schema>; export function F() { const { register, handleSubmit, formState: { errors } } = useForm<Values>({ resolver: zodResolver(schema) }); return <form onSubmit={handleSubmit(console.log)}><input {...register('name')} />{errors.name?.message}<button>ok</button></form>; }"##,
    ),
    (
        "jsx",
        r##"import { LineChart, Line, XAxis, Tooltip, ResponsiveContainer } from 'recharts'; export const Sales = ({ data }) => <ResponsiveContainer width="100%" height={200}><LineChart data={data}><XAxis dataKey="m" tickFormatter={m => `${m}.`} /><Tooltip formatter={(v, n) => [`€${v}`, n]} /><Line type="monotone" dataKey="sum" stroke="#8884d8" dot={false} /></LineChart></ResponsiveContainer>;"##,
    ),
    (
        "tsx",
        r##"import { motion, AnimatePresence } from 'framer-motion'; export const Fade = ({ show }: { show: boolean }) => <AnimatePresence mode="wait">{show && <motion.div key="a" initial={{ opacity: 0, y: 8 }} animate={{ opacity: 1, y: 0 }} exit={{ opacity: 0 }} transition={{ duration: .2, ease: [0.4, 0, 0.2, 1] }} />}</AnimatePresence>;"##,
    ),
    (
        "jsx",
        r##"import { Menu, X, ShoppingCart as Cart } from 'lucide-react'; export const Icons = ({ open }) => <>{open ? <X aria-hidden /> : <Menu size={20} />}<Cart /></>;"##,
    ),
    (
        "tsx",
        r##"import clsx, { type ClassValue } from 'clsx'; import { twMerge } from 'tailwind-merge'; export const cn = (...all: ClassValue[]) => twMerge(clsx(all)); export const Box = (p: JSX.IntrinsicElements['div']) => <div {...p} className={cn('p-2', p.className)} />;"##,
    ),
    (
        "tsx",
        r##"import { cva, type VariantProps } from 'class-variance-authority'; const button = cva('rounded', { variants: { size: { sm: 'h-8', lg: 'h-12' } }, defaultVariants: { size: 'sm' } }); export const Btn = ({ size, ...p }: React.ComponentProps<'button'> & VariantProps<typeof button>) => <button className={button({ size })} {...p} />;"##,
    ),
    (
        "tsx",
        r##"import * as Dialog from '@radix-ui/react-dialog'; export const D = () => <Dialog.Root><Dialog.Trigger asChild><button>Open</button></Dialog.Trigger><Dialog.Portal><Dialog.Overlay /><Dialog.Content><Dialog.Title>T</Dialog.Title></Dialog.Content></Dialog.Portal></Dialog.Root>;"##,
    ),
    (
        "ts",
        r##"import { createSlice, configureStore, type PayloadAction } from '@reduxjs/toolkit'; const slice = createSlice({ name: 'n', initialState: { value: 0 }, reducers: { by(state, { payload }: PayloadAction<number>) { state.value += payload; } } }); export const { by } = slice.actions; export const store = configureStore({ reducer: { n: slice.reducer } }); export type Root = ReturnType<typeof store.getState>;"##,
    ),
    (
        "jsx",
        r##"import { useSelector, useDispatch } from 'react-redux'; export default function N() { const n = useSelector(s => s.n.value); const d = useDispatch(); return <button onClick={() => d({ type: 'n/by', payload: 1 })}>{n}</button>; }"##,
    ),
    (
        "ts",
        r##"import { format, parseISO, differenceInDays as days } from 'date-fns'; import { de } from 'date-fns/locale'; export const show = (iso: string) => `${format(parseISO(iso), "d. MMMM yyyy 'um' HH:mm", { locale: de })} (${days(new Date(), parseISO(iso))} d)`;"##,
    ),
    (
        "jsx",
        r##"import { useTranslation, Trans } from 'react-i18next'; export const T = ({ n }) => { const { t } = useTranslation(); return <p>{t('items', { count: n })} <Trans i18nKey="hi">Hi <b>you</b></Trans></p>; };"##,
    ),
    (
        "tsx",
        r##"import { DndContext, closestCenter, type DragEndEvent } from '@dnd-kit/core'; import { SortableContext, arrayMove, useSortable } from '@dnd-kit/sortable'; import { CSS } from '@dnd-kit/utilities'; import { useState } from 'react'; const Row = ({ id }: { id: string }) => { const { attributes, listeners, setNodeRef, transform } = useSortable({ id }); return <li ref={setNodeRef} style={{ transform: CSS.Transform.toString(transform) }} {...attributes} {...listeners}>{id}</li>; }; export function Sortable() { const [ids, set] = useState(['a', 'b']); const end = ({ active, over }: DragEndEvent) => { if (over && active.id !== over.id) set(x => arrayMove(x, x.indexOf(`${active.id}`), x.indexOf(`${over.id}`))); }; return <DndContext collisionDetection={closestCenter} onDragEnd={end}><SortableContext items={ids}>{ids.map(id => <Row key={id} id={id} />)}</SortableContext></DndContext>; }"##,
    ),
    (
        "jsx",
        r##"import toast, { Toaster } from 'react-hot-toast'; export const App = () => <><button onClick={() => toast.promise(Promise.resolve(1), { loading: 'Saving…', success: <b>Saved!</b>, error: e => `Error: ${e.message}` })}>Save</button><Toaster /></>;"##,
    ),
    (
        "jsx",
        r##"import { Button, TextField, Box } from '@mui/material'; import { styled } from '@mui/material/styles'; const Paper = styled(Box)(({ theme }) => ({ padding: theme.spacing(2), [theme.breakpoints.up('sm')]: { padding: 0 } })); export const M = () => <Paper sx={{ '& .MuiButton-root:hover': { m: 1 } }}><TextField label="Name *" /><Button variant="contained">A & B</Button></Paper>;"##,
    ),
    (
        "tsx",
        r##"import { useReactTable, getCoreRowModel, flexRender, createColumnHelper } from '@tanstack/react-table'; import type { User } from '../types'; const h = createColumnHelper<User>(); const columns = [h.accessor('name', { header: () => <b>Name</b>, cell: i => i.getValue() })]; export const Grid = ({ data }: { data: User[] }) => { const t = useReactTable({ data, columns, getCoreRowModel: getCoreRowModel() }); return <table><tbody>{t.getRowModel().rows.map(r => <tr key={r.id}>{r.getVisibleCells().map(c => <td key={c.id}>{flexRender(c.column.columnDef.cell, c.getContext())}</td>)}</tr>)}</tbody></table>; };"##,
    ),
    (
        "jsx",
        r##"import ReactMarkdown from 'react-markdown'; import remarkGfm from 'remark-gfm'; export const Md = ({ text }) => <ReactMarkdown remarkPlugins={[remarkGfm]} components={{ a: ({ node, ...p }) => <a target="_blank" {...p} />, code({ children }) { return <code>{children}</code>; } }}>{text}</ReactMarkdown>;"##,
    ),
    (
        "tsx",
        r##"import { Canvas, useFrame } from '@react-three/fiber'; import { useRef } from 'react'; import type { Mesh } from 'three'; const Cube = () => { const m = useRef<Mesh>(null!); useFrame((_, d) => { m.current.rotation.x += d; }); return <mesh ref={m}><boxGeometry args={[1, 1, 1]} /><meshStandardMaterial color="hotpink" /></mesh>; }; export const Scene = () => <Canvas><ambientLight intensity={.5} /><Cube /></Canvas>;"##,
    ),
    (
        "ts",
        r##"import axios, { AxiosError, type AxiosInstance } from 'axios'; export const client: AxiosInstance = axios.create({ baseURL: import.meta.env.VITE_API ?? '/api', timeout: 5_000 }); client.interceptors.response.use(r => r, (e: AxiosError<{ message?: string }>) => Promise.reject(new Error(e.response?.data?.message ?? e.message)));"##,
    ),
    (
        "jsx",
        r##"import { Formik, Form, Field, ErrorMessage } from 'formik'; import * as Yup from 'yup'; export default () => <Formik initialValues={{ mail: '' }} validationSchema={Yup.object({ mail: Yup.string().email('No mail').required() })} onSubmit={async (v, { setSubmitting }) => { await Promise.resolve(v); setSubmitting(false); }}>{({ isSubmitting }) => <Form><Field name="mail" type="email" /><ErrorMessage name="mail" component="p" /><button disabled={isSubmitting}>Send</button></Form>}</Formik>;"##,
    ),
    (
        "ts",
        r##"import { io, type Socket } from 'socket.io-client'; interface In { message: (m: { from: string; text: string }) => void } interface Out { join: (room: string, done: (ok: boolean) => void) => void } export const socket: Socket<In, Out> = io({ autoConnect: false }); export const join = (room: string) => new Promise<boolean>(r => socket.emit('join', room, r));"##,
    ),
    (
        "ts",
        r##"import i18n from 'i18next'; import { initReactI18next } from 'react-i18next'; i18n.use(initReactI18next).init({ lng: 'en', resources: { en: { translation: { items_one: '{{count}} item', items_other: '{{count}} items' } } }, interpolation: { escapeValue: false } }); export default i18n;"##,
    ),
    (
        "jsx",
        r##"import { MapContainer, TileLayer, Marker, Popup } from 'react-leaflet'; export const Map1 = ({ at }) => <MapContainer center={at} zoom={13}><TileLayer attribution='&copy; <a href="https://osm.org">OSM</a>' url="https://{s}.tile.osm.org/{z}/{x}/{y}.png" /><Marker position={at}><Popup>Here & now</Popup></Marker></MapContainer>;"##,
    ),
];
