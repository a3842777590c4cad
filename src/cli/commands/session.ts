/** `platypus session list` */
import { type Command, Option } from 'commander';
import { formatTransportAddress } from '../../config/address.js';
import { formatDuration } from '../../config/duration.js';
import type { SessionRow } from '../../native/addon.js';
import { PROTOCOLS, readFilter, readLimit, withClient } from '../command.js';
import type { Io } from '../io.js';
import { printListing } from '../listing.js';
import type { Column } from '../table.js';

const columns: readonly Column<SessionRow>[] = [
  { title: 'PROTO', text: (row) => row.protocol },
  { title: 'IPV6 HOST', text: (row) => (row.v6 === null ? '-' : formatTransportAddress(row.v6, row.port6)) },
  { title: 'POOL4', text: (row) => formatTransportAddress(row.v4, row.port4) },
  {
    title: 'REMOTE',
    // An ICMP session has one identifier, not two ports.
    text: (row) => (row.protocol === 'icmp' ? row.remote4 : formatTransportAddress(row.remote4, row.remotePort)),
  },
  { title: 'STATE', text: (row) => row.state ?? '-' },
  { title: 'EXPIRES', text: (row) => formatDuration(row.expiresInSeconds), align: 'right' },
];

interface Options {
  proto?: string;
  v6?: string;
  v4?: string;
  remote?: string;
  limit?: number;
  json?: boolean;
}

/** Adds the command. */
export function addSession(program: Command, io: Io): void {
  const session = program.command('session').description('the session table');
  session
    .command('list')
    .description('print the sessions; ports are identifiers for icmp')
    .addOption(new Option('--proto <protocol>', 'only this protocol').choices(PROTOCOLS))
    .option('--v6 <filter>', 'IPv6 host: address, prefix or transport address', readFilter(6))
    .option('--v4 <filter>', 'pool4 side: address, prefix or transport address', readFilter(4))
    .option('--remote <filter>', 'IPv4 server: address or prefix', readFilter(4))
    .option('--limit <rows>', 'print at most so many rows', readLimit)
    .option('--json', 'print a JSON array')
    .action(async (options: Options, command: Command) => {
      await withClient(command, io, (client, output) =>
        printListing<SessionRow>(client, output, {
          path: '/v1/sessions',
          query: { protocol: options.proto, v6: options.v6, v4: options.v4, remote4: options.remote },
          columns,
          json: options.json === true,
          limit: options.limit,
        }),
      );
    });
}
