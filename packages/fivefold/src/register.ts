/**
 * `node --import fivefold/register app.js`: the program's `net`, `http` and `https` are fivefold's, unchanged as it is.
 *
 * `FIVEFOLD_MODEL=epoll` (or another) chooses the mechanism; `FIVEFOLD_REGISTER=off` leaves everything as it was.
 */
import nodeHttp from 'node:http'
import nodeHttps from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import nodeNet from 'node:net'
import * as http from './http/index.js'
import * as https from './https/index.js'
import { modelNamed } from './models/choose.js'
import type { ModelName } from './models/model.js'
import { unavailable } from './models/verdict.js'
import * as net from './net/index.js'
import { setDefaultModel } from './net/state.js'

/** Puts fivefold's faces in the place of Node's modules, for all that asks for these from now on. */
export function register(model: ModelName | 'auto' = 'auto'): void {
  if (model !== 'auto') {
    const verdict = modelNamed(model).probe()
    if (!verdict.ok) throw unavailable(model, verdict)
  }
  setDefaultModel(model)
  const { connect, createServer, Server, Socket } = net
  Object.assign(nodeNet, { connect, createConnection: connect, createServer, Server, Socket, Stream: Socket })
  replace(nodeHttp, http)
  replace(nodeHttps, https)
  syncBuiltinESMExports()
}

type Face = Pick<typeof http, 'getGlobalAgent' | 'setGlobalAgent'> & Record<string, unknown>

function replace(module: object, face: object): void {
  const { Agent, createServer, get, request, Server, getGlobalAgent, setGlobalAgent } = face as Face
  Object.assign(module, { Agent, createServer, get, request, Server })
  Object.defineProperty(module, 'globalAgent', {
    configurable: true,
    enumerable: true,
    get: getGlobalAgent,
    set: setGlobalAgent,
  })
}

if (process.env.FIVEFOLD_REGISTER !== 'off') register(process.env.FIVEFOLD_MODEL as ModelName | undefined)
