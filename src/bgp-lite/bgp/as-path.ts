/** AS_PATH (RFC 4271 §4.3, §5.1.2), in both widths, and what a neighbour without 4-octet numbers adds (RFC 6793). */
import { AS_TRANS, MAX_AS2, SegmentType } from './numbers.js';

export interface Segment {
  type: number;
  asns: number[];
}

export type AsPath = Segment[];

export type AsWidth = 2 | 4;

const MAX_SEGMENT = 255;

/** Null for a segment of unknown type, an empty one, an overrun, or AS 0 (RFC 7606 §7.2, RFC 7607 §2). */
export function readAsPath(octets: Uint8Array, width: AsWidth): AsPath | null {
  const view = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const path: AsPath = [];
  for (let at = 0; at < view.length; ) {
    if (at + 2 > view.length) return null;
    const type = view.readUInt8(at);
    const count = view.readUInt8(at + 1);
    const end = at + 2 + count * width;
    // Confederation segments have no place here either: this speaker is in no confederation (RFC 5065 §5).
    if ((type !== SegmentType.SET && type !== SegmentType.SEQUENCE) || count === 0 || end > view.length) return null;
    const asns: number[] = [];
    for (at += 2; at < end; at += width) asns.push(view.readUIntBE(at, width));
    if (asns.includes(0)) return null;
    path.push({ type, asns });
  }
  return path;
}

export function encodeAsPath(path: AsPath, width: AsWidth): Buffer {
  return Buffer.concat(
    path.map(({ type, asns }) => {
      const octets = Buffer.alloc(2 + asns.length * width);
      octets.writeUInt8(type, 0);
      octets.writeUInt8(asns.length, 1);
      asns.forEach((asn, index) => {
        octets.writeUIntBE(width === 2 && asn > MAX_AS2 ? AS_TRANS : asn, 2 + index * width, width);
      });
      return octets;
    }),
  );
}

/** The path of an own route: the own AS, as often as asked. */
export function ownPath(asn: number, times: number): AsPath {
  const path: AsPath = [];
  for (let left = times; left > 0; left -= MAX_SEGMENT) {
    path.push({ type: SegmentType.SEQUENCE, asns: new Array<number>(Math.min(left, MAX_SEGMENT)).fill(asn) });
  }
  return path;
}

export function needsAs4(path: AsPath): boolean {
  return path.some(({ asns }) => asns.some((asn) => asn > MAX_AS2));
}

/** Hops as route selection counts them: a set is one (RFC 4271 §9.1.2.2). */
export function pathLength(path: AsPath): number {
  return path.reduce((sum, { type, asns }) => sum + (type === SegmentType.SET ? 1 : asns.length), 0);
}

/** AS numbers in order, sets written out. */
export function asnsIn(path: AsPath): number[] {
  return path.flatMap(({ asns }) => asns);
}

/** RFC 6793 §4.2.3: the surplus in front of AS_PATH, then AS4_PATH; AS_PATH alone when it is the shorter one. */
export function mergeAs4Path(path: AsPath, as4Path: AsPath): AsPath {
  let surplus = pathLength(path) - pathLength(as4Path);
  if (surplus < 0) return path;
  const merged: AsPath = [];
  for (const segment of path) {
    if (surplus === 0) break;
    const { type, asns } = segment;
    const taken = type === SegmentType.SET ? asns : asns.slice(0, surplus);
    merged.push({ type, asns: taken });
    surplus -= type === SegmentType.SET ? 1 : taken.length;
  }
  return [...merged, ...as4Path];
}
