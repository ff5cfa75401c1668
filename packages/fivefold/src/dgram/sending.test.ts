/** Sockets that are sent to a child process of plain Node. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import nodeDgram from 'node:dgram'
import { on, once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import dgram, { type Socket } from './index.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-dgram-sending-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const program = join(folder, 'child.mjs')
writeFileSync(
  program,
  `process.on('message', (_, socket) => {
     socket.on('message', (text, from) => socket.send('child: ' + text, from.port, from.address))
     process.send(socket.constructor.name)
   })
   process.on('disconnect', () => process.exit())`,
)

async function bound(model: string): Promise<Socket> {
  const socket = dgram.createSocket({ type: 'udp4', model: model as never })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

const descriptors = () => readdirSync('/proc/self/fd').length

for (const model of ['io_uring', 'epoll']) {
  test(`${model}: a socket that is sent is the child's too, and goes on there when ours is closed`, async () => {
    const child = fork(program, { execArgv: [] })
    const socket = await bound(model)
    const { port } = socket.address()
    const client = nodeDgram.createSocket('udp4')
    client.bind(0, '127.0.0.1')
    await once(client, 'listening')
    socket.on('message', (text, from) => socket.send(`parent: ${text}`, from.port, from.address))
    const before = descriptors()
    child.send('a socket', socket)
    // While it is on its way, none is lost.
    for (let n = 0; n < 20; n++) client.send(`${n}`, port, '127.0.0.1')
    const answered = new Set<string>()
    for await (const [text] of on(client, 'message')) {
      assert.match(String(text), /^(parent|child): \d+$/)
      answered.add(String(text).split(': ')[1]!)
      if (answered.size === 20) break
    }
    assert.deepEqual(await once(child, 'message'), ['Socket', undefined])
    while (descriptors() > before) await new Promise((resolve) => setTimeout(resolve, 5))
    socket.close()
    await once(socket, 'close')
    client.send('alone', port, '127.0.0.1')
    assert.equal(String((await once(client, 'message'))[0]), 'child: alone')
    client.close()
    child.disconnect()
    await once(child, 'exit')
  })
}

test('what cannot be sent is refused, with the reason', async () => {
  const child = fork(program, { execArgv: [] })
  const refused = (message: RegExp) => ({ code: 'ERR_INVALID_HANDLE_TYPE', message })
  const unbound = dgram.createSocket('udp4')
  assert.throws(() => child.send('', unbound as nodeDgram.Socket), refused(/not bound/))
  unbound.close()
  const unix = dgram.createSocket('unix_dgram')
  unix.bind(join(folder, 'unix.sock') as never)
  await once(unix, 'listening')
  assert.throws(() => child.send('', unix as nodeDgram.Socket), refused(/Unix/))
  unix.close()
  const waits = await bound('blocking')
  assert.throws(() => child.send('', waits as nodeDgram.Socket), refused(/another model/))
  waits.close()
  child.disconnect()
  await once(child, 'exit')
})
