/** What each resolver says of ipv4only.arpa (RFC 7050). */
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { formatPrefix, parseAddress } from '../../config/address.js';
import type { Addon } from '../../native/addon.js';
import type { LinkView } from './link.js';

export interface ResolverView {
  server: string;
  /** Who named it. */
  from: 'advertisement' | 'resolv.conf' | 'configuration' | 'command line';
  /** In its order; none where it makes no AAAA records. */
  prefixes: string[];
  /** AAAA records without 192.0.0.170 or .171 in them. */
  strangers: number;
  /** `ETIMEOUT`, `ESERVFAIL` …; null when it answered, also when it has no such record. */
  failure: string | null;
  tookMs: number;
}

const NAME = 'ipv4only.arpa';
const TIMEOUT_MS = 2000;
const TRIES = 2;
const MOST_RESOLVERS = 8;
const MOST_RECORDS = 16;

/** Resolvers of the routers, of resolv.conf, of `clat.resolvers`, and of the command line, each once. */
export async function namedResolvers(
  { told, configured }: { told: readonly string[]; configured: readonly string[] },
  views: readonly LinkView[],
  file = '/etc/resolv.conf',
): Promise<Pick<ResolverView, 'server' | 'from'>[]> {
  const named = new Map<string, ResolverView['from']>();
  const add = (server: string, from: ResolverView['from']) => {
    if (!named.has(server) && named.size < MOST_RESOLVERS) named.set(server, from);
  };
  for (const server of told) add(server, 'command line');
  for (const { device, routers } of views) {
    for (const { resolvers } of routers) {
      for (const { address, lifetimeSeconds } of resolvers) {
        if (lifetimeSeconds > 0) add(address.startsWith('fe8') ? `${address}%${device}` : address, 'advertisement');
      }
    }
  }
  const text = await readFile(file, 'utf8').catch(() => '');
  for (const [, server = ''] of text.slice(0, 16_384).matchAll(/^\s*nameserver\s+(\S+)/gm)) {
    if (parseAddress(server.split('%')[0] ?? '') !== null) add(server, 'resolv.conf');
  }
  // Last: those of all who are on this host are known as such.
  for (const server of configured) add(server, 'configuration');
  return [...named].map(([server, from]) => ({ server, from }));
}

/** Asks one server, in bounded time. */
export function createResolver(server: string): Resolver {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  resolver.setServers([server.includes(':') ? `[${server}]` : server]);
  return resolver;
}

/** Asks all at once. Never throws. */
export function askResolvers(
  resolvers: readonly Pick<ResolverView, 'server' | 'from'>[],
  addon: Pick<Addon, 'findPref64'>,
  signal: AbortSignal,
): Promise<ResolverView[]> {
  return Promise.all(
    resolvers.map(async ({ server, from }) => {
      const startMs = performance.now();
      const view = (records: readonly string[], failure: string | null): ResolverView => {
        const prefixes = addon.findPref64(records.slice(0, MOST_RECORDS)).map(formatPrefix);
        const strangers = records.filter((record) => addon.findPref64([record]).length === 0).length;
        return { server, from, prefixes, strangers, failure, tookMs: Math.round(performance.now() - startMs) };
      };
      let resolver: Resolver | null = null;
      const cancel = () => resolver?.cancel();
      signal.addEventListener('abort', cancel);
      try {
        // Throws for what resolv.conf has behind a `%`.
        resolver = createResolver(server);
        return view(await resolver.resolve6(NAME), null);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? 'EUNKNOWN';
        // No such record: it is no DNS64, and that is an answer.
        return view([], code === 'ENODATA' || code === 'ENOTFOUND' ? null : code);
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    }),
  );
}
