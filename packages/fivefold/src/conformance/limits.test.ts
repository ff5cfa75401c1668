/** Servers that reach a limit, each in a process of its own: what is said, and that nothing is lost. */
import './faults.js'
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { type Host, models } from '../index.js'
import { type Child, start } from './child.js'

const hosts: readonly Host[] = ['embedded', 'dedicated']
const DESCRIPTORS = 100
const CONNECTIONS = 120
/** Connections are threads for the blocking model, and the machine may be busy. */
const DEADLINE_MS = 300_000

interface Seen {
  limit: { soft: number; hard: number }
  warnings: string[]
  errors: string[]
  accepted: number
  during: { ms: number; tries: number; accepted: number; closed: number }
}

interface Peer {
  socket: Socket
  text: string
}

/** Connections of one process to a server, each of which says something of its own and must hear it again. */
class Peers {
  readonly troubles: string[] = []
  readonly all: Socket[] = []
  /** Those that were answered, and not closed yet. */
  readonly served: Peer[] = []
  answers = 0
  /** Closed without an answer. */
  refused = 0
  #heard: () => void = () => {}

  constructor(port: number, count: number) {
    for (let index = 0; index < count; index++) this.#open(port, `this is ${index}`)
  }

  #open(port: number, text: string): void {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    this.all.push(socket)
    let answer = ''
    let answered = false
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part
      if (answer.length < text.length) return
      if (answer !== text) this.troubles.push(`${text}: heard ${answer}`)
      answer = ''
      this.answers++
      if (!answered) this.served.push({ socket, text })
      answered = true
      this.#heard()
    })
    socket.on('error', (error) => this.troubles.push(`${text}: ${error.message}`))
    socket.on('close', () => {
      if (!socket.writableEnded) this.troubles.push(`${text}: closed by the server`)
      if (!answered) this.refused++
      this.#heard()
    })
  }

  closed = 0
  closeOne(): void {
    this.closed++
    this.served.shift()!.socket.end()
  }

  /** Tries until one more is served. */
  async oneMore(port: number): Promise<void> {
    for (const before = this.answers; this.answers === before; ) {
      this.#open(port, 'one more')
      await this.settled()
    }
  }

  /** Until each was answered or refused. */
  async settled(): Promise<void> {
    while (this.answers + this.refused < this.all.length) {
      await new Promise<void>((resolve) => (this.#heard = resolve))
    }
  }

  /** Until so many answers came, or something went wrong. */
  async heard(answers: number): Promise<void> {
    while (this.answers < answers && this.troubles.length === 0) {
      await new Promise<void>((resolve) => (this.#heard = resolve))
    }
    assert.deepEqual(this.troubles, [])
  }
}

/** Tells the server to stop. @returns what it has seen */
async function stop<T>(child: Child, by: Socket): Promise<T> {
  by.removeAllListeners('error').on('error', () => {})
  by.write('stop')
  const { code, signal, stdout, stderr } = await child.ended
  assert.equal(signal, null, stderr)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T
}

describe('limits', { concurrency: 2 }, () => {
  for (const model of models) {
    if (!model.probe().ok) continue
    for (const host of hosts) {
      test(`${model.name} ${host}: out of descriptors, the server lives, and all are served in the end`, async (t) => {
        const child = start('limit', [model.name, host, `${CONNECTIONS}`], {
          // Node raises the soft limit to the hard one when it starts.
          descriptors: { soft: DESCRIPTORS - 20, hard: DESCRIPTORS },
          deadlineMs: DEADLINE_MS,
        })
        // What the peers see does not tell why a server died.
        void child.ended.then(({ signal, stderr }) => {
          if (signal !== 'SIGKILL' && stderr !== '') t.diagnostic(stderr)
        })
        const port = Number((await child.says(/port (\d+)/))[1])
        const peers = new Peers(port, CONNECTIONS)
        t.after(() => {
          child.process.kill('SIGKILL')
          for (const socket of peers.all) socket.destroy()
        })
        await Promise.race([child.says(/short/), peers.heard(CONNECTIONS)])
        await peers.heard(1)
        assert.ok(peers.answers < CONNECTIONS, 'all were served: nothing was short')
        // Who is in is served while the others wait.
        const first = peers.served[0]!
        first.socket.write(first.text)
        await peers.heard(peers.answers + 1)
        while (peers.closed < CONNECTIONS) {
          await peers.heard(peers.closed + 2)
          peers.closeOne()
        }
        const seen = await stop<Seen>(child, connect(port, '127.0.0.1'))
        assert.deepEqual(seen.limit, { soft: DESCRIPTORS, hard: DESCRIPTORS })
        assert.deepEqual(seen.errors, [])
        assert.equal(seen.warnings.length, 1, seen.warnings.join('\n'))
        assert.match(seen.warnings[0]!, /^FIVEFOLD_ACCEPT: .*EMFILE.*the 100 descriptors.*ulimit -Hn/)
        const { during } = seen
        const reasons = during.accepted + during.closed + during.ms / 45
        assert.ok(
          during.tries <= 2 * reasons + 10,
          `accepting was tried too often: ${JSON.stringify(during)}`,
        )
      })
    }
  }

  // One thread accepts; each connection has one more.
  const bounds = [
    { threads: undefined, most: 256, connections: 300 },
    { threads: 24, most: 24, connections: 30 },
    { threads: 40, most: 40, connections: 30 },
  ]
  for (const { threads, most, connections } of bounds) {
    const served = Math.min(connections, most - 1)
    const name = `blocking, ${threads === undefined ? 'the default bound' : `maxThreads: ${threads}`}`
    test(`${name}: ${connections} connections, ${served} are served, and the rest is told why`, async (t) => {
      const child = start('bound', threads === undefined ? [] : [`${threads}`], { deadlineMs: DEADLINE_MS })
      const port = Number((await child.says(/port (\d+)/))[1])
      const peers = new Peers(port, connections)
      t.after(() => {
        child.process.kill('SIGKILL')
        for (const socket of peers.all) socket.destroy()
      })
      await peers.settled()
      assert.equal(peers.served.length, served)
      // The server lives: with a thread free again a new connection is served.
      peers.closeOne()
      if (served < connections) await peers.oneMore(port)
      const { warnings, errors } = await stop<Pick<Seen, 'warnings' | 'errors'>>(
        child,
        peers.served[0]!.socket,
      )
      const told = errors.filter((error) => error.includes(`all ${most} are taken: raise maxThreads`))
      assert.equal(
        told.length,
        errors.length,
        errors.find((error) => !told.includes(error)),
      )
      if (served === connections) {
        assert.deepEqual([...warnings, ...errors], [])
        return
      }
      assert.ok(errors.length >= connections - served)
      assert.equal(warnings.length, 1, warnings.join('\n'))
      assert.match(warnings[0]!, /^FIVEFOLD_THREADS: .*raise maxThreads/)
    })
  }
})
