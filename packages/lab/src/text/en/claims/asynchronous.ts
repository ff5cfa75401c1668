/** Experiments on the asynchronous models, in English. */
export const asynchronousClaims = {
  'shared-memory': {
    title: 'Memory shared with the kernel',
    question: 'Does epoll share memory with the kernel (“epoll uses mmap”)? Does io_uring?',
    method:
      'Registers a hundred sockets with an epoll and waits; then looks in /proc/self/maps for what is mapped of it, and tries to map the epoll descriptor. The same look at an io_uring.',
    claims: {
      epollMaps: {
        says: 'epoll uses memory that it shares with the kernel (mmap).',
        evidence:
          '{registered} sockets registered and reported: {mappings} mappings; mmap(2) of the epoll descriptor answers {answer}.',
      },
      uringMaps: {
        says: 'io_uring shares memory with the kernel: its two rings.',
        evidence: '{mappings} mappings of the ring, {mapped} in all.',
      },
    },
    labels: { mappedBytes: 'bytes mapped between process and kernel' },
    checks: {
      epollWorked: 'every registered socket was reported',
      mapsSeen: 'the search finds mappings where there are some',
    },
  },
  'aio-threads': {
    title: 'POSIX aio is threads',
    question: 'Who reads when aio_read is asked? Can a write overtake a read of the same descriptor?',
    method:
      'Looks at /proc/self/task before and after aio_read on 5 and on 30 sockets that have no data; then an aio_write behind an aio_read of the same socket, for 200 ms, with a plain write beside it.',
    claims: {
      kernelReads: {
        says: 'aio_read: the kernel waits and copies, and signals when it is done.',
        evidence:
          '{reads} aio_read that wait: {threads} new threads in this process, {inRead} of them asleep in read(2) of our sockets.',
      },
      sameDescriptor: {
        says: 'aio_read and aio_write on one socket do not get in each other’s way.',
        evidence:
          'Behind an aio_read that waits, an aio_write was still in progress after {stalled}; a plain write took its byte at once.',
      },
      threadEach: {
        says: 'However many reads wait, each has a thread.',
        evidence:
          '{many} aio_read that wait have {threads} threads: glibc’s limit; the others wait for a thread, not for data.',
      },
    },
    labels: {
      threads: 'threads of the process',
      before: 'before',
      someReads: '5 reads',
      manyReads: '30 reads',
    },
    checks: {
      readsCompleted: 'every read got its byte in the end',
      writable: 'the socket takes a plain write',
      wroteInTheEnd: 'the write was done once the read was',
    },
  },
  'uring-workers': {
    title: 'The threads of io_uring',
    question: 'Does io_uring need threads for file reads: in the page cache, and from the disk?',
    method:
      'Reads 32 places of a file, with the page cache full and emptied (both checked with preadv2 and RWF_NOWAIT), and counts the iou-wrk threads in /proc/self/task. Then with IOSQE_ASYNC, and from /dev/shm.',
    claims: {
      cachedWithout: {
        says: 'What is in the page cache io_uring reads without a thread.',
        evidence:
          '{reads} reads of {size}: {workers} threads; from {folder}, which lives in memory, {memory}.',
        when: 'the file system has reads that do not wait (RWF_NOWAIT); in {folder} it was not so.',
      },
      coldWithout: {
        says: 'What is not in the page cache io_uring reads without a thread.',
        evidence: '{reads} reads, {cold} of the places not in the cache: {workers} threads.',
      },
      workersExist: {
        says: 'io_uring has threads of the kernel for what would block.',
        evidence: '{reads} reads with IOSQE_ASYNC: {workers} threads named iou-wrk in this process.',
      },
    },
    labels: { workers: 'iou-wrk threads that appeared', cached: 'cached', cold: 'cold' },
    checks: {
      allRead: 'every read brought all its bytes',
      wasCached: 'the cached places were in the cache',
    },
  },
  'asynchronous-cost': {
    title: 'What “asynchronous” costs',
    question: 'Is an asynchronous read cheaper than a synchronous one, when nobody has to wait?',
    method:
      'Reads of 4 KiB from the page cache by pread, by aio_read and aio_suspend, and by io_uring, one at a time and 32 at a time; the CPU time of the whole process, its other threads included.',
    claims: {
      aioCheaper: {
        says: 'POSIX aio takes less CPU than a blocking read.',
        evidence: 'CPU per read: pread {pread}, aio_read {aio}.',
      },
      uringCheaper: {
        says: 'io_uring takes less CPU than a blocking read.',
        evidence: 'CPU per read: pread {pread}, io_uring one at a time {one}, {batch} at a time {many}.',
        when: 'several requests go to the kernel with one call.',
      },
    },
    labels: { cpuPerRead: 'CPU per read of 4 KiB' },
    checks: { allRead: 'every read brought all its bytes', someTime: 'each took some CPU time' },
  },
}
