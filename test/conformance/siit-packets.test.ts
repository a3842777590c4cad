/** siit.md sections 2 to 8 on the vectors of siit_packets: whole packets in, whole packets out. */
import { expect, test } from 'vitest';
import { readVectors } from '../config/vectors.js';
import { checksum, read } from './packets.js';
import { prefixOf, stateless, translator } from './translator.js';

const { packets } = readVectors<{
  packets: { name: string; direction: '4to6' | '6to4'; prefix: string; in: string; out: string }[];
}>('siit_packets');

/** The rows that a packet shows; a new vector without any fails below. */
const ids: Record<string, string> = {
  'udp-odd-length': 'SIIT-4to6-01, -04, SIIT-CSUM-01',
  'udp-6to4-le-1260': 'SIIT-6to4-01, -05, -09, SIIT-CSUM-01',
  'udp-ipv6-sum-is-zero': 'SIIT-CSUM-03',
  'udp-zero-checksum-compute-mode': 'SIIT-CSUM-05',
  'tcp-syn': 'SIIT-CSUM-01, SIIT-MTU-11',
  'icmp-echo-request': 'SIIT-IC46-01, SIIT-CSUM-04',
  'icmp-echo-reply': 'SIIT-IC64-01, SIIT-CSUM-04',
  'ipv4-options-skipped': 'SIIT-4to6-05, -10',
  'tos-copied': 'SIIT-4to6-02',
  'fragment-1': 'SIIT-4to6-17',
  'fragment-2': 'SIIT-4to6-17, SIIT-CSUM-10',
  'fragment-6to4-1': 'SIIT-6to4-14, -16',
  'fragment-6to4-2': 'SIIT-6to4-14, -16, SIIT-CSUM-10',
  'icmp-error-time-exceeded': 'SIIT-IC46-10, SIIT-INNER-01, -02',
  'icmp-error-frag-needed': 'SIIT-IC46-07, SIIT-INNER-01',
  'icmp-error-protocol-unreachable': 'SIIT-IC46-05, SIIT-INNER-01',
  'ext-headers-skipped': 'SIIT-6to4-03, -08',
};

/** The vectors show identification 0 where the translator makes its own. */
function withoutIdentification(packet: Buffer): string {
  const copy = Buffer.from(packet);
  copy.writeUInt16BE(0, 4);
  copy.writeUInt16BE(0, 10);
  copy.writeUInt16BE(checksum(copy.subarray(0, 20)), 10);
  return copy.toString('hex');
}

test.each(packets.map((row) => ({ ...row, id: ids[row.name] ?? 'no row' })))('$id $name $direction', (row) => {
  expect(row.id).not.toBe('no row');
  const nat = translator({ ...stateless, pool6: [prefixOf(row.prefix)] });
  const input = Buffer.from(row.in, 'hex');
  // A fragment's checksum cannot be judged by itself, so pass() takes it for right.
  const out = nat.pass(input);
  const own = row.direction === '6to4' && !read(input).fragmented;
  expect(own ? withoutIdentification(out.bytes) : out.bytes.toString('hex')).toBe(row.out);
});
