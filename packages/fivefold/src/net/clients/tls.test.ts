/** `tls.connect({ socket })` on our sockets, against `openssl s_server` and against Node's own server. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import tls from 'node:tls'
import net from '../index.js'
import {
  missing,
  models,
  pattern,
  type RunningServer,
  selfSigned,
  startServer,
  temporaryFolder,
  withoutModel,
} from './servers.test.util.js'

describe('tls.connect({ socket })', { skip: missing('openssl') }, () => {
  let folder: ReturnType<typeof temporaryFolder>
  let server: RunningServer
  let files: { key: string; cert: string }
  const large = pattern(8_000_001)

  before(async () => {
    folder = temporaryFolder()
    files = selfSigned(folder.path)
    writeFileSync(`${folder.path}/large`, large)
    server = await startServer(
      'openssl',
      (port) => ['s_server', '-accept', `127.0.0.1:${port}`, '-key', files.key, '-cert', files.cert, '-WWW'],
      /ACCEPT/,
      folder.path,
    )
  })

  after(async () => {
    await server?.stop()
    folder?.remove()
  })

  for (const model of models) {
    describe(model, { skip: withoutModel(model) }, () => {
      for (const connected of [false, true]) {
        test(`a file from openssl, over a socket that is ${connected ? '' : 'not yet '}connected`, async () => {
          const socket = net.connect({ port: server.port, host: '127.0.0.1', model })
          if (connected) await once(socket, 'connect')
          const secure = tls.connect({ socket, ca: readFileSync(files.cert), servername: 'localhost' })
          await once(secure, 'secureConnect')
          assert.ok(secure.authorized)
          assert.equal(socket.model, model)
          secure.write('GET /large HTTP/1.0\r\n\r\n')
          const parts: Buffer[] = []
          for await (const part of secure) parts.push(part as Buffer)
          const bytes = Buffer.concat(parts)
          assert.ok(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4).equals(large))
          assert.ok(socket.bytesRead > large.length, 'through our socket')
        })
      }

      test('a certificate that nobody vouches for is refused', async () => {
        const socket = net.connect({ port: server.port, host: '127.0.0.1', model })
        const secure = tls.connect({ socket, servername: 'localhost' })
        const [error] = (await once(secure, 'error')) as [NodeJS.ErrnoException]
        assert.equal(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
        if (!socket.closed) await once(socket, 'close')
      })

      test('both ways at a time, and the end of each side, with Node’s server', async (t) => {
        const options = { key: readFileSync(files.key), cert: readFileSync(files.cert) }
        const echo = tls.createServer(options, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
        t.after(() => echo.close())
        await once(echo, 'listening')
        const { port } = echo.address() as AddressInfo
        const socket = net.connect({ port, host: '127.0.0.1', model })
        const secure = tls.connect({ socket, ca: options.cert, servername: 'localhost' })
        secure.end(large)
        const parts: Buffer[] = []
        for await (const part of secure) parts.push(part as Buffer)
        assert.ok(Buffer.concat(parts).equals(large))
      })
    })
  }
})
