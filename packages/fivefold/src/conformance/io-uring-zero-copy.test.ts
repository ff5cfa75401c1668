import './faults.js'
import { conform } from './suite.js'

conform('io_uring', { zeroCopyFrom: 20_000 }, ['embedded'])
