/** Bodies of the LSAs of OSPFv3 (RFC 5340 §A.4). */
import { bigintOf, bytesOf, joined, viewOf } from './bytes.js';

/** RFC 5340 §A.4.1.1. */
export const PrefixOption = { NU: 0x01, LA: 0x02, P: 0x08, DN: 0x10 } as const;

export interface Prefix3 {
  /** Network as a number of 128 bits. */
  network: bigint;
  length: number;
  options: number;
  /** The 16 bits after the options: a metric, a referenced type, or zero. */
  metric: number;
}

/** Octets of a prefix: whole 32-bit words (RFC 5340 §A.4.1). */
const prefixBytes = (length: number): number => Math.ceil(length / 32) * 4;

export function writePrefix3({ network, length, options, metric }: Prefix3): Uint8Array {
  const bits = BigInt(length);
  const head = Uint8Array.of(length, options, metric >>> 8, metric & 0xff);
  const clean = (network >> (128n - bits)) << (128n - bits);
  return joined(head, bytesOf(clean, 16).subarray(0, prefixBytes(length)));
}

/** The prefix at an offset and the offset after it; null when it does not fit. */
export function readPrefix3(body: Uint8Array, at: number): { prefix: Prefix3; next: number } | null {
  if (at + 4 > body.length) return null;
  const view = viewOf(body);
  const length = view.getUint8(at);
  const next = at + 4 + prefixBytes(length);
  if (length > 128 || next > body.length) return null;
  const octets = new Uint8Array(16);
  octets.set(body.subarray(at + 4, next));
  const network = bigintOf(octets);
  return { prefix: { network, length, options: view.getUint8(at + 1), metric: view.getUint16(at + 2) }, next };
}

export interface Link3 {
  type: number;
  metric: number;
  interfaceId: number;
  neighborInterfaceId: number;
  neighborRouterId: number;
}

export interface RouterLsa3 {
  flags: number;
  options: number;
  links: Link3[];
}

const LINK_BYTES = 16;

export function writeRouterLsa3({ flags, options, links }: RouterLsa3): Uint8Array {
  const bytes = new Uint8Array(4 + links.length * LINK_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, ((flags << 24) | options) >>> 0);
  for (const [index, link] of links.entries()) {
    const at = 4 + index * LINK_BYTES;
    view.setUint8(at, link.type);
    view.setUint16(at + 2, link.metric);
    view.setUint32(at + 4, link.interfaceId);
    view.setUint32(at + 8, link.neighborInterfaceId);
    view.setUint32(at + 12, link.neighborRouterId);
  }
  return bytes;
}

export function readRouterLsa3(body: Uint8Array): RouterLsa3 | null {
  if (body.length < 4 || (body.length - 4) % LINK_BYTES !== 0) return null;
  const view = viewOf(body);
  const links: Link3[] = [];
  for (let at = 4; at < body.length; at += LINK_BYTES) {
    links.push({
      type: view.getUint8(at),
      metric: view.getUint16(at + 2),
      interfaceId: view.getUint32(at + 4),
      neighborInterfaceId: view.getUint32(at + 8),
      neighborRouterId: view.getUint32(at + 12),
    });
  }
  return { flags: view.getUint8(0), options: view.getUint32(0) & 0xffffff, links };
}

/** Network-LSA: options, then the router IDs of all that are attached (RFC 5340 §A.4.4). */
export function writeNetworkLsa3(options: number, routers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + routers.length * 4);
  const view = viewOf(bytes);
  view.setUint32(0, options);
  for (const [index, id] of routers.entries()) view.setUint32(4 + index * 4, id);
  return bytes;
}

export interface IntraAreaPrefixLsa {
  referencedType: number;
  referencedId: number;
  referencedRouter: number;
  prefixes: Prefix3[];
}

