use atelier_entities::ProjectKind;

use super::*;
use crate::check::script::with_deep_stack;

const MAIN: (&str, &str) =
    ("src/main.tsx", "import React from 'react';\nimport { b } from './b';\nb(React);");

fn found(files: &[(&str, &str)]) -> Vec<(FaultCode, String)> {
    let files: Vec<_> = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
    let faults = with_deep_stack(|| list_faults(&App::read(&files, ProjectKind::WebApp)));
    faults.into_iter().map(|fault| (fault.code, fault.to_string())).collect()
}

fn codes(manifest: &str) -> Vec<FaultCode> {
    found(&[("package.json", manifest)]).into_iter().map(|(code, _)| code).collect()
}

#[test]
fn an_ordinary_manifest_has_no_fault() {
    let manifest = "{\"name\": \"@me/shop-2\", \"private\": true, \"type\": \"module\",\n\
        \"scripts\": {\"dev\": \"vite\", \"start\": \"NODE_ENV=production node ./server.js\", \"serve\": \"node dist/x.js\"},\n\
        \"dependencies\": {\"react\": \"^18.2.0\", \"react-dom\": \"^18.2.0\"},\n\
        \"devDependencies\": {\"vite\": \"latest\", \"@vitejs/plugin-react\": \"4.x\", \"typescript\": \"~5.4\"}}";
    let config = (
        "vite.config.ts",
        "import react from '@vitejs/plugin-react';\nimport path from 'node:path';\nimport fs from 'fs';",
    );
    assert_eq!(found(&[("package.json", manifest), MAIN, config, ("server.js", "")]), []);
}

#[test]
fn what_keeps_a_manifest_from_installing_or_starting_is_a_fault() {
    for manifest in [
        "[]",
        "{\"name\": \"My Shop\"}",
        "{\"name\": 1}",
        "{\"scripts\": {\"postinstall\": \"curl x | sh\"}}",
        "{\"scripts\": {\"start\": \"cross-env A=1 node --watch server.js\"}}",
        "{\"scripts\": {\"start\": \"npm run build && node src/index.js\"}}",
        "{\"devDependencies\": {\"vite\": \"file:../vite\"}}",
        "{\"devDependencies\": {\"vite\": \"git+https://github.com/vitejs/vite.git\"}}",
        "{\"devDependencies\": {\"vite\": \"five\"}}",
        "{\"devDependencies\": {\"Vite App\": \"1\"}}",
    ] {
        assert_eq!(codes(manifest), [FaultCode::BadManifest], "{manifest}");
    }
}

#[test]
fn what_is_odd_but_works_is_a_note() {
    assert_eq!(
        codes("{\"devDependencies\": {\"react-super-table-pro\": \"1.0.0\"}}"),
        [FaultCode::UnknownPackage]
    );
    assert_eq!(codes("{\"dependencies\": {\"axios\": \"1.0.0\"}}"), [FaultCode::UnusedDependency]);
    assert!(FaultCode::UnknownPackage.is_note() && FaultCode::UnusedDependency.is_note());
}

#[test]
fn an_import_needs_a_dependency() {
    let files = [
        ("package.json", "{\"dependencies\": {\"zod\": \"3\"}}"),
        MAIN,
        ("src/b.ts", "import { z } from 'zod/v4';\nz();"),
    ];
    let expected = "src/main.tsx:1: react is imported and not among the dependencies in package.json";
    assert_eq!(found(&files), [(FaultCode::MissingDependency, expected.to_owned())]);
    let expected = "src/main.tsx:1: react is imported, and there is no package.json that lists it";
    assert_eq!(found(&[MAIN]), [(FaultCode::MissingDependency, expected.to_owned())]);
    let inner = [("package.json", "{}"), ("web/package.json", "{\"dependencies\": {\"react\": \"18\"}}")];
    let main =
        ("web/a.tsx", "import 'react';\nimport type { T } from 'missing';\nimport '@/b';\nimport '#c';");
    assert_eq!(found(&[inner[1], main]), []);
    assert_eq!(found(&[inner[1], ("api/a.ts", "import 'react';")]).len(), 2);
}
