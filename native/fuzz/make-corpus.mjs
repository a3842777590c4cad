// Writes native/fuzz/corpus/{fuzz_parse,fuzz_siit}: one seed a packet of the vectors, and some with
// offload. `node native/fuzz/make-corpus.mjs`; the results are committed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const here = new URL('.', import.meta.url);
const { packets } = JSON.parse(readFileSync(new URL('../../test/vectors/siit_packets.json', here)));
const quote = (name, hex, error) => [name, error + hex.slice(0, 1000)];
const seeds = [
  ...packets.flatMap(({ name, direction, in: hex, out }) => [
    [`${name}-${direction}`, hex],
    [`${name}-${direction}-result`, out],
  ]),
  // A routing header with segments left, a source route, an atomic fragment.
  [
    'routing-header',
    '6000000000142b4020010db80064000000000000c000022120010db80064000000000000c6336402' +
      '1100000100000000' +
      '9c400035000c000001020304',
  ],
  ['source-route', '470000240000000040110000c0000221c63364028307040a000001009c4000350008000000'],
  [
    'atomic-fragment',
    '6000000000142c4020010db80064000000000000c000022120010db80064000000000000c6336402' +
      '1100000012345678' +
      '9c400035000c000001020304',
  ],
  // ICMPv6 errors about an IPv6 packet: too big, and unreachable with an RFC 4884 extension.
  quote(
    'packet-too-big',
    packets.find(({ name }) => name === 'udp-6to4-le-1260').in,
    '6000000000513a4020010db80064000000000000cb00710920010db80064000000000000c0000221' + '02000000000005dc',
  ),
  quote(
    'unreachable-extension',
    packets.find(({ name }) => name === 'udp-6to4-le-1260').in.padEnd(256, '0') + '200000000008010112345678',
    '6000000000943a4020010db80064000000000000cb00710920010db80064000000000000c0000221' + '0104000010000000',
  ),
];

/** `gso`: type, size, checksum start and offset. */
function write(target, name, control, gso, hex) {
  const folder = new URL(`corpus/${target}/`, here);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(name, folder), Buffer.from(control + gso + hex, 'hex'));
}
const none = '00000000000000';
for (const [name, hex] of seeds) {
  write('fuzz_parse', name, '40', none, hex);
  // Bit 5: right checksums; the low bits of the second octet: all MTUs 1500.
  write('fuzz_siit', name, '200000', none, hex);
}
const payload = '5a'.repeat(3000);
const length = (3000 + 20).toString(16).padStart(4, '0');
const tcp = 'c35001bb01020304050607085010ffff00000000';
const udp = '9c4000350bc00000';
const addresses6 = '20010db80064000000000000c000022120010db80064000000000000c6336402';
const supers = [
  ['tso6', '0405a000280010', `60000000${length}0640${addresses6}${tcp}${payload}`],
  ['tso4', '0105b400140010', `45000be00000400040060000c0000221c6336402${tcp}${payload}`],
  ['uso6', '0505a000280006', `60000000${(3008).toString(16).padStart(4, '0')}1140${addresses6}${udp}${payload}`],
  ['uso4', '0505b400140006', `45000bd40000000040110000c0000221c6336402${udp}${payload}`],
];
for (const [name, gso, hex] of supers) {
  write('fuzz_parse', name, '41', gso, hex);
  write('fuzz_siit', name, '200001', gso, hex);
  // IPv4 of 1400 bytes: segments have to shrink, datagrams to be split.
  write('fuzz_siit', `${name}-small`, '200801', gso, hex);
}
