import './faults.js'
import { conform } from './suite.js'

conform('io_uring', { sqPoll: true }, ['embedded'])
