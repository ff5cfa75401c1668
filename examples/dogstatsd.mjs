// Metrics for DogStatsD over its Unix datagram socket: many in a datagram, and when the agent is away they are dropped and
// counted, never waited for.
//   node examples/dogstatsd.mjs [SOCKET] [REQUESTS]
import { createSocket } from 'fivefold/dgram'

const [path = '/var/run/datadog/dsd.socket', requests = '100'] = process.argv.slice(2)
const MOST_BYTES = 8192 // of a datagram; what the agent takes over Unix sockets

class Statsd {
  #socket = createSocket('unix_dgram')
  #lines = []
  #bytes = 0
  sent = 0
  dropped = 0

  count(name, value, tags) {
    this.#add(`${name}:${value}|c`, tags)
  }

  gauge(name, value, tags) {
    this.#add(`${name}:${value}|g`, tags)
  }

  distribution(name, value, tags) {
    this.#add(`${name}:${value}|d`, tags)
  }

  #add(metric, tags = {}) {
    const list = Object.entries(tags).map(([key, value]) => `${key}:${value}`)
    const line = list.length > 0 ? `${metric}|#${list.join(',')}` : metric
    const bytes = Buffer.byteLength(line) + 1
    if (this.#bytes + bytes > MOST_BYTES) this.flush()
    if (this.#lines.length === 0) setImmediate(() => this.flush())
    this.#lines.push(line)
    this.#bytes += bytes
  }

  flush() {
    if (this.#lines.length === 0) return
    const { length } = this.#lines
    const datagram = this.#lines.join('\n')
    this.#lines = []
    this.#bytes = 0
    // A slow agent holds up nobody.
    if (this.#socket.getSendQueueCount() > 100) {
      this.dropped += length
      return
    }
    this.#socket.send(datagram, path, (error) => {
      if (error) this.dropped += length
      else this.sent += length
    })
  }

  close() {
    this.flush()
    return new Promise((resolve) => {
      // Behind everything that was sent.
      const wait = () => (this.#socket.getSendQueueCount() > 0 ? setImmediate(wait) : setImmediate(done))
      const done = () => this.#socket.close(resolve)
      setImmediate(wait)
    })
  }
}

const statsd = new Statsd()
for (let request = 0; request < Number(requests); request++) {
  statsd.count('example.requests', 1, { route: '/hello', status: 200 })
  statsd.distribution('example.milliseconds', (request % 7) + 0.5, { route: '/hello' })
}
statsd.gauge('example.resident', process.memoryUsage.rss())
await statsd.close()
console.log(`${statsd.sent} metrics sent, ${statsd.dropped} dropped`)
