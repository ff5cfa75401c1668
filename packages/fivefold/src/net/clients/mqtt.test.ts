/** MQTT.js on our sockets, by its builder of streams, against Mosquitto. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import { type IClientOptions, MqttClient } from 'mqtt'
import type { ModelName } from '../../models/model.js'
import net from '../index.js'
import {
  missing,
  models,
  pattern,
  type RunningServer,
  startServer,
  temporaryFolder,
  withoutModel,
} from './servers.test.util.js'

const connect = (client: MqttClient) =>
  new Promise<void>((resolve) => client.once('connect', () => resolve()))

describe('MQTT.js against Mosquitto', { skip: missing('mosquitto') }, () => {
  let folder: ReturnType<typeof temporaryFolder>
  let server: RunningServer

  before(async () => {
    folder = temporaryFolder()
    server = await startServer(
      'mosquitto',
      (port) => {
        // No bound of messages in flight: at one, Mosquitto 2.0.11 stops to send those of QoS 2 (to any client).
        const settings = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_inflight_messages 0']
        writeFileSync(`${folder.path}/settings`, settings.join('\n'))
        return ['-c', `${folder.path}/settings`]
      },
      /mosquitto version .* running/,
      folder.path,
    )
  })

  after(async () => {
    await server?.stop()
    folder?.remove()
  })

  async function connected(
    t: TestContext,
    model: ModelName,
    clientId: string,
    more: IClientOptions = {},
  ): Promise<MqttClient> {
    const client = new MqttClient(
      () => {
        const socket = net.connect({ host: '127.0.0.1', port: server.port, model })
        assert.equal(socket.model, model)
        return socket
      },
      { clientId: `${model} ${clientId}`, clean: true, reconnectPeriod: 20, ...more },
    )
    t.after(() => client.endAsync(true))
    await connect(client)
    return client
  }

  for (const model of models) {
    describe(model, { skip: withoutModel(model) }, () => {
      for (const qos of [0, 1, 2] as const) {
        test(`QoS ${qos}: every message, in its order, as it was sent`, async (t) => {
          const hears = await connected(t, model, 'hears')
          const says = await connected(t, model, 'says')
          const sent: Buffer[] = Array.from({ length: 300 }, (_, i) => Buffer.from(`number ${i}`))
          sent.push(pattern(0), pattern(1), pattern(65_536), pattern(3_000_001), Buffer.from('the end'))
          const came: Buffer[] = []
          const all = new Promise<void>((resolve) => {
            hears.on('message', (topic, payload, packet) => {
              assert.deepEqual([topic, packet.qos], [`${model}/news`, qos])
              if (came.push(payload) === sent.length) resolve()
            })
          })
          await hears.subscribeAsync(`${model}/#`, { qos })
          await Promise.all(sent.map((payload) => says.publishAsync(`${model}/news`, payload, { qos })))
          await all
          for (const [i, payload] of came.entries()) assert.ok(payload.equals(sent[i]!), `message ${i}`)
        })
      }

      test('a connection that breaks is made anew, what was sent meanwhile comes, and the will is told', async (t) => {
        const hears = await connected(t, model, 'session', { clean: false })
        const says = await connected(t, model, 'says')
        const will = {
          topic: `${model}/will`,
          payload: Buffer.from('it is gone'),
          qos: 1 as const,
          retain: false,
        }
        const falls = await connected(t, model, 'falls', { will, reconnectPeriod: 0 })
        const came: string[] = []
        let wake = () => {}
        hears.on('message', (_, payload) => {
          came.push(String(payload))
          wake()
        })
        const heard = async (count: number) => {
          while (came.length < count) {
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
        }
        await hears.subscribeAsync([`${model}/news`, `${model}/will`], { qos: 1 })
        await says.publishAsync(`${model}/news`, 'before', { qos: 1 })
        await heard(1)
        const again = connect(hears)
        hears.stream.destroy()
        await says.publishAsync(`${model}/news`, 'meanwhile', { qos: 1 })
        await again
        await heard(2)
        falls.stream.destroy()
        await heard(3)
        assert.deepEqual(came, ['before', 'meanwhile', 'it is gone'])
      })
    })
  }
})
