// Writes native/fuzz/corpus/{fuzz_parse,fuzz_siit,fuzz_eam,fuzz_coalesce,fuzz_workers,fuzz_tester,fuzz_bfd}: one seed a
// packet of the vectors, some with offload, some with settings of the stateless translator; changes of EAM tables; flows
// whose segments follow each other; packets that several workers share; test frames; lives of BFD sessions.
// `node native/fuzz/make-corpus.mjs`; the results are committed.
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
  quote(
    'unreachable-summed',
    packets.find(({ name }) => name === 'udp-6to4-le-1260').in.padEnd(256, '0') + '2000764a0008010112345678',
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

// What the six octets of fuzz_siit's longer control mean is said at choose() there; the third sets the addresses of the
// packet, the fourth those of the packet that it quotes.
const settings = {
  mapped: '022000000000',
  overlapping: '026000000000',
  hairpin: '02201e0e0000',
  simple: '01601ee10000',
  origin: '12000f000000',
  node: '900121ff0000',
  denied: 'ac6031130000',
  narrow: '021000000000',
  reassembled: '028000000000',
};
const names = Object.keys(settings);
for (const [index, [name, hex]] of seeds.entries()) {
  for (const setting of [names[index % names.length], names[(index + 4) % names.length]]) {
    write('fuzz_siit', `${name}-${setting}`, 'a00000', none + settings[setting], hex);
  }
}
const syn = 'c35001bb01020304000000007002ffff00000000' + '01020405b4010303';
const errors = seeds.filter(([name]) => /error|unreachable|too-big/.test(name) && !name.endsWith('result'));
for (const setting of names) {
  for (const [name, hex] of errors) write('fuzz_siit', `${name}-${setting}`, 'a00000', none + settings[setting], hex);
  for (const clamp of ['02', '04', '06']) {
    const octets = settings[setting].slice(0, 2) + clamp + settings[setting].slice(4);
    write('fuzz_siit', `syn6-${setting}-${clamp}`, 'a00000', none + octets, `60000000001c0640${addresses6}${syn}`);
    write(
      'fuzz_siit',
      `syn4-${setting}-${clamp}`,
      'a00000',
      none + octets,
      `450000300000400040060000c0000221c6336402${syn}`,
    );
  }
}
for (const [name, gso, hex] of supers) {
  write('fuzz_siit', `${name}-narrow`, 'a00001', gso + settings.narrow, hex);
  write('fuzz_siit', `${name}-hairpin`, 'a00001', gso + settings.hairpin, hex);
}

// fuzz_eam: 00 adds (flags, lengths, bits to flip), 05 removes, 06 changes the table, 07 looks two addresses up.
const octets = (...values) => values.map((value) => value.toString(16).padStart(2, '0')).join('');
const add = (length4, length6, flip4 = 39, flip6 = 255, flags = 0xff) =>
  octets(0, flags, length4, length6, flip4, 39, flip6, 255);
const change = octets(6);
const look = (flip4, flip6) => octets(7, flip4, 39, flip6, 255);
const looks = Array.from({ length: 32 }, (_, bit) => look(bit, bit * 4)).join('');
const range = (count) => Array.from({ length: count }, (_, n) => n);
const tables = {
  'nested-4': range(33).map((n) => add(n, Math.min(128, 64 + n))).join('') + change + looks,
  'nested-6': range(33).map((n) => add(n, n * 4 - (n === 32 ? 1 : 0), n)).join('') + change + looks,
  singles: range(32).map((n) => add(32, 128, n, n * 3)).join('') + change + looks,
  'few-lengths': range(30).map((n) => add([8, 24, 32][n % 3], [32, 64, 128][n % 3], n, n * 4)).join('') + change + looks,
  ends: add(0, 0) + add(32, 0, 3, 1) + add(32, 128) + change + looks,
  'taken-4': add(24, 64) + change + add(24, 65) + change + add(24, 64) + change,
  'taken-6': add(24, 64) + change + add(25, 64) + change + add(26, 70) + add(27, 70) + change,
  refused: add(33, 64) + change + add(8, 129) + change + add(8, 121, 39, 255, 0xf0) + change + add(8, 64, 31, 127, 0x0f) + change,
  removed:
    range(8).map((n) => add(32, 128, n, n)).join('') + change +
    range(4).map((n) => octets(5, 0xe0 + n)).join('') + add(16, 64) + change + looks + octets(5, 0, 32, 1, 2) + change,
};
for (const [name, hex] of Object.entries(tables)) write('fuzz_eam', name, '', '', hex);

// fuzz_coalesce: kinds, then packets (02 fills checksums in) and segments that follow (01).
const segment = `c35001bb01020304050607085010ffff00000000${'5a'.repeat(100)}`;
const datagrams = `9c40003500240000${'5b'.repeat(28)}`;
const ip4 = (protocol, body) =>
  `4500${octets((20 + body.length / 2) >> 8, (20 + body.length / 2) & 255)}000040004011`.slice(0, -2) +
  `${octets(protocol)}0000c0000221c6336402${body}`;
const ip6 = (protocol, body) =>
  `60000000${octets(body.length >> 9, (body.length / 2) & 255)}${octets(protocol)}40${addresses6}${body}`;
const first = (hex) => octets(2, hex.length >> 9, (hex.length / 2) & 255) + hex;
const follow = (bytes) => octets(3, bytes >> 8, bytes & 255);
const flows = {
  tcp4: first(ip4(6, segment)) + follow(100).repeat(4) + follow(40),
  tcp6: first(ip6(6, segment)) + follow(100).repeat(3) + follow(101) + follow(100),
  udp4: first(ip4(17, datagrams)) + follow(28).repeat(3) + follow(9) + follow(28),
  udp6: first(ip6(17, datagrams)) + follow(28).repeat(60),
  // Neither IPv4 nor IPv6.
  version: first(`7${ip6(17, datagrams).slice(1)}`) + follow(28),
  mixed: first(ip4(6, segment)) + follow(100) + first(ip6(17, datagrams)) + follow(28) + first(ip4(1, datagrams)) + follow(100),
};
for (const [name, hex] of Object.entries(flows)) write('fuzz_coalesce', name, '03', '', hex);

// fuzz_workers: packets with right checksums (04) at worker 0, 1 or 2; pool6 64:ff9b::/96, pool4 192.0.2.1.
const out6 = (next, body, host = 1, to = '08080808') =>
  `60000000${octets(body.length >> 9, (body.length / 2) & 255, next)}40` +
  `20010db80000000000000000000000${octets(host)}0064ff9b0000000000000000${to}${body}`;
const in4 = (protocol, body, fragment = '0000') =>
  `4500${octets((20 + body.length / 2) >> 8, (20 + body.length / 2) & 255)}1234${fragment}40${octets(protocol)}0000` +
  `08080808c0000201${body}`;
const at = (worker, hex) => octets(4 + worker, hex.length >> 9, (hex.length / 2) & 255) + hex;
const ask = '9c40003500180000' + '5a'.repeat(16);
const lent = '003507c700180000' + '5a'.repeat(16); // port 64 × 31 + 7
const everywhere = (hex) => [0, 1, 2].map((worker) => at(worker, hex)).join('');
const crowds = {
  out: range(8).map((n) => at(n % 3, out6(17, ask, n))).join(''),
  lent: everywhere(in4(17, lent)),
  hairpin: everywhere(out6(17, '9c4007c700180000' + '5a'.repeat(16), 2, 'c0000201')),
  'fragments-4': at(0, in4(17, lent.slice(0, 32), '2000')) + at(1, in4(17, lent.slice(32), '0002')),
  'fragments-6':
    at(0, out6(44, `1100000100000007${ask.slice(0, 32)}`)) + at(2, out6(44, `1100001000000007${ask.slice(32)}`)),
  'error-4': at(2, out6(17, ask)) + everywhere(in4(1, `0303000000000000${in4(17, lent)}`)),
  'error-6': at(0, out6(17, ask)) + everywhere(out6(58, `0104000000000000${out6(17, ask)}`, 9)),
  needed: everywhere(in4(1, `03040000000003e8${in4(17, lent)}`)),
  ping: everywhere(out6(58, '8000000000070001')) + everywhere(in4(1, '0000000000070001')),
};
for (const [name, hex] of Object.entries(crowds)) write('fuzz_workers', name, '', '', hex);

// fuzz_tester: bytes of a segment, then a test frame of `platypus bench` from its Ethernet header on.
const tag = (sequence) => `50420001${octets(0, 0, 0, 5)}${octets(0, 0, 0, sequence)}0000000f4240`;
const ethernet4 = `${'02'.padEnd(24, '0')}08004500002e00004000`;
const addresses4 = '0000c0000207c6336402';
const udp26 = '04071389001a0000';
const testFrames = {
  udp4: ['0000', `${ethernet4}4011${addresses4}${udp26}${tag(3)}`],
  udp6: ['0000', `${'02'.padEnd(24, '0')}86dd60000000001a1140${addresses6}${udp26}${tag(3)}`],
  echo4: ['0000', `${ethernet4}4001${addresses4}0800000004070003${tag(3)}`],
  joined4: ['0012', `${ethernet4}4011${addresses4}${udp26}${tag(3)}${tag(4)}`],
};
for (const [name, [segment, frame]] of Object.entries(testFrames)) write('fuzz_tester', name, segment, '', frame);

// fuzz_bfd: an interval and a multiplier, then 00 for a datagram, 01 for a packet in few octets, 04 to the next time.
const bfd = JSON.parse(readFileSync(new URL('../../test/vectors/bfd.json', here)));
const timing = '0c350203';
const short = (flags, extra = '') => `01${flags}03220c35020c3502${extra}`;
const lives = {
  up: short('40') + '04' + short('80') + '04' + short('d0') + '0404' + short('e0', '04'),
  silent: short('40') + short('80') + '0404040404040404',
  demand: short('40') + short('80') + short('d0') + short('c8') + '0404' + '060c350403' + '0404',
  changed: short('40') + short('80') + '060c350303' + '060c350403' + short('d0') + '04' + short('d0') + '04',
  admin: short('40') + short('80') + '0755' + '0404' + short('e0') + '04',
};
for (const [name, hex] of Object.entries(lives)) write('fuzz_bfd', name, timing, '', hex);
for (const [index, { name, hex }] of [...bfd.packets, ...bfd.must_discard].entries()) {
  write('fuzz_bfd', name ?? `discard-${index}`, timing, '', `00${octets(hex.length / 2)}${hex}04`);
}
