/** `platypus neighbor list|show|clear|shutdown|enable` */
import type { Command } from 'commander';
import type { AnnouncerStatus, NeighborAction } from '../../bgp-lite/announcer.js';
import type { BgpNeighborStatus } from '../../bgp-lite/bgp/status.js';
import type { OspfInterfaceStatus, OspfNeighborStatus } from '../../bgp-lite/ospf/status.js';
import { formatDuration } from '../../config/duration.js';
import { errors } from '../../errors.js';
import { withClient } from '../command.js';
import type { Io } from '../io.js';
import { printRows } from '../listing.js';
import { type Column, ITEM_COLUMNS } from '../table.js';

interface Row {
  name: string;
  protocol: string;
  state: string;
  /** Seconds, null where it is not known. */
  sinceSeconds: number | null;
  info: string;
}

const columns: readonly Column<Row>[] = [
  { title: 'NAME', text: (row) => row.name },
  { title: 'PROTOCOL', text: (row) => row.protocol },
  { title: 'STATE', text: (row) => row.state },
  {
    title: 'SINCE',
    text: (row) => (row.sinceSeconds === null ? '' : formatDuration(row.sinceSeconds)),
    align: 'right',
  },
  { title: 'INFO', text: (row) => row.info },
];

function secondsSince(ms: number): number {
  return Math.max(0, Math.floor((Date.now() - ms) / 1000));
}

function bgpRow(neighbor: BgpNeighborStatus): Row {
  const { state, routes } = neighbor;
  return {
    name: neighbor.name,
    protocol: neighbor.internal ? 'iBGP' : 'eBGP',
    state,
    sinceSeconds: secondsSince(neighbor.sinceMs),
    info: state === 'Established' ? `announced ${routes.announced}, accepted ${routes.accepted}` : whyNot(neighbor),
  };
}

/** The last error, which is what there is to mend, and why nothing is tried now. */
function whyNot({ held, lastError }: BgpNeighborStatus): string {
  const error = lastError?.text ?? held ?? '';
  return held === null || held === error ? error : `${error} (${held})`;
}

function ospfRow(neighbor: OspfNeighborStatus): Row {
  return {
    name: neighbor.routerId,
    protocol: `OSPFv${neighbor.version}`,
    state: neighbor.state,
    sinceSeconds: neighbor.fullForSeconds,
    info: neighbor.lastError ?? `${neighbor.address} on ${neighbor.interface}`,
  };
}

/** An interface that is down has no neighbours, and this is why. */
function downRow({ name, version, state, lastError }: OspfInterfaceStatus): Row {
  return { name, protocol: `OSPFv${version}`, state, sinceSeconds: null, info: lastError ?? '' };
}

/** Everything of an object as lines, nested names joined by blanks: the style of `birdc show protocols all`. */
function linesOf(value: unknown, name = ''): [string, string][] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== 'object'))
      return [[name, value.length === 0 ? 'none' : value.join(', ')]];
    return value.flatMap((item, index) => linesOf(item, `${name} ${index + 1}`));
  }
  if (typeof value !== 'object') return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key.endsWith('Ms') && typeof inner === 'number')
      return timeLine(`${name} ${words(key.slice(0, -2))}`.trim(), inner);
    return linesOf(inner, `${name} ${words(key)}`.trim());
  });
}

/** Points in time as what has gone since then, the rest as durations. */
function timeLine(name: string, ms: number): [string, string][] {
  const point = ms > 1e12;
  return [[name, point ? `${formatDuration(secondsSince(ms))} ago` : `${(ms / 1000).toFixed(1)} s`]];
}

/** `remoteAs` as `remote as`. */
function words(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function act(neighbor: Command, io: Io, action: NeighborAction, description: string): void {
  const command = neighbor.command(action).description(description).argument('<name>', 'as `neighbor list` prints it');
  if (action === 'shutdown') command.option('--text <text>', 'what the neighbour’s operator is told (RFC 9003)');
  command.action(async (name: string, { text }: { text?: string }, self: Command) => {
    await withClient(self, io, async (client, output) => {
      await client.request('POST', '/v1/neighbors', { body: { name, action, text } });
      await output.line(`${name}: ${DONE[action]}`);
    });
  });
}

const DONE: Readonly<Record<NeighborAction, string>> = {
  clear: 'the session is closed and opened again',
  shutdown: 'the session is closed and stays so until `platypus neighbor enable`',
  enable: 'the session is opened',
};

/** Adds the commands. */
export function addNeighbor(program: Command, io: Io): void {
  const neighbor = program.command('neighbor').description('the BGP and OSPF neighbours of the announcer');
  neighbor
    .command('list')
    .description('print the state of each')
    .option('--json', 'print a JSON object with everything')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const status = await client.request<AnnouncerStatus>('GET', '/v1/neighbors');
        if (json === true) {
          await output.line(JSON.stringify(status, null, 2));
          return;
        }
        const { interfaces, neighbors } = status.ospf;
        const down = interfaces.filter(({ state }) => state === 'down').map(downRow);
        await printRows(output, [...status.bgp.map(bgpRow), ...neighbors.map(ospfRow), ...down], columns, false);
      });
    });
  neighbor
    .command('show')
    .description('print all that is known of one')
    .argument('<name>', 'name of a BGP neighbour, or router ID of an OSPF neighbour')
    .option('--json', 'print a JSON array')
    .action(async (name: string, { json }: { json?: boolean }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const { bgp, ospf, bfd } = await client.request<AnnouncerStatus>('GET', '/v1/neighbors');
        const found = [
          ...bgp.filter((one) => one.name === name).map((one) => ({ ...one, bfdSession: bfdOf(bfd, one.address) })),
          ...ospf.neighbors
            .filter(({ routerId }) => routerId === name)
            .map((one) => ({ ...one, bfdSession: bfdOf(bfd, one.address) })),
        ];
        if (found.length === 0) {
          const known = [...bgp.map((one) => one.name), ...ospf.neighbors.map(({ routerId }) => routerId)];
          throw errors.neighborUnknown(name, known);
        }
        if (json === true) await output.line(JSON.stringify(found, null, 2));
        else for (const one of found) await printRows(output, linesOf(one), ITEM_COLUMNS, false);
      });
    });
  act(neighbor, io, 'clear', 'close a BGP session and open it again (RFC 4486, subcode 4)');
  act(neighbor, io, 'shutdown', 'close a BGP session until it is enabled (RFC 4486, subcode 2)');
  act(neighbor, io, 'enable', 'open a BGP session that was shut down or gave up');
}

function bfdOf(rows: AnnouncerStatus['bfd'], remote: string) {
  return rows.find((row) => row.remote === remote) ?? null;
}
