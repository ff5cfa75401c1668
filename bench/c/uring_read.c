// Random reads with io_uring: a whole batch of requests goes in with one system call, which also waits for
// completions. Cached blocks are copied during submission; the others are started on the device without a
// thread where the file system allows it.
//
//   a. One plain READ per request; its place in user_data. Registered files and buffers would save a little
//      more; they are left out because the library does not use them by default either.
#include "reads.h"
#include "uring.h"

int main(int argc, char **argv) {
  begin(argc, argv);
  struct ring ring = {0};
  ring_open(&ring, (unsigned)depth, (unsigned)depth * 2);
  int fd = open_file(), in_flight = 0;
  char *buffers = aligned_alloc(BLOCK, (size_t)depth * BLOCK);
  uint64_t *wanted = calloc((size_t)depth, sizeof *wanted);
  int *idle = calloc((size_t)depth, sizeof *idle), idle_count = depth;
  if (!buffers || !wanted || !idle) die("calloc");
  for (int i = 0; i < depth; i++) idle[i] = i;

  for (;;) {
    while (idle_count > 0 && time_left()) {
      int slot = idle[--idle_count];
      wanted[slot] = next_block();
      struct io_uring_sqe *sqe = ring_sqe(&ring);
      sqe->opcode = IORING_OP_READ;
      sqe->fd = fd;
      sqe->addr = (unsigned long)(buffers + (size_t)slot * BLOCK);
      sqe->len = BLOCK;
      sqe->off = wanted[slot] * BLOCK;
      sqe->user_data = (unsigned long)slot;
      in_flight++;
    }
    if (in_flight == 0) return finish();
    ring_enter(&ring, 1);
    unsigned head = *ring.cq_head, tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
    for (; head != tail; head++) {
      struct io_uring_cqe *cqe = &ring.cqes[head & ring.cq_mask];
      int slot = (int)cqe->user_data;
      if (cqe->res < 0) errno = -cqe->res, die("read");
      arrived(buffers + (size_t)slot * BLOCK, cqe->res, wanted[slot]);
      idle[idle_count++] = slot;
      in_flight--;
    }
    __atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
  }
}
