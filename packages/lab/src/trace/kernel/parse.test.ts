import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse, type RawWhat } from './parse.js'

/** As Linux 6.18 printed it. */
const recorded = `# tracer: nop
#
# entries-in-buffer/entries-written: 13/13   #P:2
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
            node-5770    [000] ..... 27314.566166: sys_recvfrom(fd: 0x13, ubuf: 0x7f1b0a57a010, size: 0xffff, flags: 0x60, addr: 0x39add5b0, addr_len: 0x39a7ab40)
            node-5770    [000] ..... 27314.566169: sys_recvfrom -> 0xfffffffffffffff5
            node-5816    [001] ..... 27315.545893: sys_pselect6(n: 0, inp: 0x1afd9540, outp: 0x1afd9640, exp: 0, tsp: 0x7f225031ffa0, sig: 0)
     rcu_preempt-15      [001] d..2. 27314.180167: sched_switch: prev_comm=rcu_preempt prev_pid=15 prev_prio=120 prev_state=I ==> next_comm=bash next_pid=5755 next_prio=120
            bash-5755    [001] d..2. 27314.180157: sched_switch: prev_comm=bash prev_pid=5755 prev_prio=120 prev_state=R+ ==> next_comm=rcu_preempt next_pid=15 next_prio=120
          <idle>-0       [000] d.s4. 27314.180033: sched_waking: comm=rcu_preempt pid=15 prio=120 target_cpu=001
            node-5770    [000] d..3. 27314.560508: signal_generate: sig=29 errno=0 code=128 comm=node pid=5770 grp=0 res=0
            node-5770    [000] d..1. 27314.617451: signal_deliver: sig=29 errno=0 code=128 sa_handler=18b68a0 sa_flags=14000000
            node-5758    [001] ..... 27314.369802: sk_data_ready: family=1 protocol=0 func=sock_def_readable
            node-5793    [000] .N... 27315.064068: io_uring_submit_req: ring 000000000e0d503f, req 000000009aa1bb3f, user_data 0x100000000, opcode RECVMSG, flags 0x8400020, sq_thread 0
            node-5793    [000] .N... 27315.064076: io_uring_poll_arm: ring 000000000e0d503f, req 000000009aa1bb3f, user_data 0x100000000, opcode RECVMSG, mask 0x8000004b, events 0x8000207b
            node-5793    [000] .N... 27315.064081: io_uring_complete: ring 000000000e0d503f, req 000000009aa1bb3f, user_data 0x100000000, result -125, cflags 0x0 extra1 0 extra2 0 
              dd-21779   [000] ..... 29692.345481: block_bio_queue: 254,0 RS 50869064 + 8 [dd]
`

const what = (text: string): RawWhat[] =>
  parse(text).events.map(({ tid: _, task: __, at: ___, ...rest }) => rest as RawWhat)

test('the kernel prints it, and every line is understood', () => {
  const { events, lost, unknown } = parse(recorded)
  assert.deepEqual([events.length, lost, unknown], [13, 0, 0])
  assert.deepEqual(what(recorded), [
    { what: 'enter', call: 'recvfrom', first: 19 },
    { what: 'exit', call: 'recvfrom', result: -11 },
    { what: 'enter', call: 'pselect6', first: 0 },
    { what: 'switch', from: 15, state: 'I', to: 5755 },
    { what: 'switch', from: 5755, state: 'R+', to: 15 },
    { what: 'waking', woken: 15 },
    { what: 'generate', signal: 29, to: 5770 },
    { what: 'deliver', signal: 29 },
    { what: 'data-ready', family: 1, protocol: 0 },
    { what: 'ring-submit', operation: 'RECVMSG' },
    { what: 'ring-armed', operation: 'RECVMSG' },
    { what: 'ring-complete', result: -125 },
    { what: 'disk-asked' },
  ])
  assert.deepEqual([events[0]!.tid, events[0]!.task, events[0]!.at], [5770, 'node', 27_314_566_166_000])
})

test('names that look like something else', () => {
  const line = '  my - [0] pid=7-x-42      [003] d..2.     1.000002: '
  const [event] = parse(
    `${line}sched_switch: prev_comm=a ==> next_pid=9 prev_pid=42 prev_prio=120 prev_state=S ==> next_comm=b pid=3 next_pid=77 next_prio=120`,
  ).events
  assert.deepEqual(event, {
    tid: 42,
    task: 'my - [0] pid=7-x',
    at: 1_000_002_000,
    what: 'switch',
    from: 42,
    state: 'S',
    to: 77,
  })
  assert.deepEqual(what(`${line}sched_waking: comm=x pid=5 y pid=43 prio=120 target_cpu=001`), [
    { what: 'waking', woken: 43 },
  ])
})

test('what found no room is counted, and what is not understood', () => {
  const text = '# entries-in-buffer/entries-written: 100/350   #P:2\nCPU:1 [LOST 250 EVENTS]\nnonsense\n'
  assert.deepEqual(parse(text), { events: [], lost: 250, unknown: 1 })
})
