/**
 * The one door to native code. Nobody else imports koffi, so exchanging it touches this file alone.
 *
 * What passes through is small: a C function, the address of some memory, a view of mapped memory, errno, and
 * "tell me when Node's loop finds this descriptor readable".
 *
 * Pointer arguments take a typed array (kept alive for the length of the call) or an address as a number:
 * user-space addresses fit a double (47 bits on x86-64, 48 on arm64), so no BigInt reaches a hot path.
 */
import koffi from 'koffi'
import { systemError } from './errno.js'

/** A place in memory as a C function takes it: a typed array, an address, or `null`. */
export type Pointer = NodeJS.TypedArray | DataView | ArrayBuffer | number | null

type CType = 'void' | 'int' | 'unsigned' | 'long' | 'size_t' | 'pointer' | 'address' | 'string' | 'int64'

const koffiTypes: Record<CType, string> = {
  void: 'void',
  int: 'int',
  unsigned: 'unsigned int',
  long: 'long',
  size_t: 'size_t',
  pointer: 'void *',
  // A result that is an address: as an integer, because koffi would make a pointer result a BigInt.
  address: 'intptr_t',
  string: 'const char *',
  int64: 'int64_t',
}

/**
 * The seam: what a test or the lab may put between the library and libc. It is asked once for every
 * function, when that function is bound, and returns what is to be called instead. Without one the library
 * calls koffi's function itself, so in production the seam costs nothing.
 *
 * It is installed as `globalThis[Symbol.for('fivefold.seam')]` before the library is first imported.
 */
// biome-ignore lint/suspicious/noExplicitAny: a seam wraps functions of every signature
export type Seam = (name: string, call: (...args: any[]) => any, errno: ErrnoCell) => (...args: any[]) => any

/** Reads the calling thread's errno of the last call, and sets what the library will read next. */
export interface ErrnoCell {
  get(): number
  set(value: number): void
}

export const SEAM: unique symbol = Symbol.for('fivefold.seam') as never

const seam = (globalThis as { [SEAM]?: Seam })[SEAM] ?? null

/** True when a seam is installed: code that has no C call to wrap (the rings) asks this once. */
export const seamed: boolean = seam !== null

/** errno of the last call made on this thread. Read it before anything else is called. */
export const errno: () => number = koffi.errno as () => number

const errnoCell: ErrnoCell = { get: errno, set: (value) => void koffi.errno(value) }

function loadLibc(): { library: ReturnType<typeof koffi.load>; kind: 'glibc' | 'musl' } {
  try {
    return { library: koffi.load('libc.so.6'), kind: 'glibc' }
  } catch (glibcError) {
    const muslArch = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
    try {
      return { library: koffi.load(`libc.musl-${muslArch}.so.1`), kind: 'musl' }
    } catch {
      throw new Error(`fivefold found neither glibc nor musl to call: ${(glibcError as Error).message}`)
    }
  }
}

if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) {
  throw new Error(
    `fivefold drives Linux's own system calls and knows the layouts of x64 and arm64; ` +
      `this is ${process.platform} on ${process.arch}`,
  )
}

const libc = loadLibc()

/** Which C library the process runs on. Kernel layouts are the same on both, a few libc ones are not. */
export const libcKind: 'glibc' | 'musl' = libc.kind

/**
 * Refuses, with the reason, what needs a layout known for glibc alone.
 * @param what the layout in question, e.g. `struct aiocb`
 */
export function requireGlibc(what: string): void {
  if (libcKind !== 'glibc') {
    throw Object.assign(
      new Error(
        `${what} is known here for glibc only, and this process runs on musl; use a glibc-based image`,
      ),
      { code: 'ERR_FIVEFOLD_LIBC' },
    )
  }
}

/**
 * Binds a function of libc. Variadic functions (`fcntl`, `ioctl`, `syscall`, `open`) are bound with the fixed
 * arguments they are used with; on x86-64 and on Linux's arm64 those travel in the same registers.
 */
