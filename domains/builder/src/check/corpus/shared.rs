//! The project around a file of the corpus.

/// The packages that the components import.
const PACKAGES: &str = "@dnd-kit/core @dnd-kit/sortable @dnd-kit/utilities @emotion/react @emotion/styled \
    @hookform/resolvers @mui/material @radix-ui/react-dialog @react-three/fiber @reduxjs/toolkit @tanstack/react-query \
    @tanstack/react-table axios class-variance-authority clsx date-fns formik framer-motion i18next lucide-react react \
    react-dom react-hook-form react-hot-toast react-i18next react-leaflet react-markdown react-redux react-router-dom \
    recharts remark-gfm socket.io-client styled-components tailwind-merge three yup zod zustand";

/// The other files of the project.
pub(super) fn files() -> Vec<(String, String)> {
    let packages: Vec<String> =
        PACKAGES.split_whitespace().map(|name| format!("\"{name}\": \"^1.0.0\"")).collect();
    let manifest = format!("{{\"name\": \"corpus\", \"dependencies\": {{{}}}}}", packages.join(", "));
    let fixed = [
        (
            "index.html",
            "<!doctype html><html lang=\"en\"><body><div id=\"root\"></div><script type=\"module\" src=\"/src/main.tsx\"></script></body></html>",
        ),
        (
            "tsconfig.json",
            "{ \"compilerOptions\": { \"jsx\": \"react-jsx\", \"paths\": { \"@/*\": [\"./src/*\"] }, }, }",
        ),
        (
            "src/main.tsx",
            "import { createRoot } from 'react-dom/client';\ncreateRoot(document.getElementById('root')!).render(<p>Hi</p>);",
        ),
        ("src/styles.css", "p { margin: 0 }"),
        ("src/data.json", "{\"a\": {\"b\": [1]}}"),
        ("src/assets/logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        (
            "src/types.ts",
            "export interface User { id: string; name: string }\nexport enum Status { Open, Done }\nexport type Order = { user: string; status: Status };",
        ),
        (
            "src/lib/api.ts",
            "export class ApiError extends Error {}\nexport const request = async <T,>(url: string, init?: RequestInit): Promise<T> => (await fetch(url, init)).json();\nexport const get = request;\nexport const post = <T,>(url: string, body: unknown) => request<T>(url, { method: 'POST', body: JSON.stringify(body) });",
        ),
        ("src/lib/worker.js", "self.onmessage = ({ data }) => self.postMessage(data);"),
        ("src/components/Panel.tsx", "export default function Panel() { return <p>Panel</p>; }"),
        (
            "src/components/Button.tsx",
            "import type { ComponentProps } from 'react';\nexport default function Button(p: ComponentProps<'button'>) { return <button {...p} />; }\nexport const IconButton = ({ label }: { label: string }) => <button aria-label={label} />;",
        ),
        ("src/components/Card.module.css", ".card { padding: 1rem }"),
        (
            "src/components/ui/button.tsx",
            "export const Button = (p: { variant?: string; children?: React.ReactNode }) => <button className={p.variant}>{p.children}</button>;",
        ),
    ];
    let fixed = fixed.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned()));
    fixed.chain([("package.json".to_owned(), manifest)]).collect()
}
