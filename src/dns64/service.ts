/** The DNS64 server's life: its threads, reload, reports, and an end that leaves nothing. */
import type { Prefix } from '../config/address.js';
import type { LoadedDns64 } from '../config/dns64.js';
import { errors } from '../errors.js';
import { startTeam } from '../thread/team.js';
import { startThread } from '../thread/thread.js';
import { addReports, type ServerReport } from './report.js';
import { createCookieSecret, type ServerConfig } from './server.js';
import type { ThreadAnswer, ThreadData, ThreadRequest } from './thread.js';

export interface Dns64Service {
  readonly listening: readonly string[];
  use(next: LoadedDns64, translated: readonly Prefix[] | null): Promise<void>;
  /** The sum over the threads. */
  report(): Promise<ServerReport>;
  /** Every thread runs. */
  alive(): boolean;
  stop(): Promise<void>;
}

/** How long cookies are made with one secret (RFC 7873 §7.1 wants weeks at most). */
const SECRET_MS = 86_400_000;

export interface Dns64Log {
  warn(message: string): void;
  error(message: string): void;
}

/** Starts the threads; throws PLT_DNS64_FAILED with the sentence of the one that cannot open its sockets. */
export async function startDns64(
  dns64: LoadedDns64,
  translated: readonly Prefix[] | null,
  log: Dns64Log,
): Promise<Dns64Service> {
  const warn = (message: string) => log.warn(message);
  let config: ServerConfig = { dns64, translated };
  let cookieSecret = createCookieSecret();
  const team = await startTeam({
    name: 'the DNS64 server',
    count: dns64.workers,
    // What one thread has to say, they all have.
    start: (index) => openThread({ config, first: index === 0, cookieSecret }, index === 0 ? warn : () => undefined),
    error: (message) => log.error(message),
    firstMs: 500,
    mostMs: 60_000,
  });
  const { running } = team;
  const rolling = setInterval(() => {
    cookieSecret = createCookieSecret();
    for (const thread of running()) thread.ask({ kind: 'secret', cookieSecret }).catch(() => undefined);
  }, SECRET_MS);

  return {
    listening: running()[0]?.listening ?? [],
    async use(next, prefixes) {
      config = { dns64: next, translated: prefixes };
      await Promise.all(running().map((thread) => thread.ask({ kind: 'use', config })));
    },
    async report() {
      const answers = await Promise.all(running().map((thread) => thread.ask({ kind: 'report' })));
      const reports = answers.flatMap((answer) => ('report' in answer ? [answer.report] : []));
      if (reports.length === 0) throw errors.dns64Failed('none of its threads runs');
      return reports.reduce(addReports);
    },
    alive: team.alive,
    async stop() {
      clearInterval(rolling);
      await team.stop();
    },
  };
}

async function openThread(data: ThreadData, warn: (message: string) => void) {
  const thread = await startThread<ThreadRequest, ThreadAnswer>({
    module: new URL('./thread.js', import.meta.url),
    name: 'dns64',
    data,
    note(message) {
      if ('warning' in message) warn(message.warning);
    },
    failed: errors.dns64Failed,
  });
  const { first } = thread;
  return {
    ...thread,
    listening: 'listening' in first ? first.listening : [],
    stop: () => thread.stop({ kind: 'close' }),
  };
}
