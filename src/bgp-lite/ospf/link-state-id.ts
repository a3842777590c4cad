/** Link State IDs of external LSAs: by RFC 2328 appendix E in version 2, by a table in version 3. */
import type { Prefix } from '../../config/address.js';

/**
 * The ID of each prefix of version 2. The shortest prefix of a network number has it as its ID; a longer one has its
 * host bits set, or another address of its own when that is taken. Prefixes are distinct.
 */
export function linkStateIds2(prefixes: readonly Prefix[]): Map<Prefix, number> {
  const byLength = [...prefixes].sort((a, b) => a.length - b.length);
  const ids = new Map<Prefix, number>();
  const taken = new Set<number>();
  const claim = (prefix: Prefix, id: number) => {
    taken.add(id);
    ids.set(prefix, id);
  };
  for (const prefix of byLength) {
    const network = Number(prefix.first);
    if (!taken.has(network)) claim(prefix, network);
  }
  for (const prefix of byLength) {
    if (ids.has(prefix)) continue;
    // Bounded: each step meets one of the prefixes, of which there are few.
    for (let id = Number(prefix.last); id > Number(prefix.first); id--) {
      if (taken.has(id)) continue;
      claim(prefix, id);
      break;
    }
  }
  return ids;
}

export interface IdTable {
  /** The ID of a prefix, the same as long as it is kept. */
  idOf(name: string): number;
  /** Forgets the prefixes that are not named, but not while `busy` says that an LSA with the ID is still about. */
  keep(names: ReadonlySet<string>, busy: (id: number) => boolean): void;
}

/** RFC 5340 §4.4.3.6: IDs mean nothing; one is used again only after its LSA is gone. They begin with 1. */
export function createIdTable(): IdTable {
  const ids = new Map<string, number>();
  return {
    idOf(name) {
      const known = ids.get(name);
      if (known !== undefined) return known;
      const taken = new Set(ids.values());
      let id = 1;
      while (taken.has(id)) id += 1;
      ids.set(name, id);
      return id;
    },
    keep(names, busy) {
      for (const [name, id] of [...ids]) if (!names.has(name) && !busy(id)) ids.delete(name);
    },
  };
}
