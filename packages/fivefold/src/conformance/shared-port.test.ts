/** reusePort: two Workers, each with its own engine, on one port. */
import './faults.js'
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { type Host, models } from '../index.js'
import { start } from './child.js'

const hosts: readonly Host[] = ['embedded', 'dedicated']
/** That a fair coin falls on one side so often in a row happens once in 10^14 runs. */
const PEERS = 48

/** Says something to a TCP port. @returns what answers */
function say(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.on('data', (part) => {
      answer += part
      if (answer.length >= text.length + 2) socket.end()
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

/** The same for UDP, again and again: a datagram may be lost. */
function sayInDatagrams(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    const send = () => socket.send(text, port, '127.0.0.1')
    const again = setInterval(send, 1000)
    socket.on('message', (answer) => {
      clearInterval(again)
      socket.close(() => resolve(answer.toString()))
    })
    send()
  })
}

function shared(answers: readonly string[]): void {
  const by = [0, 0, 0]
  answers.forEach((answer, index) => {
    const [, number, text] = /^([12]):(.*)$/.exec(answer) ?? []
    assert.equal(text, `I am ${index}`)
    by[Number(number)]!++
  })
  assert.ok(by[1]! > 0 && by[2]! > 0, `one had all: ${by}`)
}

describe('shared ports', { concurrency: 2 }, () => {
  for (const model of models) {
    if (!model.probe().ok || !model.limits.workers) continue
    for (const host of hosts) {
      test(`${model.name} ${host}: two Workers share a port's connections and datagrams, and end by message`, async () => {
        const child = start('shared-port', [model.name, host], { deadlineMs: 300_000 })
        const [, tcp, udp] = await child.says(/ports (\d+) (\d+)/)
        const each = Array.from({ length: PEERS }, (_, index) => `I am ${index}`)
        shared(await Promise.all(each.map((text) => say(Number(tcp), text))))
        shared(await Promise.all(each.map((text) => sayInDatagrams(Number(udp), text))))
        child.process.kill('SIGTERM')
        const { code, signal, stderr } = await child.ended
        assert.equal(signal, null, stderr)
        assert.equal(code, 0, stderr)
        assert.equal(stderr, '')
      })
    }
  }
})
