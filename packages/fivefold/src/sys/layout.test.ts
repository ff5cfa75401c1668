/**
 * Every number this room exports, compared with the C compiler's own: constants, layouts, system call numbers. A
 * new constant is compared without being named here; what has no name in C is listed below, or the test fails.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { errnoName } from './errno.js'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Headers by libc and the kernel; the kernel's own come last and never twice the same struct. */
const HEADERS = `
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <poll.h>
#include <sched.h>
#include <aio.h>
#include <time.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <linux/io_uring.h>
#include <linux/version.h>
#include <linux/vm_sockets.h>
`

/** Names of ours for what C says in other words. */
const expressions: Record<string, string> = {
  ADDRESS_BYTES: 'sizeof(struct sockaddr_storage)',
  UCRED_BYTES: 'sizeof(struct ucred)',
  LINGER_BYTES: 'sizeof(struct linger)',
  ITIMERSPEC_BYTES: 'sizeof(struct itimerspec)',
  KERNEL_SIGSET_BYTES: '_NSIG / 8',
  PARAMS_WORDS: 'sizeof(struct io_uring_params) / 4',
  SQE_WORDS: 'sizeof(struct io_uring_sqe) / 4',
  CQE_WORDS: 'sizeof(struct io_uring_cqe) / 4',
  IN_PROGRESS: 'EINPROGRESS',
  // An entry's opcode, flags and ioprio are written as one word; the flags (IOSQE_*) are shifted below.
  IORING_ACCEPT_MULTISHOT: 'IORING_ACCEPT_MULTISHOT << 16',
  IORING_RECV_MULTISHOT: 'IORING_RECV_MULTISHOT << 16',
}

/** Objects of ours for structs of C: our field, then C's. `size` is that of the whole. */
const structs: Record<string, [type: string, fields: Record<string, string>]> = {
  POLLFD: ['struct pollfd', { events: 'events', revents: 'revents' }],
  EPOLL_EVENT: ['struct epoll_event', { data: 'data' }],
  IOVEC: ['struct iovec', { base: 'iov_base', length: 'iov_len' }],
  MSGHDR: [
    'struct msghdr',
    {
      name: 'msg_name',
      namelen: 'msg_namelen',
      iov: 'msg_iov',
      iovlen: 'msg_iovlen',
      control: 'msg_control',
      controllen: 'msg_controllen',
      flags: 'msg_flags',
    },
  ],
  MMSGHDR: ['struct mmsghdr', { length: 'msg_len' }],
  CMSGHDR: ['struct cmsghdr', { length: 'cmsg_len', level: 'cmsg_level', type: 'cmsg_type' }],
  SIGACTION: ['struct sigaction', { handler: 'sa_handler', mask: 'sa_mask', flags: 'sa_flags' }],
  SIGINFO: [
    'siginfo_t',
    {
      signo: 'si_signo',
      errno: 'si_errno',
      code: 'si_code',
      pid: 'si_pid',
      uid: 'si_uid',
      value: 'si_value',
      band: 'si_band',
      fd: 'si_fd',
    },
  ],
  SIGNALFD_SIGINFO: [
    'struct signalfd_siginfo',
    Object.fromEntries(
      [
        'signo',
        'errno',
        'code',
        'pid',
        'uid',
        'fd',
        'tid',
        'band',
        'overrun',
        'trapno',
        'status',
        'int',
        'ptr',
      ].map((field) => [field, `ssi_${field}`]),
    ),
  ],
  AIOCB: [
    'struct aiocb',
    {
      fildes: 'aio_fildes',
      opcode: 'aio_lio_opcode',
      reqprio: 'aio_reqprio',
      buf: 'aio_buf',
      nbytes: 'aio_nbytes',
      sigval: 'aio_sigevent.sigev_value',
      signo: 'aio_sigevent.sigev_signo',
      notify: 'aio_sigevent.sigev_notify',
      errorCode: '__error_code',
      returnValue: '__return_value',
      offset: 'aio_offset',
    },
  ],
  STATX: [
    'struct statx',
    {
      mask: 'stx_mask',
      blksize: 'stx_blksize',
      attributes: 'stx_attributes',
      nlink: 'stx_nlink',
      uid: 'stx_uid',
      gid: 'stx_gid',
      mode: 'stx_mode',
      ino: 'stx_ino',
      fileSize: 'stx_size',
      blocks: 'stx_blocks',
      atime: 'stx_atime',
      btime: 'stx_btime',
      ctime: 'stx_ctime',
      mtime: 'stx_mtime',
      rdevMajor: 'stx_rdev_major',
      rdevMinor: 'stx_rdev_minor',
      devMajor: 'stx_dev_major',
      devMinor: 'stx_dev_minor',
      dioMemAlign: 'stx_dio_mem_align',
      dioOffsetAlign: 'stx_dio_offset_align',
    },
  ],
}

