/** The responder's life: its thread, whom it answers, reload, reports, and an end that leaves nothing. */
import { networkOf, type Prefix } from '../config/address.js';
import type { ResponderConfig } from '../config/responder.js';
import { errors } from '../errors.js';
import { startTeam } from '../thread/team.js';
import { startThread } from '../thread/thread.js';
import type { ServerConfig, ServerReport } from './server.js';
import type { ThreadAnswer, ThreadRequest } from './thread.js';

/** What the program that starts the responder shares with it. */
export interface ResponderSources {
  /** The translator's pool4 now: who is answered where the section names nobody. */
  pool4(): readonly Prefix[];
  /** The translator's device, by which packets of pool4 come; null without one. */
  device(): string | null;
}

export interface ResponderService {
  /** `udp 203.0.113.5#3478`. */
  readonly listening: readonly string[];
  describe(): string;
  use(next: ResponderConfig): Promise<void>;
  report(): Promise<ServerReport>;
  alive(): boolean;
  /** Never rejects. */
  stop(): Promise<void>;
}

export interface ResponderLog {
  error(message: string): void;
}

/** How often it is looked whether pool4 was edited, milliseconds. */
const LOOK_MS = 1000;

/** Starts the thread. Throws PLT_RESPONDER_FAILED with the sentence of what cannot be opened. */
export async function startResponder(
  first: ResponderConfig,
  sources: ResponderSources,
  log: ResponderLog,
): Promise<ResponderService> {
  let responder = first;
  const configOf = (): ServerConfig =>
    responder.from === null
      ? { responder, sources: sources.pool4(), device: sources.device() }
      : { responder, sources: responder.from, device: null };
  let config = configOf();
  const team = await startTeam({
    name: 'the responder',
    count: 1,
    start: () => openThread(config),
    error: (message) => log.error(message),
    firstMs: 500,
    mostMs: 60_000,
  });
  const { running } = team;
  async function tell(): Promise<void> {
    config = configOf();
    await Promise.all(running().map((thread) => thread.ask({ kind: 'use', config })));
  }
  const looking = setInterval(() => {
    if (namesOf(config) !== namesOf(configOf())) tell().catch(() => undefined);
  }, LOOK_MS);

  const listening = running()[0]?.listening ?? [];
  return {
    listening,
    describe: () =>
      `responding to STUN on ${listening
        .filter((name) => name.startsWith('udp '))
        .join(', ')
        .replaceAll('udp ', '')}`,
    async use(next) {
      responder = next;
      await tell();
    },
    async report() {
      const thread = running()[0];
      if (thread === undefined) throw errors.responderFailed('its thread does not run');
      const answer = await thread.ask({ kind: 'report' });
      if ('report' in answer) return answer.report;
      throw errors.responderFailed('its thread does not answer');
    },
    alive: team.alive,
    async stop() {
      clearInterval(looking);
      await team.stop();
    },
  };
}

function namesOf({ sources }: ServerConfig): string {
  return sources.map(networkOf).join(' ');
}

async function openThread(config: ServerConfig) {
  const thread = await startThread<ThreadRequest, ThreadAnswer>({
    module: new URL('./thread.js', import.meta.url),
    name: 'responder',
    data: config,
    note: () => undefined,
    failed: errors.responderFailed,
  });
  const { first } = thread;
  return {
    ...thread,
    listening: 'listening' in first ? first.listening : [],
    stop: () => thread.stop({ kind: 'close' }),
  };
}
