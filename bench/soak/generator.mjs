// The generator of a soak: many connections at a time, each as its script says, the next as soon as one is over.
import { connect } from 'fivefold'
import { answer, reset, rest, trouble } from './child.mjs'
import { cutOff, draw, header, Pattern, Random } from './script.mjs'

const [model, host, threads] = process.argv.slice(2)
const engine = { model, host, ...(threads === '' ? {} : { maxThreads: Number(threads) }) }
/** So many seconds in which nothing at all happens are too many. */
const STUCK_S = 120

const counts = { messages: 0, bytes: 0, connections: 0, open: 0, ends: {} }

class Call {
  sent = 0
  next = 0
  left = 0
  received = 0
  ended = 0
  done = false

  constructor(script) {
    this.script = script
    this.random = new Random(script.seed ^ 0xca11)
    this.sends = new Pattern(script.seed)
    this.expects = new Pattern(script.seed)
    this.pending = header(script)
  }

  /** Goes on sending for as long as it is taken. */
  pump(socket) {
    const { script } = this
    while (!this.done) {
      if (this.pending.length > 0) {
        const taken = socket.write(this.pending)
        if (taken < this.pending.length) {
          this.pending = this.pending.subarray(taken)
          return
        }
        this.pending = none
      }
      if ((script.end === 'reset' || script.end === 'terminate') && this.sent >= script.at) {
        this.done = true
        if (script.end === 'reset') reset(socket)
        else socket.terminate()
        return
      }
      if (this.next === script.sizes.length) {
        this.done = true
        socket.end()
        return
      }
      // A server that has ended early answers no more: then there is nothing to wait for.
      if (script.pingPong && this.received < this.sent && this.ended === 0) return
      const size = script.sizes[this.next++]
      this.pending = this.sends.take(size)
      this.sent += size
      counts.messages++
    }
  }

  data(socket, chunk) {
    counts.bytes += chunk.length
    this.received += chunk.length
    this.expects.check(chunk)
    if (this.ended > 0) trouble(`client: bytes after the end (seed ${this.script.seed})`)
    if (this.random.chance(this.script.slow ? 0.3 : 0.005)) rest(socket, this.random.between(0, 20))
    this.pump(socket)
  }

  end(socket) {
    const { script, received } = this
    if (this.ended++ > 0) trouble(`client: two ends (seed ${script.seed})`)
    const whole = script.end === 'half' ? script.total : script.end === 'early' ? script.at : received
    if (received !== whole) {
      trouble(
        `client: ${received} of ${whole} bytes came before the end (${script.end}, seed ${script.seed})`,
      )
    }
    this.pump(socket)
  }

  close(error) {
    const { script } = this
    const graceful = script.end === 'half' || script.end === 'early'
    const where = `${script.end}, seed ${script.seed}`
    if (!cutOff(error)) trouble(`client: ${error} (${where})`)
    else if (graceful && error !== undefined) {
      trouble(`client: ${error.message}, though nobody cut it off (${where})`)
    } else if (graceful && this.ended === 0) trouble(`client: closed without an end (${where})`)
    counts.ends[script.end] = (counts.ends[script.end] ?? 0) + 1
  }
}

const none = Buffer.alloc(0)

/** One connection from its beginning to its end. */
function call(port, seed) {
  counts.connections++
  counts.open++
  return new Promise((resolve) => {
    const over = () => {
      counts.open--
      resolve(undefined)
    }
    const one = new Call(draw(seed))
    connect({
      port,
      ...engine,
      allowHalfOpen: true,
      data: one,
      socket: {
        open: (socket) => one.pump(socket),
        data: (socket, chunk) => one.data(socket, chunk),
        drain: (socket) => one.pump(socket),
        end: (socket) => one.end(socket),
        error() {}, // told by close
        close(_, error) {
          one.close(error)
          over()
        },
      },
    }).catch((error) => {
      trouble(`client: ${error.message}`)
      over()
    })
  })
}

/** Runs until so many messages were sent, or the time is up. */
async function run({ port, connections, messages, seconds, seed }) {
  const most = counts.messages + messages
  const until = performance.now() + seconds * 1000
  const begun = { ...counts }
  const random = new Random(seed)
  const goesOn = () => counts.messages < most && performance.now() < until
  let moved = ''
  let still = 0
  let stuck = () => {}
  const hangs = new Promise((resolve) => (stuck = resolve))
  const watch = setInterval(() => {
    const now = `${counts.bytes} ${counts.messages} ${counts.connections} ${counts.open}`
    still = now === moved ? still + 1 : 0
    moved = now
    process.send?.({ progress: counts })
    if (still < STUCK_S) return
    trouble(`client: for ${STUCK_S} s nothing happened on ${counts.open} connections`)
    stuck(undefined)
  }, 1000)
  const callers = Array.from({ length: connections }, async () => {
    while (goesOn()) await call(port, random.next())
  })
  await Promise.race([Promise.all(callers), hangs])
  clearInterval(watch)
  return {
    messages: counts.messages - begun.messages,
    bytes: counts.bytes - begun.bytes,
    connections: counts.connections - begun.connections,
  }
}

// ---- storms

/** A connection that says one message and hears it again. @returns the socket, still open */
function brief(port, seed, closed = () => {}) {
  const bytes = header({ seed, end: 'half', at: 0, total: 5, slow: false })
  const said = new Pattern(seed).at(0, 5)
  return new Promise((resolve, reject) => {
    let heard = Buffer.alloc(0)
    const failed = (error) => {
      trouble(`client: in a storm: ${error.message}`)
      closed()
      reject(error)
    }
    connect({
      port,
      ...engine,
      allowHalfOpen: true,
      socket: {
        open: (socket) => void socket.write(Buffer.concat([bytes, said])),
        data(socket, chunk) {
          heard = Buffer.concat([heard, chunk])
          if (heard.length < 5) return
          if (!heard.equals(said)) trouble(`client: in a storm ${heard.toString('hex')} came (seed ${seed})`)
          resolve(socket)
        },
        close(_, error) {
          if (error) failed(error)
          else closed()
        },
      },
    }).catch(failed)
  })
}

/** So many connects at once, as fast as they go; all are closed when all are served. */
async function burst({ port, count }) {
  const sockets = await Promise.all(Array.from({ length: count }, (_, index) => brief(port, index + 1)))
  for (const socket of sockets) socket.end()
}

/** Connects that are closed at once, before they are served or after. */
async function churn({ port, count }) {
  let left = count
  const one = async () => {
    while (left-- > 0) {
      await new Promise((resolve) => {
        connect({
          port,
          ...engine,
          socket: { open: (socket) => (left % 2 ? socket.terminate() : reset(socket)), close: resolve },
        }).catch((error) => {
          trouble(`client: in a churn: ${error.message}`)
          resolve(undefined)
        })
      })
    }
  }
  await Promise.all(Array.from({ length: 64 }, one))
}

let heldSockets = []
/** So many open and served at a time. */
async function hold({ port, count }) {
  for (let left = count; left > 0; left -= 500) {
    const some = Array.from({ length: Math.min(500, left) }, (_, index) => brief(port, left - index))
    heldSockets.push(...(await Promise.all(some)))
  }
}

function letGo() {
  for (const socket of heldSockets) socket.end()
  heldSockets = []
}

answer({ run, burst, churn, hold, letGo, report: (text) => trouble(`client: ${text}`) })
process.send?.({ ready: true })
