/**
 * The query log, off unless the operator wants it: a line of JSON for each answer, appended to a file. Bounded: so many
 * lines a second, so much waiting for the disk; what is left out is counted.
 */
import { createWriteStream } from 'node:fs';
import { octetsToText } from '../config/address.js';
import type { Finished } from './engine.js';
import { nameToText } from './wire/name.js';
import { HEADER_BYTES, rcodeName, typeName } from './wire/numbers.js';

export interface QueryLog {
  write(finished: Finished): void;
  close(): Promise<void>;
}

export interface QueryLogOptions {
  file: string;
  /** Most lines a second. */
  perSecond: number;
  nowMs: () => number;
  /** Told of each line that is left out. */
  leftOut: () => void;
  /** Told once when the file cannot be written; there is no log from then on. */
  failed: (error: Error) => void;
}

const MAX_WAITING_BYTES = 1024 * 1024;

/** Opens the file for appending; the file of a log that rotates is opened anew by a reload. */
export function openQueryLog({ file, perSecond, nowMs, leftOut, failed }: QueryLogOptions): QueryLog {
  const stream = createWriteStream(file, { flags: 'a', mode: 0o640 });
  let broken = false;
  let second = 0;
  let lines = 0;
  stream.on('error', (error) => {
    if (!broken) failed(error);
    broken = true;
  });
  return {
    write(finished) {
      const now = Math.floor(nowMs() / 1000);
      if (now !== second) {
        second = now;
        lines = 0;
      }
      if (broken || lines >= perSecond || stream.writableLength > MAX_WAITING_BYTES) {
        leftOut();
        return;
      }
      lines += 1;
      stream.write(`${JSON.stringify(lineOf(finished))}\n`);
    },
    close: () => new Promise((resolve) => (broken ? resolve() : stream.end(resolve))),
  };
}

function lineOf({ query, client, rcode, cached, bytes }: Finished): object {
  const { nameLength } = query;
  const name = nameLength === 0 ? null : nameToText(query.bytes.subarray(HEADER_BYTES, HEADER_BYTES + nameLength));
  return {
    time: new Date().toISOString(),
    client: octetsToText(client.address),
    transport: client.transport,
    name,
    type: nameLength === 0 ? null : typeName(query.type),
    rcode: rcodeName(rcode),
    cached,
    bytes,
  };
}
