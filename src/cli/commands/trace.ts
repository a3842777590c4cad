/** `platypus trace` */
import { type Command, InvalidArgumentError } from 'commander';
import type { ControlClient } from '../../control/client.js';
import { type ErrorCode, PlatypusError } from '../../errors.js';
import { type CaptureFile, createCaptureFile } from '../../trace/capture-file.js';
import type { TraceLine } from '../../trace/stream.js';
import { capturedPackets, recordText } from '../../trace/text.js';
import { readPrefix, withClient } from '../command.js';
import type { Io, Output } from '../io.js';
import { readWhole } from '../options.js';
import { packageVersion } from '../version.js';

interface Options {
  v6?: string;
  v4?: string;
  proto?: string;
  port?: number;
  count: number;
  seconds: number;
  drops?: boolean;
  snap: number;
  write?: string;
  force?: boolean;
  json?: boolean;
}

function readProtocol(text: string): string {
  if (['tcp', 'udp', 'icmp'].includes(text) || (/^\d{1,3}$/.test(text) && Number(text) <= 255)) return text;
  throw new InvalidArgumentError('expected tcp, udp, icmp or a protocol number from 0 to 255');
}

/** Adds the command. */
export function addTrace(program: Command, io: Io): void {
  program
    .command('trace')
    .description('print live packets before and after translation, and why packets are dropped')
    .option(
      '--v6 <prefix>',
      'only packets from or to these IPv6 addresses',
      readPrefix(6, '2001:db8::1 or 2001:db8::/64'),
    )
    .option(
      '--v4 <prefix>',
      'only packets from or to these IPv4 addresses, inside pool6 too',
      readPrefix(4, '192.0.2.1 or 192.0.2.0/28'),
    )
    .option('--proto <protocol>', 'only tcp, udp, icmp or a protocol number', readProtocol)
    .option('--port <port>', 'only this TCP or UDP port, of either end', readWhole(0, 65_535))
    .option('--count <records>', 'end after so many packets', readWhole(1, 999_999_999), 20)
    .option('--seconds <seconds>', 'end after this time', readWhole(1, 3600), 60)
    .option('--drops', 'only packets that are dropped or refused')
    .option('--snap <bytes>', 'bytes kept of each packet', readWhole(64, 2048), 256)
    .option('--write <file>', 'also write a pcapng file with an interface for each side')
    .option('--force', 'replace the file if it is there')
    .option('--json', 'print a JSON object a line')
    .action(async (options: Options, command: Command) => {
      const stopping = new AbortController();
      const stop = () => stopping.abort();
      const forget = [io.onSignal('SIGINT', stop), io.onSignal('SIGTERM', stop)];
      try {
        await withClient(command, io, (client, output) => trace(client, output, io, options, stopping));
      } finally {
        for (const stopListening of forget) stopListening();
      }
    });
}

async function trace(
  client: ControlClient,
  output: Output,
  io: Io,
  options: Options,
  stopping: AbortController,
): Promise<void> {
  let file: CaptureFile | null = null;
  let left = options.count;
  let lost = 0;
  try {
    for await (const line of client.lines<TraceLine>('/v1/trace', queryOf(options), stopping.signal)) {
      if ('start' in line) {
        if (options.write !== undefined) file = await createFile(options.write, options);
      } else if ('lost' in line) {
        lost += line.lost;
      } else if ('end' in line) {
        if (line.end === 'failed') throw new PlatypusError(line.code as ErrorCode, line.message);
      } else {
        await file?.append(capturedPackets(line));
        const read = await output.line(options.json ? JSON.stringify(line) : recordText(line));
        left--;
        if (!read || left === 0) break;
      }
    }
  } finally {
    // Takes the connection away, and with it the trace.
    stopping.abort();
    await file?.close();
  }
  if (lost > 0) io.stderr.write(`platypus: ${lost} more packets matched than could be shown\n`);
}

function createFile(path: string, { force, snap }: Options): Promise<CaptureFile> {
  return createCaptureFile(path, {
    force: force === true,
    application: `platypus ${packageVersion()} trace`,
    snapBytes: snap,
  });
}

function queryOf({ v6, v4, proto, port, drops, snap, seconds }: Options): Record<string, string | number | undefined> {
  return { v6, v4, protocol: proto, port, drops: drops ? 'true' : undefined, snap, seconds };
}
