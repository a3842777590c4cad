/** `platypus eamt list|add|remove|flush|lookup` */
import type { Command } from 'commander';
import { entryAt } from '../../config/eam.js';
import { MAX_EAM_FILE_BYTES, readEamFile } from '../../config/eam-file.js';
import { readBounded } from '../../config/read.js';
import { runInSlices } from '../../config/slices.js';
import { MAX_EDIT_ENTRIES } from '../../control/query.js';
import type { ChangeReport, EamLookup } from '../../control/target.js';
import { errors } from '../../errors.js';
import type { EamRow } from '../../native/addon.js';
import { readLimit, readPrefix, withClient } from '../command.js';
import type { Io, Output } from '../io.js';
import { printListing } from '../listing.js';
import type { Column } from '../table.js';

const columns: readonly Column<EamRow>[] = [
  { title: 'IPV4', text: (row) => row.v4 },
  { title: 'IPV6', text: (row) => row.v6 },
];

async function report(output: Output, { changes, note }: ChangeReport & { note: string }): Promise<void> {
  await output.line(`${changes.join('\n')}\n${note}`);
}

/** Pairs of arguments as entries. Throws PLT_USAGE for an odd one. */
function entriesOf(words: readonly string[]): EamRow[] {
  if (words.length % 2 !== 0) {
    throw errors.usage(`found ${words.length} prefixes, expected pairs of an IPv4 and an IPv6 prefix`);
  }
  return words.flatMap((v4, index) => (index % 2 === 0 ? [{ v4, v6: words[index + 1] ?? '' }] : []));
}

/** The entries of a file, not more than one edit takes. Throws ConfigError, PLT_CONFIG_UNREADABLE or PLT_USAGE. */
async function entriesOfFile(file: string): Promise<EamRow[]> {
  const text = await readBounded(file, 'an EAM file', MAX_EAM_FILE_BYTES);
  const { records, lines } = await runInSlices(readEamFile(text, file));
  if (lines.length > MAX_EDIT_ENTRIES) {
    throw errors.usage(
      `${file}: found ${lines.length} entries, expected at most ${MAX_EDIT_ENTRIES} in one edit: name the file in siit.eamtFile`,
    );
  }
  return Array.from(lines, (_line, index) => entryAt(records, index));
}

interface ListOptions {
  v4?: string;
  v6?: string;
  limit?: number;
  json?: boolean;
}

/** Adds the commands. */
export function addEamt(program: Command, io: Io): void {
  const eamt = program
    .command('eamt')
    .description('the explicit address mappings of a stateless translator (RFC 7757)');
  eamt
    .command('list')
    .description('print the entries in the order of their IPv4 prefixes')
    .option('--v4 <prefix>', 'only entries that share addresses with it', readPrefix(4))
    .option('--v6 <prefix>', 'the same for their IPv6 side', readPrefix(6))
    .option('--limit <rows>', 'print at most so many rows', readLimit)
    .option('--json', 'print a JSON array')
    .action(async ({ v4, v6, limit, json }: ListOptions, command: Command) => {
      await withClient(command, io, (client, output) =>
        printListing<EamRow>(client, output, {
          path: '/v1/eamt',
          query: { v4, v6 },
          columns,
          json: json === true,
          limit,
        }),
      );
    });
  eamt
    .command('add')
    .description('add entries to the running translator (not to its file), all of them or none')
    .argument('[prefixes...]', 'pairs of an IPv4 and an IPv6 prefix')
    .option('--file <file>', 'add the entries of a file too')
    .action(async (words: string[], options: { file?: string }, command: Command) => {
      const entries = entriesOf(words);
      if (options.file !== undefined) entries.push(...(await entriesOfFile(options.file)));
      await withClient(command, io, async (client, output) => {
        await report(output, await client.request('POST', '/v1/eamt', { body: { entries } }));
      });
    });
  eamt
    .command('remove')
    .description('remove one entry from the running translator (not from its file)')
    .argument('<prefix>', 'either prefix of the entry', readPrefix(null))
    .action(async (prefix: string, _options: unknown, command: Command) => {
      const query = prefix.includes(':') ? { v6: prefix } : { v4: prefix };
      await withClient(command, io, async (client, output) => {
        await report(output, await client.request('DELETE', '/v1/eamt', { query }));
      });
    });
  eamt
    .command('flush')
    .description('remove all entries from the running translator (not from its file)')
    .action(async (_options: unknown, command: Command) => {
      await withClient(command, io, async (client, output) => {
        await report(output, await client.request('DELETE', '/v1/eamt', { query: { all: 'true' } }));
      });
    });
  eamt
    .command('lookup')
    .description('print the entry that an address is translated by, and what it becomes')
    .argument('<address>', 'IPv4 or IPv6 address')
    .option('--json', 'print a JSON object')
    .action(async (address: string, options: { json?: boolean }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const found = await client.request<EamLookup>('GET', '/v1/eamt/lookup', { query: { address } });
        await output.line(options.json ? JSON.stringify(found, null, 2) : sentence(found));
      });
    });
}

function sentence({ address, entry, counterpart }: EamLookup): string {
  if (entry === null) return `${address} is in no entry: pool6 maps it (RFC 6052)`;
  return `${address} becomes ${counterpart} by ${entry.v4} ${entry.v6}`;
}
