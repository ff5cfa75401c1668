// The load generator: one thread, epoll, non-blocking sockets, every byte checked.
//
//   a. Closed loop (the default): each connection keeps `--pipeline` messages in flight and sends the next
//      when an answer is complete. This finds the capacity; its latencies say how long a queue of that
//      depth takes, not what a user of a quieter server would see.
//   b. Open loop (`--rate`): messages are due at fixed times whatever the server does, and latency counts
//      from the time a message was *due*, so a stall is charged to every message it delayed. Messages
//      that were due in the window get 100 ms (or 1 % of the window) of grace to arrive; when fewer than
//      99 % do, the server was overloaded and no percentiles are given.
//   c. The bytes of a connection are a function of their position in its stream (a random pattern whose
//      length is prime), and what comes back is compared with what must come next: a lost, doubled,
//      swapped or altered byte is a mismatch, and bytes that never come are an error at the end.
//   d. UDP (`--udp`): each datagram carries its number. No answer within 200 ms is a loss; an answer that
//      differs in a byte, or that comes twice, is a mismatch; one that comes after it was given up is late.
//   e. With `--server-pid` the CPU time of that process (all its threads, ended ones too, in nanoseconds)
//      is read at both ends of the window, and with it what other processes used and the host took away
//      (in cores: a share of 1 is one whole core).
//   f. A generator that is busy for more than 90 % of the window measures itself: "generatorBound".
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "histogram.h"

enum { PERIOD = 65521, CONNECTING_AT_ONCE = 128, RECEIVE = 256 * 1024 };
enum { DATAGRAM_SLOTS = 1024, LOST_AFTER = 200 * 1000 * 1000 };

static struct {
  const char *host, *path;
  int port, connections, pipeline, idle, server, hold;
  size_t size;
  double duration, warmup, rate;
  bool udp, hello;
} option = {"127.0.0.1", NULL, 0, 64, 1, 0, 0, 0, 64, 3, 1, 0, false, true};

enum phase { CLOSED, CONNECTING, GREETING, OPEN, BROKEN };

struct connection {
  int fd;
  uint32_t number;
  unsigned char phase, idle, blocked; // `blocked`: waits for room
  uint64_t begun, sent, received;     // messages due or started; bytes of the stream
  uint64_t *stamps;                   // closed loop: when each message in flight was started
  uint64_t *slots;                    // UDP: when each datagram in flight was due, by number; 0: answered
  uint64_t oldest;                    // UDP: nothing before this number is in flight
};

static struct connection *all;
static int total, opened, connecting, next_to_open, epoll;
static char *pattern, receive_buffer[RECEIVE];
static uint64_t in_flight_limit;

static struct histogram latency;
static uint64_t messages, bytes, errors, mismatches, lost, late, retries;
static uint64_t window_start, window_end; // 0 until known
static uint64_t first_due, due_count;     // open loop: the schedule's origin, and how far it has been handed out
static uint64_t open_in_window;           // messages due in the window that have been answered
static uint64_t empty_polls_time;
static bool sending = true;

static inline bool in_window(uint64_t time) {
  return window_start && time >= window_start && (!window_end || time < window_end);
}

// --- the pattern: connection `number` starts somewhere of its own in one endless random text
static void make_pattern(void) {
  size_t length = PERIOD + RECEIVE + option.size;
  pattern = malloc(length);
  if (!pattern) die("malloc");
  uint64_t x = 88172645463325252ULL;
  for (size_t i = 0; i < PERIOD; i++) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    pattern[i] = (char)(x >> 32);
  }
  for (size_t i = PERIOD; i < length; i++) pattern[i] = pattern[i - PERIOD];
}
static inline const char *pattern_at(const struct connection *c, uint64_t position) {
  return pattern + (c->number * 7919ULL + position) % PERIOD;
}

// --- connections
static void interest(struct connection *c, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  if (epoll_ctl(epoll, operation, c->fd, &event) < 0) die("epoll_ctl");
}

