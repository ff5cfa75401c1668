import assert from 'node:assert/strict'
import { test } from 'node:test'
import { en } from '../text/en.js'
import { zh } from '../text/zh.js'
import { type Facts, facts } from './facts.js'
import { judge } from './judge.js'
import { reportedOf } from './kernels.js'

const here = facts('test')
/** A machine on which all is well, whatever is true of this one. */
const well: Facts = {
  environment: { ...here.environment, cores: 4, governor: 'performance', clockSource: 'tsc' },
  kernel: '6.18.1',
  models: here.models.map(({ name }) => ({ name, reason: null, cure: null })),
  auto: 'io_uring',
  tier: 'full',
  ioUringDisabled: 0,
  seccomp: 0,
  descriptors: { soft: 20_000, hard: 20_000 },
  lockedMemory: { soft: 8 << 20, hard: 8 << 20 },
  pendingSignals: { soft: 60_000, hard: 60_000 },
  queuedSignals: 3,
  aioMax: 65_536,
  aioUsed: 0,
  somaxconn: 4096,
  threads: { soft: 60_000, hard: 60_000 },
  threadsMax: 60_000,
  groupThreadsMax: null,
  tracefs: 'readable',
}

const bad = (change: Partial<Facts>) =>
  judge({ ...well, ...change }, en).filter(({ state }) => state !== 'good')

test('where all is well there is nothing to do', () => {
  assert.deepEqual(bad({}), [])
})

test('each thing that could be better is named, with the command that changes it', () => {
  const cases: [Partial<Facts>, RegExp, RegExp | null][] = [
    [{ kernel: '6.1.7-17-amd64' }, /of 6\.1\.7-17-amd64 it was reported: .*ENOBUFS/, null],
    [{ tier: 'basic' }, /tier: basic/, null],
    [{ ioUringDisabled: 2 }, /io_uring_disabled is 2/, /sysctl -w kernel\.io_uring_disabled=0/],
    [{ descriptors: { soft: 1024, hard: 4096 } }, /descriptors: 1,024, at most 4,096/, /--nofile=65536/],
    [{ lockedMemory: { soft: 65_536, hard: 65_536 } }, /locked memory: 65,536/, /--memlock=/],
    [{ queuedSignals: 59_500 }, /queued signals: 60,000 of this user, 59,500/, /--sigpending=/],
    [{ somaxconn: 128 }, /somaxconn is 128/, /net\.core\.somaxconn=4096/],
    [{ aioUsed: 65_000 }, /65,000 of 65,536/, /fs\.aio-max-nr=/],
    [{ groupThreadsMax: 512 }, /threads: 512/, /TasksMax=/],
    [{ threadsMax: 600 }, /threads: 600/, /kernel\.threads-max=/],
    [{ threads: { soft: 100, hard: 100 } }, /threads: 100/, /--nproc=/],
    [{ environment: { ...well.environment, cores: 1 } }, /1 processor/, null],
    [{ environment: { ...well.environment, governor: 'powersave' } }, /governor: powersave/, /cpupower/],
    [{ environment: { ...well.environment, clockSource: 'hpet' } }, /clock source: hpet/, null],
    [{ tracefs: 'not mounted' }, /tracefs is not mounted/, /mount -t tracefs/],
    [{ tracefs: 'forbidden' }, /tracefs is not for this user/, /remount,gid=/],
  ]
  for (const [change, message, command] of cases) {
    const [finding, ...more] = bad(change)
    assert.equal(more.length, 0, `${message}`)
    assert.equal(finding?.state, 'advice')
    assert.match(finding.message, message)
    if (command !== null)
      assert(
        finding.commands.some((each) => command.test(each)),
        `${command}`,
      )
  }
})

test('a mechanism that does not work is broken, with its reason and its cure', () => {
  const models = well.models.map((model) =>
    model.name === 'io_uring' ? { ...model, reason: 'EPERM', cure: 'Allow it.' } : model,
  )
  const [finding] = bad({ models, seccomp: 2 })
  assert.equal(finding?.state, 'broken')
  assert.match(finding.message, /io_uring does not work: EPERM\. Allow it\./)
  assert.match(finding.commands[0]!, /seccomp/)
  assert.match(bad({ models, ioUringDisabled: 1 })[0]!.commands[0]!, /io_uring_disabled=0/)
  assert.equal(bad({ auto: null })[0]?.state, 'broken')
})

test('which kernels something was reported of', () => {
  const symptoms = (release: string) => reportedOf(release).map(({ symptom }) => symptom)
  assert.deepEqual(symptoms('5.10.185-generic'), ['sqPollSpins'])
  assert.deepEqual(symptoms('5.10.186'), [])
  assert.deepEqual(symptoms('6.1.7'), ['enobufsStorm'])
  assert.deepEqual(symptoms('6.6.58'), ['overflowHang'])
  assert.deepEqual(symptoms('6.11.2'), ['bundles', 'linkedTimeouts'])
  assert.deepEqual(symptoms('6.15.4'), ['slow'])
  assert.deepEqual(symptoms('6.15.5'), [])
  assert.deepEqual(symptoms('6.15-rc1'), [])
  assert.deepEqual(symptoms('unknown'), [])
})

test('the judgement is the same in every language', () => {
  const of = (text: typeof en) => judge(here, text).map(({ message: _, ...rest }) => rest)
  assert.deepEqual(of(zh), of(en))
})
