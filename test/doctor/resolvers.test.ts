/** Which resolvers are asked, and what they say of ipv4only.arpa. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as packet from 'dns-packet';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { askResolvers, namedResolvers } from '../../src/doctor/survey/resolvers.js';
import { loadAddon } from '../../src/native/addon.js';
import { advertisement } from './surveys.js';

/** Where the test's own resolver listens; real ones have port 53. */
const port = vi.hoisted(() => ({ number: 0 }));
vi.mock('node:dns/promises', async (original) => {
  const { Resolver } = await original<typeof import('node:dns/promises')>();
  class Redirected extends Resolver {
    constructor(...options: ConstructorParameters<typeof Resolver>) {
      super(...options);
      const setServers = this.setServers.bind(this);
      this.setServers = (servers) => setServers(servers.map((server) => `${server}:${port.number}`));
    }
  }
  return { Resolver: Redirected };
});

const addon = loadAddon();

describe('named', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'platypus-resolvers-'));
    file = join(folder, 'resolv.conf');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const none = { told: [], configured: [] };
  const view = (device: string, ...resolvers: { address: string; lifetimeSeconds: number }[]) => ({
    device,
    routers: [advertisement('fe80::1', { resolvers })],
    refused: 0,
    failure: null,
  });

  test('on the command line, by routers, in resolv.conf, for the CLAT in its file, each once', async () => {
    await writeFile(
      file,
      '# nameserver 192.0.2.99\nnameserver 192.0.2.53\n nameserver\t2001:db8::53 # ours\nnameserver ::1\n',
    );
    const views = [
      view('eth0', { address: '2001:db8::53', lifetimeSeconds: 60 }, { address: '::1', lifetimeSeconds: 60 }),
    ];
    expect(await namedResolvers({ told: ['::1'], configured: ['::64', '::1'] }, views, file)).toEqual([
      { server: '::1', from: 'command line' },
      { server: '2001:db8::53', from: 'advertisement' },
      { server: '192.0.2.53', from: 'resolv.conf' },
      { server: '::64', from: 'configuration' },
    ]);
  });

  test('by a router with a link-local address, on its link', async () => {
    const views = [view('eth0', { address: 'fe80::53', lifetimeSeconds: 60 })];
    expect(await namedResolvers(none, views, file)).toEqual([{ server: 'fe80::53%eth0', from: 'advertisement' }]);
  });

  test('not those that a router takes back', async () => {
    expect(await namedResolvers(none, [view('eth0', { address: '2001:db8::53', lifetimeSeconds: 0 })], file)).toEqual(
      [],
    );
  });

  test('not what is no address', async () => {
    await writeFile(file, 'nameserver localhost\nnameserver ::ffff\nnameserver fe80::1%eth0\nsearch example.net\n');
    expect((await namedResolvers(none, [], file)).map(({ server }) => server)).toEqual(['::ffff', 'fe80::1%eth0']);
  });

  test('not more than eight', async () => {
    await writeFile(file, Array.from({ length: 20 }, (_, at) => `nameserver 192.0.2.${at}\n`).join(''));
    expect((await namedResolvers(none, [], file)).length).toBe(8);
  });
});

describe('asked', () => {
  let server: Socket;
  let asked: string[];
  /** Null: no answer. */
  let answer: (question: packet.Question) => { rcode?: number; addresses?: string[] } | null;

  beforeEach(async () => {
    asked = [];
    server = createSocket('udp6');
    server.on('message', (message, { port: from, address }) => {
      const query = packet.decode(message);
      const [question] = query.questions ?? [];
      if (question === undefined) return;
      asked.push(`${question.name} ${question.type}`);
      const said = answer(question);
      if (said === null) return;
      const { rcode = 0, addresses = [] } = said;
      const answers = addresses.map((data) => ({ type: 'AAAA', name: question.name, ttl: 60, data }) as const);
      const reply = packet.encode({
        type: 'response',
        id: query.id ?? 0,
        flags: 0x8180 | rcode,
        questions: [question],
        answers,
      });
      server.send(reply, from, address);
    });
    server.bind(0, '::1');
    await once(server, 'listening');
    port.number = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    server.close();
  });

  const ask = async (signal = new AbortController().signal) => {
    const [view] = await askResolvers([{ server: '::1', from: 'command line' }], addon, signal);
    if (view === undefined) throw new Error('nothing came back');
    const { tookMs, ...rest } = view;
    expect(tookMs).toBeGreaterThanOrEqual(0);
    return rest;
  };
  const told = { server: '::1', from: 'command line', prefixes: [] as string[], strangers: 0, failure: null };

  test('a DNS64', async () => {
    answer = () => ({ addresses: ['64:ff9b::192.0.0.170', '64:ff9b::192.0.0.171'] });
    expect(await ask()).toEqual({ ...told, prefixes: ['64:ff9b::/96'] });
    expect(asked).toEqual(['ipv4only.arpa AAAA']);
  });

  test('a DNS64 with a prefix of 64 bits', async () => {
    answer = () => ({ addresses: ['2001:db8:64:0:c0:0:aa00:0', '2001:db8:64:0:c0:0:ab00:0'] });
    expect((await ask()).prefixes).toEqual(['2001:db8:64::/64']);
  });

  test('addresses that nobody can have synthesised', async () => {
    answer = () => ({ addresses: ['2001:db8::1', '64:ff9b::192.0.0.170', '64:ff9b::192.0.0.171'] });
    expect(await ask()).toEqual({ ...told, prefixes: ['64:ff9b::/96'], strangers: 1 });
  });

  test.each([
    ['no such record', 0],
    ['no such name', 3],
  ])('%s is an answer', async (_what, rcode) => {
    answer = () => ({ rcode });
    expect(await ask()).toEqual(told);
  });

  test.each([
    ['ESERVFAIL', 2],
    ['EREFUSED', 5],
  ])('%s', async (failure, rcode) => {
    answer = () => ({ rcode });
    expect(await ask()).toEqual({ ...told, failure });
  });

  test('nobody waits any longer', async () => {
    const controller = new AbortController();
    answer = () => {
      controller.abort();
      return null;
    };
    expect(await ask(controller.signal)).toEqual({ ...told, failure: 'ECANCELLED' });
  });

  test('what is no address of a server', async () => {
    const [view] = await askResolvers(
      [{ server: '192.0.2.1%x', from: 'resolv.conf' }],
      addon,
      new AbortController().signal,
    );
    expect(view?.failure).toBe('ERR_INVALID_IP_ADDRESS');
  });
});
