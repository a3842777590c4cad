/** Hello packets: body after the header (RFC 2328 §A.3.2, RFC 5340 §A.3.2). */
import { viewOf } from './bytes.js';

export interface Hello {
  /** Version 2: the network mask. Version 3: the sender's interface ID. */
  maskOrInterfaceId: number;
  helloSeconds: number;
  options: number;
  priority: number;
  deadSeconds: number;
  /** Version 2: interface address. Version 3: router ID. 0 is none. */
  dr: number;
  backup: number;
  /** Router IDs. */
  neighbors: number[];
}

const FIXED_BYTES = 20;

export function writeHello(version: 2 | 3, hello: Hello): Uint8Array {
  const bytes = new Uint8Array(FIXED_BYTES + hello.neighbors.length * 4);
  const view = viewOf(bytes);
  view.setUint32(0, hello.maskOrInterfaceId);
  if (version === 2) {
    view.setUint16(4, hello.helloSeconds);
    view.setUint8(6, hello.options);
    view.setUint8(7, hello.priority);
    view.setUint32(8, hello.deadSeconds);
  } else {
    view.setUint32(4, ((hello.priority << 24) | hello.options) >>> 0);
    view.setUint16(8, hello.helloSeconds);
    view.setUint16(10, hello.deadSeconds);
  }
  view.setUint32(12, hello.dr);
  view.setUint32(16, hello.backup);
  for (const [index, id] of hello.neighbors.entries()) view.setUint32(FIXED_BYTES + index * 4, id);
  return bytes;
}

/** Null when the length does not fit. */
export function readHello(version: 2 | 3, body: Uint8Array): Hello | null {
  if (body.length < FIXED_BYTES || body.length % 4 !== 0) return null;
  const view = viewOf(body);
  const neighbors: number[] = [];
  for (let at = FIXED_BYTES; at < body.length; at += 4) neighbors.push(view.getUint32(at));
  return {
    maskOrInterfaceId: view.getUint32(0),
    helloSeconds: version === 2 ? view.getUint16(4) : view.getUint16(8),
    options: version === 2 ? view.getUint8(6) : view.getUint32(4) & 0xffffff,
    priority: version === 2 ? view.getUint8(7) : view.getUint8(4),
    deadSeconds: version === 2 ? view.getUint32(8) : view.getUint16(10),
    dr: view.getUint32(12),
    backup: view.getUint32(16),
    neighbors,
  };
}
