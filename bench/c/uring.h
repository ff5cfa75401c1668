// io_uring without liburing: the two rings, the kernel calls, and the constants that older kernel
// headers do not have yet. Nothing here knows what the ring is used for.
#pragma once
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif
#define BUFFER_RING_INCREMENTAL 2  // IOU_PBUF_RING_INC, Linux 6.12
#define COMPLETION_BUFFER_MORE 16U // IORING_CQE_F_BUF_MORE

struct ring {
  int fd, enter_fd;
  unsigned enter_flags;
  unsigned *sq_head, *sq_tail, sq_mask, sq_entries, sq_local;
  unsigned *cq_head, *cq_tail, cq_mask;
  struct io_uring_sqe *sqes;
  struct io_uring_cqe *cqes;
};

static int ring_register(struct ring *ring, unsigned opcode, void *argument, unsigned count) {
  return (int)syscall(SYS_io_uring_register, ring->fd, opcode, argument, count);
}

// One issuer, and completions are worked out only when we ask for them: the cheapest way there is.
static void ring_open(struct ring *ring, unsigned entries, unsigned completions) {
  struct io_uring_params p;
  unsigned wanted = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  for (unsigned extra = IORING_SETUP_NO_SQARRAY;; extra = 0) {
    memset(&p, 0, sizeof p);
    p.flags = wanted | extra;
    p.cq_entries = completions;
    ring->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
    if (ring->fd >= 0) break;
    if (errno != EINVAL || !extra) die("io_uring_setup (needs Linux 6.1)");
  }
  if (!(p.features & IORING_FEAT_SINGLE_MMAP)) die("io_uring: rings of one mapping");
  size_t size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
  size_t sq_size = p.sq_off.array + p.sq_entries * sizeof(unsigned);
  if (sq_size > size) size = sq_size;
  char *rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
  ring->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
  if (rings == MAP_FAILED || (void *)ring->sqes == MAP_FAILED) die("mmap");
  ring->sq_head = (unsigned *)(rings + p.sq_off.head);
  ring->sq_tail = (unsigned *)(rings + p.sq_off.tail);
  ring->sq_mask = p.sq_entries - 1;
  ring->sq_entries = p.sq_entries;
  ring->cq_head = (unsigned *)(rings + p.cq_off.head);
  ring->cq_tail = (unsigned *)(rings + p.cq_off.tail);
  ring->cq_mask = p.cq_entries - 1;
  ring->cqes = (struct io_uring_cqe *)(rings + p.cq_off.cqes);
  if (!(p.flags & IORING_SETUP_NO_SQARRAY)) {
    unsigned *array = (unsigned *)(rings + p.sq_off.array);
    for (unsigned i = 0; i < p.sq_entries; i++) array[i] = i;
  }
  // A registered ring descriptor saves looking the file up at every call.
  ring->enter_fd = ring->fd;
  struct io_uring_rsrc_update update = {.offset = -1U, .data = (unsigned long)ring->fd};
  if (ring_register(ring, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
    ring->enter_flags = IORING_ENTER_REGISTERED_RING;
    ring->enter_fd = (int)update.offset;
  }
}

// Hands over everything prepared and, if `wait` is not 0, sleeps until so many completions are there.
static void ring_enter(struct ring *ring, unsigned wait) {
  unsigned pending = ring->sq_local - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE);
  __atomic_store_n(ring->sq_tail, ring->sq_local, __ATOMIC_RELEASE);
  while (syscall(SYS_io_uring_enter, ring->enter_fd, pending, wait, ring->enter_flags | IORING_ENTER_GETEVENTS, NULL, 0) < 0) {
    if (errno == EAGAIN || errno == EBUSY) return; // the completions must be emptied first
    if (errno != EINTR) die("io_uring_enter");
    pending = ring->sq_local - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE);
  }
}

static struct io_uring_sqe *ring_sqe(struct ring *ring) {
  while (ring->sq_local - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE) == ring->sq_entries) ring_enter(ring, 0);
  struct io_uring_sqe *sqe = &ring->sqes[ring->sq_local++ & ring->sq_mask];
  memset(sqe, 0, sizeof *sqe);
  return sqe;
}
