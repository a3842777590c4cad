/** Router advertisements octet by octet, for tests: the checksum is filled in by a sum of its own. */

export const fromHex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

/** RFC 4443 §2.3, the slow way. */
export function filled(packet: Uint8Array): Uint8Array {
  const out = packet.slice();
  out.fill(0, 42, 44);
  const pseudo = [...out.subarray(8, 40), 0, 0, ...lengthOf(out), 0, 0, 0, 58, ...out.subarray(40)];
  if (pseudo.length % 2 === 1) pseudo.push(0);
  let sum = 0;
  for (let at = 0; at < pseudo.length; at += 2) sum += (pseudo[at] ?? 0) * 256 + (pseudo[at + 1] ?? 0);
  const folded = (sum % 65_536) + Math.floor(sum / 65_536);
  const twice = (folded % 65_536) + Math.floor(folded / 65_536);
  out.set([(~twice >> 8) & 0xff, ~twice & 0xff], 42);
  return out;
}

const lengthOf = (packet: Uint8Array) => [packet[4] ?? 0, packet[5] ?? 0];

const HEADER = '60000000 0000 3a ff  fe80000000000000 0000000000000001  ff020000000000000000000000000001';
const MESSAGE = '86 00 0000  40 00 0708  00000000 00000000';

/** From fe80::1 to all nodes, router lifetime 1800 s. */
export function advertisementPacket(...options: string[]): Uint8Array {
  const packet = fromHex(HEADER + MESSAGE + options.join(''));
  packet.set([(packet.length - 40) >> 8, (packet.length - 40) & 0xff], 4);
  return filled(packet);
}

export const OPTIONS = {
  prefix: '03 04 40 c0 00015180 00003840 00000000 20010db8000100010000000000000000',
  mtu: '05 01 0000 000005c8',
  rdnss: '19 05 0000 00000708 20010db8000100010000000000000001 fe800000000000000000000000000053',
  sourceLinkAddress: '01 01 020000000001',
  /** 64:ff9b::/96 for 600 s. */
  pref64: '26 02 0258 0064ff9b0000000000000000',
} as const;
