/** 关于异步模型的实验。 */
import type { asynchronousClaims as english } from '../../en/claims/asynchronous.js'

export const asynchronousClaims: typeof english = {
  'shared-memory': {
    title: '与内核共享的内存',
    question: 'epoll 与内核共享内存吗（“epoll 使用 mmap”）？io_uring 呢？',
    method:
      '向 epoll 注册若干套接字并等待，然后在 /proc/self/maps 中查找它映射了什么，再尝试映射 epoll 描述符。对 io_uring 做同样的检查。',
    claims: {
      epollMaps: {
        says: 'epoll 使用与内核共享的内存（mmap）。',
        evidence:
          '注册并报告了 {registered} 个套接字：映射 {mappings} 处；对 epoll 描述符调用 mmap(2) 得到 {answer}。',
      },
      uringMaps: {
        says: 'io_uring 与内核共享内存：它的两个环。',
        evidence: '环的映射 {mappings} 处，共 {mapped}。',
      },
    },
    labels: { mappedBytes: '进程与内核之间映射的字节' },
    checks: {
      epollWorked: '每个注册的套接字都得到了报告',
      mapsSeen: '有映射时能够找到',
    },
  },
}
