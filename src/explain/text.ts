/** An explanation for people. */
import type { Explanation } from './explain.js';
import { formatHex } from './hex.js';

/** Lines: the packet, the steps with their rules, and what would be sent. */
export function explanationText({ packet, steps, verdict, results, notes }: Explanation): string {
  const width = Math.max(...steps.map(({ topic }) => topic.length), 0);
  const lines = [packet.line, ...packet.layers.map(indent), ''];
  for (const { topic, text, rule } of steps) {
    lines.push(`${topic.padEnd(width)}  ${text}${rule === null ? '' : ` [${rule}]`}`);
  }
  for (const note of notes) lines.push(`note: ${note}`);
  lines.push('', results.length === 0 ? `${verdict}: nothing would be sent` : `${verdict}; the translator would send:`);
  for (const { line, kind, layers, hex } of results) {
    const own = kind === 'icmp-error' ? ' (its own ICMP error)' : '';
    lines.push('', `${line}${own}`, ...[...layers, ...hexLines(hex)].map(indent));
  }
  return lines.join('\n');
}

/** Digits shown of a packet: its headers. All of them are in the data. */
const SHOWN_DIGITS = 256;

function hexLines(hex: string): string[] {
  const lines = formatHex(hex.slice(0, SHOWN_DIGITS));
  const more = (hex.length - SHOWN_DIGITS) / 2;
  return more > 0 ? [...lines, `… ${more} more bytes`] : lines;
}

const indent = (line: string): string => `  ${line}`;
