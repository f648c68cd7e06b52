//! Pages, style sheets, Python and settings.

pub(super) const FILES: &[(&str, &str)] = &[
    (
        "about.html",
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>A & B</title><link rel=stylesheet href=src/styles.css></head><body><p>One<p>Two<br>Tom & Jerry 3 < 4<ul><li>a<li>b</ul><a href=\"/x?a=1&b=2\">x</a></body></html>",
    ),
    (
        "form.html",
        "<!doctype html><title>F</title><form><label for=n>Name</label><input id=n required><select><option selected>1<option>2</select><textarea></textarea><button disabled>Go</button></form>",
    ),
    (
        "table.html",
        "<!doctype html><table><caption>T<tbody><tr><td>1<td>2<tr><th scope=row>3</table><details open><summary>S</summary>x</details><dialog></dialog>",
    ),
    (
        "media.html",
        "<!doctype html><picture><source srcset='data:image/svg+xml,%3Csvg/%3E' media='(min-width: 1px)'><img src=\"data:image/gif;base64,R0lGOD\" alt=''></picture><svg viewBox='0 0 1 1'><title>t</title><path d='M0 0L1 1'/></svg>",
    ),
    (
        "meta.html",
        "<!doctype html><html><head><script type='application/ld+json'>{\"@context\": \"https://schema.org\"}</script><link rel=canonical href=https://a.example/><link rel=preconnect href=https://b.example></head><body class='a b'></body></html>",
    ),
    (
        "template.html",
        "<!doctype html><div v-if=\"a < b\" :class=\"{on: x > 1}\" @click=\"go('x')\" {{ attrs }}>{{ a && b }}</div><template id=t><slot name=a></slot></template>",
    ),
    (
        "reset.css",
        "*,*::before,*::after{box-sizing:border-box}html:focus-within{scroll-behavior:smooth}@media(prefers-reduced-motion:reduce){*{animation:none!important}}",
    ),
    (
        "theme.css",
        "@layer base, ui;\n:root { color-scheme: light dark; --c: light-dark(#fff, #000); --s: clamp(1rem, 2vw + .5rem, 2rem); --empty: ; }\n@supports (display: grid) and (not (display: inline-grid)) { .a { display: grid } }",
    ),
    (
        "nested.css",
        ".card { & > h2 { margin: 0 } &:has(img) { padding: 0; @media (width >= 40rem) { padding: 1rem } } .x & { color: red } }\n@container card (inline-size > 20em) { .y { gap: 1px } }",
    ),
    (
        "tailwind.css",
        "@tailwind base;\n@tailwind components;\n@layer components { .btn { @apply rounded px-4 hover:bg-blue-600; } }\n.w-1\\/2 { width: 50% } .md\\:flex { display: flex }",
    ),
    (
        "tailwind4.css",
        "@import \"tailwindcss\";\n@theme { --color-brand: oklch(0.7 0.1 200); }\n@custom-variant dark (&:where(.dark, .dark *));\n@utility tab-4 { tab-size: 4; }",
    ),
    (
        "fonts.css",
        "@font-face { font-family: 'A'; src: local('A'), url(data:font/woff2;base64,d09GMg==) format('woff2'); unicode-range: U+0000-00FF }\n.q::before { content: '\\201C'; } .r { background: url(\"data:image/svg+xml,%3Csvg xmlns='x'%3E\") }",
    ),
    (
        "keyframes.css",
        "@keyframes spin { from { rotate: 0 } 50.5% { scale: 1.1 } to { rotate: 1turn } }\n@property --a { syntax: '<angle>'; inherits: false; initial-value: 0deg }\n.s { animation: spin 1s steps(4, end) infinite }",
    ),
    (
        "print.css",
        "@page :first { margin: 1in } @media print { a[href^='http']::after { content: ' (' attr(href) ')' } nav, .no-print { display: none !important } }",
    ),
    (
        "api/main.py",
        "from fastapi import FastAPI, HTTPException\nfrom pydantic import BaseModel\n\napp = FastAPI()\n\n\nclass Item(BaseModel):\n    name: str\n    price: float | None = None\n\n\n@app.get(\"/items/{item_id}\")\nasync def read(item_id: int, q: str | None = None) -> dict:\n    if item_id < 0:\n        raise HTTPException(404, detail=\"no\")\n    return {\"id\": item_id, \"q\": q}\n",
    ),
    (
        "api/models.py",
        "from __future__ import annotations\n\nfrom dataclasses import dataclass, field\nfrom enum import Enum\n\n\nclass State(str, Enum):\n    OPEN = \"open\"\n\n\n@dataclass(slots=True)\nclass Task:\n    \"\"\"A task.\n\n  With text that is indented oddly.\n    \"\"\"\n\n    title: str\n    tags: list[str] = field(default_factory=list)\n\n    @property\n    def label(self) -> str:\n        return f\"{self.title!r:>{10}} {', '.join(self.tags)}\"\n",
    ),
    (
        "api/tools.py",
        "import asyncio\nimport re\nfrom contextlib import asynccontextmanager\n\n\n@asynccontextmanager\nasync def opened(path):\n    try:\n        yield path\n    finally:\n        await asyncio.sleep(0)\n\n\ndef pick(value):\n    match value:\n        case {\"kind\": \"a\", **rest} if rest:\n            return rest\n        case [first, *_]:\n            return first\n        case _:\n            return None\n\n\nif (m := re.match(r\"(\\d+)\", \"1\")):\n\n    print(m[1],\n  \"continued\")\n# done\n",
    ),
    ("api/__init__.py", ""),
    ("api/requirements.txt", "fastapi>=0.110\nuvicorn[standard]\n"),
    (".env.example", "OPENAI_API_KEY=sk-your-key\nDATABASE_URL=postgres://user:password@localhost/app\n"),
    (
        ".prettierrc.json",
        "{\"semi\": false, \"overrides\": [{\"files\": \"*.md\", \"options\": {\"tabWidth\": 4}}]}",
    ),
    ("public/manifest.webmanifest", "{\"name\": \"A\", \"start_url\": \"/?a=1&b=2\", \"icons\": []}"),
    ("tsconfig.node.json", "{\n  // for Vite\n  \"include\": [\"vite.config.ts\"], /* only */\n}"),
    ("README.md", "# App\n\n```html\n<script>alert(1)</script>\n```\n"),
    ("Dockerfile", "FROM python:3.13\nCMD [\"uvicorn\", \"api.main:app\", \"--host\", \"0.0.0.0\"]\n"),
];
