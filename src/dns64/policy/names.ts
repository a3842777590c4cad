/** Names with all that is below them. */
import { nameKey } from '../wire/name.js';

/** A set of names; a name is in it when it, or a parent of it, was put there. */
export class NameSet {
  private readonly keys: ReadonlySet<string>;

  constructor(names: readonly Uint8Array[]) {
    this.keys = new Set(names.map(nameKey));
  }

  get size(): number {
    return this.keys.size;
  }

  has(name: Uint8Array): boolean {
    if (this.keys.size === 0) return false;
    const key = nameKey(name);
    for (let at = 0; at < key.length; at += key.charCodeAt(at) + 1) if (this.keys.has(key.slice(at))) return true;
    return false;
  }
}