/** Newer than the headers of some machines, or in no header of users: the kernel's source says so. */
const literals: Record<string, number> = {
  SCM_MAX_FD: 253, // include/net/scm.h
  IORING_NOP_INJECT_RESULT: 1, // uapi/linux/io_uring.h, since 6.10
  IORING_CQE_F_BUF_MORE: 16, // since 6.12
  IOU_PBUF_RING_INC: 2, // since 6.12
}

/** Numbers that are no constants of C, each with its own test. */
const ours = new Set(['PAGE', 'RUSAGE_LONGS'])

async function exportsOfTheRoom(): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>()
  for (const file of readdirSync(here)) {
    if (!/^[a-z-]+\.js$/.test(file)) continue
    const module = (await import(new URL(file, import.meta.url).href)) as Record<string, unknown>
    for (const [name, value] of Object.entries(module)) {
      if (/^[A-Z][A-Z0-9_]*$/.test(name)) found.set(name, value)
    }
  }
  return found
}

/** What to ask the compiler: our name (with the field), C's expression, our value. */
function questions(exported: Map<string, unknown>): [name: string, expression: string, value: number][] {
  const list: [string, string, number][] = []
  for (const [name, value] of exported) {
    if (ours.has(name)) continue
    if (typeof value === 'number') {
      list.push([name, expressions[name] ?? (name.startsWith('IOSQE_') ? `${name} << 8` : name), value])
    } else if (typeof value === 'function' && value.length === 0 && name.startsWith('SIGRT')) {
      list.push([name, name, value()])
    } else if (typeof value === 'object' && value !== null) {
      for (const [field, offset] of Object.entries(value as Record<string, number>)) {
        if (name === 'SYS') {
          list.push([`${name}.${field}`, `SYS_${field}`, offset])
          continue
        }
        const [type, fields] = structs[name] ?? []
        assert.ok(type !== undefined, `${name} is a layout of no struct that this test knows: add it`)
        const expression =
          field === 'size' ? `sizeof(${type})` : `offsetof(${type}, ${fields![field] ?? `no_${field}`})`
        list.push([`${name}.${field}`, expression, offset])
      }
    }
  }
  for (let number = 1; number < 200; number++) {
    const name = errnoName(-number)
    if (!name.startsWith('Unknown')) list.push([`errno:${name}`, name, number])
  }
  return list
}

