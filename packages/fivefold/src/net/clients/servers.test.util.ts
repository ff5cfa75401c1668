/**
 * Real servers for the tests of their clients: each on a free port of the loopback, in a folder of its own, started and
 * ended by the test.
 *
 * Where a program is not installed its tests are skipped, with a word. With FIVEFOLD_REQUIRE_SERVERS=1 (as in CI) they
 * fail instead.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chownSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import nodeNet, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelNamed } from '../../models/choose.js'
import type { ModelName } from '../../models/model.js'

/** nobody: PostgreSQL refuses to be run by root, and the others need no rights either. */
const NOBODY = 65534
const root = process.getuid?.() === 0

/** Every test runs with these. */
export const models: readonly ModelName[] = ['io_uring', 'epoll']

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Debian keeps PostgreSQL's programs apart, and servers where only root looks. */
function folders(): string[] {
  const debian = '/usr/lib/postgresql'
  let versions: string[] = []
  try {
    versions = readdirSync(debian)
  } catch {
    // Not installed.
  }
  const places = versions.map((version) => join(debian, version, 'bin'))
  return [...places, ...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin']
}

/** Where a program is. @throws when it is not installed */
export function programPath(name: string): string {
  const found = folders()
    .map((folder) => join(folder, name))
    .find(executable)
  if (found === undefined) throw new Error(`${name} is not installed: see scripts/ci-packages.sh`)
  return found
}

/** Why tests that need these programs cannot be run, or false. */
export function missing(...names: string[]): string | false {
  if (process.env.FIVEFOLD_REQUIRE_SERVERS === '1') return false
  const gone = names.filter((name) => !folders().some((folder) => executable(join(folder, name))))
  return gone.length === 0 ? false : `${gone.join(', ')}: not installed`
}

/** Why a test with this model cannot be run, or false. */
export function withoutModel(model: ModelName): string | false {
  const verdict = modelNamed(model).probe()
  return verdict.ok ? false : verdict.reason
}

/** A folder that the servers may write to. */
export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'fivefold-server-'))
  if (root) chownSync(path, NOBODY, NOBODY)
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

const who = root ? { uid: NOBODY, gid: NOBODY } : {}

/** Runs a program to its end. @throws with what it said, when it fails */
export function runTool(name: string, args: readonly string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(programPath(name), args, { cwd, encoding: 'utf8', ...who })
  if (status !== 0) throw error ?? new Error(`${name} failed: ${stderr}`)
}

async function freePort(): Promise<number> {
  const server = nodeNet.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export interface RunningServer {
  readonly port: number
  /** Ends it, and waits until it has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** It ended before it was ready. */
class Ended extends Error {}

/**
 * Starts a server.
 * @param argumentsFor its arguments, for a port
 * @param ready what it says when it serves
 * @param port a certain one; otherwise a free one
 */
export async function startServer(
  name: string,
  argumentsFor: (port: number) => readonly string[],
  ready: RegExp,
  cwd: string,
  port?: number,
): Promise<RunningServer> {
  // Between finding a free port and listening on it somebody else may take it.
  for (let attempt = 1; ; attempt++) {
    const chosen = port ?? (await freePort())
    const child = spawn(programPath(name), argumentsFor(chosen), {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...who,
    })
    try {
      await saysReady(child, name, ready)
      return { port: chosen, stop: (signal) => stop(child, signal) }
    } catch (error) {
      if (!(error instanceof Ended) || attempt === 5) throw error
    }
  }
}

function saysReady(child: ChildProcess, name: string, ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    const hear = (part: Buffer) => {
      // Once it serves, what it says is read and dropped, so that it never waits for a reader.
      if (text.length > 1_000_000) return
      text += part
      if (ready.test(text)) resolve()
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('error', reject)
    child.once('exit', () => reject(new Ended(`${name} ended and had said: ${text}`)))
  })
}

async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

/** Bytes of which no two pieces are alike. */
export function pattern(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE((at * 2654435761) >>> 0, at)
  return buffer
}

/** A certificate for the loopback that signs itself. */
export function selfSigned(folder: string): { key: string; cert: string } {
  const key = join(folder, 'key.pem')
  const cert = join(folder, 'cert.pem')
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  runTool(
    'openssl',
    // biome-ignore format: option and value
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=localhost', '-addext', names, '-keyout', key, '-out', cert],
    folder,
  )
  return { key, cert }
}
