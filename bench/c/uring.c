// Asynchronous I/O with io_uring: requests go into one ring, completions come out of another, and the
// kernel has done both phases, the waiting and the copying, by the time we hear of it. One system call
// submits all the sends of a turn and waits for the next completions.
//
//   a. Accept and receive are multishot: armed once, they complete again and again until a completion
//      comes without F_MORE; then they are armed anew.
//   b. Received bytes land in buffers the kernel picks from a ring we provide. Incremental consumption
//      (Linux 6.12) lets small messages share one buffer and large ones use a whole one; older kernels
//      get a whole buffer per receive.
//   c. Sends are tried without waiting (MSG_DONTWAIT), so a provided buffer is held for one turn only and
//      a slow peer can never dry up the ring. What a peer does not take is copied aside, reading from it
//      is cancelled, and the rest is sent with MSG_WAITALL, which lets the kernel wait for room.
//   d. One send at a time per connection keeps the order; what arrives meanwhile queues behind it.
//   e. -ENOBUFS ends a multishot receive when the ring is dry: it is armed again at the end of the turn, when
//      sends have given buffers back.
//   f. A connection is closed only after its last completion, so no request can meet a reused descriptor.
#include "echo.h"
#include "uring.h"

enum { ACCEPT, RECEIVE, SEND, CANCEL }; // in the low bits of user_data, above it the connection
enum { GROUP = 0, HELD_LIMIT = 256 * 1024 };

struct piece { // a part of a provided buffer that must be sent back
  struct piece *next;
  char *data;
  unsigned length, buffer;
};

struct peer {
  int fd;
  unsigned char receiving, sending, cancelling, ended, dry;
  struct piece *first, *last; // the first one is being sent
  size_t held;
  char *rest, *later; // copied aside: being sent, and waiting behind it
  size_t rest_length, rest_sent, later_length;
  struct peer *next_dry;
};

static struct ring ring;
static struct io_uring_buf_ring *provided;
static unsigned short provided_tail;
static unsigned buffers = 64, buffer_size = 64 * 1024;
static char *slab;
static struct {
  unsigned used, users;
  unsigned char done; // the kernel will put nothing more into it
} *state;
static int incremental;
static struct piece *free_pieces;
static struct peer *dry;

static void provide(unsigned buffer) {
  state[buffer].used = state[buffer].done = 0;
  struct io_uring_buf *entry = &provided->bufs[provided_tail++ & (buffers - 1)];
  entry->addr = (unsigned long)(slab + (size_t)buffer * buffer_size);
  entry->len = buffer_size;
  entry->bid = (unsigned short)buffer;
  __atomic_store_n(&provided->tail, provided_tail, __ATOMIC_RELEASE);
}

