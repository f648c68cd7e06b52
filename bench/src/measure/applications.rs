//! Checking and compiling a React application.

use std::time::Instant;

use anyhow::{anyhow, ensure};
use atelier_builder::{
    check::{self, Limits},
    file::GeneratedFile,
    react::{self, Place},
};
use atelier_entities::ProjectKind;

use super::figures::Figures;

/// Files of the application.
pub(super) const FILES: usize = 60;

/// Files beside the components: the manifest, the page, the entry and the style sheet.
const OTHERS: usize = 4;

/// Compilations before the one that counts.
const WARM_UP: usize = 2;

/// The times of one compilation, of one check and of both, once a run.
pub(super) fn measure(runs: u16, figures: &mut Figures) -> anyhow::Result<()> {
    let files = application();
    for _ in 0..runs {
        for _ in 0..WARM_UP {
            compile(&files)?;
        }
        let begun = Instant::now();
        compile(&files)?;
        let compiled = begun.elapsed().as_secs_f64() * 1_000.0;
        figures.record("compile of 60 files", "ms", compiled);
        examine(files.clone())?;
        let copy = files.clone();
        let begun = Instant::now();
        examine(copy)?;
        let checked = begun.elapsed().as_secs_f64() * 1_000.0;
        figures.record("check of 60 files", "ms", checked);
        figures.record("compile and check of 60 files", "ms", compiled + checked);
    }
    Ok(())
}

fn examine(files: Vec<GeneratedFile>) -> anyhow::Result<()> {
    let limits = Limits { max_files: FILES, max_file_bytes: 1 << 20, max_total_bytes: 1 << 24 };
    let checked = check::check(files, limits, ProjectKind::WebApp);
    checked.map(|_| ()).map_err(|faults| anyhow!("{faults:?}"))
}

fn compile(files: &[GeneratedFile]) -> anyhow::Result<()> {
    let page = react::find_page(files).ok_or_else(|| anyhow!("the application has no page"))?;
    let site = react::compile(files, page, Place::Host).map_err(|faults| anyhow!("{faults:?}"))?;
    ensure!(site.files.len() > FILES - OTHERS, "{} files were compiled", site.files.len());
    Ok(())
}

/// An application of components that import each other.
fn application() -> Vec<GeneratedFile> {
    let mut files = vec![
        GeneratedFile::new(
            "package.json",
            r#"{"dependencies": {"react": "19", "react-dom": "19"}, "devDependencies": {"vite": "8"}}"#,
        ),
        GeneratedFile::new(
            "index.html",
            "<body><div id=\"root\"></div><script type=\"module\" src=\"/src/main.tsx\"></script></body>",
        ),
        GeneratedFile::new(
            "src/main.tsx",
            "import { createRoot } from 'react-dom/client';\nimport { Part0 } from './parts/Part0';\n\
             import './index.css';\n\ncreateRoot(document.getElementById('root')!).render(<Part0 title=\"x\" />);\n",
        ),
        GeneratedFile::new("src/index.css", "body { margin: 0 }\n"),
    ];
    let parts = FILES - OTHERS;
    files.extend(
        (0..parts).map(|at| GeneratedFile::new(&format!("src/parts/Part{at}.tsx"), &part(at, parts))),
    );
    files
}

/// A component that shows the next one.
fn part(at: usize, parts: usize) -> String {
    let next = at + 1;
    let (import, child) = if next < parts {
        (format!("import {{ Part{next} }} from './Part{next}';\n"), format!("<Part{next} title={{title}} />"))
    } else {
        (String::new(), String::new())
    };
    let rows: String = (0..12)
        .map(|row| {
            format!(
                "      <li className=\"row\" key=\"{row}\" onClick={{() => setCount((n) => n + {row})}}>\n        \
                 <span>{{title}} & {row}</span> <a href=\"?a={row}&b=2\">{{count ?? {row}}}</a>\n      </li>\n"
            )
        })
        .collect();
    format!(
        "import {{ useMemo, useState }} from 'react';\n{import}\ninterface Props {{ title: string; size?: number }}\n\n\
         enum Size {{ Small = 1, Large }}\n\n\
         export function Part{at}({{ title, size = Size.Small }}: Props) {{\n  \
         const [count, setCount] = useState<number>(0);\n  \
         const label = useMemo<string>(() => `${{title}}: ${{count as number}} ${{size}}`, [title, count, size]);\n  \
         return (\n    <ul aria-label={{label}}>\n{rows}      {child}\n    </ul>\n  );\n}}\n"
    )
}
