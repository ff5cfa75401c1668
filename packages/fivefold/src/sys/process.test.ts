import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import * as p from './process.js'

const status = (field: string) =>
  new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(readFileSync('/proc/thread-self/status', 'utf8'))![1]!

/** Runs the body of a function in a Worker, with this module as `p`. */
async function inWorker<T>(body: string): Promise<T> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const { readFileSync } = require('node:fs')
     import(${JSON.stringify(new URL('./process.js', import.meta.url).href)})
       .then((p) => parentPort.postMessage((() => {${body}})()))`,
    { eval: true },
  )
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

function burn(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('a thread has a number, the main one the process’s', async () => {
  assert.equal(p.gettid(), process.pid)
  assert.equal(p.getpid(), process.pid)
  const tid = await inWorker<number>('return p.gettid()')
  assert.ok(tid > 0 && tid !== process.pid)
})

test('getrusage agrees with Node’s', () => {
  const before = process.resourceUsage()
  const ours = p.getrusage()
  const after = process.resourceUsage()
  const between = (value: number, low: number, high: number, what: string) =>
    assert.ok(value >= low && value <= high, `${what}: ${value} is not from ${low} to ${high}`)
  between(ours.userMicros, before.userCPUTime, after.userCPUTime, 'user')
  between(ours.systemMicros, before.systemCPUTime, after.systemCPUTime, 'system')
  between(ours.maxResidentKilobytes, before.maxRSS, after.maxRSS, 'maxRSS')
  between(ours.minorFaults, before.minorPageFault, after.minorPageFault, 'minor faults')
  between(ours.majorFaults, before.majorPageFault, after.majorPageFault, 'major faults')
  between(ours.blocksIn, before.fsRead, after.fsRead, 'blocks in')
  between(ours.blocksOut, before.fsWrite, after.fsWrite, 'blocks out')
  const voluntary = 'voluntaryContextSwitches'
  between(ours[voluntary], before[voluntary], after[voluntary], voluntary)
  const involuntary = 'involuntaryContextSwitches'
  between(ours[involuntary], before[involuntary], after[involuntary], involuntary)
  assert.throws(() => p.getrusage(7), { code: 'EINVAL', syscall: 'getrusage' })
})

test('getrusage of a thread is that thread’s alone', async () => {
  const before = p.getrusage(p.RUSAGE_THREAD)
  burn(40)
  const after = p.getrusage(p.RUSAGE_THREAD)
  const used = after.userMicros + after.systemMicros - before.userMicros - before.systemMicros
  assert.ok(used > 1000, `${used} us`)
  const inside = await inWorker<number>(
    `const end = performance.now() + 60
     while (performance.now() < end);
     return p.getrusage(p.RUSAGE_THREAD).userMicros`,
  )
  const whole = p.getrusage().userMicros
  const own = p.getrusage(p.RUSAGE_THREAD).userMicros
  assert.ok(inside > 0 && own + inside <= whole + 1000, `${own} and ${inside} of ${whole} us`)
  const nap = new Int32Array(new SharedArrayBuffer(4))
  const rested = p.getrusage(p.RUSAGE_THREAD).voluntaryContextSwitches
  for (let round = 0; round < 5; round++) Atomics.wait(nap, 0, 0, 1)
  assert.ok(p.getrusage(p.RUSAGE_THREAD).voluntaryContextSwitches - rested >= 5)
})

test('limits are those of /proc/self/limits, and can be lowered and raised again', () => {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  for (const [name, resource] of [
    ['Max open files', p.RLIMIT_NOFILE],
    ['Max locked memory', p.RLIMIT_MEMLOCK],
    ['Max pending signals', p.RLIMIT_SIGPENDING],
  ] as const) {
    const [, soft, hard] = new RegExp(`^${name}\\s+(\\w+)\\s+(\\w+)`, 'm').exec(limits)!
    const number = (text: string) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text))
    assert.deepEqual(p.getrlimit(resource), { soft: number(soft!), hard: number(hard!) }, name)
  }
  const before = p.getrlimit(p.RLIMIT_SIGPENDING)
  p.setrlimit(p.RLIMIT_SIGPENDING, { soft: 77, hard: before.hard })
  assert.match(readFileSync('/proc/self/limits', 'utf8'), /Max pending signals\s+77\s/)
  p.setrlimit(p.RLIMIT_SIGPENDING, before)
  assert.deepEqual(p.getrlimit(p.RLIMIT_SIGPENDING), before)
  assert.throws(() => p.setrlimit(p.RLIMIT_SIGPENDING, { soft: 2, hard: 1 }), {
    code: 'EINVAL',
    syscall: 'setrlimit',
  })
  assert.throws(() => p.getrlimit(999), { code: 'EINVAL', syscall: 'getrlimit' })
})

test('timer slack is one thread’s', async () => {
  const before = p.getTimerSlack()
  assert.ok(before > 0)
  p.setTimerSlack(1)
  try {
    assert.equal(p.getTimerSlack(), 1)
    const [fresh, set] = await inWorker<number[]>(
      'const fresh = p.getTimerSlack(); p.setTimerSlack(123456); return [fresh, p.getTimerSlack()]',
    )
    assert.equal(fresh, 1, 'a new thread starts with its maker’s')
    assert.equal(set, 123456)
    assert.equal(p.getTimerSlack(), 1)
  } finally {
    p.setTimerSlack(0)
  }
  assert.equal(p.getTimerSlack(), before)
})

test('a thread’s processors can be told and chosen', async () => {
  const all = p.schedGetaffinity()
  assert.ok(all.length > 0)
  const last = all.at(-1)!
  p.schedSetaffinity([last])
  try {
    assert.deepEqual(p.schedGetaffinity(), [last])
    assert.equal(status('Cpus_allowed_list'), String(last))
  } finally {
    p.schedSetaffinity(all)
  }
  assert.deepEqual(p.schedGetaffinity(), all)
  const missing = [4, 5, 6, 7].find((cpu) => !all.includes(cpu))
  if (missing !== undefined) assert.throws(() => p.schedSetaffinity([missing]), { code: 'EINVAL' })
  assert.throws(() => p.schedSetaffinity([]), { code: 'EINVAL', syscall: 'sched_setaffinity' })
  assert.throws(() => p.schedGetaffinity(0x3fffffff), { code: 'ESRCH', syscall: 'sched_getaffinity' })
})

test('a Worker’s processors are its own', async () => {
  const all = p.schedGetaffinity()
  const first = all[0]!
  const [inside, tid] = await inWorker<[number[], number]>(
    `p.schedSetaffinity([${first}]); return [p.schedGetaffinity(), p.gettid()]`,
  )
  assert.deepEqual(inside, [first])
  assert.notEqual(tid, p.gettid())
  assert.deepEqual(p.schedGetaffinity(), all)
})
