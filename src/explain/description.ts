/**
 * A packet in one line: `tcp 2001:db8::1#1234 > 64:ff9b::192.0.2.1#80 syn`. The grammar is in docs/reference/cli.md;
 * the lines that `explain` and `trace` print follow it, so that one can be given back to `explain`.
 */
import { type Address, parseAddress, parseTransportAddress } from '../config/address.js';
import { showValue } from '../config/issues.js';
import { errors } from '../errors.js';
import { isIcmpError, TCP, TCP_FLAGS, UDP } from './names.js';

export interface Description {
  /** A number for what is neither TCP, UDP nor ICMP of the family. */
  protocol: 'tcp' | 'udp' | 'icmp' | number;
  family: 4 | 6;
  source: string;
  destination: string;
  /** Null where the packet shows none: ICMP, other protocols, later fragments. */
  ports: { source: number; destination: number } | null;
  hopLimit: number;
  trafficClass: number;
  /** IPv4 only. */
  dontFragment: boolean;
  /** IPv4, or IPv6 with a fragment. */
  identification: number;
  /** Offset in bytes. */
  fragment: { offset: number; more: boolean } | null;
  /** Of the whole packet, bytes; null for the shortest. */
  length: number | null;
  /** TCP only. */
  flags: string[];
  mss: number | null;
  /** UDP only: the checksum field is zero. */
  noChecksum: boolean;
  /** ICMP only; null in later fragments. */
  icmp: IcmpDescription | null;
}

export type IcmpDescription =
  | { kind: 'echo'; identifier: number; sequence: number }
  | { kind: 'reply'; identifier: number; sequence: number }
  | { kind: 'error'; type: number; code: number; mtu: number; pointer: number; about: Description }
  | { kind: 'type'; type: number; code: number };

/** What a packet has unless its description says otherwise. */
export const DEFAULTS = {
  hopLimit: 64,
  trafficClass: 0,
  dontFragment: false,
  identification: 0,
  fragment: null,
  length: null,
  mss: null,
  noChecksum: false,
} as const;

interface Word {
  text: string;
  /** Counts from 1. */
  column: number;
  quoted: boolean;
}

/** Longest description, characters. */
const MAX_CHARACTERS = 1000;

/** Reads a description. Throws PLT_PACKET_INVALID, with the column of the word that is wrong. */
export function parseDescription(text: string): Description {
  if (text.length > MAX_CHARACTERS) {
    throw errors.packetInvalid('description', `${text.length} characters`, `at most ${MAX_CHARACTERS}`);
  }
  return parse(text, 1, true);
}

function refuse(word: Word | undefined, expected: string): Error {
  if (word === undefined) return errors.packetInvalid('description', 'the end', expected);
  return errors.packetInvalid(`description, column ${word.column}`, showValue(word.text), expected);
}

function wordsOf(text: string, firstColumn: number): Word[] {
  return [...text.matchAll(/'([^']*)'|"([^"]*)"|\S+/g)].map((match) => {
    const inner = match[1] ?? match[2];
    const column = firstColumn + match.index + (inner === undefined ? 0 : 1);
    return { text: inner ?? match[0], column, quoted: inner !== undefined };
  });
}

function parse(text: string, firstColumn: number, outermost: boolean): Description {
  const words = wordsOf(text, firstColumn);
  let next = 0;
  const take = () => words[next++];

  const protocolWord = take();
  const protocol = readProtocol(protocolWord, () => take());
  const sourceWord = take();
  const source = readEnd(sourceWord, null);
  const arrow = take();
  if (arrow?.text !== '>') throw refuse(arrow, '">" between the two addresses');
  const destinationWord = take();
  const destination = readEnd(destinationWord, source.address.family);

  const result: Description = {
    protocol,
    family: source.address.family,
    source: source.address.text,
    destination: destination.address.text,
    ports: null,
    ...DEFAULTS,
    flags: [],
    icmp: null,
  };
  readOptions(result, take, outermost);

  const later = result.fragment !== null && result.fragment.offset > 0;
  const hasPorts = protocol === 'tcp' || protocol === 'udp';
  for (const [word, end] of [
    [sourceWord, source],
    [destinationWord, destination],
  ] as const) {
    if (hasPorts && !later && end.port === null) throw refuse(word, `an address with a port, ${end.address.text}#80`);
    if (!hasPorts && end.port !== null) throw refuse(word, `an address without a port, ${end.address.text}`);
  }
  if (hasPorts && !later) result.ports = { source: source.port ?? 0, destination: destination.port ?? 0 };
  return result;
}

function readProtocol(word: Word | undefined, take: () => Word | undefined): Description['protocol'] {
  if (word?.text === 'tcp' || word?.text === 'udp' || word?.text === 'icmp') return word.text;
  if (word?.text !== 'proto') throw refuse(word, 'one of tcp, udp, icmp, or proto with a number');
  const number = take();
  const value = readCount(number, number?.text, 0, 255, 'a protocol number from 0 to 255');
  return value;
}

