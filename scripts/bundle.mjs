// Makes of the library's many small modules the few files that are published: `packages/fivefold/bundle`. Loading
// eighty modules costs a program some 45 ms at its start. Files that have not changed are not written again.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const library = fileURLToPath(new URL('../packages/fivefold/', import.meta.url))
const from = join(library, 'dist')
const to = join(library, 'bundle')
const manifest = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'))

/** dist/net/index.js of what package.json says is bundle/net/index.js. */
const entries = Object.values(manifest.exports)
  .map((entry) => entry.default)
  .filter((path) => path !== undefined)
  .map((path) => join(library, path))
  .map((path) => ({ in: join(from, relative(to, path)), out: relative(to, path).replace(/\.js$/, '') }))

const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: ['koffi'],
  outdir: to,
  // Side effects are meant: a thread's program begins with one.
  ignoreAnnotations: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
}

/** The first thing a thread imports has to be evaluated before koffi is: see models/threads/begin.ts. */
const beginFirst = {
  name: 'begin-first',
  setup({ onResolve }) {
    onResolve({ filter: /\/begin\.js$/ }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: './begin.js', external: true },
    )
  },
}

const threads = ['waiter', 'blocking'].map((name) => ({
  in: join(from, `models/${name}/${name}-program.js`),
  out: `${name}-program`,
}))
const begin = { in: join(from, 'models/threads/begin.js'), out: 'begin' }

const builds = await Promise.all([
  // Entries share their chunks: one engine, whichever entry it is reached by.
  build({ ...common, entryPoints: entries, splitting: true }),
  ...[...threads, begin].map((entry) => build({ ...common, entryPoints: [entry], plugins: [beginFirst] })),
])

const files = new Map(
  builds.flatMap(({ outputFiles }) => outputFiles).map(({ path, contents }) => [path, Buffer.from(contents)]),
)

// Where an entry is shared by another, esbuild leaves its `export * from 'node:…'` in the chunk they share.
for (const entry of entries) {
  const path = join(to, `${entry.out}.js`)
  const stars = readFileSync(entry.in, 'utf8').match(/^export \* from 'node:[^']+';?$/gm) ?? []
  files.set(path, Buffer.concat([Buffer.from(stars.map((star) => `${star}\n`).join('')), files.get(path)]))
}
for (const [path, contents] of files) {
  if (existsSync(path) && readFileSync(path).equals(contents)) continue
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, contents)
}
for (const entry of readdirSync(to, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name)
  if (entry.isFile() && !files.has(path)) rmSync(path)
}
