import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { connect } from '../stream/connect.js'
import { listen } from '../stream/listener.js'
import { Kind, type PhaseStamps } from './operation.js'
import { stampsIfWanted } from './stamps.js'

type Message = PhaseStamps & { kind: Kind; result: number }

for (const model of ['epoll', 'io_uring', 'blocking', 'posix-aio'] as const) {
  test(`${model}: each phase of a message is stamped, in order, while somebody listens`, async () => {
    assert.equal(stampsIfWanted(), null, 'off by default')
    const messages: Message[] = []
    const listener = (message: unknown) => void messages.push(message as Message)
    channel('fivefold:operation').subscribe(listener)
    try {
      await using server = await listen({
        model,
        socket: {
          data(socket, chunk) {
            socket.write(chunk)
          },
        },
      })
      await new Promise<void>((resolve, reject) => {
        connect({
          port: server.port,
          model,
          socket: {
            open(socket) {
              socket.write('stamped')
            },
            data(socket) {
              socket.end()
            },
            close() {
              resolve()
            },
          },
        }).catch(reject)
      })
    } finally {
      channel('fivefold:operation').unsubscribe(listener)
    }
    const received = messages.filter(({ kind, result }) => kind === Kind.receive && result > 0)
    assert.equal(received.length, 2, 'one at the server, one at the client')
    for (const { called, ready, copied, delivered } of received) {
      assert.ok(called > 0 && called <= ready, 'phase 1 ends after the call')
      assert.ok(ready <= copied && copied <= delivered, 'phase 2 follows it')
    }
    assert.ok(messages.some(({ kind, result }) => kind === Kind.send && result === 7))
  })
}