function readEnd(word: Word | undefined, family: 4 | 6 | null): { address: Address; port: number | null } {
  const text = word?.text ?? '';
  const transport = text.includes('#') ? parseTransportAddress(text) : null;
  const address = transport?.address ?? (text.includes('#') ? null : parseAddress(text));
  if (address === null) throw refuse(word, 'an address such as 2001:db8::1, with a port as 2001:db8::1#80');
  if (family !== null && address.family !== family) throw refuse(word, `an IPv${family} address like the source`);
  return { address, port: transport?.port ?? null };
}

function readCount(
  word: Word | undefined,
  text: string | undefined,
  min: number,
  max: number,
  expected: string,
): number {
  const value = Number(text);
  if (text === undefined || !/^(0|[1-9]\d{0,9})$/.test(text) || value < min || value > max) {
    throw refuse(word, expected);
  }
  return value;
}

type IcmpKind = IcmpDescription['kind'];
const ICMP_KINDS: readonly string[] = ['echo', 'reply', 'error', 'type'] satisfies IcmpKind[];

/** Reads the words after the addresses into `result`. */
function readOptions(result: Description, take: () => Word | undefined, outermost: boolean): void {
  const { family, protocol } = result;
  const seen = new Set<string>();
  const error = { mtu: 0, pointer: 0 };
  const echo = { identifier: 1, sequence: 1 };
  /** What kind of ICMP message it is. */
  let icmp = null as { kind: IcmpKind; type: number; code: number } | null;
  let about = null as Description | null;

  const once = (word: Word, key: string) => {
    if (seen.has(key)) throw refuse(word, `${key} only once`);
    seen.add(key);
  };

  function readFlag(word: Word): void {
    const key = word.text;
    const flags = key.toUpperCase().split(',');
    const known: readonly string[] = TCP_FLAGS;
    if (protocol === 'tcp' && (key === 'none' || flags.every((flag) => known.includes(flag)))) {
      for (const flag of flags) once(word, flag.toLowerCase());
      if (key !== 'none') result.flags.push(...flags);
    } else if (key === 'df' && family === 4) {
      once(word, key);
      result.dontFragment = true;
    } else if (key === 'nochecksum' && protocol === 'udp') {
      once(word, key);
      result.noChecksum = true;
    } else if (protocol === 'icmp' && ICMP_KINDS.includes(key)) {
      once(word, 'echo, reply, error or type');
      icmp = readKind(key as IcmpKind);
    } else if (icmp?.kind === 'error' && key === 'about') {
      once(word, key);
      about = readAbout(take());
    } else {
      throw refuse(word, expected());
    }
  }

  function readKind(kind: IcmpKind): { kind: IcmpKind; type: number; code: number } {
    if (kind === 'echo' || kind === 'reply') return { kind, type: 0, code: 0 };
    const word = take();
    const numbers = /^(\d{1,3})\/(\d{1,3})$/.exec(word?.text ?? '');
    const [type, code] = [Number(numbers?.[1] ?? 256), Number(numbers?.[2] ?? 256)];
    if (type > 255 || code > 255) throw refuse(word, 'ICMP type and code as 3/4');
    if (kind === 'error' && !isIcmpError(family, type)) throw refuse(word, `an ICMP error of IPv${family}`);
    return { kind, type, code };
  }

  function readAbout(word: Word | undefined): Description {
    if (word === undefined || !word.quoted) throw refuse(word, "the packet that the error is about, in '…'");
    if (!outermost) throw refuse(word, 'no error about an error');
    const packet = parse(word.text, word.column, false);
    if (packet.family !== family) throw refuse(word, `an IPv${family} packet`);
    return packet;
  }

  function readValue(word: Word, key: string, value: string): void {
    const number = (max: number, least = 0) => {
      once(word, key === 'hl' ? 'ttl' : key === 'tc' ? 'tos' : key);
      return readCount(word, value, least, max, `${key}= with a number from ${least} to ${max}`);
    };
    const kind = icmp?.kind;
    const isEcho = kind === 'echo' || kind === 'reply';
    if (key === 'ttl' || key === 'hl') result.hopLimit = number(255);
    else if (key === 'tos' || key === 'tc') result.trafficClass = number(255);
    else if (key === 'len') result.length = number(family === 4 ? 65_535 : 65_575, 20);
    else if (key === 'ipid') result.identification = number(family === 4 ? 0xffff : 0xffff_ffff);
    else if (key === 'frag') result.fragment = readFragment(word, value);
    else if (key === 'mss' && protocol === 'tcp') result.mss = number(65_535);
    else if (key === 'id' && isEcho) echo.identifier = number(65_535);
    else if (key === 'seq' && isEcho) echo.sequence = number(65_535);
    else if (key === 'mtu' && kind === 'error') error.mtu = number(family === 4 ? 65_535 : 0xffff_ffff);
    else if (key === 'pointer' && kind === 'error') error.pointer = number(family === 4 ? 255 : 0xffff_ffff);
    else throw refuse(word, expected());
  }

  function readFragment(word: Word, value: string): { offset: number; more: boolean } {
    once(word, 'frag');
    const more = value.endsWith('+');
    const sentence = 'frag= with an offset in bytes, a multiple of 8 up to 65528, and a + where more follow';
    const offset = readCount(word, more ? value.slice(0, -1) : value, 0, 65_528, sentence);
    if (offset % 8 !== 0) throw refuse(word, sentence);
    if (offset === 0 && !more && family === 4) throw refuse(word, 'frag=0+ for a first fragment');
    return { offset, more };
  }

  function expected(): string {
    const words = ['len=', family === 4 ? 'ttl=' : 'hl=', family === 4 ? 'tos=' : 'tc=', 'frag=', 'ipid='];
    if (family === 4) words.push('df');
    if (protocol === 'tcp') words.push('mss=', ...TCP_FLAGS.map((flag) => flag.toLowerCase()), 'none');
    if (protocol === 'udp') words.push('nochecksum');
    if (protocol === 'icmp') {
      if (icmp === null) words.push(...ICMP_KINDS);
      else if (icmp.kind === 'error') words.push('mtu=', 'pointer=', 'about');
      else if (icmp.kind !== 'type') words.push('id=', 'seq=');
    }
    return `one of ${words.join(', ')}`;
  }

  for (let word = take(); word !== undefined; word = take()) {
    const equals = word.quoted ? -1 : word.text.indexOf('=');
    if (equals < 0) readFlag(word);
    else readValue(word, word.text.slice(0, equals), word.text.slice(equals + 1));
  }

  const later = result.fragment !== null && result.fragment.offset > 0;
  if (family === 6 && result.fragment === null && result.identification !== 0) {
    throw refuse(undefined, 'frag= beside ipid=, which IPv6 has only in fragments');
  }
  if (protocol === 'tcp' && !later && result.flags.length === 0 && !seen.has('none')) result.flags.push('SYN');
  // A later fragment has no transport header to say anything in.
  if (later) {
    Object.assign(result, { flags: [], mss: null, noChecksum: false });
    return;
  }
  result.flags = TCP_FLAGS.filter((flag) => result.flags.includes(flag));
  if (protocol !== 'icmp') return;
  if (icmp === null) throw refuse(undefined, 'what ICMP says: echo, reply, error TYPE/CODE or type TYPE/CODE');
  if (icmp.kind === 'error') {
    if (about === null) throw refuse(undefined, "about '…' with the packet that the error is about");
    result.icmp = { kind: 'error', type: icmp.type, code: icmp.code, ...error, about };
  } else if (icmp.kind === 'type') {
    result.icmp = { kind: 'type', type: icmp.type, code: icmp.code };
  } else {
    result.icmp = { kind: icmp.kind, ...echo };
  }
}

