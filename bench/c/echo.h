// What the echo servers in this folder share, so that each file holds nothing but its own I/O model:
// a listening socket, a table of connections indexed by descriptor, and `echo`, the second phase of an
// input operation (the copy), which is the same for every synchronous model.
//
//   a. The copy is optimistic: receive once into one hot buffer, send straight back, and only when the
//      socket takes less than it was given put the rest aside. While a rest is waiting nothing more is
//      read from that connection: that is the backpressure.
//   b. Linux hands TCP_NODELAY of a listening socket down to every socket it accepts.
//   c. A short receive proves that a stream's queue was empty a moment ago. Models that are told of
//      changes only (real-time signals) may stop there; the next segment brings the next signal.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "clock.h"

enum { BUFFER = 64 * 1024, ACCEPTS_PER_TURN = 64 };

struct connection {
  char *rest; // what the peer would not take yet, or NULL
  size_t from, length;
  unsigned char open, writing; // `writing`: the model waits for room instead of data
  unsigned char unsure;        // real-time signals only: see there
};

enum outcome {
  DRAINED, // everything there was has been echoed
  MORE,    // echoed a full buffer: there may be more to read
  BLOCKED, // a rest is waiting for the socket to take it
  GONE,    // end of the stream, or an error: the connection must be closed
};

static struct connection *connections; // indexed by descriptor
static size_t table_size;

static void quit(int signal) {
  (void)signal;
  _exit(0);
}

// Listens on a port of 127.0.0.1 (0: the kernel picks one), or on a unix socket if the argument is a path.
__attribute__((unused)) static int listen_on(const char *where) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  table_size = limit.rlim_cur < (1 << 20) ? limit.rlim_cur : (1 << 20);
  connections = calloc(table_size, sizeof *connections); // the kernel gives pages when they are touched
  if (!connections) die("calloc");
  signal(SIGTERM, quit);
  signal(SIGPIPE, SIG_IGN);

  int fd, one = 1;
  if (strchr(where, '/')) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", where);
    unlink(where);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die(where);
  } else {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(where))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die(where);
  }
  if (listen(fd, 4096) < 0) die("listen");
  return fd;
}

// Tells whoever started us that connections are welcome.
__attribute__((unused)) static void announce(int fd) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  getsockname(fd, (struct sockaddr *)&address, &length);
  int port = address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port) : 0;
  printf("listening %d\n", port);
  fflush(stdout);
}

// The next waiting connection, non-blocking, or -1 when there is none.
__attribute__((unused)) static int accept_next(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      if ((size_t)fd >= table_size) {
        close(fd);
        continue;
      }
      connections[fd] = (struct connection){.open = 1};
      return fd;
    }
    if (errno == EAGAIN) return -1;
    if (errno != EINTR && errno != ECONNABORTED) die("accept");
  }
}

__attribute__((unused)) static void hang_up(int fd) {
  free(connections[fd].rest);
  connections[fd] = (struct connection){0};
  close(fd);
}

// Phase two for a non-blocking socket: one receive and one send, or one more try at the rest.
__attribute__((unused)) static enum outcome echo(int fd) {
  static char buffer[BUFFER];
  struct connection *c = &connections[fd];
  if (c->rest) {
    ssize_t sent = send(fd, c->rest + c->from, c->length - c->from, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR ? BLOCKED : GONE;
    c->from += (size_t)sent;
    if (c->from < c->length) return BLOCKED;
    free(c->rest);
    c->rest = NULL;
    return MORE; // bytes may have arrived meanwhile
  }
  ssize_t received = recv(fd, buffer, BUFFER, 0);
  if (received == 0) return GONE;
  if (received < 0) return errno == EAGAIN ? DRAINED : errno == EINTR ? MORE : GONE;
  ssize_t sent = send(fd, buffer, (size_t)received, MSG_NOSIGNAL);
  if (sent == received) return received == BUFFER ? MORE : DRAINED;
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) return GONE;
    sent = 0;
  }
  c->from = 0;
  c->length = (size_t)(received - sent);
  c->rest = malloc(c->length);
  if (!c->rest) return GONE;
  memcpy(c->rest, buffer + sent, c->length);
  return BLOCKED;
}
