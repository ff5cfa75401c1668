// A metronome that does not drift: the kernel's timer, read from a descriptor. Beats that were missed are counted.
//   node examples/metronome.mjs [EVERY_MS] [BEATS]
import { watch } from 'fivefold'
import {
  CLOCK_MONOTONIC,
  close,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  timerfdCreate,
  timerfdRead,
  timerfdSettime,
} from 'fivefold/sys'

const [everyMs = '500', beats = '10'] = process.argv.slice(2)
const timer = timerfdCreate(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)
timerfdSettime(timer, Number(everyMs), Number(everyMs))

let beat = 0
watch(timer, 'read', (_ready, it) => {
  const passed = timerfdRead(timer)
  beat += passed
  console.log(passed === 1 ? `beat ${beat}` : `beat ${beat} (${passed - 1} missed)`)
  if (beat < Number(beats)) return
  it.close()
  close(timer)
})
