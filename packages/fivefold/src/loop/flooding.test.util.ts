/** For tests of floods: time goes 10 us at each look, so that whatever comes, comes in a flood. */
import { after, before } from 'node:test'
import { time } from './coalescing.js'

export function everythingFloods(): void {
  const realNowMs = time.nowMs
  let nowMs = 0
  before(() => {
    time.nowMs = () => {
      nowMs += 0.01
      return nowMs
    }
  })
  after(() => {
    time.nowMs = realNowMs
  })
}
