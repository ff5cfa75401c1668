// What is measured, how it is called in a table, and what counts as better. Data only.

/**
 * @typedef {'rate' | 'bytes' | 'cpu' | 'p50' | 'p99' | 'memory' | 'startup' | 'delivered'} Metric
 */

/** @type {Record<Metric, { short: string, title: string, unit: string, higherIsBetter: boolean, digits: number }>} */
export const metrics = {
  rate: { short: 'rate', title: 'messages/s', unit: '/s', higherIsBetter: true, digits: 0 },
  bytes: { short: 'bytes', title: 'MB/s', unit: ' MB/s', higherIsBetter: true, digits: 0 },
  cpu: { short: 'CPU', title: 'CPU us/message', unit: ' us CPU', higherIsBetter: false, digits: 2 },
  p50: { short: 'p50', title: 'p50 us', unit: ' us p50', higherIsBetter: false, digits: 1 },
  p99: { short: 'p99', title: 'p99 us', unit: ' us p99', higherIsBetter: false, digits: 1 },
  memory: { short: 'memory', title: 'bytes/connection', unit: ' B', higherIsBetter: false, digits: 0 },
  startup: { short: 'start', title: 'ms to listening', unit: ' ms', higherIsBetter: false, digits: 1 },
  delivered: { short: 'delivered', title: '% delivered', unit: ' %', higherIsBetter: true, digits: 3 },
}

/** What is counted in each kind of scenario, where it is not messages. @type {Record<string, string>} */
const counted = {
  files: 'read',
  work: 'file',
  copy: 'file',
  stream: '64 KiB',
  http: 'request',
  transfer: '64 KiB',
  flood: 'datagram',
}

export const titleOf = (/** @type {Metric} */ metric, /** @type {string} */ kind) =>
  metrics[metric].title.replace('message', counted[kind] ?? 'message')
