/** What a request asks for: its path, and the encodings it can read. */

/** The path of a request's target, still encoded and without its query; null: none that a file can have. */
export function pathOf(target: string): string | null {
  const path = target.startsWith('/') ? target : absolute(target)
  if (path === null) return null
  const query = path.indexOf('?')
  return query < 0 ? path : path.slice(0, query)
}

/** A proxy's form of the target: `http://host/path`. */
function absolute(target: string): string | null {
  if (!/^https?:\/\//i.test(target)) return null
  return URL.canParse(target) ? new URL(target).pathname : null
}

/** Encodings a file may lie beside, the preferred first: the name in HTTP and the ending. */
export const encodings = [
  { name: 'br', ending: '.br' },
  { name: 'gzip', ending: '.gz' },
] as const
export type Encoding = (typeof encodings)[number]

const acceptable = new Map<string, readonly Encoding[]>()
const none: readonly Encoding[] = []

/** Those of `encodings` that an Accept-Encoding header (RFC 9110, 12.5.3) names and does not refuse. */
export function accepted(header: string | undefined): readonly Encoding[] {
  if (header === undefined) return none
  const known = acceptable.get(header)
  if (known !== undefined) return known
  const named = new Map(
    header.split(',').map((part) => {
      const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      return [name, quality === undefined || Number(quality.slice(2)) > 0] as const
    }),
  )
  const found = encodings.filter(({ name }) => named.get(name) ?? named.get('*') ?? false)
  // Browsers say one of a handful of things; whoever says thousands does not fill the memory.
  if (acceptable.size < 100) acceptable.set(header, found)
  return found
}
