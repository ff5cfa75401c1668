/** Joining groups, and leaving them. */
import { errnos } from '../sys/errno.js'
import { callError, missing, notForUnix } from './errors.js'
import { askNode } from './node.js'
import { openEarly } from './open.js'
import * as options from './socket-options.js'
import type { State } from './state.js'

export function member(
  state: State,
  name: string,
  group: string,
  onto: string | undefined,
  joins: boolean,
): void {
  if (!group) throw missing('multicastAddress')
  ready(state, name, group)
  done(options.setMembership(state.fd, String(group), onto ?? undefined, joins), name)
}

export function sourceMember(
  state: State,
  name: 'addSourceSpecificMembership' | 'dropSourceSpecificMembership',
  source: string,
  group: string,
  onto: string | undefined,
  joins: boolean,
): void {
  if (typeof source !== 'string' || typeof group !== 'string') {
    askNode(state.type, (probe) => probe[name](source, group))
  }
  ready(state, name, group)
  done(options.setSourceMembership(state.fd, source, group, onto ?? undefined, joins), name)
}

/** A group can be joined before the socket is bound: then it is, to some port. */
function ready(state: State, name: string, group: string): void {
  if (state.unix) throw notForUnix(name)
  const version = options.versionOf(group)
  if (version < 0) throw callError(-errnos.EINVAL, name)
  done(openEarly(state, version === 4 ? 'udp4' : 'udp6'), name)
}

function done(result: number, syscall: string): void {
  if (result < 0) throw callError(result, syscall)
}
