/** A traced record for people, and for a capture file. */
import { lineOf } from '../explain/line.js';
import type { CapturedPacket } from './pcapng.js';
import type { TracedRecord } from './stream.js';

/** The packet as it came, and below it what was sent and why it was dropped. */
export function recordText({ reason, explain, packets }: TracedRecord): string {
  const lines = packets.map(({ direction, length, hex }) => {
    const line = lineOf(Buffer.from(hex, 'hex'), length);
    return direction === 'in' ? line : `  -> ${line}`;
  });
  if (reason !== null) lines.push(`  dropped: ${reason}${explain === null ? '' : `: ${explain}`}`);
  return lines.join('\n');
}

/** Its packets for a capture file, each on the interface of its family. */
export function capturedPackets({ timeMs, reason, packets }: TracedRecord): CapturedPacket[] {
  return packets.map(({ direction, length, hex }) => {
    const bytes = Buffer.from(hex, 'hex');
    const dropped = reason !== null && direction === 'in' ? `, dropped: ${reason}` : '';
    return {
      interface: (bytes[0] ?? 0) >> 4 === 6 ? 'ipv6' : 'ipv4',
      timeMs,
      direction,
      length,
      bytes,
      comment: `${direction}${dropped}`,
    };
  });
}
