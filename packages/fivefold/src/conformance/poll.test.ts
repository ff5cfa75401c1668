import './faults.js'
import { conform } from './suite.js'

conform('poll')
