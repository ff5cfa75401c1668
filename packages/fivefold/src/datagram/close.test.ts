/** What was sent before a close has gone, where there is room for it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { bind } from './bind.js'

const models: ModelName[] = (['epoll', 'blocking', 'io_uring'] as const).filter(
  (name) => modelNamed(name).probe().ok,
)

for (const model of models) {
  for (const kind of ['udp', 'unix'] as const) {
    test(`send and close in one breath, and between turns, ${kind}, ${model}`, {
      timeout: 60_000,
    }, async () => {
      const came: string[] = []
      let enough = () => {}
      const path = `\0fivefold-close-${process.pid}-${model}`
      const receiver = await bind({
        ...(kind === 'unix' ? { path } : {}),
        model,
        socket: {
          data(_socket, datagram) {
            came.push(String(datagram))
            if (came.length === 8) enough()
          },
        },
      })
      const all = new Promise<void>((resolve) => {
        enough = resolve
      })
      const to = kind === 'unix' ? { path } : { port: receiver.port }
      const own = (name: string) => (kind === 'unix' ? { path: `${path}-${name}` } : {})
      const sender = await bind({ ...own('sender'), model, socket: {} })
      for (const text of ['0', '1', '2', '3']) sender.send(text, to)
      const closed = sender.close()
      const late = await bind({ ...own('late'), model, socket: {} })
      late.send('4', to)
      // The first is the kernel's by then.
      await new Promise((resolve) => setImmediate(resolve))
      for (const text of ['5', '6', '7']) late.send(text, to)
      await Promise.all([closed, late.close(), all])
      assert.deepEqual(came.sort(), ['0', '1', '2', '3', '4', '5', '6', '7'])
      await receiver.close()
    })
  }
}
