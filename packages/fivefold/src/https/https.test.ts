/** TLS on our sockets: Node's own, over `fivefold/https` and over sockets handed to `node:tls`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import tls, { type TLSSocket } from 'node:tls'
import net, { Socket } from '../net/index.js'
import https from './index.js'

// A key that both know: no certificate is needed.
const key = Buffer.from('d731ef57be09e5204f0b205b60627028', 'hex')
const server = { ciphers: 'PSK+HIGH:@SECLEVEL=0', maxVersion: 'TLSv1.2', pskCallback: () => key } as const
const client = {
  ciphers: 'PSK+HIGH:@SECLEVEL=0',
  maxVersion: 'TLSv1.2',
  pskCallback: () => ({ psk: key, identity: 'me' }),
  checkServerIdentity: () => undefined,
} as const

test('tls.connect over a socket of ours: before and after it is connected', async (t) => {
  const listener = tls
    .createServer(server as tls.TlsOptions, (socket) => socket.pipe(socket))
    .listen(0, '127.0.0.1')
  t.after(() => listener.close())
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  for (const connected of [false, true]) {
    const socket = net.connect({ port, host: '127.0.0.1' })
    t.after(() => socket.destroy())
    if (connected) await once(socket, 'ready')
    const secure = tls.connect({ ...client, socket } as tls.ConnectionOptions)
    await once(secure, 'secureConnect')
    const sent = Buffer.alloc(300_000, 'z')
    secure.end(sent)
    let bytes = 0
    for await (const chunk of secure) bytes += (chunk as Buffer).length
    assert.equal(bytes, sent.length)
    assert.ok(socket instanceof Socket)
    assert.ok(secure instanceof Socket, 'a TLSSocket is a net.Socket')
    if (!socket.destroyed) await once(socket, 'close')
  }
  listener.close()
})

test('a TLS server takes connections of ours', async (t) => {
  const secureServer = tls.createServer(server as tls.TlsOptions, (socket) => socket.end('secret'))
  const listener = net
    .createServer((socket) => secureServer.emit('connection', socket))
    .listen(0, '127.0.0.1')
  t.after(() => listener.close())
  await once(listener, 'listening')
  const secure = tls.connect({
    ...client,
    ...(listener.address() as AddressInfo),
    host: '127.0.0.1',
  } as never)
  let text = ''
  for await (const chunk of secure) text += chunk
  assert.equal(text, 'secret')
  listener.close()
})

test('https: a server and an agent, with the addresses of the sockets below', async (t) => {
  const seen: unknown[] = []
  const listener = https.createServer(server as never, (request, response) => {
    const { socket } = request
    seen.push([socket.remoteAddress, socket.localPort, (socket as TLSSocket).encrypted, socket.remoteFamily])
    request.pipe(response)
  })
  listener.listen(0, '127.0.0.1')
  t.after(() => listener.close())
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => {
    agent.destroy()
    listener.closeAllConnections()
  })
  let below: unknown
  for (const word of ['one', 'two']) {
    const request = https.request({ ...client, port, host: '127.0.0.1', method: 'POST', agent } as never)
    request.on('socket', (socket: TLSSocket) => {
      below ??= (socket as unknown as { _parent: unknown })._parent
    })
    request.end(word)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of response) text += chunk
    assert.equal(text, word)
  }
  assert.deepEqual(seen, [
    ['127.0.0.1', port, true, 'IPv4'],
    ['127.0.0.1', port, true, 'IPv4'],
  ])
  assert.ok(below instanceof Socket && 'model' in (below as object), 'the agent dials with ours')
  agent.destroy()
  listener.close()
  await once(listener, 'close')
})