export function bind<F extends (...args: never[]) => unknown>(
  name: string,
  result: CType,
  args: readonly CType[],
): F {
  let call: F
  try {
    call = libc.library.func(
      name,
      koffiTypes[result],
      args.map((type) => koffiTypes[type]),
    ) as unknown as F
  } catch (cause) {
    const missing = () => {
      throw Object.assign(new Error(`this C library (${libcKind}) has no ${name}()`, { cause }), {
        code: 'ENOSYS',
        syscall: name,
      })
    }
    call = missing as unknown as F
  }
  return seam === null ? call : (seam(name, call, errnoCell) as F)
}

/** The address of a function or variable of libc, or 0 where there is none: a signal handler can be one. */
export function symbol(name: string): number {
  try {
    return Number(koffi.address(libc.library.symbol(name)))
  } catch {
    return 0
  }
}

/**
 * The address of the first byte of `memory`. It stays true while the memory is reachable: keeping it so for
 * as long as the kernel may use the address is the caller's duty.
 */
export function addressOf(memory: NodeJS.TypedArray | DataView | ArrayBuffer | SharedArrayBuffer): number {
  return Number(koffi.address(memory))
}

/** Memory that is not JavaScript's, as an ArrayBuffer. Never unmap it while the view can be reached. */
export function viewOf(address: number, bytes: number): ArrayBuffer {
  return koffi.view(BigInt(address), bytes)
}

/** A descriptor watched by Node's own loop. */
export interface LoopWatch {
  /** Looks away until `resume`, after which a descriptor that is readable is told at once. */
  pause(): void
  resume(): void
  close(): void
}

// koffi's handles: collected while watching, their callbacks stop without a word, so they are held here. A
// second handle on one descriptor, or one on a descriptor epoll refuses, aborts the process (koffi 3.3.4), so
// both are refused before koffi sees them. A thread that ends with an open handle crashes, so all are closed
// on exit.
const watched = new Map<number, { close(): void }>()
let closesOnExit = false

// Not through the seam: it is no call of the library's users.
const scratchCreate = libc.library.func('epoll_create1', 'int', ['int'])
const scratchControl = libc.library.func('epoll_ctl', 'int', ['int', 'int', 'int', 'void *'])
const scratchClose = libc.library.func('close', 'int', ['int'])

/** Tries the descriptor on an epoll instance of its own. */
function requirePollable(fd: number): void {
  const scratch = scratchCreate(0o2000000)
  if (scratch < 0) throw systemError(-errno(), 'epoll_create1')
  const EPOLL_CTL_ADD = 1
  const EPOLLIN = 1
  let error = scratchControl(scratch, EPOLL_CTL_ADD, fd, Uint32Array.of(EPOLLIN, 0, 0, 0)) < 0 ? errno() : 0
  // A number that was free until the scratch took it.
  if (scratch === fd) error = 9
  scratchClose(scratch)
  if (error !== 0) throw systemError(-error, 'epoll_ctl', `descriptor ${fd} cannot be watched`)
}

/**
 * Calls `readable` from Node's loop (in its poll phase) while `fd` is readable: level-triggered.
 * The watch does not keep the process alive.
 *
 * `readable` runs outside Node's callback scope: it should do no more than `setImmediate(work)`.
 *
 * @param fd an eventfd, epoll descriptor, signalfd or the like, owned by the library (never one that Node owns)
 * @throws EEXIST (watched already), EBADF, EPERM (a regular file), EMFILE
 */
export function watchInLoop(fd: number, readable: () => void): LoopWatch {
  if (watched.has(fd)) throw systemError(-17, 'uv_poll_init', `descriptor ${fd} is already watched`)
  requirePollable(fd)
  const handle = koffi.node.poll(fd, readable)
  handle.unref()
  watched.set(fd, handle)
  if (!closesOnExit) {
    closesOnExit = true
    process.on('exit', () => {
      for (const open of watched.values()) open.close()
      watched.clear()
    })
  }
  return {
    pause() {
      if (watched.get(fd) === handle) handle.stop()
    },
    resume() {
      if (watched.get(fd) === handle) handle.start(readable)
    },
    close() {
      if (watched.get(fd) !== handle) return
      watched.delete(fd)
      handle.close()
    },
  }
}
