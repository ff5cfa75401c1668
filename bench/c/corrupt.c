// For the self-check: an echo server that once in every thousand sends (or so many as the third argument says) does
// what the second argument says: `flip` a bit, `swap` the two halves, `lose` the last byte, `double` the last byte.
// The generator must notice.
#include "faulty.h"

static const char *how = "flip";
static int every = 1000;

static ssize_t wrong(int fd, char *data, size_t length) {
  static int count;
  if (++count % every == 0) {
    if (!strcmp(how, "flip")) data[length / 2] ^= 4;
    if (!strcmp(how, "lose")) length--;
    if (!strcmp(how, "double")) {
      if (send(fd, data, length, MSG_NOSIGNAL) < 0) return -1;
      return send(fd, data + length - 1, 1, MSG_NOSIGNAL);
    }
    if (!strcmp(how, "swap"))
      for (size_t i = 0; i < length / 2; i++) {
        char byte = data[i];
        data[i] = data[length / 2 + i];
        data[length / 2 + i] = byte;
      }
  }
  return length ? send(fd, data, length, MSG_NOSIGNAL) : 0;
}

int main(int argc, char **argv) {
  if (argc > 2) how = argv[2];
  if (argc > 3) every = atoi(argv[3]);
  serve_forever(argc > 1 ? argv[1] : "0", wrong);
}
