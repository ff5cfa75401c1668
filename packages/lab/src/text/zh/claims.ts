/** `fivefold claims` 的简体中文。花括号中是实测的数字和专有名称。 */
import type { claimsCommandEn, claimsEn } from '../en/claims.js'
import { asynchronousClaims } from './claims/asynchronous.js'
import { costsClaims } from './claims/costs.js'
import { multiplexingClaims } from './claims/multiplexing.js'
import { phasesClaims } from './claims/phases.js'
import { signalsClaims } from './claims/signals.js'

export const claimsZh: typeof claimsEn = {
  process: (experiment) => `实验 ${experiment}`,
  verdicts: {
    holds: '成立',
    'holds-when': '有条件成立',
    'does-not-hold': '不成立',
    'not-tested': '未能检验',
  },
  columns: { experiment: '实验', claim: '说法', verdict: '结论', evidence: '证据' },
  condition: '成立的条件：',
  question: '问题',
  method: '方法',
  takesPart: '在此检验的说法',
  tally: (holds, when, not, untested) =>
    `${holds} 条成立，${when} 条有条件成立，${not} 条不成立，${untested} 条在此未能检验。`,
  quick: '这是简短的一轮：规模和连接数较少，每项时间较短。去掉 --quick 可以看到更多。',
  unknown: (name, known) => `没有名为“${name}”的实验；现有：${known}`,
  broken: (names) => `${names} 的测量失败或有误：没有给出结论`,
  reasons: {
    broken: '测量没有通过自检：{what}',
    failed: '测量失败：{what}',
    noUring: '这里不能使用 io_uring：{what}',
    model: '{what} 在这里不可用',
    descriptors: '需要 {what} 个描述符，超过上限（ulimit -Hn）',
    memory: '大约需要 {what} 的空闲内存',
    noDisk: '这里没有能清空页缓存的文件系统：{what}',
    noisy: '机器另有他用：{what} 时同样的东西测两次相差太大；请在空闲的机器上再运行一次',
    nothing: '没有可以比较的数据：{what}',
  },
  experiments: {
    ...phasesClaims,
    ...multiplexingClaims,
    ...signalsClaims,
    ...asynchronousClaims,
    ...costsClaims,
  },
}

export const claimsCommandZh: typeof claimsCommandEn = {
  usage: 'claims [名称…] [--quick] [--json] [--list]',
  summary: '用测量检验教科书上的说法',
  about:
    '把教科书和笔记中关于五种模型的说法放到本机内核上检验。每个实验都有问题、方法、会自检的测量，以及由数字得出的结论：成立、有条件成立、不成立、未能检验（并说明原因）。不给名称则全部运行。不需要特权。',
  options: {
    quick: '两分钟内跑完全部，内容较少',
    json: '输出 JSON：结论、数字和曲线',
    list: '只列出有哪些实验，以及各自的问题和说法',
  },
}
