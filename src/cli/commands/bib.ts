/** `platypus bib list|add|remove` */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { formatTransportAddress, parseTransportAddress } from '../../config/address.js';
import type { BibRow } from '../../native/addon.js';
import { PROTOCOLS, readFilter, readLimit, withClient } from '../command.js';
import type { Io } from '../io.js';
import { printListing } from '../listing.js';
import type { Column } from '../table.js';

const columns: readonly Column<BibRow>[] = [
  { title: 'PROTO', text: (row) => row.protocol },
  { title: 'IPV6 HOST', text: (row) => formatTransportAddress(row.v6, row.port6) },
  { title: 'POOL4', text: (row) => formatTransportAddress(row.v4, row.port4) },
  { title: 'KIND', text: (row) => (row.static ? 'static' : 'dynamic') },
  { title: 'SESSIONS', text: (row) => String(row.sessions), align: 'right' },
];

function readTransport(family: 4 | 6): (text: string) => string {
  return (text) => {
    const transport = parseTransportAddress(text);
    if (transport !== null && transport.address.family === family) {
      return formatTransportAddress(transport.address.text, transport.port);
    }
    const example = family === 4 ? '192.0.2.1#80' : '2001:db8::1#80';
    throw new InvalidArgumentError(`expected an IPv${family} transport address such as ${example}`);
  };
}

interface ListOptions {
  proto?: string;
  v6?: string;
  v4?: string;
  limit?: number;
  json?: boolean;
}

/** Adds the commands. */
export function addBib(program: Command, io: Io): void {
  const bib = program.command('bib').description('the binding information base: who has which pool4 port');
  bib
    .command('list')
    .description('print the bindings')
    .addOption(new Option('--proto <protocol>', 'only this protocol').choices(PROTOCOLS))
    .option('--v6 <filter>', 'IPv6 host: address, prefix or transport address', readFilter(6))
    .option('--v4 <filter>', 'pool4 side: address, prefix or transport address', readFilter(4))
    .option('--limit <rows>', 'print at most so many rows', readLimit)
    .option('--json', 'print a JSON array')
    .action(async (options: ListOptions, command: Command) => {
      await withClient(command, io, (client, output) =>
        printListing<BibRow>(client, output, {
          path: '/v1/bib',
          query: { protocol: options.proto, v6: options.v6, v4: options.v4 },
          columns,
          json: options.json === true,
          limit: options.limit,
        }),
      );
    });

  const protocol = () => new Argument('<protocol>', 'tcp, udp or icmp').choices(PROTOCOLS);
  bib
    .command('add')
    .description('add a static binding to the running translator (not to its file)')
    .addArgument(protocol())
    .argument('<v6>', 'IPv6 transport address, 2001:db8::1#80', readTransport(6))
    .argument('<v4>', 'pool4 transport address, 192.0.2.1#80', readTransport(4))
    .action(async (proto: string, v6: string, v4: string, _options: unknown, command: Command) => {
      await withClient(command, io, async (client, output) => {
        await client.request('POST', '/v1/bib', { body: { protocol: proto, v6, v4 } });
        await output.line(`added ${proto} ${v6} ${v4}; it is not written to the file`);
      });
    });
  bib
    .command('remove')
    .description('remove a binding, static or not, with its sessions')
    .addArgument(protocol())
    .argument('<v4>', 'pool4 transport address, 192.0.2.1#80', readTransport(4))
    .action(async (proto: string, v4: string, _options: unknown, command: Command) => {
      await withClient(command, io, async (client, output) => {
        await client.request('DELETE', '/v1/bib', { query: { protocol: proto, v4 } });
        await output.line(`removed ${proto} ${v4}`);
      });
    });
}
