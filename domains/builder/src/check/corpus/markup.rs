//! Components that are mostly markup: text, entities, lists, tables, forms and pictures.

pub(super) const COMPONENTS: &[(&str, &str)] = &[
    (
        "jsx",
        r##"export const Hero = () => (<section id="top"><h1>Fish & Chips</h1><p>Tom &amp; Jerry's — since&nbsp;1999 &copy;</p><a href="/order?from=hero&lang=en">Order</a></section>);"##,
    ),
    (
        "jsx",
        r##"export default function Nav() { return <nav><a href="#features">Features</a> | <a href='#faq'>FAQ</a> / <a href="mailto:a@b.example?subject=Hi&body=There">Mail</a></nav>; }"##,
    ),
    (
        "jsx",
        r##"export const Price = ({ plan: { name, monthly, perks = [] } }) => <article><h3>{name}</h3><strong>${monthly}<small>/month</small></strong><ul>{perks.map(p => <li key={p}>✓ {p}</li>)}</ul></article>;"##,
    ),
    (
        "jsx",
        r##"export function Quote() { return <blockquote>“Don't panic” is what {"it's"} all about: {'{'}braces{'}'} &lt;tags&gt; and 100% fun!<cite>— D. Adams, p. 42</cite></blockquote>; }"##,
    ),
    (
        "jsx",
        r##"export const Faq = ({ all }) => <dl>{all.map(({ q, a }, i) => [<dt key={`q${i}`}>{q}</dt>, <dd key={`a${i}`}>{a}</dd>])}</dl>;"##,
    ),
    (
        "jsx",
        r##"export const Video = () => <video controls muted poster="/poster.svg"><source src="" type="video/mp4" /><track kind="captions" />Your browser can't play it.</video>;"##,
    ),
    (
        "tsx",
        r##"import logo from '../assets/logo.svg'; import '../styles.css'; export const Logo = ({ size = 24 }: { size?: number }) => <img src={logo} width={size} height={size} alt="" />;"##,
    ),
    (
        "tsx",
        r##"import styles from './Card.module.css'; export const Card = ({ title, children }: React.PropsWithChildren<{ title: string }>) => <div className={styles.card}><h2 className={styles['card-title']}>{title}</h2>{children}</div>;"##,
    ),
    (
        "jsx",
        r##"export const Icon = () => <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={2}><path d="M3 12h18M12 3v18" /><circle cx={12} cy="12" r='9' /><g xlinkHref="#a"><text x="1">A&B</text></g></svg>;"##,
    ),
    (
        "jsx",
        r##"export const Article = () => <>{/* a comment */}<h1>Title</h1>{/*
  over lines, with { braces } and <tags>
*/}<p>one{' '}<em>two</em>{" "}three</p><hr/></>;"##,
    ),
    (
        "jsx",
        r##"export const Cond = ({ a, b, n }) => <div>{a && <p>a</p>}{a || b ? <p>either</p> : null}{n > 0 && n < 10 ? <b>{n}</b> : n >= 10 ? <i>many</i> : <s>none</s>}{!a && !b && 'neither'}</div>;"##,
    ),
    (
        "jsx",
        r##"export const Table = ({ rows }) => <table><thead><tr><th scope="col">Name</th><th>Sum (€)</th></tr></thead><tbody>{rows.length ? rows.map(({ id, name, sum }) => <tr key={id}><td>{name}</td><td align="right">{sum.toFixed(2)}</td></tr>) : <tr><td colSpan={2}>No rows</td></tr>}</tbody></table>;"##,
    ),
    (
        "jsx",
        r##"export const Form = () => <form action="/send" method="post"><fieldset><legend>Who?</legend><label htmlFor="n">Name</label><input id="n" name="n" required minLength={2} pattern="[A-Za-z ]{2,}" /><select defaultValue="b"><option value="a">A</option><option value="b">B & C</option></select><textarea rows={3} defaultValue={`a
b`} /></fieldset><button type="submit" disabled>Send →</button></form>;"##,
    ),
    (
        "jsx",
        r##"export const Data = () => <div data-id="1" aria-label="x &quot;y&quot;" style={{ color: 'red', '--gap': '4px', background: `url(${'a'})` }} hidden={false} tabIndex={-1} contentEditable suppressContentEditableWarning>x</div>;"##,
    ),
    ("jsx", r##"export const Namespaced = () => <svg><use xlink:href="#i" xml:space="preserve" /></svg>;"##),
    (
        "jsx",
        r##"const Menu = { Item: p => <li {...p} />, Group: { Title: p => <h4 {...p} /> } }; export const M = () => <ul><Menu.Item>1</Menu.Item><Menu.Group.Title>t</Menu.Group.Title></ul>;"##,
    ),
    (
        "jsx",
        r##"export const Spread = ({ as: Tag = 'div', className, ...rest }) => <Tag {...rest} className={['box', className].filter(Boolean).join(' ')} />;"##,
    ),
    ("jsx", r##"export const Html = ({ html }) => <div dangerouslySetInnerHTML={{ __html: html }} />;"##),
    (
        "jsx",
        r##"export const Code = () => <pre><code>{`if (a < b && c > d) {
  return "x";
}`}</code></pre>;"##,
    ),
    (
        "jsx",
        r##"export const Steps = () => <ol start={3} reversed type="a">{['plan', 'build', 'ship'].map((s, i, { length }) => <li key={s} value={length - i}>{s.toUpperCase()}</li>)}</ol>;"##,
    ),
    (
        "jsx",
        r##"export default () => <footer><small>© {new Date().getFullYear()} A & B Ltd. — <a href="/terms">Terms</a> · <a href="/privacy">Privacy</a></small></footer>;"##,
    ),
    (
        "jsx",
        r##"export const Timeline = ({ events }) => events.reduce((all, e) => ({ ...all, [e.year]: [...(all[e.year] ?? []), e] }), {}) && <ul>{Object.entries(Object.groupBy?.(events, e => e.year) ?? {}).map(([year, list]) => <li key={year}>{year}: {list.length}</li>)}</ul>;"##,
    ),
    (
        "jsx",
        r##"export const Badge = ({ kind }) => { const tone = { ok: 'green', warn: 'orange' }[kind] ?? 'gray'; return <span className={`badge bg-${tone}-100 text-${tone}-800`}>{kind}</span>; };"##,
    ),
    (
        "tsx",
        r##"type Tone = 'ok' | 'bad'; const ICON: Record<Tone, JSX.Element> = { ok: <b>✓</b>, bad: <b>✗</b> }; export const Alert = ({ tone, children }: { tone: Tone; children?: React.ReactNode }) => <div role="alert">{ICON[tone]} {children}</div>;"##,
    ),
    (
        "tsx",
        r##"import Button, { IconButton } from './Button'; export const Toolbar = () => <div role="toolbar"><Button onClick={() => alert("it's done")}>Save & close</Button><IconButton label="<back" /></div>;"##,
    ),
    (
        "tsx",
        r##"import { Button as B } from '@/components/ui/button'; export const Cta = () => <B variant="primary">Start — it's free</B>;"##,
    ),
    (
        "jsx",
        r##"export const Emoji = () => <p>👩‍💻 日本語 العربية ¿Qué? naïve — “quotes” ‘single’ … 10 °C ≠ 10 °F 'straight' "double" `tick`</p>;"##,
    ),
    (
        "jsx",
        r##"export const Gallery = ({ images }) => <div className="grid grid-cols-[repeat(auto-fill,minmax(12rem,1fr))] gap-4 md:grid-cols-3">{images.map(({ src, alt }) => <figure key={src}><img loading="lazy" src={src} alt={alt} srcSet={`${src}?w=400 400w, ${src}?w=800 800w`} sizes="(max-width: 600px) 100vw, 33vw" /><figcaption>{alt}</figcaption></figure>)}</div>;"##,
    ),
    (
        "jsx",
        r##"export const Compare = ({ a, b }) => <p>{a} {a > b ? '>' : a < b ? '<' : '='} {b}, {a >= b ? 'so a ≥ b' : 'so a < b'}</p>;"##,
    ),
    (
        "jsx",
        r##"import { Fragment } from 'react'; export const Crumbs = ({ path }) => <nav aria-label="Breadcrumb">{path.map(({ to, name }, i) => <Fragment key={to}>{i > 0 && ' / '}<a href={to}>{name}</a></Fragment>)}</nav>;"##,
    ),
    (
        "jsx",
        r##"export const Meter = ({ value, max }) => <div className="meter" style={{ '--p': `${Math.round((value / max) * 100)}%` }}><span style={{ width: `calc(var(--p) - ${2 * 4}px)` }} /></div>;"##,
    ),
    (
        "jsx",
        r##"export const Math1 = () => <p>x<sup>2</sup> + y<sub>1</sub> = {2 ** 3 % 5} and {(1, 2)} or {void 0}{typeof 1}{+'3'}{-'4'}{~5}{!0}</p>;"##,
    ),
    (
        "jsx",
        r##"export const Weather = ({ d: { temp: t = 0, wind: { speed: s } = {} } = {} }) => <p>{t}° · {s?.toFixed?.(1) ?? '–'} km/h</p>;"##,
    ),
    (
        "jsx",
        r##"export const Invoice = ({ lines }) => { const total = lines.reduce((sum, { qty, price }) => sum + qty * price, 0); const money = new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'EUR' }); return <table><tfoot><tr><th>Total</th><td>{money.format(total)}</td></tr></tfoot></table>; };"##,
    ),
    (
        "jsx",
        r##"export const Contact = () => <address>1 Main St.<br />Berlin, DE<br/><a href="tel:+49301234">+49 30 1234</a><wbr/><a target="_blank" rel="noopener noreferrer" href="https://maps.example/?q=1,2&z=3">map</a></address>;"##,
    ),
];
