import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { loadAddon, type TcpOptions } from '../../src/native/addon.js';

const addon = loadAddon();
const plain: TcpOptions = {
  local: null,
  device: null,
  hopLimit: null,
  minHopLimit: null,
  md5: [],
  trafficClass: 0xc0,
};
const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.destroy();
});

/** A server on a descriptor of the addon, and what was accepted. */
async function listening(address: string, options: Partial<TcpOptions> = {}) {
  const fd = addon.listenTcp({ ...plain, ...options, local: { address, port: 0 }, backlog: 8 });
  const accepted: Socket[] = [];
  const server: Server = createServer((socket) => {
    accepted.push(socket);
    open.push(socket);
  });
  server.listen({ fd });
  await once(server, 'listening');
  open.push({ destroy: () => server.close() });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('no address');
  return { fd, port: bound.port, accepted, server };
}

type Ended = { error: (Error & { code?: string; syscall?: string }) | null; fd: number };

function connecting(options: Partial<TcpOptions> & { address: string; port: number }) {
  const ends: Ended[] = [];
  let attempt: { cancel(): void } | undefined;
  const ended = new Promise<Ended>((resolve) => {
    attempt = addon.connectTcp({ ...plain, ...options }, (error, fd) => {
      ends.push({ error, fd });
      resolve({ error, fd });
    });
  });
  return { ends, ended, cancel: () => attempt?.cancel() };
}

async function connected(options: Partial<TcpOptions> & { address: string; port: number }): Promise<Socket> {
  const { error, fd } = await connecting(options).ended;
  if (error !== null) throw error;
  const socket = new Socket({ fd });
  open.push(socket);
  return socket;
}

describe.each(['127.0.0.1', '::1'])('sockets for node:net on %s', (address) => {
  test('a connected descriptor carries data both ways', async () => {
    const { port, server } = await listening(address);
    const arrival = once(server, 'connection');
    const socket = await connected({ address, port });
    const [accepted] = (await arrival) as [Socket];
    socket.write('to');
    expect(String((await once(accepted, 'data'))[0])).toBe('to');
    accepted.write('fro');
    socket.resume();
    expect(String((await once(socket, 'data'))[0])).toBe('fro');
    expect(accepted.remotePort).toBe(socket.localPort);
  });

  test('nobody listens → ECONNREFUSED of connect, -1', async () => {
    const { port, server } = await listening(address);
    server.close();
    await once(server, 'close');
    const { error, fd } = await connecting({ address, port }).ended;
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
    expect(fd).toBe(-1);
  });

  test('BGP-SEC-04 TTL security: a connection with less is not accepted, one with 255 is', async () => {
    const { port, server } = await listening(address, { minHopLimit: 255 });
    const arrival = once(server, 'connection');
    // On loopback, a SYN is taken or dropped before connect() returns: this one has had its chance.
    const far = connecting({ address, port, hopLimit: 254 });
    const near = await connected({ address, port, hopLimit: 255 });
    const [accepted] = (await arrival) as [Socket];
    expect(accepted.remotePort).toBe(near.localPort);
    expect(far.ends).toEqual([]);
    far.cancel();
  });
});

test('the own address is that of the options', async () => {
  const { port, server } = await listening('127.0.0.1');
  const arrival = once(server, 'connection');
  await connected({ address: '127.0.0.1', port, local: { address: '127.0.0.7', port: 0 } });
  const [accepted] = (await arrival) as [Socket];
  expect(accepted.remoteAddress).toBe('127.0.0.7');
});

test('BGP-SEC-01 MD5: of two peers only the one with the right key gets through', async () => {
  const { port, server } = await listening('127.0.0.1', {
    md5: [
      { address: '127.0.0.2', key: 'one' },
      { address: '127.0.0.3', key: 'two' },
    ],
  });
  const arrival = once(server, 'connection');
  const to = { address: '127.0.0.1', port };
  const wrong = connecting({
    ...to,
    local: { address: '127.0.0.2', port: 0 },
    md5: [{ address: '127.0.0.1', key: 'two' }],
  });
  const without = connecting({ ...to, local: { address: '127.0.0.2', port: 0 } });
  await connected({ ...to, local: { address: '127.0.0.3', port: 0 }, md5: [{ address: '127.0.0.1', key: 'two' }] });
  const [accepted] = (await arrival) as [Socket];
  expect(accepted.remoteAddress).toBe('127.0.0.3');
  expect([...wrong.ends, ...without.ends]).toEqual([]);
  wrong.cancel();
  without.cancel();
});

