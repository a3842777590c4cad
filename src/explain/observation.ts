/** What the translator was seen to do with a packet, and the sentences that are made of it. */
import type { BibRow, CoreConfig } from '../native/addon.js';
import type { Packet } from './packet.js';

export interface Observation {
  config: CoreConfig;
  before: Packet;
  /** What it was translated to: the whole or its first fragment; null when it was not. */
  after: Packet | null;
  /** `after` and the fragments behind it. */
  pieces: Packet[];
  /** BIB entries after the packet (nat64). */
  bindings: BibRow[];
  /** Counters that the packet moved, and by how much. */
  moved: ReadonlyMap<string, number>;
}

/** An observation of a packet that was translated. */
export type Translated = Observation & { after: Packet };

/** One thing that was done, or would have been, and why. */
export interface Step {
  /** `source`, `size`, `checksum` … */
  topic: string;
  text: string;
  /** `RFC 7915 §4.1`; null where no standard says so. */
  rule: string | null;
}

export function step(topic: string, text: string, rule: string | null): Step {
  return { topic, text, rule };
}

/** The section of RFC 7915 for the direction: §4.x from IPv4, §5.x from IPv6. */
export function rfc7915(before: Packet, section: string): string {
  return `RFC 7915 §${before.family === 4 ? 4 : 5}.${section}`;
}

/** True where one packet of IPv6 hosts went through the IPv4 side and back. */
export function isHairpin({ before, after }: Translated): boolean {
  return before.family === after.family;
}

/** `1 byte`, `2 bytes`. */
export function bytes(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`;
}
