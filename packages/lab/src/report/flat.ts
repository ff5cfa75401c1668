/** A tree of JSON as a list of its leaves, by their paths: `limits.openFiles`. */
export type Leaf = string | number | boolean | null

export function flat(value: unknown, path: readonly string[] = []): Map<string, Leaf> {
  if (value === null || typeof value !== 'object') return new Map([[path.join('.'), value as Leaf]])
  if (Array.isArray(value)) return new Map([[path.join('.'), value.join(' ')]])
  return new Map(Object.entries(value).flatMap(([key, inner]) => [...flat(inner, [...path, key])]))
}
