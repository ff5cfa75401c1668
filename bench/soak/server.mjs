// The server of a soak: echoes, checks what it gets, and ends as the connection's script says.
import { openSync } from 'node:fs'
import { listen } from 'fivefold'
import { MAP_ANONYMOUS, MAP_PRIVATE, mmap, PROT_READ, PROT_WRITE } from 'fivefold/sys'
import { answer, reset, rest, trouble } from './child.mjs'
import { cutOff, HEADER, Pattern, Random, read } from './script.mjs'

const [model, host, threads, faults = ''] = process.argv.slice(2)
/** How it is wrong on purpose, to show that a soak finds it. */
const wrong = new Set(faults.split(','))
const kept = []
// Of two kinds by turns: the kernel makes one mapping of neighbours that are alike.
const mapping = () =>
  mmap(4096, accepted % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
function spoil() {
  if (wrong.has('descriptor')) openSync('/dev/null', 'r')
  if (wrong.has('memory')) kept.push(Buffer.alloc(256 * 1024, 1))
  if (wrong.has('mapping')) mapping()
}

let open = 0
let accepted = 0
let bytes = 0

class Peer {
  /** @type {Buffer | null} */
  header = Buffer.alloc(0)
  received = 0
  /** To be echoed, and not taken yet. @type {Buffer[]} */
  rest = []
  echoed = 0
  ended = false
  ending = false

  data(socket, chunk) {
    bytes += chunk.length
    if (this.header !== null) {
      const whole = Buffer.concat([this.header, chunk])
      if (whole.length < HEADER) {
        this.header = whole
        return
      }
      this.header = null
      this.script = read(whole)
      this.pattern = new Pattern(this.script.seed)
      this.random = new Random(this.script.seed ^ 0x5e7)
      chunk = whole.subarray(HEADER)
      if (chunk.length === 0 && this.script.end !== 'serverReset' && this.script.end !== 'early') return
    }
    const { script } = this
    this.pattern.check(chunk)
    this.received += chunk.length
    if (script.end === 'serverReset' && this.received >= script.at) {
      reset(socket)
      return
    }
    if (script.end === 'early') {
      // Only so much comes back, and then the end; what still comes is checked, and that is all.
      const before = this.received - chunk.length
      chunk = chunk.subarray(0, Math.max(0, script.at - before))
    }
    if (chunk.length > 0) {
      if (wrong.has('byte') && this.random.chance(0.01)) chunk[0] ^= 1
      this.rest.push(chunk)
      this.echo(socket)
    } else this.finish(socket)
    if (socket.readyState !== 'closed' && this.random.chance(script.slow ? 0.3 : 0.005)) {
      rest(socket, this.random.between(0, 20))
    }
  }

  echo(socket) {
    while (this.rest.length > 0) {
      const chunk = this.rest[0]
      const taken = socket.write(chunk)
      this.echoed += taken
      if (taken < chunk.length) {
        this.rest[0] = chunk.subarray(taken)
        socket.pause()
        this.waiting = true
        return
      }
      this.rest.shift()
    }
    if (this.waiting) {
      this.waiting = false
      socket.resume()
    }
    this.finish(socket)
  }

  finish(socket) {
    if (this.ending || this.script === undefined || this.rest.length > 0) return
    const early = this.script.end === 'early' && this.echoed >= this.script.at
    if (!early && !this.ended) return
    this.ending = true
    socket.end()
  }

  end(socket) {
    this.ended = true
    const { script } = this
    if (
      script !== undefined &&
      (script.end === 'half' || script.end === 'early') &&
      this.received !== script.total
    ) {
      trouble(`server: ${this.received} of ${script.total} bytes came before the end (seed ${script.seed})`)
    }
    if (script === undefined) {
      // Terminated before the first bytes were out.
      this.ending = true
      socket.end()
    } else this.finish(socket)
  }

  close(error) {
    const { script } = this
    const where = script === undefined ? 'before its header' : `${script.end}, seed ${script.seed}`
    if (!cutOff(error)) trouble(`server: ${error} (${where})`)
    else if (
      error !== undefined &&
      script !== undefined &&
      (script.end === 'half' || script.end === 'early')
    ) {
      trouble(`server: ${error.message}, though nobody cut it off (${where})`)
    }
  }
}

const listener = await listen({
  model,
  host,
  ...(threads === '' ? {} : { maxThreads: Number(threads) }),
  backlog: 4096,
  allowHalfOpen: true,
  socket: {
    open(socket) {
      open++
      accepted++
      socket.data = new Peer()
      if (faults !== '') spoil()
    },
    data: (socket, chunk) => socket.data.data(socket, chunk),
    drain: (socket) => socket.data.echo(socket),
    end: (socket) => socket.data.end(socket),
    error() {}, // told by close
    close(socket, error) {
      open--
      socket.data.close(error)
    },
  },
})

/** Until every connection is closed. */
async function quiet() {
  for (let waited = 0; open > 0 && waited < 1200; waited++)
    await new Promise((resolve) => setTimeout(resolve, 100))
  if (open > 0) trouble(`server: ${open} connections are still open`)
}

answer({ where: () => ({ port: listener.port }), quiet, counts: () => ({ accepted, bytes, open }) })
process.send?.({ ready: true })