static void broken(struct connection *c, uint64_t *counter) {
  (*counter)++;
  if (c->phase == CONNECTING || c->phase == GREETING) connecting--;
  close(c->fd);
  c->phase = BROKEN;
  opened++; // nothing more is expected from it
}

static bool begin_connect(struct connection *c) {
  int type = (option.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, one = 1;
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
  } address = {0};
  socklen_t length;
  if (option.path) {
    address.un.sun_family = AF_UNIX;
    snprintf(address.un.sun_path, sizeof address.un.sun_path, "%s", option.path);
    length = sizeof address.un;
  } else if (strchr(option.host, ':')) {
    address.in6.sin6_family = AF_INET6;
    address.in6.sin6_port = htons((uint16_t)option.port);
    if (inet_pton(AF_INET6, option.host, &address.in6.sin6_addr) != 1) die(option.host);
    length = sizeof address.in6;
  } else {
    address.in.sin_family = AF_INET;
    address.in.sin_port = htons((uint16_t)option.port);
    if (inet_pton(AF_INET, option.host, &address.in.sin_addr) != 1) die(option.host);
    length = sizeof address.in;
  }
  c->fd = socket(address.any.sa_family, type, 0);
  if (c->fd < 0) die("socket");
  if (!option.path && !option.udp) {
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    // Leave with a reset: thousands of connections in TIME_WAIT would use up the ports of the next runs.
    struct linger linger = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  }
  if (option.udp) {
    int space = 4 << 20;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &space, sizeof space);
  }
  if (connect(c->fd, &address.any, length) < 0 && errno != EINPROGRESS) {
    int error = errno;
    close(c->fd);
    // A full backlog, or no port left for a moment: to be tried again.
    if (error == EAGAIN || error == ECONNREFUSED || error == EADDRNOTAVAIL) return false;
    errno = error;
    die("connect");
  }
  c->phase = CONNECTING;
  connecting++;
  interest(c, EPOLLOUT, EPOLL_CTL_ADD);
  return true;
}

// --- sending: what is due goes out straight from the pattern
static void flush(struct connection *c) {
  uint64_t until = c->begun * option.size;
  while (c->sent < until) {
    size_t length = until - c->sent < RECEIVE ? until - c->sent : RECEIVE;
    ssize_t n = send(c->fd, pattern_at(c, c->sent), length, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        broken(c, &errors);
        return;
      }
      break;
    }
    c->sent += (uint64_t)n;
  }
  bool blocked = c->sent < until;
  if (blocked != c->blocked) {
    c->blocked = blocked;
    interest(c, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  }
}

static void send_datagram(struct connection *c, uint64_t due) {
  static char datagram[65536];
  uint64_t number = c->begun++;
  memcpy(datagram, &number, 8);
  memcpy(datagram + 8, pattern_at(c, number * option.size), option.size - 8);
  c->slots[number % DATAGRAM_SLOTS] = due;
  ssize_t n = send(c->fd, datagram, option.size, MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED) errors++;
  // One that could not be sent stays in its slot and will count as lost.
}

static void start_closed(struct connection *c, uint64_t count, uint64_t time) {
  if (!sending) return;
  for (uint64_t i = 0; i < count; i++) {
    if (option.udp) send_datagram(c, time);
    else c->stamps[c->begun++ % in_flight_limit] = time;
  }
  if (!option.udp) flush(c);
}

static uint64_t due_time(uint64_t message) {
  return first_due + (uint64_t)((double)message * (1e9 / option.rate));
}

static void start_due(uint64_t time) { // open loop: hand out what is due, round robin, a bounded batch
  for (int i = 0; i < 1024 && sending && due_time(due_count) <= time; i++) {
    struct connection *c = &all[due_count % (uint64_t)option.connections];
    uint64_t due = due_time(due_count++);
    if (c->phase != OPEN) continue;
    if (option.udp) {
      if (c->begun - c->oldest >= DATAGRAM_SLOTS) lost++; // hopelessly behind
      else send_datagram(c, due);
    } else {
      c->begun++;
      if (!c->blocked) flush(c);
    }
  }
}

