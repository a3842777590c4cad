/** `platypus status` */
import type { Command } from 'commander';
import { formatDuration } from '../../config/duration.js';
import type { AnnouncerSummary, StatusReport, TranslatorStatus } from '../../control/target.js';
import type { Dns64Status } from '../../dns64/readings.js';
import type { ResponderStatus } from '../../responder/readings.js';
import { withClient } from '../command.js';
import type { Io } from '../io.js';
import { createTable, ITEM_COLUMNS } from '../table.js';

/** What the table says, in its order. */
function lines(status: StatusReport): [string, string][] {
  return [
    ['state', status.alive ? 'running' : 'a worker has ended'],
    ['mode', MODES[status.mode]],
    ['version', status.version],
    ['process', String(status.pid)],
    ['uptime', formatDuration(status.uptimeSeconds)],
    ['file', status.file ?? `none (platypus ${status.mode})`],
    ...('device' in status ? translatorLines(status) : []),
    ...(status.clat ?? []).map(({ uplink, words }): [string, string] => [`clat ${uplink}`, words]),
    ...(status.dns64 === null ? [] : dns64Lines(status.dns64)),
    ...(status.responder === null ? [] : responderLines(status.responder)),
    ...(status.announcer === null ? [] : announcerLines(status.announcer)),
  ];
}

const MODES = {
  plat: 'plat (stateful NAT64)',
  siit: 'siit (stateless)',
  clat: 'clat (464XLAT)',
  dns64: 'dns64',
  announce: 'announce',
  responder: 'responder (STUN)',
} as const;

function responderLines({ alive, listening, answers }: ResponderStatus): [string, string][] {
  const given = answers === null ? '' : `, ${answers} answers given`;
  return [['responder', alive ? `answering on ${listening.join(', ')}${given}` : 'its thread has ended']];
}

function announcerLines(announcer: AnnouncerSummary): [string, string][] {
  const { drain, prefixes, neighborsUp, neighbors, interfacesDown } = announcer;
  return [
    ['neighbours', `${neighborsUp} of ${neighbors} up${drain === 'none' ? '' : `, ${drain}`}`],
    ...interfacesDown.map(({ version, name, reason }): [string, string] => [
      `ospf ${name}`,
      `OSPFv${version} is down (${reason})`,
    ]),
    ...prefixes.map(({ prefix, state, reasons }): [string, string] => [
      `announce ${prefix}`,
      reasons.length === 0 ? state : `${state} (${reasons.join('; ')})`,
    ]),
  ];
}

function dns64Lines({ listening, ready, openQuestions, cache, upstream }: Dns64Status): [string, string][] {
  const servers = upstream.map(({ server, srttMs, dead }) => {
    const speed = srttMs === null ? 'no answer yet' : `${srttMs.toFixed(1)} ms`;
    return `${server} (${dead ? 'dead' : speed})`;
  });
  return [
    ['dns64', `${ready ? 'answering' : 'no upstream answers'} on ${listening.join(', ')}`],
    ['dns64 upstream', servers.join(', ')],
    ['dns64 cache', `${cache.entries} answers, ${mebibytes(cache.usedBytes)} of ${mebibytes(cache.capacityBytes)}`],
    ['dns64 open', `${openQuestions} questions`],
  ];
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function translatorLines(status: TranslatorStatus): [string, string][] {
  const { sizes, limits } = status;
  const offload = Object.entries(status.offload).filter(([, on]) => on);
  /** A line for a table, when this translator has it. */
  const full = (name: string, used: number, limit: number | undefined, more = ''): [string, string][] =>
    limit === undefined ? [] : [[name, `${used} of ${limit}${more}`]];
  return [
    ['device', status.device],
    ['offload', offload.length === 0 ? 'none' : offload.map(([name]) => name).join(', ')],
    ['workers', workersText(status)],
    ['mtu', `${status.mtu6} (IPv6), ${status.mtu4} (IPv4)`],
    ['pool6', few(status.pool6)],
    ['pool4', few(status.pool4)],
    ...(status.eamt === null ? [] : [['eamt', `${status.eamt} entries`] satisfies [string, string]]),
    ['announce', few(status.announce)],
    ...full('sessions', sizes.sessions, limits.sessions),
    ...full('bib', sizes.bib, limits.bib, `, ${sizes.staticBib} static`),
    ...full('hosts', sizes.hosts, limits.hosts),
    ...full('reassembly', sizes.reassembly, limits.reassembly),
    ...full('stored SYNs', sizes.storedSyns, limits.storedSyns),
    ...full('path MTUs', sizes.pathMtus, limits.pathMtus),
    ['memory', mebibytes(sizes.memoryBytes)],
  ];
}

function workersText({ workers: { count, steered } }: TranslatorStatus): string {
  if (count === 1) return '1';
  return `${count}, ${steered ? 'steered by the kernel' : 'handing over: the kernel took no steering program'}`;
}

const SHOWN_PREFIXES = 8;

function few(prefixes: readonly string[]): string {
  if (prefixes.length === 0) return 'none';
  const more = prefixes.length - SHOWN_PREFIXES;
  return `${prefixes.slice(0, SHOWN_PREFIXES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Adds the command. */
export function addStatus(program: Command, io: Io): void {
  program
    .command('status')
    .description('print what the translator is and how full its tables are')
    .option('--json', 'print a JSON object')
    .action(async (options: { json?: boolean }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const status = await client.request<StatusReport>('GET', '/v1/status');
        if (options.json) {
          await output.line(JSON.stringify(status, null, 2));
          return;
        }
        const table = createTable(ITEM_COLUMNS);
        await output.line(table.lines(lines(status)).join('\n'));
      });
    });
}
