/** Encoded addresses, by port and then by host. */
export class KnownAddresses {
  #hosts = new Map<string, Map<number, Uint8Array>>()
  #count = 0

  get(host: string, port: number): Uint8Array | undefined {
    return this.#hosts.get(host)?.get(port)
  }

  set(host: string, port: number, bytes: Uint8Array): void {
    // What it keeps is bounded: whoever is still there is soon known again.
    if (this.#count++ === 4096) {
      this.#hosts = new Map()
      this.#count = 1
    }
    let ports = this.#hosts.get(host)
    if (ports === undefined) {
      ports = new Map()
      this.#hosts.set(host, ports)
    }
    ports.set(port, bytes)
  }
}
