// What the datagram servers share: a bound socket, and what a sink counts.
//
//   a. Nobody asks for a larger receive buffer, because not every peer can: all have the kernel's default.
//   b. A server started with `sink` answers no datagram but counts: how many came, the sum of their numbers (the
//      first four bytes, so that nothing came twice or altered where nothing is missing) and how many
//      had another length than the first. A datagram of CONTROL bytes asks for the three counts.
#pragma once
#include "echo.h"

enum { CONTROL = 8, DATAGRAM = 65536 };

static struct {
  uint32_t count, sum, wrong;
} seen;
static int is_sink;

static int bound_socket(int argc, char **argv) {
  signal(SIGTERM, quit);
  is_sink = argc > 2 && !strcmp(argv[2], "sink");
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  announce(fd);
  return fd;
}

static void note(int fd, const char *datagram, size_t length, const void *sender, socklen_t sender_length) {
  static size_t expected;
  if (length == CONTROL) {
    (void)!sendto(fd, &seen, sizeof seen, 0, sender, sender_length);
    return;
  }
  uint32_t number;
  memcpy(&number, datagram, sizeof number);
  if (!expected) expected = length;
  if (length != expected) seen.wrong++;
  seen.count++;
  seen.sum += number;
}
