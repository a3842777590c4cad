/** The vectors of ../shared/conformance as the tests of OSPF read them. */
import { readFileSync } from 'node:fs';

interface Instance {
  seq: string;
  csum: string;
  age: number;
}
interface Vectors {
  lsas: { name: string; hex: string; checksum: string }[];
  packets: { name: string; hex: string; src?: string; dst?: string; key?: string }[];
  newer_lsa: { a: Instance; b: Instance; newer: 'a' | 'b' | 'same'; why: string }[];
}

export const vectors = JSON.parse(readFileSync(new URL('../../vectors/ospf.json', import.meta.url), 'utf8')) as Vectors;

export const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
export const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

export function lsaVector(name: string): Uint8Array {
  const found = vectors.lsas.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return bytes(found.hex);
}

export function packetVector(name: string): Uint8Array {
  const found = vectors.packets.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return bytes(found.hex);
}
