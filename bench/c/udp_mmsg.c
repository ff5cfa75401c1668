// Datagrams in batches: recvmmsg sleeps until there is one datagram and takes all that are there, sendmmsg
// gives them all back. Two system calls for up to 64 datagrams. Arguments: PORT [sink]
//
//   a. MSG_WAITFORONE makes every datagram after the first non-blocking. The timeout argument of recvmmsg is
//      looked at only after a datagram came, so it is of no use here.
//   b. A sender's address comes back in msg_name and serves as the answer's destination unchanged.
//   c. There is no backpressure in UDP: what does not fit in a socket's buffer is lost, and counted by
//      whoever cares.
#include "udp.h"

enum { BATCH = 64 };

int main(int argc, char **argv) {
  int fd = bound_socket(argc, argv);
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
    if (is_sink) {
      for (int i = 0; i < count; i++)
        note(fd, buffers[i], messages[i].msg_len, &senders[i], messages[i].msg_hdr.msg_namelen);
      continue;
    }
    for (int i = 0; i < count; i++) vectors[i].iov_len = messages[i].msg_len;
    for (int sent = 0; sent < count;) {
      int n = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
      sent += n > 0 ? n : 1; // an error belongs to the first one: leave it out and go on
    }
  }
}
