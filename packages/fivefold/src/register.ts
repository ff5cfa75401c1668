/**
 * `node --import fivefold/register app.js`: the program's `net`, `http`, `https` and `dgram` are fivefold's, and the
 * program is as it was. What Node itself is made of (its child processes, its cluster, its standard streams) keeps Node's.
 *
 * `FIVEFOLD_MODEL=epoll` (or another) chooses the mechanism; `FIVEFOLD_REGISTER=off` leaves everything as it was.
 */
import module from 'node:module'
import dgram from './dgram/index.js'
import http from './http/index.js'
import https from './https/index.js'
import { modelNamed } from './models/choose.js'
import type { ModelName } from './models/model.js'
import { unavailable } from './models/verdict.js'
import { setDefaultModel } from './net/default-model.js'
import net from './net/index.js'

/** What a program asks for, and what it gets: one object each, as with Node's modules. */
const faces: Readonly<Record<string, object>> = { net, http, https, dgram }
const folder = new URL('.', import.meta.url).href

function faceOf(specifier: string): string | undefined {
  const name = specifier.startsWith('node:') ? specifier.slice(5) : specifier
  return Object.hasOwn(faces, name) ? name : undefined
}

let done = false

/**
 * Puts fivefold's faces in the place of Node's modules, for every `require` and `import` from now on.
 * @throws ERR_FIVEFOLD_MODEL_UNAVAILABLE, with the reason and the cure, when the named model cannot work here
 */
export function register(model: ModelName | 'auto' = 'auto'): void {
  if (model !== 'auto') {
    const verdict = modelNamed(model).probe()
    if (!verdict.ok) throw unavailable(model, verdict)
  }
  setDefaultModel(model)
  if (done) return
  done = true
  replaceInRequire()
  replaceInImport()
}

type Ask = (this: unknown, specifier: string) => unknown

function replaceInRequire(): void {
  const asks = [
    { owner: module.Module.prototype as object, name: 'require' },
    { owner: process as object, name: 'getBuiltinModule' },
  ]
  for (const { owner, name } of asks) {
    const ask = (owner as Record<string, Ask | undefined>)[name]
    if (ask === undefined) continue
    const replacement: Ask = function (specifier) {
      const face = typeof specifier === 'string' ? faceOf(specifier) : undefined
      return face === undefined ? ask.call(this, specifier) : faces[face]
    }
    Object.defineProperty(owner, name, { value: replacement, writable: true, configurable: true })
  }
}

interface Context {
  parentURL?: string
}
type Resolve = (specifier: string, context: Context) => { url: string }
type Hook = (specifier: string, context: Context, next: Resolve) => { url: string; shortCircuit?: boolean }

/** Public since Node 22.15; before, hooks live in a thread of their own. */
const { registerHooks } = module as { registerHooks?: (hooks: { resolve: Hook }) => unknown }

function replaceInImport(): void {
  if (registerHooks !== undefined) {
    registerHooks({
      resolve(specifier, context, next) {
        const face = faceOf(specifier)
        // Our own modules stand on Node's.
        if (face === undefined || context.parentURL?.startsWith(folder)) return next(specifier, context)
        return { url: `${folder}${face}/index.js`, shortCircuit: true }
      },
    })
    return
  }
  const hooks = `
    const folder = ${JSON.stringify(folder)}
    const faces = new Set(${JSON.stringify(Object.keys(faces))})
    export function resolve(specifier, context, next) {
      const name = specifier.startsWith('node:') ? specifier.slice(5) : specifier
      if (!faces.has(name) || context.parentURL?.startsWith(folder)) return next(specifier, context)
      return { url: folder + name + '/index.js', shortCircuit: true, format: 'module' }
    }`
  module.register(`data:text/javascript,${encodeURIComponent(hooks)}`)
}

if (process.env.FIVEFOLD_REGISTER !== 'off')
  register((process.env.FIVEFOLD_MODEL || 'auto') as ModelName | 'auto')
