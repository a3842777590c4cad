/** `platypus route list` */
import type { Command } from 'commander';
import type { RouteReport } from '../../bgp-lite/announcer.js';
import { withClient } from '../command.js';
import type { Io } from '../io.js';
import { printRows } from '../listing.js';
import type { Column } from '../table.js';

interface Row {
  prefix: string;
  way: string;
  neighbor: string;
  nextHop: string;
  state: string;
  attributes: string;
}

const columns: readonly Column<Row>[] = [
  { title: 'PREFIX', text: (row) => row.prefix },
  { title: 'WAY', text: (row) => row.way },
  { title: 'NEIGHBOUR', text: (row) => row.neighbor },
  { title: 'NEXT HOP', text: (row) => row.nextHop },
  { title: 'STATE', text: (row) => row.state },
  { title: 'ATTRIBUTES', text: (row) => row.attributes },
];

interface Attributes {
  asPath: readonly number[];
  med: number | null;
  localPref: number | null;
  communities: readonly number[];
  largeCommunities: readonly (readonly number[])[];
}

function attributesText({ asPath, med, localPref, communities, largeCommunities }: Attributes): string {
  const all = [...communities.map((one) => [one >>> 16, one & 0xffff]), ...largeCommunities];
  return [
    asPath.length === 0 ? '' : `path ${asPath.join(' ')}`,
    med === null ? '' : `med ${med}`,
    localPref === null ? '' : `localpref ${localPref}`,
    all.length === 0 ? '' : `communities ${all.map((one) => one.join(':')).join(' ')}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function rowsOf({ announced, ospf, learned, kernel }: RouteReport): Row[] {
  const kernelState = (prefix: string, table: number) =>
    kernel.find((row) => row.prefix === prefix && row.table === table && row.kind === 'unicast');
  return [
    ...announced.flatMap(({ prefix, state, told }): Row[] => {
      const common = { prefix, way: 'announced', state };
      const rows = told.map((one) => ({
        ...common,
        neighbor: one.neighbor,
        nextHop: one.nextHop,
        attributes: attributesText(one),
      }));
      const flooded = ospf
        .filter((one) => one.prefix === prefix)
        .map((one) => ({
          ...common,
          neighbor: `OSPFv${one.version}`,
          nextHop: '',
          attributes: `metric ${one.metric}`,
        }));
      if (rows.length + flooded.length > 0) return [...rows, ...flooded];
      return [{ ...common, neighbor: '', nextHop: '', attributes: '' }];
    }),
    ...learned.map((one) => {
      const { prefix, neighbor, nextHop, table, best, unusable } = one;
      const installed = kernelState(prefix, table);
      const state = unusable ?? (best ? (installed?.error ?? `in table ${table}`) : 'another is better');
      return { prefix, way: 'learned', neighbor, nextHop, state, attributes: attributesText(one) };
    }),
    ...kernel
      .filter(({ kind }) => kind === 'blackhole')
      .map(({ prefix, table, error }) => ({
        prefix,
        way: 'blackhole',
        neighbor: '',
        nextHop: '',
        state: error ?? `in table ${table}`,
        attributes: '',
      })),
  ];
}

/** Adds the command. */
export function addRoute(program: Command, io: Io): void {
  program
    .command('route')
    .description('what is announced to neighbours and learned from them')
    .command('list')
    .description('print announced, learned and blackhole routes')
    .option('--json', 'print a JSON object with everything')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const report = await client.request<RouteReport>('GET', '/v1/routes');
        if (json === true) await output.line(JSON.stringify(report, null, 2));
        else await printRows(output, rowsOf(report), columns, false);
      });
    });
}
