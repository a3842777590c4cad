/** Bodies of the LSAs of OSPFv2 (RFC 2328 §A.4, RFC 3101 appendix A). */
import { viewOf } from './bytes.js';

export interface Link2 {
  /** `LinkType`. */
  type: number;
  id: number;
  data: number;
  metric: number;
}

export interface RouterLsa2 {
  flags: number;
  links: Link2[];
}

const LINK_BYTES = 12;

export function writeRouterLsa2({ flags, links }: RouterLsa2): Uint8Array {
  const bytes = new Uint8Array(4 + links.length * LINK_BYTES);
  const view = viewOf(bytes);
  view.setUint8(0, flags);
  view.setUint16(2, links.length);
  for (const [index, link] of links.entries()) {
    const at = 4 + index * LINK_BYTES;
    view.setUint32(at, link.id);
    view.setUint32(at + 4, link.data);
    view.setUint8(at + 8, link.type);
    view.setUint16(at + 10, link.metric);
  }
  return bytes;
}

/** Null when lengths do not fit. Metrics of types of service, which RFC 2328 dropped, are skipped. */
export function readRouterLsa2(body: Uint8Array): RouterLsa2 | null {
  if (body.length < 4) return null;
  const view = viewOf(body);
  const count = view.getUint16(2);
  const links: Link2[] = [];
  let at = 4;
  for (let index = 0; index < count; index++) {
    if (at + LINK_BYTES > body.length) return null;
    links.push({
      id: view.getUint32(at),
      data: view.getUint32(at + 4),
      type: view.getUint8(at + 8),
      metric: view.getUint16(at + 10),
    });
    at += LINK_BYTES + view.getUint8(at + 9) * 4;
  }
  return at === body.length ? { flags: view.getUint8(0), links } : null;
}

/** Network-LSA: the mask, then the router IDs of all that are attached (RFC 2328 §A.4.3). */
export function writeNetworkLsa2(mask: number, routers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + routers.length * 4);
  const view = viewOf(bytes);
  view.setUint32(0, mask);
  for (const [index, id] of routers.entries()) view.setUint32(4 + index * 4, id);
  return bytes;
}

/** AS-external-LSA, and NSSA-LSA of the same form. */
export interface ExternalLsa2 {
  mask: number;
  /** Type 2: the metric is larger than any path inside the AS. */
  type2: boolean;
  metric: number;
  forwardingAddress: number;
  tag: number;
}

export function writeExternalLsa2(body: ExternalLsa2): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = viewOf(bytes);
  view.setUint32(0, body.mask);
  view.setUint32(4, ((body.type2 ? 0x80000000 : 0) | body.metric) >>> 0);
  view.setUint32(8, body.forwardingAddress);
  view.setUint32(12, body.tag);
  return bytes;
}

export function readExternalLsa2(body: Uint8Array): ExternalLsa2 | null {
  if (body.length < 16) return null;
  const view = viewOf(body);
  const metric = view.getUint32(4);
  return {
    mask: view.getUint32(0),
    type2: metric >= 0x80000000,
    metric: metric & 0xffffff,
    forwardingAddress: view.getUint32(8),
    tag: view.getUint32(12),
  };
}