// When a stream's message was begun: the open loop works it out from the schedule.
static uint64_t begun_at(const struct connection *c, uint64_t message) {
  if (option.rate) return due_time(message * (uint64_t)option.connections + c->number);
  return c->stamps[message % in_flight_limit];
}

static void answered(uint64_t begun, uint64_t time) {
  if (option.rate) { // counted by when it was due
    if (!in_window(begun)) return;
    open_in_window++;
  } else if (!in_window(time)) {
    return;
  }
  record(&latency, time > begun ? time - begun : 0);
}

// --- receiving
static void receive_stream(struct connection *c) {
  ssize_t n = recv(c->fd, receive_buffer, RECEIVE, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    broken(c, &errors);
    return;
  }
  uint64_t time = now();
  if (c->received + (uint64_t)n > c->sent || memcmp(receive_buffer, pattern_at(c, c->received), (size_t)n) != 0) {
    broken(c, &mismatches);
    return;
  }
  uint64_t before = c->received / option.size, after = (c->received + (uint64_t)n) / option.size;
  c->received += (uint64_t)n;
  if (in_window(time)) {
    messages += after - before;
    bytes += (uint64_t)n;
  }
  if (c->phase == GREETING) {
    if (after == before) return;
    c->phase = OPEN;
    connecting--;
    opened++;
    c->begun = c->sent = c->received = 0; // the pattern starts anew, and with it the schedule
    return;
  }
  for (uint64_t message = before; message < after; message++) answered(begun_at(c, message), time);
  if (!option.rate && !c->idle && after > before) start_closed(c, after - before, time);
}

static void receive_datagrams(struct connection *c) {
  for (int turns = 0; turns < 64; turns++) {
    ssize_t n = recv(c->fd, receive_buffer, RECEIVE, 0);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED) errors++;
      return;
    }
    uint64_t time = now(), number;
    memcpy(&number, receive_buffer, 8);
    if ((size_t)n != option.size || number >= c->begun ||
        memcmp(receive_buffer + 8, pattern_at(c, number * option.size), option.size - 8) != 0) {
      mismatches++;
      continue;
    }
    if (number < c->oldest) {
      late++;
      continue;
    }
    uint64_t *slot = &c->slots[number % DATAGRAM_SLOTS];
    if (!*slot) {
      mismatches++; // twice
      continue;
    }
    if (in_window(time)) messages++, bytes += (uint64_t)n;
    answered(*slot, time);
    *slot = 0;
    while (c->oldest < c->begun && !c->slots[c->oldest % DATAGRAM_SLOTS]) c->oldest++;
    if (!option.rate) start_closed(c, 1, time);
  }
}

static void give_up_datagrams(uint64_t time) {
  for (int i = 0; i < option.connections; i++) {
    struct connection *c = &all[i];
    uint64_t given_up = 0;
    while (c->oldest < c->begun) {
      uint64_t *slot = &c->slots[c->oldest % DATAGRAM_SLOTS];
      if (*slot) {
        if (time < *slot + LOST_AFTER) break;
        *slot = 0;
        given_up++;
      }
      c->oldest++;
    }
    if (in_window(time)) lost += given_up;
    if (!option.rate) start_closed(c, given_up, time);
  }
}

static void connected(struct connection *c) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == ECONNREFUSED || error == ETIMEDOUT || error == ECONNRESET) {
    close(c->fd);
    connecting--;
    retries++;
    usleep(1000);
    while (!begin_connect(c)) retries++, usleep(1000);
    return;
  }
  if (error) {
    errno = error;
    perror("connect");
    broken(c, &errors);
    return;
  }
  interest(c, EPOLLIN, EPOLL_CTL_MOD);
  if (option.udp || !option.hello) {
    c->phase = OPEN;
    connecting--;
    opened++;
    return;
  }
  // The first message proves that the server has accepted us, and keeps its backlog short.
  c->phase = GREETING;
  c->begun = 1;
  if (c->stamps) c->stamps[0] = now();
  flush(c);
}

