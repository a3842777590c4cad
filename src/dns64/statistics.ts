/** What the DNS64 server counts: one number a name, added up over its workers. */
import { defineCounters } from '../counters.js';
import type { Transport } from './server/client.js';
import { Type } from './wire/numbers.js';

const counters = defineCounters({
  'dns64.queries.udp': 'queries over UDP',
  'dns64.queries.tcp': 'queries over TCP',
  'dns64.queries.tls': 'queries over TLS (DoT)',
  'dns64.queries.https': 'queries over HTTPS (DoH)',
  'dns64.queries.a': 'queries for A records',
  'dns64.queries.aaaa': 'queries for AAAA records',
  'dns64.queries.ptr': 'queries for PTR records',
  'dns64.queries.https_svcb': 'queries for HTTPS and SVCB records',
  'dns64.queries.other': 'queries for records of other types',
  'dns64.answers.noerror': 'answers with RCODE NOERROR',
  'dns64.answers.nxdomain': 'answers with RCODE NXDOMAIN',
  'dns64.answers.servfail': 'answers with RCODE SERVFAIL',
  'dns64.answers.other': 'answers with another RCODE',
  'dns64.answers.truncated': 'answers cut to what the client takes over UDP',
  'dns64.cache.hits': 'answers that were ready in the cache',
  'dns64.cache.misses': 'queries that were not ready in the cache',
  'dns64.cache.stale': 'answers past their time, because upstream had none (RFC 8767)',
  'dns64.cache.prefetched': 'answers had anew before their time ended',
  'dns64.synthesis.answers': 'replies with AAAA records made from A records',
  'dns64.synthesis.native': 'replies to AAAA queries with AAAA records of their own',
  'dns64.synthesis.nothing': 'names with neither AAAA nor A records that a prefix stands for',
  'dns64.synthesis.left_out': 'A records that no prefix stands for',
  'dns64.synthesis.a_lookups': 'A queries made to answer AAAA queries',
  'dns64.synthesis.excluded': 'AAAA records that were found and are excluded (RFC 6147 §5.1.4)',
  'dns64.synthesis.bogus': 'names that do not validate, and are not synthesised (RFC 6147 §5.5)',
  'dns64.synthesis.reverse': 'reverse names of synthetic addresses',
  'dns64.query_log.left_out': 'answers that the query log leaves out, above its rate or because the disk is slow',
  'dns64.local': 'replies known here: ipv4only.arpa, localhost, hosts files, private zones',
  'dns64.failed': 'names for which upstream had no answer',
  'dns64.joined': 'queries that waited for the same question of another client',
  'dns64.drop.short': 'packets shorter than a DNS header',
  'dns64.drop.response': 'responses sent to the server',
  'dns64.drop.not_a_client': 'packets from addresses that are no clients of this server, when silence is asked for',
  'dns64.rate_limited': 'queries above the rate of their client: dropped over UDP, refused over a connection',
  'dns64.drop.overload': 'queries that nothing was left to work on',
  'dns64.refused.not_a_client': 'queries refused, from addresses that are no clients of this server',
  'dns64.refused.formerr': 'queries that are malformed',
  'dns64.refused.notimp': 'queries with another opcode, and zone transfers',
  'dns64.refused.badvers': 'queries with another EDNS version',
  'dns64.refused.badcookie': 'queries without a valid cookie, where one is wanted',
});

export type Counter = (typeof counters.names)[number];

/** Every counter with its meaning, in the order in which they are shown. */
export const { names: counterNames, meaning: counterMeaning } = counters;

export type Statistics = Record<Counter, number>;

/** All zero. */
export const createStatistics = counters.create;

// Counters named where they are counted: a name that is computed is looked up for each packet.
/** Counts a query by how it came. */
export function countTransport(statistics: Statistics, transport: Transport): void {
  if (transport === 'udp') statistics['dns64.queries.udp'] += 1;
  else if (transport === 'tcp') statistics['dns64.queries.tcp'] += 1;
  else if (transport === 'tls') statistics['dns64.queries.tls'] += 1;
  else statistics['dns64.queries.https'] += 1;
}

/** Counts a query by what is asked. */
export function countType(statistics: Statistics, type: number): void {
  if (type === Type.AAAA) statistics['dns64.queries.aaaa'] += 1;
  else if (type === Type.A) statistics['dns64.queries.a'] += 1;
  else if (type === Type.PTR) statistics['dns64.queries.ptr'] += 1;
  else if (type === Type.HTTPS || type === Type.SVCB) statistics['dns64.queries.https_svcb'] += 1;
  else statistics['dns64.queries.other'] += 1;
}
