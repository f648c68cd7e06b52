// Bundles the libraries that published React applications may import, each as an ES module.
// Code that several of them use, such as React itself, goes to shared modules, so that an
// application has it once.
//
// Usage: node build.mjs <folder>. The folder gets the modules and manifest.json: for each
// specifier its module, the modules that come with it, and the names that it exports.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';

const SPECIFIERS = [
  'react',
  'react/jsx-runtime',
  'react-dom',
  'react-dom/client',
  'react-router',
  'react-router-dom',
  'lucide-react',
  'class-variance-authority',
  'clsx',
  'date-fns',
  'framer-motion',
  'immer',
  'nanoid',
  'react-hook-form',
  'recharts',
  'tailwind-merge',
  'uuid',
  'zod',
  'zustand',
  'zustand/middleware',
];

const [out] = process.argv.slice(2);
if (out === undefined) {
  console.error('usage: node build.mjs <folder>');
  process.exit(2);
}
const home = import.meta.dirname;
const require = createRequire(import.meta.url);

// The libraries that have a default export beside their names.
const WITH_DEFAULT = ['clsx', 'zod'];

function versionOf(specifier) {
  const [name] = specifier.split('/');
  return JSON.parse(readFileSync(path.join(home, 'node_modules', name, 'package.json'), 'utf8')).version;
}

function source(specifier) {
  const quoted = JSON.stringify(specifier);
  // React and react-dom are CommonJS: their names are known only at run time.
  if (/^react(-dom)?(\/|$)/.test(specifier)) {
    const names = Object.keys(require(specifier)).filter((name) => /^[A-Za-z]\w*$/.test(name));
    return `export { ${[...names, 'default'].join(', ')} } from ${quoted};`;
  }
  const byDefault = WITH_DEFAULT.includes(specifier) ? ` export { default } from ${quoted};` : '';
  return `export * from ${quoted};${byDefault}`;
}

const entries = new Map();
for (const specifier of SPECIFIERS) {
  const name = `${specifier.replaceAll('/', '-')}-${versionOf(specifier)}`;
  entries.set(name, { specifier, contents: source(specifier) });
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const result = await build({
  absWorkingDir: home,
  entryPoints: Object.fromEntries([...entries.keys()].map((name) => [name, `entry:${name}`])),
  outdir: path.resolve(out),
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  minify: true,
  legalComments: 'eof',
  chunkNames: 'shared-[hash]',
  define: { 'process.env.NODE_ENV': '"production"' },
  metafile: true,
  logLevel: 'warning',
  plugins: [
    {
      name: 'entries',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^entry:/ }, ({ path: name }) => ({ path: name.slice(6), namespace: 'entry' }));
        onLoad({ filter: /.*/, namespace: 'entry' }, ({ path: name }) => ({
          contents: entries.get(name).contents,
          resolveDir: home,
        }));
      },
    },
  ],
});

const outputs = new Map(
  Object.entries(result.metafile.outputs).map(([file, output]) => [path.basename(file), output]),
);

function withImports(file, seen = new Set()) {
  if (!seen.has(file)) {
    seen.add(file);
    for (const used of outputs.get(file).imports) withImports(path.basename(used.path), seen);
  }
  return seen;
}

const manifest = {};
for (const [name, { specifier }] of entries) {
  const file = `${name}.js`;
  const needs = [...withImports(file)].filter((other) => other !== file).sort();
  manifest[specifier] = { file, needs, exports: outputs.get(file).exports.sort() };
}
writeFileSync(path.join(out, 'manifest.json'), `${JSON.stringify(manifest)}\n`);
