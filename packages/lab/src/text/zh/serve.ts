/** `fivefold serve` 的文字。 */
import type { serve as english } from '../en/serve.js'

const count = (value: number) => value.toLocaleString('en')

export const serve: typeof english = {
  command: {
    usage: 'serve DIR [选项…]',
    summary: '用任意一种模型做网页服务器，提供一个目录里的文件',
    about:
      '通过 HTTP 提供一个目录里的文件：支持长连接、范围请求、条件请求、index.html，以及放在文件旁边的 .br 或 .gz 压缩版本。不超过 64 KiB 的文件保存在内存里，每秒重新检查一次。以点开头的文件和指向目录之外的链接不提供。GET /metrics 给出 Prometheus 文本格式的计数。SIGINT 或 SIGTERM 使它结束：不再接受连接，答完已经提出的请求，然后关闭；再按一次 Ctrl-C 立即结束。',
    options: {
      model: '九种机制之一；默认选这里可用的最快的一种',
      port: '端口：8080（默认）；0 表示由内核选择',
      host: '地址：127.0.0.1（默认）；0.0.0.0 或 :: 表示所有地址',
      workers: '共用端口的线程数，每个线程有自己的引擎：1（默认）',
      grace: '结束最多可以用多久，之后切断连接：10s（默认）',
      quiet: '除错误外什么都不输出',
      json: '输出 JSON：开始监听时一行，结束时一行',
    },
  },
  says: {
    missingFolder: '哪个目录？fivefold serve DIR',
    noFolder: (path) => `没有目录 ${path}`,
    folderForbidden: (path) => `没有读取目录 ${path} 的权限`,
    badWorkers: (value) => `“${value}”不是 1 到 256 之间的线程数`,
    mainThreadOnly: (model) => `${model} 只能在主线程里工作；请不要写 --workers`,
    badAddress: (host, why) => `无法监听 ${host}：${why}`,
    listening: (model, folder, url) =>
      `${model} 正在 ${url} 提供 ${folder}（计数：${url}metrics）。按 Ctrl-C 结束。`,
    threads: (threads) => `${count(threads)} 个线程共用这个端口。`,
    mostConnections: (most) => `同时最多 ${count(most)} 个连接。`,
    stopping: (seconds) =>
      `不再接受连接；正在答完已提出的请求，最多 ${count(seconds)} 秒。再按一次 Ctrl-C 立即结束。`,
    served: (requests, connections, bytes) =>
      `共处理 ${count(requests)} 个请求、${count(connections)} 个连接，正文 ${bytes}。`,
    cut: (connections) => `因超过时限而切断了 ${count(connections)} 个连接`,
  },
}
