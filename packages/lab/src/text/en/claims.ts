/** What `fivefold claims` says, in English. Sentences name measured numbers and proper names in braces. */
import { asynchronousClaims } from './claims/asynchronous.js'
import { costsClaims } from './claims/costs.js'
import { multiplexingClaims } from './claims/multiplexing.js'
import { phasesClaims } from './claims/phases.js'
import { signalsClaims } from './claims/signals.js'

export const claimsEn = {
  /** How a child process is called in an error. */
  process: (experiment: string) => `the ${experiment} experiment`,
  verdicts: {
    holds: 'holds',
    'holds-when': 'holds when …',
    'does-not-hold': 'does not hold',
    'not-tested': 'not tested',
  },
  columns: { experiment: 'experiment', claim: 'claim', verdict: 'verdict', evidence: 'evidence' },
  condition: 'It holds when',
  question: 'question',
  method: 'method',
  takesPart: 'the claims that are tried here',
  tally: (holds: number, when: number, not: number, untested: number) =>
    `${holds} hold, ${when} hold under a condition, ${not} do not hold, ${untested} could not be tested here.`,
  quick:
    'A short run: fewer sizes and connections, and less time for each. Without --quick there is more to see.',
  unknown: (name: string, known: string) => `there is no experiment '${name}'; there are: ${known}`,
  broken: (names: string) => `the measurement of ${names} is broken or failed: no verdict was given there`,
  reasons: {
    broken: 'the measurement did not pass its self-check: {what}',
    failed: 'the measurement failed: {what}',
    noUring: 'io_uring cannot be used here: {what}',
    model: '{what} cannot work here',
    descriptors: 'needs {what} descriptors, more than the limit (ulimit -Hn)',
    memory: 'needs about {what} of free memory',
    noDisk: 'there is no file system here whose page cache can be emptied: {what}',
    noisy:
      'something else used the machine: the same, measured twice, came out too different at {what}; run it again on a quiet one',
    nothing: 'nothing was left to compare: {what}',
  },
  experiments: {
    ...phasesClaims,
    ...multiplexingClaims,
    ...signalsClaims,
    ...asynchronousClaims,
    ...costsClaims,
  },
}

export const claimsCommandEn = {
  usage: 'claims [NAME…] [--quick] [--json] [--list]',
  summary: "the textbook's claims on trial, by measurement",
  about:
    "Puts what textbooks and notes say about the five models on trial on this machine's kernel. Each experiment has a question, a method, a measurement that checks itself, and verdicts that follow from the numbers: holds, holds when …, does not hold, not tested (and why). Without names all are run. No privileges are needed.",
  options: {
    quick: 'all of it in under two minutes, with less to show',
    json: 'print JSON: findings, numbers and curves',
    list: 'only say what there is: each experiment, its question and its claims',
  },
}