function compile(folder: string, lines: readonly string[], options: readonly string[]) {
  const source = join(folder, 'numbers.c')
  writeFileSync(source, `${HEADERS}\nint main(void) {\n${lines.join('\n')}\nreturn 0; }\n`)
  return spawnSync('cc', ['-w', '-fmax-errors=0', ...options, source, '-o', join(folder, 'numbers')], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
}

function headersAreOld(folder: string): boolean {
  const line = '_Static_assert(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0), "old");'
  return compile(folder, [line], ['-fsyntax-only']).status !== 0
}

function missing(): string | false {
  const { error, status } = spawnSync('cc', ['--version'])
  return error !== undefined || status !== 0 ? 'no C compiler (cc) on this machine' : false
}

test('every constant and layout is the C compiler’s', { skip: missing() }, async (context) => {
  const asked = questions(await exportsOfTheRoom())
  assert.ok(asked.length > 250, `only ${asked.length} numbers found`)
  const folder = mkdtempSync(join(tmpdir(), 'fivefold-layout-'))
  try {
    const line = ([name, expression]: [string, string, number]) =>
      `printf("%s %lld\\n", "${name}", (long long)(${expression}));`
    const dry = compile(folder, asked.map(line), ['-fsyntax-only'])
    const undeclared = new Set([...dry.stderr.matchAll(/'(\w+)' undeclared/g)].map((match) => match[1]!))
    const unknown: string[] = []
    const wrong: string[] = []
    const known = asked.filter((question) => {
      const [name, expression, value] = question
      if (![...expression.matchAll(/\w+/g)].some((word) => undeclared.has(word[0]))) return true
      if (!(name in literals)) unknown.push(name)
      else if (literals[name] !== value) wrong.push(`${name} is ${value}, not ${literals[name]}`)
      return false
    })
    // Headers older than Debian 12's are not held against us; the other machines compare those numbers.
    if (headersAreOld(folder)) context.diagnostic(`not in these headers: ${unknown.join(', ')}`)
    else assert.deepEqual(unknown, [], 'not in the headers: add what the kernel says to `literals`')
    const built = compile(folder, known.map(line), [])
    assert.equal(built.status, 0, built.stderr)
    const said = new Map(
      spawnSync(join(folder, 'numbers'), { encoding: 'utf8' })
        .stdout.trim()
        .split('\n')
        .map((row) => row.split(' ') as [string, string]),
    )
    for (const [name, , value] of known) {
      if (said.get(name) !== String(value)) wrong.push(`${name} is ${value}, C says ${said.get(name)}`)
    }
    assert.deepEqual(wrong, [])
    assert.ok(known.length > 250, `only ${known.length} numbers were compared`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('numbers without a name in C', { skip: missing() }, async () => {
  const exported = await exportsOfTheRoom()
  const folder = mkdtempSync(join(tmpdir(), 'fivefold-layout-'))
  try {
    const built = compile(
      folder,
      ['printf("%ld %zu", sysconf(_SC_PAGESIZE), sizeof(struct rusage) / sizeof(long));'],
      [],
    )
    assert.equal(built.status, 0, built.stderr)
    const [page, rusageLongs] = spawnSync(join(folder, 'numbers'), { encoding: 'utf8' })
      .stdout.split(' ')
      .map(Number)
    assert.equal((exported.get('PAGE') as number) % page!, 0, 'PAGE is whole pages')
    assert.ok((exported.get('RUSAGE_LONGS') as number) >= rusageLongs!, 'RUSAGE_LONGS holds a struct rusage')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** platform.ts as the other architecture sees it. */
async function platformOn(arch: 'x64' | 'arm64'): Promise<Record<string, unknown>> {
  const real = Object.getOwnPropertyDescriptor(process, 'arch')!
  Object.defineProperty(process, 'arch', { ...real, value: arch })
  try {
    return { ...((await import(new URL(`platform.js?${arch}`, import.meta.url).href)) as object) }
  } finally {
    Object.defineProperty(process, 'arch', real)
  }
}

// Literals from Linux 6.18: arch/x86/entry/syscalls/syscall_64.tbl, arch/x86/include/uapi/asm,
// include/uapi/asm-generic (unistd.h, fcntl.h) and arch/arm64/include/uapi/asm/fcntl.h.
test('the x86-64 column', async () => {
  assert.deepEqual(await platformOn('x64'), {
    PAGE: 4096,
    SYS: {
      io_uring_setup: 425,
      io_uring_enter: 426,
      io_uring_register: 427,
      epoll_pwait2: 441,
      gettid: 186,
      tgkill: 234,
      rt_tgsigqueueinfo: 297,
      timer_create: 222,
      timer_settime: 223,
      timer_delete: 226,
      recvfrom: 45,
      sendto: 44,
      flock: 73,
      fallocate: 285,
      sendfile: 40,
      splice: 275,
    },
    EPOLL_EVENT: { size: 12, data: 4 },
    O_DIRECT: 0x4000,
    O_DIRECTORY: 0x10000,
    O_NOFOLLOW: 0x20000,
  })
})

test('the arm64 column', async () => {
  assert.deepEqual(await platformOn('arm64'), {
    PAGE: 65536,
    SYS: {
      io_uring_setup: 425,
      io_uring_enter: 426,
      io_uring_register: 427,
      epoll_pwait2: 441,
      gettid: 178,
      tgkill: 131,
      rt_tgsigqueueinfo: 240,
      timer_create: 107,
      timer_settime: 110,
      timer_delete: 111,
      recvfrom: 207,
      sendto: 206,
      flock: 32,
      fallocate: 47,
      sendfile: 71,
      splice: 76,
    },
    EPOLL_EVENT: { size: 16, data: 8 },
    O_DIRECT: 0x10000,
    O_DIRECTORY: 0x4000,
    O_NOFOLLOW: 0x8000,
  })
})

test('only platform.ts and ffi.ts know the architecture', async () => {
  const { readFileSync } = await import('node:fs')
  const asking = readdirSync(here).filter(
    (file) => /^[a-z-]+\.js$/.test(file) && readFileSync(join(here, file), 'utf8').includes('process.arch'),
  )
  assert.deepEqual(asking.sort(), ['ffi.js', 'platform.js'])
})
