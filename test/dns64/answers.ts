/** Names and answers as bytes, for the tests of the cache. */
import type { Answer, AnswerCache } from '../../src/dns64/cache/answer-cache.js';

/** A name of these labels in wire form. */
export function wireName(labels: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = labels.map((label) => Buffer.from(label));
  return Buffer.concat([...parts.flatMap((part) => [Buffer.of(part.length), part]), Buffer.of(0)]);
}

/** The name of dotted text in wire form. */
export function nameOf(text: string): Uint8Array {
  return wireName(text.split('.'));
}

/** A message with this question name and one record for each TTL, its data `dataBytes` long. */
export function messageOf(name: Uint8Array, ttls: readonly number[], dataBytes = 16, fill = 0x5a) {
  const parts: Uint8Array[] = [Buffer.from('000181800001000000000000', 'hex'), name, Buffer.from('001c0001', 'hex')];
  const ttlOffsets: number[] = [];
  let length = 12 + name.length + 4;
  for (const ttl of ttls) {
    const record = Buffer.alloc(12 + dataBytes, fill);
    record.set([0xc0, 0x0c, 0x00, 0x1c, 0x00, 0x01]);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(dataBytes, 10);
    ttlOffsets.push(length + 6);
    length += record.length;
    parts.push(record);
  }
  return { message: new Uint8Array(Buffer.concat(parts)), ttlOffsets };
}

/** An answer for `www.example.com` AAAA of 300 s, stored at second 1000, unless told otherwise. */
export function answer(
  options: Partial<Answer> & { name?: Uint8Array; ttls?: readonly number[]; dataBytes?: number } = {},
): Answer {
  const { name = nameOf('www.example.com'), ttls = [300], dataBytes, ...rest } = options;
  return {
    ...messageOf(name, ttls, dataBytes),
    type: 28,
    klass: 1,
    view: 0,
    kind: 0,
    now: 1000,
    lifetimeSeconds: 300,
    staleSeconds: 86_400,
    ...rest,
  };
}

/** Looks a name up as it would stand in a packet. */
export function find(cache: AnswerCache, name: Uint8Array, { type = 28, klass = 1, view = 0 } = {}): number {
  const packet = Buffer.concat([Buffer.alloc(12), name, Buffer.alloc(4)]);
  return cache.find(packet, 12, name.length, type, klass, view);
}
