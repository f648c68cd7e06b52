//! Components made from frames, which are the ways to write a component, and bodies.

/// The frames with their endings. `BODY` stands for the markup.
const FRAMES: [(&str, &str); 10] = [
    ("jsx", "export default function View({ items, title, on }) {\n  return (\n    BODY\n  );\n}\n"),
    ("jsx", "const View = ({ items, title, on }) => BODY;\nexport default View;\n"),
    (
        "jsx",
        "import { memo } from 'react';\nexport const View = memo(({ items, title, on }) => {\n  if (!items) return null;\n  return BODY;\n});\n",
    ),
    (
        "jsx",
        "import React from 'react';\nexport default class View extends React.Component {\n  render() {\n    const { items, title, on } = this.props;\n    return BODY;\n  }\n}\n",
    ),
    (
        "tsx",
        "interface Props { items: string[]; title: string; on: boolean }\nexport const View: React.FC<Props> = ({ items, title, on }) => BODY;\n",
    ),
    (
        "tsx",
        "type Props<T> = { items: T[]; title?: string; on?: boolean };\nexport function View<T extends string>({ items, title, on }: Props<T>): React.ReactElement | null {\n  switch (typeof title) {\n    case 'string': return BODY;\n    default: return null;\n  }\n}\n",
    ),
    (
        "jsx",
        "export const views = {\n  main({ items, title, on }) { return BODY; },\n  none: () => null,\n};\n",
    ),
    (
        "tsx",
        "import { forwardRef } from 'react';\nexport default forwardRef<HTMLDivElement, { items: string[]; title: string; on: boolean }>(function View({ items, title, on }, ref) {\n  return <div ref={ref} data-x=\"1\">{BODY}</div>;\n});\n",
    ),
    (
        "jsx",
        "export function View({ items = [], title = 'A & B', on = true }) {\n  const body = BODY;\n  return on ? <main>{body}</main> : body;\n}\n",
    ),
    (
        "js",
        "export const View = props => {\n  const { items, title, on } = props;\n  const draw = () => { try { return BODY; } catch { return null; } };\n  return draw();\n};\n",
    ),
];
/// The bodies, each of another shape.
const BODIES: [&str; 8] = [
    "<ul>{items.map((item, at) => <li key={at}>{item} & more</li>)}</ul>",
    "<section aria-label={title}><h2>{title}</h2>{on && <p>It's on — 100%</p>}{!on && <p>off</p>}</section>",
    "<><a href=\"/list?sort=name&dir=asc\">{title ?? 'List'}</a>{' '}<b>{items.length}</b></>",
    "<table><tbody>{items.filter(Boolean).map(item => <tr key={item}><td>{`${item}: ${title}`}</td></tr>)}</tbody></table>",
    "<form onSubmit={event => { event.preventDefault(); }}><label>Name<input name=\"name\" defaultValue={title} /></label><button disabled={!on}>Save</button></form>",
    "<div className={`box ${on ? 'on' : 'off'}`} style={{ '--n': items.length, color: on ? 'green' : undefined }}>{/* the title */}{title}</div>",
    "<select value={title} onChange={() => undefined}>{items.map(item => <option key={item} value={item}>{item.toUpperCase()}</option>)}</select>",
    "<svg viewBox=\"0 0 10 10\" role=\"img\"><title>{title}</title>{items.map((_, at) => <rect key={at} x={at * 2} y={10 - at} width=\"1\" height={at} />)}</svg>",
];

/// Every body in every frame, with its ending.
pub(super) fn components() -> Vec<(&'static str, String)> {
    let in_frame =
        |body: &'static str| FRAMES.iter().map(move |(ending, frame)| (*ending, frame.replace("BODY", body)));
    BODIES.into_iter().flat_map(in_frame).collect()
}
