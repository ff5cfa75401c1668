/** What a receive reports of datagrams sent earlier, negative (recvfrom(2); RFC 1122 4.1.3.3): it is told, and the socket goes on. */
export const ofTheNetwork: ReadonlySet<number> = new Set([
  -64 /* ENONET */, -71 /* EPROTO */, -90 /* EMSGSIZE */, -92 /* ENOPROTOOPT */, -100 /* ENETDOWN */,
  -101 /* ENETUNREACH */, -111 /* ECONNREFUSED */, -112 /* EHOSTDOWN */, -113 /* EHOSTUNREACH */,
])
