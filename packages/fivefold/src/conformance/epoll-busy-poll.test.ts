import './faults.js'
import { conform } from './suite.js'

conform('epoll', { busyPoll: true }, ['embedded', 'dedicated'])