export function writeIntraAreaPrefixLsa(body: IntraAreaPrefixLsa): Uint8Array {
  const head = new Uint8Array(12);
  const view = viewOf(head);
  view.setUint16(0, body.prefixes.length);
  view.setUint16(2, body.referencedType);
  view.setUint32(4, body.referencedId);
  view.setUint32(8, body.referencedRouter);
  return joined(head, ...body.prefixes.map(writePrefix3));
}

function readPrefixes(body: Uint8Array, at: number, count: number): Prefix3[] | null {
  const prefixes: Prefix3[] = [];
  let next = at;
  for (let index = 0; index < count; index++) {
    const one = readPrefix3(body, next);
    if (one === null) return null;
    prefixes.push(one.prefix);
    next = one.next;
  }
  return prefixes;
}

export function readIntraAreaPrefixLsa(body: Uint8Array): IntraAreaPrefixLsa | null {
  if (body.length < 12) return null;
  const view = viewOf(body);
  const prefixes = readPrefixes(body, 12, view.getUint16(0));
  if (prefixes === null) return null;
  return {
    referencedType: view.getUint16(2),
    referencedId: view.getUint32(4),
    referencedRouter: view.getUint32(8),
    prefixes,
  };
}

/** AS-external-LSA, and NSSA-LSA of the same form. */
export interface ExternalLsa3 {
  type2: boolean;
  metric: number;
  prefix: Prefix3;
  /** 128 bits, null without the F bit. */
  forwardingAddress: bigint | null;
  /** Null without the T bit. */
  tag: number | null;
}

export function writeExternalLsa3({ type2, metric, prefix, forwardingAddress, tag }: ExternalLsa3): Uint8Array {
  const bits = (type2 ? 4 : 0) | (forwardingAddress === null ? 0 : 2) | (tag === null ? 0 : 1);
  const head = new Uint8Array(4);
  viewOf(head).setUint32(0, (bits << 24) | metric);
  const none = new Uint8Array(0);
  return joined(
    head,
    writePrefix3(prefix),
    forwardingAddress === null ? none : bytesOf(forwardingAddress, 16),
    tag === null ? none : bytesOf(BigInt(tag), 4),
  );
}

export function readExternalLsa3(body: Uint8Array): ExternalLsa3 | null {
  if (body.length < 4) return null;
  const view = viewOf(body);
  const head = view.getUint32(0);
  const one = readPrefix3(body, 4);
  if (one === null) return null;
  let at = one.next;
  let forwardingAddress: bigint | null = null;
  let tag: number | null = null;
  if ((head & 0x02000000) !== 0) {
    if (at + 16 > body.length) return null;
    forwardingAddress = bigintOf(body.subarray(at, at + 16));
    at += 16;
  }
  if ((head & 0x01000000) !== 0) {
    if (at + 4 > body.length) return null;
    tag = view.getUint32(at);
  }
  return { type2: (head & 0x04000000) !== 0, metric: head & 0xffffff, prefix: one.prefix, forwardingAddress, tag };
}

export interface LinkLsa {
  priority: number;
  options: number;
  linkLocal: bigint;
  prefixes: Prefix3[];
}

export function writeLinkLsa({ priority, options, linkLocal, prefixes }: LinkLsa): Uint8Array {
  const head = new Uint8Array(24);
  const view = viewOf(head);
  view.setUint32(0, ((priority << 24) | options) >>> 0);
  head.set(bytesOf(linkLocal, 16), 4);
  view.setUint32(20, prefixes.length);
  return joined(head, ...prefixes.map(writePrefix3));
}

export function readLinkLsa(body: Uint8Array): LinkLsa | null {
  if (body.length < 24) return null;
  const view = viewOf(body);
  const prefixes = readPrefixes(body, 24, view.getUint32(20));
  if (prefixes === null) return null;
  return {
    priority: view.getUint8(0),
    options: view.getUint32(0) & 0xffffff,
    linkLocal: bigintOf(body.subarray(4, 20)),
    prefixes,
  };
}