static void set_up_buffers(void) {
  struct io_uring_buf_reg registration = {.ring_entries = buffers, .bgid = GROUP};
  provided = mmap(NULL, 32768 * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (provided == MAP_FAILED) die("mmap");
  registration.ring_addr = (unsigned long)provided;
  registration.pad = BUFFER_RING_INCREMENTAL; // the field is called `flags` in newer headers
  incremental = ring_register(&ring, IORING_REGISTER_PBUF_RING, &registration, 1) == 0;
  if (!incremental) {
    registration.pad = 0;
    registration.ring_entries = buffers = 512;
    buffer_size = 16 * 1024;
    if (ring_register(&ring, IORING_REGISTER_PBUF_RING, &registration, 1) < 0) die("IORING_REGISTER_PBUF_RING");
  }
  slab = mmap(NULL, (size_t)buffers * buffer_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  state = calloc(buffers, sizeof *state);
  if (slab == MAP_FAILED || !state) die("mmap");
  for (unsigned i = 0; i < buffers; i++) provide(i);
}

static void release(struct peer *peer) { // the first piece has been sent or copied
  struct piece *piece = peer->first;
  peer->first = piece->next;
  peer->held -= piece->length;
  if (--state[piece->buffer].users == 0 && state[piece->buffer].done) provide(piece->buffer);
  piece->next = free_pieces;
  free_pieces = piece;
}

static void arm_accept(int listener) {
  struct io_uring_sqe *sqe = ring_sqe(&ring);
  sqe->opcode = IORING_OP_ACCEPT;
  sqe->fd = listener;
  sqe->ioprio = IORING_ACCEPT_MULTISHOT;
  sqe->accept_flags = SOCK_CLOEXEC;
  sqe->user_data = ACCEPT;
}

static void arm_receive(struct peer *peer) {
  struct io_uring_sqe *sqe = ring_sqe(&ring);
  sqe->opcode = IORING_OP_RECV;
  sqe->fd = peer->fd;
  sqe->ioprio = IORING_RECV_MULTISHOT;
  sqe->flags = IOSQE_BUFFER_SELECT;
  sqe->buf_group = GROUP;
  sqe->user_data = (unsigned long)peer | RECEIVE;
  peer->receiving = 1;
}

static void cancel_receive(struct peer *peer) {
  if (!peer->receiving || peer->cancelling) return;
  struct io_uring_sqe *sqe = ring_sqe(&ring);
  sqe->opcode = IORING_OP_ASYNC_CANCEL;
  sqe->addr = (unsigned long)peer | RECEIVE;
  sqe->user_data = (unsigned long)peer | CANCEL;
  peer->cancelling = 1;
}

static void send_bytes(struct peer *peer, const char *data, size_t length, int flags) {
  struct io_uring_sqe *sqe = ring_sqe(&ring);
  sqe->opcode = IORING_OP_SEND;
  sqe->fd = peer->fd;
  sqe->addr = (unsigned long)data;
  sqe->len = (unsigned)length;
  sqe->msg_flags = (unsigned)(MSG_NOSIGNAL | flags);
  sqe->user_data = (unsigned long)peer | SEND;
  peer->sending = 1;
}

static void put_aside(struct peer *peer, const char *data, size_t length) {
  char *grown = realloc(peer->later, peer->later_length + length);
  if (!grown) die("realloc");
  memcpy(grown + peer->later_length, data, length);
  peer->later = grown;
  peer->later_length += length;
}

// Starts whatever the connection is ready for: the next send, receiving again, or the end.
static void go_on(struct peer *peer) {
  if (!peer->sending) {
    if (!peer->rest && peer->later) {
      peer->rest = peer->later;
      peer->rest_length = peer->later_length;
      peer->rest_sent = 0;
      peer->later = NULL;
      peer->later_length = 0;
    }
    if (peer->rest) send_bytes(peer, peer->rest + peer->rest_sent, peer->rest_length - peer->rest_sent, MSG_WAITALL);
    else if (peer->first) send_bytes(peer, peer->first->data, peer->first->length, MSG_DONTWAIT);
  }
  if (peer->receiving || peer->cancelling || peer->dry) return;
  if (peer->ended) {
    if (peer->sending) return;
    close(peer->fd);
    free(peer);
  } else if (!peer->rest && peer->held < HELD_LIMIT) {
    arm_receive(peer);
  }
}

static void received(struct peer *peer, struct io_uring_cqe *cqe) {
  if (!(cqe->flags & IORING_CQE_F_MORE)) peer->receiving = 0;
  if (cqe->res > 0) {
    unsigned buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT, length = (unsigned)cqe->res;
    char *data = slab + (size_t)buffer * buffer_size + state[buffer].used;
    state[buffer].used += length;
    state[buffer].done = !incremental || !(cqe->flags & COMPLETION_BUFFER_MORE);
    if (peer->rest || peer->later || peer->ended) { // a slow peer, or a dead one
      if (!peer->ended) put_aside(peer, data, length);
      if (!state[buffer].users && state[buffer].done) provide(buffer);
    } else {
      struct piece *piece = free_pieces;
      if (piece) free_pieces = piece->next;
      else if (!(piece = malloc(sizeof *piece))) die("malloc");
      *piece = (struct piece){NULL, data, length, buffer};
      state[buffer].users++;
      if (peer->first) peer->last->next = piece;
      else peer->first = piece;
      peer->last = piece;
      peer->held += length;
      if (peer->held >= HELD_LIMIT) cancel_receive(peer);
    }
  } else if (cqe->res == -ENOBUFS) {
    peer->dry = 1;
    peer->next_dry = dry;
    dry = peer;
  } else if (cqe->res != -ECANCELED && cqe->res != -EINTR) {
    peer->ended = 1; // end of stream, or an error
  }
  go_on(peer);
}

static void sent(struct peer *peer, int result) {
  peer->sending = 0;
  if (result < 0 && result != -EAGAIN && result != -EINTR) { // reset by the peer: drop everything
    while (peer->first) release(peer);
    free(peer->rest);
    free(peer->later);
    peer->rest = peer->later = NULL;
    peer->later_length = 0;
    peer->ended = 1;
    cancel_receive(peer);
  } else if (peer->rest) {
    if (result > 0) peer->rest_sent += (size_t)result;
    if (peer->rest_sent == peer->rest_length) {
      free(peer->rest);
      peer->rest = NULL;
    }
  } else if (result == (int)peer->first->length) {
    release(peer);
  } else { // short: copy everything aside and stop reading
    size_t taken = result > 0 ? (size_t)result : 0;
    for (; peer->first; taken = 0) {
      put_aside(peer, peer->first->data + taken, peer->first->length - taken);
      release(peer);
    }
    cancel_receive(peer);
  }
  go_on(peer);
}

int main(int argc, char **argv) {
  int listener = listen_on(argc > 1 ? argv[1] : "0");
  if (argc > 3) { // for experiments: how many buffers of which size
    buffers = (unsigned)atoi(argv[2]);
    buffer_size = (unsigned)atoi(argv[3]);
  }
  ring_open(&ring, 4096, 32768);
  set_up_buffers();
  arm_accept(listener);
  announce(listener);

  for (;;) {
    ring_enter(&ring, 1);
    unsigned head = *ring.cq_head, tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
    while (head != tail) {
      struct io_uring_cqe cqe = ring.cqes[head & ring.cq_mask];
      __atomic_store_n(ring.cq_head, ++head, __ATOMIC_RELEASE);
      struct peer *peer = (struct peer *)(unsigned long)(cqe.user_data & ~3UL);
      switch (cqe.user_data & 3) {
        case ACCEPT:
          if (cqe.res >= 0) {
            peer = calloc(1, sizeof *peer);
            if (!peer) die("calloc");
            peer->fd = cqe.res;
            arm_receive(peer);
          } else if (cqe.res != -ECONNABORTED && cqe.res != -EINTR) {
            errno = -cqe.res;
            die("accept");
          }
          if (!(cqe.flags & IORING_CQE_F_MORE)) arm_accept(listener);
          break;
        case RECEIVE:
          received(peer, &cqe);
          break;
        case SEND:
          sent(peer, cqe.res);
          break;
        case CANCEL:
          peer->cancelling = 0;
          go_on(peer);
          break;
      }
    }
    // The dry ones are armed anew; if the ring is still dry they come back here after the next turn.
    struct peer *waiting = dry;
    dry = NULL;
    while (waiting) {
      struct peer *peer = waiting;
      waiting = peer->next_dry;
      peer->dry = 0;
      go_on(peer);
    }
  }
}
