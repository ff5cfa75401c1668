/**
 * The first import of each thread's program. A thread that was called off before it got here ends, before it
 * loads what must not be interrupted: ended while it loads, koffi (3.3.4) takes the process with it.
 */
import { workerData } from 'node:worker_threads'
import { BEGUN, type Begin } from './layout.js'

const begin = new Int32Array((workerData as Begin).begin)
if (Atomics.compareExchange(begin, 0, 0, BEGUN) !== 0) process.exit()