static int turn(int timeout_ms) {
  static struct epoll_event events[512];
  int ready = epoll_wait(epoll, events, 512, timeout_ms);
  if (ready < 0 && errno != EINTR) die("epoll_wait");
  for (int i = 0; i < ready; i++) {
    struct connection *c = events[i].data.ptr;
    if (c->phase == BROKEN) continue;
    if (c->phase == CONNECTING) {
      connected(c);
      continue;
    }
    if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
      if (option.udp) receive_datagrams(c);
      else receive_stream(c);
    }
    if ((events[i].events & EPOLLOUT) && c->phase == OPEN) flush(c);
  }
  return ready;
}

// Until `until`: answers, and in the open loop whatever falls due. Close to a due time it does not sleep,
// because a sleep ends tens of microseconds late; that time is not counted as the generator being busy.
static void run(uint64_t until) {
  uint64_t next_check = 0;
  for (uint64_t time = now(); time < until; time = now()) {
    if (option.udp && time >= next_check) {
      give_up_datagrams(time);
      next_check = time + SECOND / 50;
    }
    if (!option.rate) {
      uint64_t left = (until - time) / 1000000;
      turn(left > 20 ? 20 : (int)left);
      continue;
    }
    start_due(time);
    uint64_t due = sending ? due_time(due_count) : until;
    if (due > until) due = until;
    uint64_t before = now();
    if (due > before + 100000) {
      struct timespec wait = {0, 0};
      uint64_t nanoseconds = due - before - 60000;
      wait.tv_sec = (time_t)(nanoseconds / SECOND), wait.tv_nsec = (long)(nanoseconds % SECOND);
      struct epoll_event one;
      epoll_pwait2(epoll, &one, 1, &wait, NULL); // level-triggered: turn() will see it again
      before = now();
    }
    if (turn(0) == 0) empty_polls_time += now() - before;
  }
}

// Messages that were sent and are not answered, for UDP; connections that wait, for streams.
static uint64_t in_flight(void) {
  uint64_t count = 0;
  for (int i = 0; i < total; i++) {
    struct connection *c = &all[i];
    if (c->phase != OPEN || c->idle) continue;
    if (!option.udp) count += c->received < c->sent;
    else
      for (uint64_t m = c->oldest; m < c->begun; m++) count += c->slots[m % DATAGRAM_SLOTS] != 0;
  }
  return count;
}

// CPU time of the whole machine, and what its host took away, in seconds, from /proc/stat.
static void machine(double *busy, double *stolen) {
  unsigned long long user = 0, nice = 0, system = 0, idle, wait, irq = 0, softirq = 0, steal = 0;
  FILE *file = fopen("/proc/stat", "re");
  if (!file || fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal) != 8)
    user = nice = system = irq = softirq = steal = 0;
  if (file) fclose(file);
  double tick = (double)sysconf(_SC_CLK_TCK);
  *busy = (double)(user + nice + system + irq + softirq) / tick;
  *stolen = (double)steal / tick;
}

// Packets the kernel threw away because a core's queue was full: on loopback that is where they get lost.
static uint64_t dropped_packets(void) {
  uint64_t sum = 0;
  unsigned processed, dropped;
  FILE *file = fopen("/proc/net/softnet_stat", "re");
  if (!file) return 0;
  while (fscanf(file, "%x %x%*[^\n]", &processed, &dropped) == 2) sum += dropped;
  fclose(file);
  return sum;
}