/** A description as `parseDescription` reads it. */
export function formatDescription(description: Description): string {
  const { family, protocol, ports, fragment, icmp } = description;
  const end = (address: string, port: number | undefined) => (port === undefined ? address : `${address}#${port}`);
  const words = typeof protocol === 'number' ? ['proto', String(protocol)] : [protocol];
  words.push(end(description.source, ports?.source), '>', end(description.destination, ports?.destination));
  const later = fragment !== null && fragment.offset > 0;
  if (protocol === 'tcp' && !later) {
    words.push(description.flags.length === 0 ? 'none' : description.flags.join(','));
  }
  if (description.mss !== null) words.push(`mss=${description.mss}`);
  if (icmp !== null) words.push(...icmpWords(icmp, family));
  words.push(`${family === 4 ? 'ttl' : 'hl'}=${description.hopLimit}`);
  if (description.trafficClass !== 0) words.push(`${family === 4 ? 'tos' : 'tc'}=${description.trafficClass}`);
  if (description.dontFragment) words.push('df');
  if (fragment !== null) words.push(`frag=${fragment.offset}${fragment.more ? '+' : ''}`);
  if (description.identification !== 0) words.push(`ipid=${description.identification}`);
  if (description.noChecksum) words.push('nochecksum');
  if (description.length !== null) words.push(`len=${description.length}`);
  if (icmp?.kind === 'error') words.push('about', `'${formatDescription(icmp.about)}'`);
  return words.join(' ');
}

function icmpWords(icmp: IcmpDescription, family: 4 | 6): string[] {
  if (icmp.kind === 'echo' || icmp.kind === 'reply') {
    return [icmp.kind, `id=${icmp.identifier}`, `seq=${icmp.sequence}`];
  }
  const words = [icmp.kind, `${icmp.type}/${icmp.code}`];
  if (icmp.kind === 'error') {
    const tooBig = family === 4 ? icmp.type === 3 && icmp.code === 4 : icmp.type === 2;
    if (icmp.mtu !== 0 || tooBig) words.push(`mtu=${icmp.mtu}`);
    if (icmp.pointer !== 0 || icmp.type === (family === 4 ? 12 : 4)) words.push(`pointer=${icmp.pointer}`);
  }
  return words;
}

/** The number in the IP header. */
export function protocolNumber({ protocol, family }: Description): number {
  if (typeof protocol === 'number') return protocol;
  return protocol === 'tcp' ? TCP : protocol === 'udp' ? UDP : family === 4 ? 1 : 58;
}
