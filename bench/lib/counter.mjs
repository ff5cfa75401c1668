// What every sink of datagrams counts, in any runtime; bench/c/udp.h says the same in C.

/**
 * @returns {(datagram: Uint8Array) => Uint8Array | null} counts a datagram; the answer when it was a question
 */
export function counter() {
  const counts = new Uint32Array(3) // how many, the sum of their numbers, how many of another length than the first
  let expected = 0
  return (datagram) => {
    if (datagram.length === 8) return new Uint8Array(counts.slice().buffer)
    if (expected === 0) expected = datagram.length
    if (datagram.length !== expected) counts[2]++
    counts[0]++
    counts[1] += datagram[0] | (datagram[1] << 8) | (datagram[2] << 16) | (datagram[3] << 24)
    return null
  }
}
