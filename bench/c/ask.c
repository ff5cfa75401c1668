// A closed loop of questions and answers: each connection sends the same bytes (standard input) and, when an answer of
// the usual length has come, sends them again. How long an answer is, the first one tells: it is complete when
// nothing more comes for 50 ms, or, with `answer` given, at that length.
//
//   ask PORT CONNECTIONS WARMUP-S SECONDS SERVER-PID [ANSWER-BYTES] < question
//   prints: questions per second, CPU nanoseconds of the server per question, p50 and p99 in microseconds
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"

enum { MOST = 1 << 20, BUCKETS = 1 << 20 };
static char question[MOST], answer[MOST];
static size_t asked, expected;
static unsigned buckets[BUCKETS]; // microseconds

struct connection {
  int fd;
  size_t unsent, left;
  double since;
};

static int dial(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (fd < 0 || connect(fd, (void *)&to, sizeof to) < 0) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void push(struct connection *c) {
  while (c->unsent > 0) {
    ssize_t n = send(c->fd, question + asked - c->unsent, c->unsent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) die("send");
    c->unsent -= n;
  }
}

static size_t lengthOfAnswer(int port) {
  struct connection c = {.fd = dial(port), .unsent = asked};
  push(&c);
  size_t got = 0;
  struct pollfd p = {.fd = c.fd, .events = POLLIN};
  while (poll(&p, 1, got > 0 ? 50 : 5000) > 0) {
    ssize_t n = recv(c.fd, answer, sizeof answer, 0);
    if (n <= 0) break;
    got += n;
  }
  close(c.fd);
  if (got == 0) die("no answer");
  return got;
}

int main(int argc, char **argv) {
  if (argc < 6) {
    fprintf(stderr, "ask PORT CONNECTIONS WARMUP-S SECONDS SERVER-PID [ANSWER-BYTES] < question\n");
    return 2;
  }
  int port = atoi(argv[1]), count = atoi(argv[2]);
  double warmup = atof(argv[3]), seconds = atof(argv[4]);
  clockid_t server;
  if (clock_getcpuclockid(atoi(argv[5]), &server) != 0) die("clock_getcpuclockid");
  for (ssize_t n; (n = read(0, question + asked, MOST - asked)) > 0;) asked += n;
  expected = argc > 6 ? strtoul(argv[6], NULL, 10) : lengthOfAnswer(port);
  int ep = epoll_create1(0);
  struct connection *all = calloc(count, sizeof *all);
  for (int i = 0; i < count; i++) {
    all[i] = (struct connection){.fd = dial(port), .unsent = asked, .left = expected};
    all[i].since = seconds_of(CLOCK_MONOTONIC);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &all[i]};
    if (epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &e) < 0) die("epoll_ctl");
    push(&all[i]);
  }
  unsigned long questions = 0;
  double begin = seconds_of(CLOCK_MONOTONIC), end = 0, cpu = 0;
  int measuring = 0;
  for (;;) {
    struct epoll_event events[64];
    int n = epoll_wait(ep, events, 64, 100);
    double at = seconds_of(CLOCK_MONOTONIC);
    if (!measuring && at - begin >= warmup) {
      measuring = 1;
      questions = 0;
      begin = at;
      end = at + seconds;
      cpu = seconds_of(server);
      memset(buckets, 0, sizeof buckets);
    }
    if (measuring && at >= end) {
      cpu = seconds_of(server) - cpu;
      break;
    }
    for (int i = 0; i < n; i++) {
      struct connection *c = events[i].data.ptr;
      push(c);
      for (;;) {
        ssize_t got = recv(c->fd, answer, sizeof answer, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) die("the server ended the connection");
        if ((size_t)got > c->left) {
          fprintf(stderr, "an answer is longer than the first\n");
          return 1;
        }
        c->left -= got;
        if (c->left > 0) continue;
        questions++;
        long us = (at - c->since) * 1e6;
        buckets[us < BUCKETS ? us : BUCKETS - 1]++;
        c->since = at;
        c->left = expected;
        c->unsent = asked;
        push(c);
        break;
      }
    }
  }
  double elapsed = seconds_of(CLOCK_MONOTONIC) - begin;
  unsigned long seen = 0;
  long p50 = -1, p99 = -1;
  for (long us = 0; us < BUCKETS; us++) {
    seen += buckets[us];
    if (p50 < 0 && seen * 2 >= questions) p50 = us;
    if (p99 < 0 && seen * 100 >= questions * 99) p99 = us;
  }
  printf("%.0f %.0f %ld %ld\n", questions / elapsed, cpu / questions * 1e9, p50, p99);
  return 0;
}
