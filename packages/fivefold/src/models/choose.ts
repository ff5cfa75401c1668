/** The nine mechanisms in the textbook's order, and the choice that 'auto' makes. */
import { ioUring } from './asynchronous/io-uring.js'
import { posixAio } from './asynchronous/posix-aio.js'
import { blocking } from './blocking.js'
import type { Model, ModelName } from './model.js'
import { epoll, nonBlocking, poll, rtsig, select, sigio } from './synchronous.js'

/** All nine, in the textbook's order: by what they do in phase 1. */
export const models: readonly Model[] = [
  blocking,
  nonBlocking,
  select,
  poll,
  epoll,
  sigio,
  rtsig,
  posixAio,
  ioUring,
]

/** @throws ERR_INVALID_ARG_VALUE for a name that is none of the nine */
export function modelNamed(name: ModelName): Model {
  const found = models.find((model) => model.name === name)
  if (found !== undefined) return found
  const names = models.map((model) => model.name).join(', ')
  throw Object.assign(new TypeError(`there is no model '${name}'; there are: auto, ${names}`), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
}

/** What was chosen, and why: for logs, `fivefold models` and `fivefold doctor`. */
export interface Choice {
  readonly model: Model
  readonly reason: string
}

/** What 'auto' chooses, fastest first: io_uring, else epoll, else poll. */
export function choose(): Choice {
  return firstOf([ioUring, epoll, poll])
}

/** What 'auto' chooses for files, fastest first: io_uring, else posix-aio, else blocking. */
export function chooseForFiles(): Choice {
  return firstOf([ioUring, posixAio, blocking])
}

function firstOf(candidates: readonly Model[]): Choice {
  const refused: string[] = []
  for (const model of candidates) {
    const verdict = model.probe()
    if (verdict.ok) {
      const first = refused.length === 0
      const reason = first
        ? 'the fastest, and it works here'
        : `the fastest that works here (${refused.join('; ')})`
      return { model, reason }
    }
    refused.push(`${model.name}: ${verdict.reason}`)
  }
  throw new Error(`no I/O model works here: ${refused.join('; ')}`)
}