// Seconds used by the kernel's ksoftirqd threads. Under load they carry packets for us: work of the run, but
// nobody's CPU time, and not a disturbance either.
static double softirq_threads(void) {
  static int pids[256], count = -1;
  char path[64], name[32];
  if (count < 0) {
    count = 0;
    for (int pid = 2; pid < 4096 && count < 256; pid++) { // they are among the first processes there are
      snprintf(path, sizeof path, "/proc/%d/comm", pid);
      FILE *file = fopen(path, "re");
      if (!file) continue;
      if (fgets(name, sizeof name, file) && strncmp(name, "ksoftirqd/", 10) == 0) pids[count++] = pid;
      fclose(file);
    }
  }
  double seconds = 0;
  for (int i = 0; i < count; i++) {
    unsigned long long nanoseconds = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", pids[i]);
    FILE *file = fopen(path, "re");
    if (!file) continue;
    if (fscanf(file, "%llu", &nanoseconds) == 1) seconds += (double)nanoseconds / 1e9;
    fclose(file);
  }
  return seconds;
}

static int number_of(const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*end || value < 0) {
    fprintf(stderr, "load: not a number: %s\n", text);
    exit(2);
  }
  return (int)value;
}

static void parse(int argc, char **argv) {
  static const struct option names[] = {
      {"host", 1, 0, 'h'},     {"port", 1, 0, 'p'},  {"unix", 1, 0, 'x'},       {"connections", 1, 0, 'c'},
      {"size", 1, 0, 's'},     {"pipeline", 1, 0, 'P'}, {"duration", 1, 0, 'd'}, {"warmup", 1, 0, 'w'},
      {"rate", 1, 0, 'r'},     {"idle", 1, 0, 'i'},  {"udp", 0, 0, 'u'},        {"server-pid", 1, 0, 'S'},
      {"no-hello", 0, 0, 'n'}, {"hold", 0, 0, 'H'},  {0, 0, 0, 0}};
  for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    switch (name) {
      case 'h': option.host = optarg; break;
      case 'p': option.port = number_of(optarg); break;
      case 'x': option.path = optarg; break;
      case 'c': option.connections = number_of(optarg); break;
      case 's': option.size = (size_t)number_of(optarg); break;
      case 'P': option.pipeline = number_of(optarg); break;
      case 'd': option.duration = atof(optarg); break;
      case 'w': option.warmup = atof(optarg); break;
      case 'r': option.rate = atof(optarg); break;
      case 'i': option.idle = number_of(optarg); break;
      case 'u': option.udp = true; break;
      case 'S': option.server = number_of(optarg); break;
      case 'n': option.hello = false; break;
      case 'H': option.hold = 1; break;
      default:
        fprintf(stderr,
                "usage: load --port N | --unix PATH [--host 127.0.0.1] [--udp] [--connections 64] [--size 64]\n"
                "            [--pipeline 1] [--rate MESSAGES_PER_SECOND] [--idle 0] [--warmup 1] [--duration 3]\n"
                "            [--server-pid PID] [--no-hello] [--hold]\n"
                "  --no-hello  do not exchange a first message on each connection\n"
                "  --hold      only open the idle connections, say so, and hold them until stdin ends\n");
        exit(2);
    }
  }
  if (!option.path && !option.port) {
    fprintf(stderr, "load: --port or --unix is needed\n");
    exit(2);
  }
  if (option.size < 1 || (option.udp && (option.size < 16 || option.size > 65507)) || option.pipeline < 1 ||
      option.pipeline > DATAGRAM_SLOTS / 2 || (option.connections < 1 && !option.hold)) {
    fprintf(stderr, "load: out of range\n");
    exit(2);
  }
}

static void print_time(const char *name, double nanoseconds, const char *after) {
  if (nanoseconds < 0) printf("\"%s\":null%s", name, after);
  else printf("\"%s\":%.1f%s", name, nanoseconds / 1000, after);
}

