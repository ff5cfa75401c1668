/** What a comparison finds: the shape of `--json`. */
import type { Family, ModelName } from 'fivefold'
import type { Environment } from '../environment.js'

export type Protocol = 'tcp' | 'unix' | 'udp'

export interface Percentiles {
  readonly p50: number
  readonly p99: number
}

/** One mechanism under one load. What could not be measured is null, and `reason` or `reasons` says why. */
export interface Result {
  readonly model: ModelName
  readonly family: Family
  /** 'file': random reads of a file instead of messages. */
  readonly protocol: Protocol | 'file'
  /** Connections, or for files the reads in flight at once. */
  readonly connections: number
  /** Bytes of a message, or of a read. */
  readonly size: number
  /** Closed loop: each connection has one message under way. Only messages of which every byte came back right. */
  readonly messagesPerSecond: number | null
  /** The slowest and the fastest fifth of the measured time: how far one number stands for the whole. */
  readonly messagesPerSecondSpread: { readonly lowest: number; readonly highest: number } | null
  /**
   * One message at a time, to a server that sleeps: from just before the sender's call until the server's handler
   * has the bytes. For files: from submitting a read to its completion, all of them in flight.
   */
  readonly latencyMicros: Percentiles | null
  readonly latencySamples: number | null
  /** Of the whole server process, all its threads. */
  readonly cpuMicrosPerMessage: { readonly user: number; readonly system: number } | null
  readonly syscallsPerMessage: number | null
  /** Those of them that answered EAGAIN. */
  readonly againPerMessage: number | null
  /** The calls behind `syscallsPerMessage`, by name; `epoll_wait (Node)` is the zero time-out poll of Node's loop. */
  readonly callsPerMessage: Readonly<Record<string, number>> | null
  readonly contextSwitchesPerMessage: { readonly voluntary: number; readonly involuntary: number } | null
  /** CPU seconds used per second of waiting, connections open and nothing to do. */
  readonly cpuShareWhileWaiting: number | null
  /** Threads of the server process, under load; and those it had before it listened. */
  readonly threads: number | null
  readonly threadsAtStart: number | null
  /** Resident memory of the process; what the kernel keeps for a socket is not in it. */
  readonly residentBytesPerConnection: number | null
  readonly maxConnections: number | null
  /** What ends it there, and how many were really open and answering in this run. */
  readonly maxConnectionsBound: 'descriptors' | 'threads' | 'memory' | 'refused' | null
  readonly connectionsHeld: number | null
  /** Wrong bytes, lost messages, broken connections. */
  readonly errors: number | null
  /** The share of its processor the load generator used; above 0.9 it was the limit, not the server. */
  readonly generatorShare: number | null
  readonly generatorBound: boolean
  /** Why there is no result at all. */
  readonly reason: string | null
  /** Why single fields are null, or no more than they seem: by the field's name. */
  readonly reasons: Readonly<Record<string, string>>
}

export interface Comparison {
  readonly environment: Environment
  readonly results: readonly Result[]
}

/** A result without any number. */
export function without(
  model: ModelName,
  family: Family,
  protocol: Result['protocol'],
  connections: number,
  size: number,
  reason: string,
): Result {
  return {
    model,
    family,
    protocol,
    connections,
    size,
    messagesPerSecond: null,
    messagesPerSecondSpread: null,
    latencyMicros: null,
    latencySamples: null,
    cpuMicrosPerMessage: null,
    syscallsPerMessage: null,
    againPerMessage: null,
    callsPerMessage: null,
    contextSwitchesPerMessage: null,
    cpuShareWhileWaiting: null,
    threads: null,
    threadsAtStart: null,
    residentBytesPerConnection: null,
    maxConnections: null,
    maxConnectionsBound: null,
    connectionsHeld: null,
    errors: null,
    generatorShare: null,
    generatorBound: false,
    reason,
    reasons: {},
  }
}
