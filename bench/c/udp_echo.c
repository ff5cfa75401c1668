// Datagrams in batches: recvmmsg sleeps until there is one datagram and takes all that are there, sendmmsg
// gives them all back. Two system calls for up to 64 datagrams.
//
//   a. MSG_WAITFORONE makes every datagram after the first non-blocking. The timeout argument of recvmmsg is
//      looked at only after a datagram came, so it is of no use here.
//   b. A sender's address comes back in msg_name and serves as the answer's destination unchanged.
//   c. There is no backpressure in UDP: what does not fit in a socket's buffer is lost, and counted by
//      whoever cares. A larger receive buffer is asked for.
#include "echo.h"

enum { BATCH = 64, DATAGRAM = 65536 };

int main(int argc, char **argv) {
  signal(SIGTERM, quit);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), space = 4 << 20;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &space, sizeof space);
  announce(fd);

  static char buffers[BATCH][DATAGRAM];
  static struct sockaddr_storage senders[BATCH];
  static struct iovec vectors[BATCH];
  static struct mmsghdr messages[BATCH];
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      vectors[i] = (struct iovec){buffers[i], DATAGRAM};
      messages[i].msg_hdr = (struct msghdr){
          .msg_name = &senders[i], .msg_namelen = sizeof senders[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (count < 0) {
      if (errno == EINTR || errno == ECONNREFUSED) continue;
      die("recvmmsg");
    }
    for (int i = 0; i < count; i++) vectors[i].iov_len = messages[i].msg_len;
    for (int sent = 0; sent < count;) {
      int n = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
      sent += n > 0 ? n : 1; // an error belongs to the first one: leave it out and go on
    }
  }
}