int main(int argc, char **argv) {
  parse(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (option.hold) option.connections = 0;
  total = option.connections + option.idle;
  if ((rlim_t)total + 16 > limit.rlim_cur) {
    fprintf(stderr, "load: %d connections do not fit under the descriptor limit of %ld\n", total, (long)limit.rlim_cur);
    return 1;
  }
  make_pattern();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  all = calloc((size_t)total, sizeof *all);
  in_flight_limit = (uint64_t)option.pipeline;
  for (int i = 0; i < total; i++) {
    all[i].number = (uint32_t)i;
    all[i].idle = i >= option.connections;
    if (all[i].idle) continue;
    if (option.udp) all[i].slots = calloc(DATAGRAM_SLOTS, sizeof(uint64_t));
    else all[i].stamps = calloc(in_flight_limit, sizeof(uint64_t));
  }

  if (option.server) softirq_threads();
  // Quiet time is counted, not read off the clock: whoever freezes us for a while freezes the server too.
  uint64_t connect_start = now();
  int quiet_ms = 0;
  for (int before = 0; opened < total; before = opened) {
    if (opened > before) quiet_ms = 0;
    while (next_to_open < total && connecting < CONNECTING_AT_ONCE) {
      if (!begin_connect(&all[next_to_open])) {
        retries++;
        break;
      }
      next_to_open++;
    }
    int patience = connecting ? 100 : 1;
    if (turn(patience) == 0) quiet_ms += patience;
    if (quiet_ms > 10000) {
      fprintf(stderr, "load: stuck at %d of %d connections for ten seconds\n", opened, total);
      return 1;
    }
  }
  double connect_seconds = (double)(now() - connect_start) / 1e9;
  if (option.hold) {
    char byte;
    printf("{\"holding\":%d,\"errors\":%llu,\"connectSeconds\":%.3f}\n", total, (unsigned long long)errors, connect_seconds);
    fflush(stdout);
    while (read(0, &byte, 1) > 0) continue;
    while (turn(0) > 0) continue; // has anyone hung up on us meanwhile?
    printf("{\"held\":%d,\"errors\":%llu}\n", total, (unsigned long long)errors);
    return errors ? 3 : 0;
  }

  clockid_t server_clock = 0;
  if (option.server && clock_getcpuclockid(option.server, &server_clock) != 0) die("clock_getcpuclockid");

  uint64_t time = now();
  first_due = time;
  if (!option.rate)
    for (int i = 0; i < option.connections; i++) start_closed(&all[i], (uint64_t)option.pipeline, time);
  run(time + (uint64_t)(option.warmup * 1e9));

  uint64_t server_cpu = option.server ? clock_of(server_clock) : 0;
  uint64_t own_cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
  double busy_before, stolen_before, busy_after, stolen_after;
  machine(&busy_before, &stolen_before);
  double softirq = option.server ? softirq_threads() : 0;
  uint64_t dropped = dropped_packets();
  empty_polls_time = 0;
  window_start = now();
  uint64_t end_of_run = window_start + (uint64_t)(option.duration * 1e9);
  if (option.rate) window_end = end_of_run;
  run(window_start + (end_of_run - window_start) / 2);
  uint64_t first_half = messages; // a server that is still warming up shows in the second half
  run(end_of_run);
  if (!option.rate) window_end = now();
  if (option.server) server_cpu = clock_of(server_clock) - server_cpu;
  own_cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - own_cpu;
  machine(&busy_after, &stolen_after);
  if (option.server) softirq = softirq_threads() - softirq;
  dropped = dropped_packets() - dropped;
  double foreign = busy_after - busy_before - softirq - (double)(server_cpu + own_cpu) / 1e9;
  double seconds = (double)(window_end - window_start) / 1e9;
  double cpu_share = (double)own_cpu / 1e9 / seconds;
  double busy_share = cpu_share - (double)empty_polls_time / 1e9 / seconds;

  // Grace: what was due in the window may still arrive, and is counted as achieved.
  sending = false;
  double offered = 0, achieved = (double)messages / seconds;
  if (option.rate) {
    uint64_t grace = (window_end - window_start) / 100 > SECOND / 10 ? (window_end - window_start) / 100 : SECOND / 10;
    uint64_t end = now() + grace, expected = 0;
    for (uint64_t m = (uint64_t)((double)(window_start - first_due) / 1e9 * option.rate); due_time(m) < window_end; m++)
      expected += in_window(due_time(m));
    while (now() < end && open_in_window < expected) turn(1);
    offered = (double)expected / seconds;
    achieved = (double)open_in_window / seconds;
    // What has not come is at least as old as it is now: leaving it out would flatter the percentiles.
    for (int i = 0; i < option.connections && !option.udp; i++)
      for (uint64_t m = all[i].received / option.size; m < all[i].begun; m++)
        if (in_window(begun_at(&all[i], m))) record(&latency, now() - begun_at(&all[i], m));
  }
  // Everything sent must come back in the end: a connection that still waits after five seconds of silence has lost bytes.
  uint64_t missing = in_flight();
  for (int quiet = 0; missing && quiet < 1000; missing = in_flight()) quiet = turn(5) ? 0 : quiet + 1;
  if (option.udp) lost += missing;
  else errors += missing;
  bool overloaded = option.rate && achieved < 0.99 * offered;

  printf("{\"messages\":%llu,\"seconds\":%.6f,\"messagesPerSecond\":%.1f,\"bytesPerSecond\":%.1f,",
         (unsigned long long)messages, seconds, (double)messages / seconds, (double)bytes / seconds);
  if (overloaded || !latency.count) {
    printf("\"latencyMicros\":null,");
  } else {
    printf("\"latencyMicros\":{\"count\":%llu,", (unsigned long long)latency.count);
    print_time("p50", percentile(&latency, 0.5), ",");
    print_time("p90", percentile(&latency, 0.9), ",");
    print_time("p99", percentile(&latency, 0.99), ",");
    print_time("p999", percentile(&latency, 0.999), ",");
    print_time("max", (double)latency.max, "},");
  }
  printf("\"errors\":%llu,\"mismatches\":%llu,", (unsigned long long)errors, (unsigned long long)mismatches);
  printf("\"droppedPackets\":%llu,", (unsigned long long)dropped);
  if (option.udp) printf("\"lost\":%llu,\"late\":%llu,", (unsigned long long)lost, (unsigned long long)late);
  if (option.server)
    printf("\"serverCpuSeconds\":%.6f,\"serverCpuShare\":%.3f,\"serverCpuMicrosPerMessage\":%.4f,", (double)server_cpu / 1e9,
           (double)server_cpu / 1e9 / seconds, messages ? (double)server_cpu / 1e3 / (double)messages : 0);
  printf("\"generatorCpuShare\":%.3f,\"generatorBusyShare\":%.3f,", cpu_share, busy_share);
  if (option.server)
    printf("\"softirqThreadsShare\":%.3f,\"foreignCpuShare\":%.3f,\"stolenShare\":%.3f,", softirq / seconds,
           foreign > 0 ? foreign / seconds : 0, (stolen_after - stolen_before) / seconds);
  if (busy_share > 0.9) printf("\"generatorBound\":true,");
  if (option.rate) printf("\"offered\":%.1f,", offered);
  else printf("\"offered\":null,");
  printf("\"secondHalfOverFirst\":%.3f,", first_half ? (double)(messages - first_half) / (double)first_half : 0);
  printf("\"achieved\":%.1f,\"overloaded\":%s,\"connectSeconds\":%.3f,\"connectRetries\":%llu,\"mode\":\"%s\"}\n", achieved,
         overloaded ? "true" : "false", connect_seconds, (unsigned long long)retries, option.rate ? "open" : "closed");
  return errors || mismatches ? 3 : 0;
}
