/** What `fivefold serve` says. */
const count = (value: number) => value.toLocaleString('en')

export const serve = {
  command: {
    usage: 'serve DIR [OPTION…]',
    summary: 'a web server for the files of a folder, on any model',
    about:
      'Serves the files of a folder over HTTP: keep-alive, ranges, conditional requests, index.html, and .br or .gz where they lie beside a file. Files of up to 64 KiB are kept in memory, and looked at again every second. Dot files, and links that lead out of the folder, are not served. GET /metrics has the counters in the text format of Prometheus. SIGINT or SIGTERM ends it: it accepts no more, answers what has been asked, and closes; a second Ctrl-C ends it at once.',
    options: {
      model: 'one of the nine mechanisms; without it, the fastest that works here',
      port: 'the port: 8080 (the default); 0 lets the kernel pick one',
      host: 'the address: 127.0.0.1 (the default), 0.0.0.0 or :: for all',
      workers: 'so many threads that share the port, each with an engine of its own: 1 (the default)',
      grace: 'how long the end may take before connections are cut: 10s (the default)',
      quiet: 'print nothing but errors',
      json: 'print JSON, one line when it listens and one at the end',
    },
  },
  says: {
    missingFolder: 'which folder? fivefold serve DIR',
    noFolder: (path: string) => `there is no folder ${path}`,
    folderForbidden: (path: string) => `no permission to read the folder ${path}`,
    badWorkers: (value: string) => `'${value}' is not a number of threads from 1 to 256`,
    mainThreadOnly: (model: string) => `${model} works in the main thread only; leave --workers away`,
    badAddress: (host: string, why: string) => `cannot listen on ${host}: ${why}`,
    listening: (model: string, folder: string, url: string) =>
      `${model} serves ${folder} at ${url} (counters: ${url}metrics). Ctrl-C ends it.`,
    threads: (threads: number) => `${count(threads)} threads share the port.`,
    mostConnections: (most: number) => `At most ${count(most)} connections at a time.`,
    stopping: (seconds: number) =>
      `No more is accepted; what was asked is answered, for at most ${count(seconds)} s. Ctrl-C again ends it at once.`,
    served: (requests: number, connections: number, bytes: string) =>
      `Served: ${count(requests)} requests, ${count(connections)} connections, ${bytes} in bodies.`,
    cut: (connections: number) => `cut because the time was up: ${count(connections)} connections`,
  },
}
