/**
 * Answers requests with the files of a folder. What a request means (ranges, conditions, types, which paths are safe)
 * is `@fastify/send`'s to say; here it is sent, small files out of memory, and compressed ones where they lie
 * beside the file.
 */
import { once } from 'node:events'
import { realpathSync, type Stats, statSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import send from '@fastify/send'
import type { Counters } from './counters.js'
import { Memory } from './memory.js'
import { accepted, type Encoding, pathOf } from './path.js'

/** Files of up to this size are kept in memory; so much of them by each thread. */
const SMALL_BYTES = 64 * 1024
const MEMORY_BYTES = 64 * 1024 * 1024
/** A file that changes is noticed after so long. */
const FRESH_MS = 1000

/** Not for everybody: no regular file, or one that a link outside the folder leads to. */
class Withheld extends Error {}

export class Files {
  readonly #root: string
  readonly #counters: Counters
  readonly #memory = new Memory(MEMORY_BYTES, FRESH_MS)
  readonly #finished: () => void
  readonly #options: send.SendOptions

  /**
   * @param finished called when a response that took its time is over
   * @throws ENOENT and the like, where there is no such folder
   */
  constructor(folder: string, counters: Counters, finished: () => void) {
    this.#root = realpathSync(folder)
    if (!statSync(this.#root).isDirectory()) {
      throw Object.assign(new Error(`${folder} is not a folder`), { code: 'ENOTDIR', syscall: 'realpath' })
    }
    this.#counters = counters
    this.#finished = finished
    this.#options = {
      root: this.#root,
      dotfiles: 'ignore',
      index: 'index.html',
      onFile: (path, stat) => this.#permit(path, stat),
    }
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const { method, headers, url = '/' } = request
    if (method !== 'GET' && method !== 'HEAD') {
      this.#say(response, 405, 'Method Not Allowed', ['Allow', 'GET, HEAD'])
      return
    }
    const wanted = accepted(headers['accept-encoding'])
    let key: string | null = null
    if (method === 'GET' && isPlain(headers)) {
      key = wanted.length === 0 ? url : `${wanted.map(({ name }) => name).join()} ${url}`
      const kept = this.#memory.get(key, Date.now())
      if (kept !== null) {
        this.#counters.fromMemory(kept.body.length)
        response.writeHead(200, kept.headers as string[])
        response.end(kept.body)
        return
      }
    }
    this.#look(request, response, wanted, key).catch((error: NodeJS.ErrnoException) =>
      this.#failed(response, error),
    )
  }

  /** Looks at the file system. @param key under which a small file is to be kept, or null */
  async #look(
    request: IncomingMessage,
    response: ServerResponse,
    wanted: readonly Encoding[],
    key: string | null,
  ): Promise<void> {
    const path = pathOf(request.url ?? '/')
    if (path === null) {
      this.#say(response, 400, 'Bad Request')
      return
    }
    const found = await this.#find(request, path, wanted)
    if (found === null) {
      this.#say(response, 404, 'Not Found')
      return
    }
    if (found.type === 'directory') {
      found.stream.destroy()
      // A path that begins with two slashes would be another host's.
      const location = `/${path.replace(/^\/+/, '')}/${queryOf(request.url ?? '')}`
      this.#say(response, 301, 'Moved Permanently', ['Location', location])
      return
    }
    const { statusCode, stream } = found
    const headers = Object.entries(found.headers).flatMap(([name, value]) => [name, String(value)])
    const length = Number(found.headers['Content-Length'] ?? 0)
    const keep = key !== null && statusCode === 200 && found.type === 'file' && length <= SMALL_BYTES
    if (key !== null && !keep) this.#memory.delete(key)
    if (request.method === 'HEAD' || statusCode === 304) {
      this.#counters.answered(statusCode)
      stream.destroy()
      response.writeHead(statusCode, headers)
      response.end()
    } else if (length <= SMALL_BYTES) {
      const body = await all(stream)
      if (body.length !== length) {
        // It became shorter meanwhile: these are its bytes, and nothing is known about them.
        this.#say(response, 200, body, ['Content-Type', found.headers['Content-Type'] ?? ''])
        return
      }
      if (keep) this.#memory.set(key, { headers, body, lookedAt: Date.now() })
      this.#counters.answered(statusCode)
      this.#counters.sent(body.length)
      response.writeHead(statusCode, headers)
      response.end(body)
    } else await this.#stream(response, statusCode, headers, stream)
  }

  async #stream(
    response: ServerResponse,
    statusCode: number,
    headers: string[],
    stream: Readable,
  ): Promise<void> {
    // Before the head is sent: what cannot be opened is an error of its own.
    await once(stream, 'open')
    this.#counters.answered(statusCode)
    response.writeHead(statusCode, headers)
    pipeline(stream, response, (error) => {
      if (error) this.#counters.cut()
      this.#finished()
    })
    stream.on('data', (chunk: Buffer) => this.#counters.sent(chunk.length))
  }

  async #find(
    request: IncomingMessage,
    path: string,
    wanted: readonly Encoding[],
  ): Promise<send.SendResult | null> {
    const full = path.endsWith('/') ? `${path}index.html` : path
    for (const { name, ending } of wanted) {
      const found = await this.#send(request, full + ending)
      if (found?.type === 'file') {
        found.headers.Vary = 'Accept-Encoding'
        if (found.statusCode === 304) return found
        const type = send.mime.getType(full) ?? 'application/octet-stream'
        found.headers['Content-Type'] = send.isUtf8MimeType(type) ? `${type}; charset=utf-8` : type
        found.headers['Content-Encoding'] = name
        return found
      }
      found?.stream.destroy()
    }
    const found = await this.#send(request, path)
    if (found?.type === 'file') found.headers.Vary = 'Accept-Encoding'
    return found
  }

  /** @returns null for what is not for everybody */
  async #send(request: IncomingMessage, path: string): Promise<send.SendResult | null> {
    try {
      return await send(request, path, this.#options)
    } catch (error) {
      if (error instanceof Withheld) return null
      throw error
    }
  }

  async #permit(path: string, stat: Stats): Promise<void> {
    // Opening a FIFO would wait for its other end.
    if (!stat.isFile()) throw new Withheld()
    const real = await realpath(path)
    if (!real.startsWith(this.#root === '/' ? '/' : `${this.#root}/`)) throw new Withheld()
  }

  #failed(response: ServerResponse, error: NodeJS.ErrnoException): void {
    if (response.headersSent) {
      this.#counters.cut()
      response.destroy()
    } else if (error.code === 'EACCES' || error.code === 'EPERM') this.#say(response, 403, 'Forbidden')
    else if (error.code === 'ENOENT') this.#say(response, 404, 'Not Found')
    else this.#say(response, 500, 'Internal Server Error')
  }

  #say(response: ServerResponse, status: number, body: string | Buffer, more: readonly string[] = []): void {
    const bytes = typeof body === 'string' ? Buffer.from(`${body}\n`) : body
    const type = more.includes('Content-Type') ? [] : ['Content-Type', 'text/plain; charset=utf-8']
    this.#counters.answered(status)
    if (response.req.method !== 'HEAD') this.#counters.sent(bytes.length)
    response.writeHead(status, [...type, ...more, 'Content-Length', String(bytes.length)])
    response.end(bytes)
  }
}

/** Neither a part of the file is asked for, nor only what is new. */
function isPlain(headers: IncomingMessage['headers']): boolean {
  return (
    headers.range === undefined &&
    headers['if-none-match'] === undefined &&
    headers['if-modified-since'] === undefined &&
    headers['if-match'] === undefined &&
    headers['if-unmodified-since'] === undefined
  )
}

function queryOf(target: string): string {
  const at = target.indexOf('?')
  return at < 0 ? '' : target.slice(at)
}

async function all(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer | string))
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}
