/** `--import fivefold/register`: unmodified programs, by require and by import, on fivefold's sockets. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-register-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const register = fileURLToPath(new URL('./register.js', import.meta.url))

const body = `
const server = http.createServer((request, response) => response.end(String(request.socket.model)))
server.listen(0, '127.0.0.1', () => {
  http.get({ port: server.address().port, host: '127.0.0.1' }, (response) => {
    let text = ''
    response.on('data', (chunk) => { text += chunk })
    response.on('end', () => {
      const raw = net.connect(server.address().port, '127.0.0.1', () => {
        console.log(JSON.stringify({ server: server.model, request: text, client: raw.model, tls: typeof https.Server }))
        raw.destroy()
        server.close()
        http.globalAgent.destroy()
      })
    })
  })
})
`
const programs = {
  'required.cjs': `const net = require('net'), http = require('node:http'), https = require('https')
    if (require('node:net') !== net) throw new Error('two objects for one module')
    http.mine = 1
    if (require('http').mine !== 1) throw new Error('it cannot be changed')\n${body}`,
  'imported.mjs': `import net from 'net'\nimport http from 'node:http'\nimport * as https from 'https'\n${body}`,
  'named.mjs': `import { connect } from 'node:net'\nimport { createServer, get, globalAgent } from 'http'
    import { Server } from 'https'\nconst net = { connect }, http = { createServer, get, globalAgent }, https = { Server }\n${body}`,
  'mixed.mjs': `import { createRequire } from 'module'\nconst require = createRequire(import.meta.url)
    const net = await import('net').then((m) => m.default), http = require('http'), https = require('https')
    if (net !== require('net')) throw new Error('two objects for one module')\n${body}`,
}

interface Told {
  server?: string
  request?: string
  client?: string
}

function run(
  name: keyof typeof programs,
  env: NodeJS.ProcessEnv,
): { told: Told | null; errors: string; status: number | null } {
  const path = join(folder, name)
  writeFileSync(path, programs[name])
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', register, path], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  return { told: stdout === '' ? null : (JSON.parse(stdout) as Told), errors: stderr, status }
}

for (const name of Object.keys(programs) as (keyof typeof programs)[]) {
  test(`${name}: served by the model that is named`, () => {
    const { told, errors } = run(name, { FIVEFOLD_MODEL: 'epoll' })
    assert.deepEqual(told, { server: 'epoll', request: 'epoll', client: 'epoll', tls: 'function' }, errors)
  })

  test(`${name}: switched off, it is Node’s`, () => {
    const { told, errors } = run(name, { FIVEFOLD_REGISTER: 'off' })
    assert.deepEqual(told, { request: 'undefined', tls: 'function' }, errors)
  })
}

test('datagrams too: required and imported, one module', () => {
  const path = join(folder, 'datagrams.mjs')
  writeFileSync(
    path,
    `import dgram, { createSocket } from 'node:dgram'
     import { createRequire } from 'node:module'
     if (createRequire(import.meta.url)('dgram') !== dgram) throw new Error('two objects for one module')
     const socket = createSocket('udp4', (message) => {
       console.log(socket.model, String(message))
       socket.close()
     })
     socket.bind(0, '127.0.0.1', () => socket.send('came', socket.address().port, '127.0.0.1'))`,
  )
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', register, path], {
    env: { ...process.env, FIVEFOLD_MODEL: 'epoll' },
    encoding: 'utf8',
  })
  assert.equal(stdout, 'epoll came\n', stderr)
})

test('a model that is not there is an error, and not another one', () => {
  const { status, errors } = run('required.cjs', { FIVEFOLD_MODEL: 'telepathy' })
  assert.notEqual(status, 0)
  assert.match(errors, /telepathy/)
})

test('child processes, the cluster and the standard streams go on as they were', () => {
  const path = join(folder, 'others.cjs')
  writeFileSync(
    path,
    `const cluster = require('cluster'), net = require('net'), { fork, execFileSync } = require('child_process')
     if (cluster.isPrimary && process.argv[2] !== 'child') {
       process.stdout.write(execFileSync(process.execPath, ['-e', 'process.stdin.pipe(process.stdout)'], { input: 'piped ' }))
       const child = fork(__filename, ['child'])
       child.once('message', (text) => {
         process.stdout.write(text + ' ')
         const worker = cluster.fork()
         worker.on('listening', ({ port }) => {
           net.connect(port, '127.0.0.1').on('data', (chunk) => {
             process.stdout.write(String(chunk))
             worker.kill()
           }).on('error', () => {})
         })
       })
     } else if (cluster.isWorker) net.createServer((socket) => socket.end('from the worker')).listen(0, '127.0.0.1')
     else { process.send('forked'); process.disconnect() }`,
  )
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', register, path], { encoding: 'utf8' })
  assert.equal(stdout, 'piped forked from the worker', stderr)
})

test('by --require too; and then what the primary of a cluster sends to a worker that begins is there', () => {
  const path = join(folder, 'sent.cjs')
  writeFileSync(
    path,
    `const cluster = require('cluster'), net = require('net')
     if (cluster.isPrimary) {
       const worker = cluster.fork()
       const server = net.createServer()
       worker.on('online', () => server.listen(0, '127.0.0.1', () => {
         process.stdout.write(server.model + ' ')
         worker.send('a server', server)
       }))
       worker.on('message', (text) => {
         process.stdout.write(text)
         server.close()
         worker.kill()
       })
     } else process.on('message', (text, server) => process.send(text + ' ' + (server instanceof net.Server)))`,
  )
  const { stdout, stderr } = spawnSync(process.execPath, ['--require', register, path], {
    env: { ...process.env, FIVEFOLD_MODEL: 'epoll' },
    encoding: 'utf8',
  })
  assert.equal(stdout, 'epoll a server true', stderr)
})
