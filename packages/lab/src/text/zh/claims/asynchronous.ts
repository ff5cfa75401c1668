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
  'aio-threads': {
    title: 'POSIX aio 就是线程',
    question: '调用 aio_read 之后是谁在读？同一描述符上，写能越过读吗？',
    method:
      '对没有数据的 5 个和 30 个套接字调用 aio_read，前后查看 /proc/self/task；然后在同一套接字的 aio_read 之后排一个 aio_write，等 200 毫秒，旁边做一次普通的 write。',
    claims: {
      kernelReads: {
        says: 'aio_read：由内核等待并复制，完成后发信号。',
        evidence:
          '{reads} 个等待中的 aio_read：本进程多了 {threads} 个线程，其中 {inRead} 个睡在对我们套接字的 read(2) 中。',
      },
      sameDescriptor: {
        says: '同一套接字上的 aio_read 和 aio_write 互不妨碍。',
        evidence:
          '排在等待中的 aio_read 之后，aio_write 过了 {stalled} 仍在进行中；普通的 write 立刻就写入了。',
      },
      threadEach: {
        says: '无论有多少读在等待，每个都有一个线程。',
        evidence:
          '{many} 个等待中的 aio_read 有 {threads} 个线程：这是 glibc 的上限；其余的在等线程，而不是等数据。',
      },
    },
    labels: { threads: '进程的线程数', before: '之前', someReads: '5 个读', manyReads: '30 个读' },
    checks: {
      readsCompleted: '每个读最后都得到了字节',
      writable: '套接字可以普通写入',
      wroteInTheEnd: '读完成后，写也完成了',
    },
  },
  'uring-workers': {
    title: 'io_uring 的线程',
    question: 'io_uring 读文件需要线程吗：数据在页缓存中时，以及在磁盘上时？',
    method:
      '读一个文件的 32 处：页缓存是满的和清空的（都用 preadv2 和 RWF_NOWAIT 核对），数 /proc/self/task 中的 iou-wrk 线程。然后带 IOSQE_ASYNC 再读一次，并从 /dev/shm 读一次。',
    claims: {
      cachedWithout: {
        says: '页缓存中的内容，io_uring 不用线程就能读。',
        evidence: '{reads} 次读，每次 {size}：{workers} 个线程；从内存中的 {folder} 读，{memory} 个。',
        when: '文件系统支持不等待的读（RWF_NOWAIT）；{folder} 不是这样。',
      },
      coldWithout: {
        says: '不在页缓存中的内容，io_uring 也不用线程就能读。',
        evidence: '{reads} 次读，其中 {cold} 的位置不在缓存中：{workers} 个线程。',
      },
      workersExist: {
        says: '对会阻塞的操作，io_uring 有内核线程。',
        evidence: '{reads} 次带 IOSQE_ASYNC 的读：本进程中出现 {workers} 个名为 iou-wrk 的线程。',
      },
    },
    labels: { workers: '出现的 iou-wrk 线程', cached: '在缓存中', cold: '不在缓存中' },
    checks: {
      allRead: '每次读都得到了全部字节',
      wasCached: '“在缓存中”的位置确实在',
    },
  },
  'asynchronous-cost': {
    title: '“异步”的代价',
    question: '没有人需要等待时，异步读比同步读便宜吗？',
    method:
      '用 pread、用 aio_read 和 aio_suspend、用 io_uring（一次 1 个和一次 32 个）从页缓存读 4 KiB；计整个进程的 CPU 时间，包括其他线程。',
    claims: {
      aioCheaper: {
        says: 'POSIX aio 比阻塞读省 CPU。',
        evidence: '每次读的 CPU：pread {pread}，aio_read {aio}。',
      },
      uringCheaper: {
        says: 'io_uring 比阻塞读省 CPU。',
        evidence: '每次读的 CPU：pread {pread}，io_uring 一次 1 个 {one}，一次 {batch} 个 {many}。',
        when: '一次调用把多个请求交给内核。',
      },
    },
    labels: { cpuPerRead: '每次读 4 KiB 的 CPU' },
    checks: { allRead: '每次读都得到了全部字节', someTime: '每种方式都用了一些 CPU 时间' },
  },
}
