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
}
