// A flood of datagrams that nobody answers: how many arrive, and what does each cost its receiver?
//
//   a. Paced (`--rate`) they are due at fixed times whatever the receiver does; without, they go as fast as they can.
//      They leave in batches (sendmmsg), because a sender slower than the receivers would measure itself.
//   b. Each carries its number. The receiver counts and adds up the numbers (see udp.h); it is asked before the flood
//      and after, until its count no longer changes. What is missing was lost in its socket's buffer. Where
//      nothing is missing the sum must be right, or something came twice or altered.
//   c. The CPU time is that of the whole receiving process, in nanoseconds, between the two answers.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"

enum { BATCH = 32, CONTROL = 8, LARGEST = 1472 };

static struct {
  int port, size, server;
  double rate, warmup, duration;
} option = {0, 64, 0, 0, 0.5, 2};

struct counts {
  uint32_t count, sum, wrong;
};

static int fd;
static uint64_t sent;
static uint32_t sum; // of the numbers sent
static uint64_t refused;

static void flood(double seconds) {
  static char datagrams[BATCH][LARGEST];
  static struct iovec vectors[BATCH];
  static struct mmsghdr messages[BATCH];
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){datagrams[i], (size_t)option.size};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  uint64_t start = now(), end = start + (uint64_t)(seconds * 1e9), done = 0;
  for (uint64_t time = start; time < end; time = now()) {
    uint64_t batch = BATCH;
    if (option.rate > 0) {
      uint64_t due = (uint64_t)((double)(time - start) / 1e9 * option.rate);
      if (due <= done) continue;
      if (due - done < batch) batch = due - done;
    }
    for (uint64_t i = 0; i < batch; i++) {
      uint32_t number = (uint32_t)(sent + i);
      memcpy(datagrams[i], &number, sizeof number);
    }
    int n = sendmmsg(fd, messages, (unsigned)batch, 0);
    if (n < 0) {
      if (errno == ECONNREFUSED) refused++;
      if (errno != EINTR && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) die("sendmmsg");
      continue;
    }
    for (int i = 0; i < n; i++) sum += (uint32_t)(sent + (uint64_t)i);
    sent += (uint64_t)n;
    done += (uint64_t)n;
  }
}

// The receiver's counts once they stand still. A question may be lost like any datagram: it is asked again.
static struct counts ask(void) {
  struct counts answer = {0}, before = {0};
  bool known = false;
  for (int tries = 0; tries < 600; tries++) {
    char question[CONTROL] = {0};
    if (send(fd, question, sizeof question, 0) < 0 && errno != ECONNREFUSED) die("send");
    struct pollfd watched = {.fd = fd, .events = POLLIN};
    if (poll(&watched, 1, 50) <= 0) continue;
    if (recv(fd, &answer, sizeof answer, 0) != sizeof answer) continue;
    if (known && memcmp(&answer, &before, sizeof answer) == 0) {
      // Answers to questions that were asked again would be taken for those to the next.
      usleep(10000);
      while (recv(fd, &before, sizeof before, MSG_DONTWAIT) >= 0) continue;
      return answer;
    }
    before = answer;
    known = true;
    usleep(5000);
  }
  fprintf(stderr, "flood: error: the receiver does not tell what it has counted\n");
  exit(1);
}

int main(int argc, char **argv) {
  static const struct option names[] = {{"port", 1, 0, 'p'},   {"size", 1, 0, 's'},     {"server-pid", 1, 0, 'S'},
                                        {"rate", 1, 0, 'r'},   {"warmup", 1, 0, 'w'},   {"duration", 1, 0, 'd'},
                                        {0, 0, 0, 0}};
  for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    if (name == 'p') option.port = atoi(optarg);
    else if (name == 's') option.size = atoi(optarg);
    else if (name == 'S') option.server = atoi(optarg);
    else if (name == 'r') option.rate = atof(optarg);
    else if (name == 'w') option.warmup = atof(optarg);
    else if (name == 'd') option.duration = atof(optarg);
    else return 2;
  }
  if (option.port < 1 || option.size <= CONTROL || option.size > LARGEST || option.server < 1) {
    fprintf(stderr, "usage: flood --port N --server-pid PID [--size 64] [--rate DATAGRAMS_PER_SECOND]\n"
                    "             [--warmup 0.5] [--duration 2]\n");
    return 2;
  }
  clockid_t server_clock;
  if (clock_getcpuclockid(option.server, &server_clock) != 0) die("clock_getcpuclockid");
  fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");

  flood(option.warmup);
  struct counts before = ask();
  uint64_t sent_before = sent;
  uint32_t sum_before = sum;
  uint64_t cpu = clock_of(server_clock), start = now();
  flood(option.duration);
  double seconds = (double)(now() - start) / 1e9;
  struct counts after = ask();
  cpu = clock_of(server_clock) - cpu;

  uint64_t offered = sent - sent_before, delivered = (uint32_t)(after.count - before.count);
  // More than was sent, another length, or the wrong sum where nothing is missing.
  bool wrong = delivered > offered || after.wrong || (delivered == offered && after.sum - before.sum != sum - sum_before);
  printf("{\"sent\":%llu,\"delivered\":%llu,\"seconds\":%.6f,\"sentPerSecond\":%.1f,\"deliveredPerSecond\":%.1f,"
         "\"deliveredPercent\":%.6f,\"wrong\":%s,\"refused\":%llu,\"serverCpuSeconds\":%.6f,\"serverCpuShare\":%.3f,"
         "\"serverCpuMicrosPerDatagram\":%.4f}\n",
         (unsigned long long)offered, (unsigned long long)delivered, seconds, (double)offered / seconds,
         (double)delivered / seconds, offered ? 100.0 * (double)delivered / (double)offered : 0, wrong ? "true" : "false",
         (unsigned long long)refused, (double)cpu / 1e9, (double)cpu / 1e9 / seconds,
         delivered ? (double)cpu / 1e3 / (double)delivered : 0);
  return wrong ? 3 : 0;
}
