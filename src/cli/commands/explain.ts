/** `platypus explain '<packet>'` */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { toCoreConfig, toSiitCoreConfig } from '../../config/core.js';
import { checkData, joinFiles, type LoadedConfig, loadConfig } from '../../config/file.js';
import { readBounded } from '../../config/read.js';
import { ConfigError, errors } from '../../errors.js';
import { buildPacket } from '../../explain/build.js';
import { parseDescription } from '../../explain/description.js';
import { type Explanation, explain } from '../../explain/explain.js';
import { flowEnds, staticFlow } from '../../explain/flow.js';
import { looksLikeHex, parseHex } from '../../explain/hex.js';
import { readPacket } from '../../explain/packet.js';
import { explanationText } from '../../explain/text.js';
import type { Addon, CoreConfig } from '../../native/addon.js';
import { buildTable } from '../../siit/eamt.js';
import { type Frame, MAX_CAPTURE_BYTES, readCapture } from '../../trace/capture.js';
import { ipPacketOf, isKnownLink, LINK_TYPES } from '../../trace/link.js';
import { withClient } from '../command.js';
import { createOutput, type Io, type Output } from '../io.js';

interface Options {
  config?: string;
  pool6?: string[];
  pool4?: string[];
  eamt?: string;
  frame?: number;
  json?: boolean;
}

const collect = (value: string, before: string[] = []) => [...before, value];

function readFrameNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a frame number, counted from 1');
}

/** Adds the command. */
export function addExplain(program: Command, io: Io): void {
  program
    .command('explain')
    .description('say step by step what the translator would do with a packet, without sending it')
    .argument('<packet>', "hexadecimal digits, a pcap or pcapng file, or words: 'udp 192.0.2.1#53 > 198.51.100.1#53'")
    .option('-c, --config <file>', 'with the configuration of a file instead of the running translator')
    .option('--pool6 <prefix>', 'with this pool6 instead; may be repeated', collect)
    .option('--pool4 <prefix>', 'beside --pool6: a NAT64 with this pool4; may be repeated', collect)
    .option('--eamt <file>', 'beside --pool6: a stateless translator with these EAM entries')
    .option('--frame <number>', 'which frame of the file; the first with an IP packet unless told', readFrameNumber)
    .option('--json', 'print a JSON object')
    .action(async (packetText: string, options: Options, command: Command) => {
      const packet = await readPacketArgument(packetText, options.frame);
      const print = (output: Output, explanation: Explanation) =>
        output.line(options.json ? JSON.stringify(explanation, null, 2) : explanationText(explanation));
      const loaded = await chosenConfig(options);
      if (loaded === null) {
        await withClient(command, io, async (client, output) => {
          const body = { packet: packet.toString('hex') };
          await print(output, await client.request<Explanation>('POST', '/v1/explain', { body }));
        });
        return;
      }
      const addon = loadAddon(io);
      const config = await coreOf(loaded, addon);
      const read = readPacket(packet);
      const known = staticFlow(config.staticBib, read === null ? [] : flowEnds(read, config));
      await print(createOutput(io.stdout), explain(packet, { addon, config, known }));
    });
}

/** The packet as hexadecimal digits, as words, or from a file. Throws PlatypusError. */
async function readPacketArgument(text: string, frame: number | undefined): Promise<Buffer> {
  if (/^\s*(tcp|udp|icmp|proto)\s/.test(text)) return buildPacket(parseDescription(text));
  if (looksLikeHex(text)) return parseHex(text);
  return packetOfFile(text, Buffer.from(await readBounded(text, 'a pcap or pcapng file', MAX_CAPTURE_BYTES)), frame);
}

function packetOfFile(name: string, data: Buffer, wanted: number | undefined): Buffer {
  let last: Frame | null = null;
  for (const frame of readCapture(name, data)) {
    last = frame;
    if (wanted !== undefined && frame.number !== wanted) continue;
    const packet = ipPacketOf(frame);
    if (packet !== null) return wholePacket(name, frame, packet);
    if (wanted !== undefined) throw noPacket(name, frame);
  }
  if (wanted !== undefined) {
    throw errors.captureInvalid(name, null, `${last?.number ?? 0} frames`, `a frame ${wanted}`);
  }
  throw last === null ? errors.captureInvalid(name, null, 'no frame', 'one with an IP packet') : noPacket(name, last);
}

function noPacket(name: string, { number, linkType }: Frame): Error {
  if (isKnownLink(linkType)) return errors.captureInvalid(name, null, `no IP packet in frame ${number}`, 'one');
  return errors.captureInvalid(name, null, `a frame ${number} of link type ${linkType}`, LINK_TYPES);
}

/** A packet of which the capture kept a part would be explained wrongly. */
function wholePacket(name: string, { number, length, bytes }: Frame, packet: Buffer): Buffer {
  if (length <= bytes.length) return packet;
  const found = `frame ${number} with ${bytes.length} of its ${length} bytes`;
  throw errors.captureInvalid(name, null, found, 'the whole frame: capture with a larger snap length');
}

/** The configuration that the options name; null for that of the running translator. */
async function chosenConfig({ config, pool6, pool4, eamt }: Options): Promise<LoadedConfig | null> {
  const line = pool6 !== undefined || pool4 !== undefined || eamt !== undefined;
  if (config !== undefined) {
    if (line) throw errors.usage('--config goes without --pool6, --pool4 and --eamt');
    return loadConfig(config);
  }
  if (!line) return null;
  if (pool4 !== undefined && eamt !== undefined) throw errors.usage('--pool4 makes a NAT64, which has no --eamt');
  const data = pool4 === undefined ? { siit: { pool6, eamtFile: eamt } } : { plat: { pool6, pool4 } };
  const loaded = checkData(
    data,
    (complaints) =>
      new ConfigError(
        'command line',
        complaints.map(({ path, message }) => ({ path: `--${path[1]}`, line: null, column: null, message })),
      ),
  );
  return joinFiles(loaded, resolve('.'));
}

async function coreOf({ config }: LoadedConfig, addon: Addon): Promise<CoreConfig> {
  if (config.plat !== undefined) return toCoreConfig(config.plat, null);
  if (config.siit === undefined) throw errors.noTranslator();
  const { records } = config.siit.eamt;
  const table = records === null ? null : await buildTable(addon, null, { add: records });
  return toSiitCoreConfig(config.siit, table, null);
}

function loadAddon(io: Io): Addon {
  try {
    return io.loadAddon();
  } catch (error) {
    throw errors.addonMissing(error);
  }
}
