/**
 * Where all of it runs: one network namespace with nothing but its loopback, so that neither a port nor a packet meets
 * those of the machine. Generator and upstream have core 0, the server that is measured core 1.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Host, openHost } from '../../lab/host.js';

export const LOOPBACK = '127.0.0.1';
export const pool6 = '2001:db8:64::/96';
export const UPSTREAM_PORT = 5300;

export interface BenchHost {
  host: Host;
  /** For configurations and lists of names, gone on `close`. */
  folder: string;
  /** Ends the host with all that runs on it. May be called twice. */
  close(): Promise<void>;
}

/** Makes it; nothing is left behind when that fails half-way. */
export async function openBenchHost(): Promise<BenchHost> {
  const folder = await mkdtemp(join(tmpdir(), 'platypus-dns64-'));
  const discard = () => rm(folder, { recursive: true, force: true });
  let host: Host;
  try {
    host = await openHost('dns64');
  } catch (error) {
    await discard();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    host,
    folder,
    close() {
      closing ??= host.close().then(discard);
      return closing;
    },
  };
}
