// Datagrams one by one: recvfrom sleeps until there is one, sendto gives it back. Two system calls each: what
// batching (udp_mmsg.c) saves. Arguments: PORT [sink]
#include "udp.h"

int main(int argc, char **argv) {
  int fd = bound_socket(argc, argv);
  static char buffer[DATAGRAM];
  for (;;) {
    struct sockaddr_storage sender;
    socklen_t sender_length = sizeof sender;
    ssize_t length = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&sender, &sender_length);
    if (length < 0) {
      if (errno == EINTR || errno == ECONNREFUSED) continue;
      die("recvfrom");
    }
    if (is_sink) note(fd, buffer, (size_t)length, &sender, sender_length);
    else (void)!sendto(fd, buffer, (size_t)length, 0, (struct sockaddr *)&sender, sender_length);
  }
}
