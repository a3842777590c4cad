/** A packet as text: one line that `description.ts` reads, and a line for each of its headers. */
import { type Description, formatDescription, type IcmpDescription } from './description.js';
import { EXTENSION_HEADERS, icmpName, protocolName } from './names.js';
import { type Icmp, type Packet, readPacket } from './packet.js';

/** One line for any bytes: the description of the packet, or what they are instead. */
export function lineOf(bytes: Uint8Array, length = bytes.length): string {
  const packet = readPacket(bytes);
  if (packet === null) return `${length} bytes that are no IP packet`;
  return lineOfPacket(packet);
}

/** One line for a packet that was read. */
export function lineOfPacket(packet: Packet): string {
  const line = formatDescription(descriptionOf(packet));
  return packet.problem === null ? line : `${line} (${packet.problem})`;
}

function descriptionOf(packet: Packet): Description {
  const { transport, fragment } = packet;
  const later = fragment !== null && fragment.offset > 0;
  const ports =
    transport === null || transport.kind === 'icmp'
      ? null
      : { source: transport.sourcePort, destination: transport.destinationPort };
  const tcp = transport?.kind === 'tcp' ? transport : null;
  const icmp = transport?.kind === 'icmp' ? describeIcmp(packet.family, transport) : null;
  const named = later ? namedProtocol(packet) : undefined;
  return {
    protocol: named ?? transport?.kind ?? packet.protocol,
    family: packet.family,
    source: packet.source,
    destination: packet.destination,
    ports,
    hopLimit: packet.hopLimit,
    trafficClass: packet.trafficClass,
    dontFragment: packet.dontFragment,
    identification: packet.identification,
    fragment,
    length: packet.length,
    flags: tcp?.flags ?? [],
    mss: tcp?.mss ?? null,
    noChecksum: transport?.kind === 'udp' && transport.checksum === 0,
    icmp,
  };
}

function namedProtocol({ protocol, family }: Packet): 'tcp' | 'udp' | 'icmp' | undefined {
  if (protocol === 6) return 'tcp';
  if (protocol === 17) return 'udp';
  return protocol === (family === 4 ? 1 : 58) ? 'icmp' : undefined;
}

function describeIcmp(family: 4 | 6, { type, code, echo, error }: Icmp): IcmpDescription {
  if (echo !== null && code === 0) {
    return { kind: type === (family === 4 ? 8 : 128) ? 'echo' : 'reply', ...echo };
  }
  if (error === null || error.quoted === null) return { kind: 'type', type, code };
  const about = descriptionOf(error.quoted);
  return { kind: 'error', type, code, mtu: error.mtu ?? 0, pointer: error.pointer ?? 0, about };
}

const checksumWord = (valid: boolean | null): string => (valid === null ? '' : valid ? ' (right)' : ' (wrong)');
const hex16 = (value: number): string => `0x${value.toString(16).padStart(4, '0')}`;

/** A line for each header, the network header first; those of a quoted packet are indented. */
export function layersOf(packet: Packet): string[] {
  const lines = [packet.family === 4 ? ipv4Layer(packet) : ipv6Layer(packet)];
  for (const { protocol, length } of packet.extensions) {
    lines.push(`${EXTENSION_HEADERS.get(protocol) ?? 'extension'} header: ${length} bytes`);
  }
  if (packet.fragment !== null) {
    const { offset, more } = packet.fragment;
    const kind = offset === 0 ? (more ? 'first' : 'the only') : more ? 'a middle' : 'the last';
    const where = packet.family === 6 ? 'Fragment header' : 'fragment';
    lines.push(`${where}: ${kind} fragment, offset ${offset}, identification ${packet.identification}`);
  }
  if (packet.problem !== null) lines.push(`not read further: ${packet.problem}`);
  lines.push(...transportLayers(packet));
  return lines;
}

function ipv4Layer(packet: Packet): string {
  const parts = [
    `IPv4: ${packet.source} > ${packet.destination}`,
    `TTL ${packet.hopLimit}`,
    `TOS ${packet.trafficClass}`,
    `identification ${packet.identification}`,
    packet.dontFragment ? 'DF' : 'no DF',
    `${packet.length} bytes`,
  ];
  if (packet.optionsLength > 0) parts.push(`${packet.optionsLength} bytes of options`);
  if (!packet.headerValid) parts.push('header checksum wrong');
  return parts.join(', ') + missing(packet);
}

function ipv6Layer(packet: Packet): string {
  return (
    [
      `IPv6: ${packet.source} > ${packet.destination}`,
      `hop limit ${packet.hopLimit}`,
      `traffic class ${packet.trafficClass}`,
      `flow label ${packet.flowLabel}`,
      `${packet.length} bytes`,
    ].join(', ') + missing(packet)
  );
}

const missing = ({ present, length }: Packet): string => (present < length ? `, of which ${present} are here` : '');

function transportLayers(packet: Packet): string[] {
  const { transport, transportValid } = packet;
  if (transport === null) {
    if (packet.problem !== null) return [];
    return [`payload: ${packet.payloadLength} bytes of ${protocolName(packet.protocol)}`];
  }
  const sum = `checksum ${hex16(transport.checksum)}${checksumWord(transportValid)}`;
  if (transport.kind === 'udp') {
    const { sourcePort, destinationPort, length, checksum } = transport;
    return [`UDP: ${sourcePort} > ${destinationPort}, ${length} bytes, ${checksum === 0 ? 'no checksum' : sum}`];
  }
  if (transport.kind === 'tcp') {
    const { sourcePort, destinationPort, flags, mss, headerLength } = transport;
    const parts = [`TCP: ${sourcePort} > ${destinationPort}`, flags.join(' ') || 'no flags'];
    if (mss !== null) parts.push(`MSS ${mss}`);
    parts.push(`${Math.max(0, packet.payloadLength - headerLength)} bytes of data`, sum);
    return [parts.join(', ')];
  }
  const { type, code, echo, error } = transport;
  const parts = [`ICMPv${packet.family}: ${icmpName(packet.family, type, code)}`];
  if (echo !== null) parts.push(`identifier ${echo.identifier}, sequence ${echo.sequence}`);
  if (error !== null && error.mtu !== null) parts.push(`MTU ${error.mtu}`);
  if (error !== null && error.pointer !== null) parts.push(`pointer ${error.pointer}`);
  parts.push(sum);
  const lines = [parts.join(', ')];
  if (error === null) return lines;
  if (error.quoted === null) return [...lines, '  quotes no IP packet'];
  lines.push(`  quotes ${error.quotedLength} bytes of:`, ...layersOf(error.quoted).map((line) => `  ${line}`));
  if (error.extensionLength > 0) lines.push(`  extension (RFC 4884): ${error.extensionLength} bytes`);
  return lines;
}