test('BGP-SEC-01 setTcpMd5 adds a key to a listener, replaces it, and removes it', async () => {
  const { fd, port, server } = await listening('127.0.0.1');
  const peer = '127.0.0.2';
  const to = { address: '127.0.0.1', port, local: { address: peer, port: 0 } };
  addon.setTcpMd5(fd, { address: peer, key: 'old' });
  addon.setTcpMd5(fd, { address: peer, key: 'new' });
  const old = connecting({ ...to, md5: [{ address: '127.0.0.1', key: 'old' }] });
  await connected({ ...to, md5: [{ address: '127.0.0.1', key: 'new' }] });
  expect(old.ends).toEqual([]);
  old.cancel();
  addon.setTcpMd5(fd, { address: peer, key: null });
  const arrival = once(server, 'connection');
  await connected(to);
  await arrival;
  expect(() => addon.setTcpMd5(fd, { address: peer, key: null })).toThrow(
    expect.objectContaining({ code: 'ENOENT', syscall: 'setsockopt' }),
  );
});

test('a key of 81 octets, and one of the other family, are EINVAL', async () => {
  const { fd } = await listening('127.0.0.1');
  addon.setTcpMd5(fd, { address: '127.0.0.2', key: 'k'.repeat(80) });
  const invalid = expect.objectContaining({ code: 'EINVAL' });
  expect(() => addon.setTcpMd5(fd, { address: '127.0.0.2', key: 'k'.repeat(81) })).toThrow(invalid);
  expect(() => addon.setTcpMd5(fd, { address: '::2', key: 'k' })).toThrow(invalid);
});

test('errors that are known at once are told later, and not after cancel()', async () => {
  const refused = { address: '127.0.0.1', port: 1, local: { address: '192.0.2.77', port: 0 } };
  const attempt = connecting(refused);
  expect(attempt.ends).toEqual([]);
  const cancelled = connecting(refused);
  cancelled.cancel();
  expect((await attempt.ended).error).toMatchObject({ code: 'EADDRNOTAVAIL', syscall: 'bind' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(cancelled.ends).toEqual([]);
});

test('a device that is not there → ENODEV', async () => {
  const { error } = await connecting({ address: '127.0.0.1', port: 1, device: 'nosuch0' }).ended;
  expect(error).toMatchObject({ code: 'ENODEV', syscall: 'setsockopt' });
});

test('an address that is taken → EADDRINUSE of the listener', async () => {
  const { port } = await listening('127.0.0.1');
  expect(() => addon.listenTcp({ ...plain, local: { address: '127.0.0.1', port }, backlog: 1 })).toThrow(
    expect.objectContaining({ code: 'EADDRINUSE' }),
  );
});

test('BGP-SEC-04 a limit on an accepted descriptor spares the listener', async () => {
  const { fd, port, server } = await listening('127.0.0.1');
  const arrival = once(server, 'connection');
  const socket = await connected({ address: '127.0.0.1', port, hopLimit: 255 });
  const [accepted] = (await arrival) as [Socket];
  const handle = (accepted as unknown as { _handle: { fd: number } })._handle;
  addon.setTcpHopLimit(handle.fd, { hopLimit: 255, minHopLimit: 255, trafficClass: 0xc0 });
  socket.write('near');
  expect(String((await once(accepted, 'data'))[0])).toBe('near');
  await connected({ address: '127.0.0.1', port, hopLimit: 64 });
  expect(() => addon.setTcpHopLimit(fd + 1000, { hopLimit: null, minHopLimit: null, trafficClass: 0 })).toThrow(
    expect.objectContaining({ code: 'EBADF' }),
  );
});

test('arguments of another type are TypeErrors', () => {
  const listen = addon.listenTcp as (options: unknown) => number;
  expect(() => listen({ ...plain, local: { address: 'localhost', port: 0 }, backlog: 1 })).toThrow(TypeError);
  expect(() => listen({ ...plain, local: { address: '::1', port: 65536 }, backlog: 1 })).toThrow(TypeError);
  expect(() => listen({ ...plain, hopLimit: 0, local: { address: '::1', port: 0 }, backlog: 1 })).toThrow(TypeError);
});
