import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import {
  copyPeer,
  type OnBatch,
  openUdp,
  peerAddressOffset,
  peerFamily,
  peerLocalOffset,
  peerPort,
  peerText,
  type UdpListener,
  type UdpOptions,
} from '../../src/dns64/server/udp.js';
import { openUdpDgram } from '../../src/dns64/server/udp-dgram.js';
import { loadAddon, UDP_BATCH, UDP_PEER, UDP_SEND_BYTES, type UdpSocket } from '../../src/native/addon.js';

const open: (Socket | UdpListener)[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

const V4: UdpOptions = { address: '127.0.0.1', port: 0, family: 4, reusePort: false };
const V6: UdpOptions = { address: '::1', port: 0, family: 6, reusePort: false };

interface Client {
  port: number;
  send(text: string, port: number, address: string): void;
  /** The next `count` answers. */
  answers(count: number): Promise<{ text: string; from: RemoteInfo }[]>;
}

async function client(family: 4 | 6): Promise<Client> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  socket.bind(0, family === 4 ? '127.0.0.1' : '::1');
  await once(socket, 'listening');
  const received: { text: string; from: RemoteInfo }[] = [];
  socket.on('message', (message, from) => received.push({ text: String(message), from }));
  let closed = false;
  open.push({
    close: () => {
      if (!closed) socket.close();
      closed = true;
    },
  } as Socket);
  return {
    port: socket.address().port,
    send: (text, port, address) => socket.send(text, port, address),
    answers: async (count) => {
      while (received.length < count) await once(socket, 'message');
      return received.splice(0, count);
    },
  };
}

const textOf = (batch: UdpListener, slot: number) => {
  const start = slot * batch.slotBytes;
  return Buffer.from(batch.received.subarray(start, start + (batch.receivedLengths[slot] ?? 0))).toString();
};

function write(batch: UdpListener, slot: number, text: string): void {
  const bytes = Buffer.from(text);
  batch.toSend.set(bytes, slot * UDP_SEND_BYTES);
  batch.toSendLengths[slot] = bytes.length;
}

const echo: OnBatch = (batch, count) => {
  for (let slot = 0; slot < count; slot += 1) {
    write(batch, slot, textOf(batch, slot));
    copyPeer(batch.receivedPeers, slot, batch.toSendPeers, slot);
  }
  return count;
};

/** Runs `during`, and gives what was thrown to nobody meanwhile. */
async function uncaught(during: () => Promise<void>): Promise<unknown[]> {
  const thrown: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error));
  try {
    await during();
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
  return thrown;
}

describe.each([
  ['the native core', openUdp],
  ['node:dgram', openUdpDgram],
])('UDP by %s', (_, openListener) => {
  const listen = (options: UdpOptions, handler: OnBatch) => {
    const listener = openListener(options, handler);
    open.push(listener);
    return listener;
  };

  test.each([V4, V6])('200 datagrams of five clients come back from $address, which was asked', async (options) => {
    const listener = listen(options, echo);
    const clients = await Promise.all(Array.from({ length: 5 }, () => client(options.family)));
    for (let i = 0; i < 200; i += 1) clients[i % 5]?.send(`query ${i}`, listener.port, options.address);
    for (const [index, each] of clients.entries()) {
      const answers = await each.answers(40);
      expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 40 }, (_, i) => `query ${i * 5 + index}`));
      for (const { from } of answers) expect(from).toMatchObject({ address: options.address, port: listener.port });
    }
    expect(listener.counters()).toEqual({
      received: 200,
      sent: 200,
      truncated: 0,
      send_refused: 0,
      send_dropped: 0,
      receive_dropped: 0,
      bad_source: 0,
    });
  });

  test.each([
    [V4, '7f000001'],
    [V6, '00000000000000000000000000000001'],
  ])('a peer record names both ends ($address)', async (options, hex) => {
    const seen: unknown[] = [];
    const listener = listen(options, (batch, count) => {
      const { receivedPeers } = batch;
      const at = (offset: number) =>
        Buffer.from(receivedPeers.subarray(offset, offset + hex.length / 2)).toString('hex');
      seen.push({
        family: peerFamily(receivedPeers, 0),
        port: peerPort(receivedPeers, 0),
        address: at(peerAddressOffset(0)),
        local: at(peerLocalOffset(0)),
        text: peerText(receivedPeers, 0),
      });
      return echo(batch, count);
    });
    const asking = await client(options.family);
    asking.send('x', listener.port, options.address);
    await asking.answers(1);
    expect(seen).toEqual([
      {
        family: options.family,
        port: asking.port,
        address: hex,
        local: hex,
        text: `${options.address}#${asking.port}`,
      },
    ]);
  });

  test('an answer may come later, when its slot has had others', async () => {
    const kept = new Uint8Array(UDP_PEER.bytes);
    const listener = listen(V6, (batch, count) => {
      let answers = 0;
      for (let slot = 0; slot < count; slot += 1) {
        if (textOf(batch, slot) === 'slow') {
          copyPeer(batch.receivedPeers, slot, kept, 0);
          continue;
        }
        write(batch, answers, textOf(batch, slot));
        copyPeer(batch.receivedPeers, slot, batch.toSendPeers, answers);
        answers += 1;
      }
      return answers;
    });
    const [slow, fast] = await Promise.all([client(6), client(6)]);
    slow.send('slow', listener.port, '::1');
    fast.send('fast', listener.port, '::1');
    expect(await fast.answers(1)).toMatchObject([{ text: 'fast' }]);
    write(listener, 0, 'later');
    copyPeer(kept, 0, listener.toSendPeers, 0);
    listener.send(1);
    expect(await slow.answers(1)).toMatchObject([{ text: 'later', from: { address: '::1', port: listener.port } }]);
  });

  test('what a promise of the handler sends does not overwrite the answers of its batch', async () => {
    const listener = listen(V4, (batch, count) => {
      const answers = echo(batch, count);
      void Promise.resolve().then(() => {
        write(batch, 0, 'second');
        batch.send(1);
      });
      return answers;
    });
    const asking = await client(4);
    asking.send('first', listener.port, '127.0.0.1');
    expect((await asking.answers(2)).map(({ text }) => text)).toEqual(['first', 'second']);
  });

  test('an exception in the handler is an uncaughtException; its batch gets no answer, the next does', async () => {
    const listener = listen(V4, (batch, count) => {
      if (textOf(batch, 0) === 'bad') throw new Error('the handler failed');
      return echo(batch, count);
    });
    const asking = await client(4);
    const thrown = await uncaught(async () => {
      asking.send('bad', listener.port, '127.0.0.1');
      while (listener.counters().received === 0) await new Promise(setImmediate);
      asking.send('good', listener.port, '127.0.0.1');
      expect(await asking.answers(1)).toMatchObject([{ text: 'good' }]);
    });
    expect(thrown).toMatchObject([{ message: 'the handler failed' }]);
    expect(listener.counters().sent).toBe(1);
  });

  test.each([65, -1, 1.5, Number.NaN])('a handler that returns %s is told so', async (answers) => {
    const listener = listen(V4, () => answers);
    const asking = await client(4);
    const thrown = await uncaught(async () => {
      asking.send('x', listener.port, '127.0.0.1');
      while (listener.counters().received === 0) await new Promise(setImmediate);
    });
    expect(thrown).toMatchObject([
      { message: `UDP socket: found ${answers} datagrams to send, expected 0..${UDP_BATCH}` },
    ]);
    expect(() => listener.send(answers)).toThrow(RangeError);
  });

  test('an answer that cannot be sent is counted, and the rest goes', async () => {
    const listener = listen(V4, (batch, count) => {
      echo(batch, count);
      for (let slot = 1; slot < 5; slot += 1) {
        write(batch, slot, 'more');
        copyPeer(batch.toSendPeers, 0, batch.toSendPeers, slot);
      }
      batch.toSendPeers[UDP_PEER.family] = 0;
      batch.toSendPeers.fill(0, UDP_PEER.bytes + UDP_PEER.port, UDP_PEER.bytes + UDP_PEER.port + 2);
      batch.toSendPeers.fill(255, 2 * UDP_PEER.bytes + UDP_PEER.address, 2 * UDP_PEER.bytes + UDP_PEER.address + 4);
      batch.toSendLengths[3] = UDP_SEND_BYTES + 1;
      return 5;
    });
    const asking = await client(4);
    asking.send('x', listener.port, '127.0.0.1');
    expect(await asking.answers(1)).toMatchObject([{ text: 'more' }]);
    await new Promise(setImmediate);
    expect(listener.counters()).toMatchObject({ sent: 1, send_refused: 4, send_dropped: 0 });
  });

  test('a datagram longer than a slot is counted and not handed on', async () => {
    const listener = listen(V4, echo);
    const asking = await client(4);
    asking.send('x'.repeat(listener.slotBytes + 1), listener.port, '127.0.0.1');
    asking.send('x'.repeat(UDP_SEND_BYTES), listener.port, '127.0.0.1');
    expect((await asking.answers(1))[0]?.text).toHaveLength(UDP_SEND_BYTES);
    expect(listener.counters()).toMatchObject({ received: 1, truncated: 1 });
  });

  test('both families have the same port', () => {
    const v6 = listen({ ...V6, address: '::' }, echo);
    expect(listen({ ...V4, address: '0.0.0.0', port: v6.port }, echo).port).toBe(v6.port);
  });

  test('a taken port, an address of nobody: a sentence and the code', () => {
    const { port } = listen(V6, echo);
    expect(() => listen({ ...V6, port }, echo)).toThrow(
      expect.objectContaining({
        code: 'EADDRINUSE',
        syscall: 'bind',
        message: `cannot listen on ::1#${port} (UDP): EADDRINUSE, expected a port that no other program has`,
      }),
    );
    expect(() => listen({ ...V4, address: '192.0.2.1', port: 53 }, echo)).toThrow(
      expect.objectContaining({
        code: 'EADDRNOTAVAIL',
        message: 'cannot listen on 192.0.2.1#53 (UDP): EADDRNOTAVAIL, expected an address of this host',
      }),
    );
  });

  test.each([
    [{ ...V4, port: 65536 }, 'UDP socket: found port 65536, expected 0..65535'],
    [{ ...V4, port: 1.5 }, 'UDP socket: found port 1.5, expected 0..65535'],
    [{ ...V4, address: '::1' }, 'UDP socket: found address "::1", expected an IPv4 address'],
    [{ ...V6, address: 'fe80::1%lo' }, 'UDP socket: found address "fe80::1%lo", expected an IPv6 address'],
    [{ ...V6, address: 'localhost' }, 'UDP socket: found address "localhost", expected an IPv6 address'],
    [{ ...V6, family: 5 as 6 }, 'UDP socket: found family 5, expected 4 or 6'],
  ])('wrong options: %j', (options, sentence) => {
    expect(() => listen(options, echo)).toThrow(new RangeError(sentence));
  });

  test('closed in its handler, it answers no more, and the port is free', async () => {
    let batches = 0;
    const listener = listen(V4, (batch, count) => {
      batches += 1;
      batch.close();
      return echo(batch, count);
    });
    const asking = await client(4);
    asking.send('one', listener.port, '127.0.0.1');
    while (batches === 0) await new Promise(setImmediate);
    listener.close();
    listener.send(1);
    const second = listen({ ...V4, port: listener.port }, echo);
    asking.send('two', second.port, '127.0.0.1');
    expect(await asking.answers(1)).toMatchObject([{ text: 'two' }]);
    expect(batches).toBe(1);
    expect(listener.counters().sent).toBe(0);
  });
});

test('DNS-TCP-14 on a wildcard socket, an answer leaves from the address that was asked', async () => {
  const listener = openUdp({ ...V4, address: '0.0.0.0' }, echo);
  open.push(listener);
  const asking = await client(4);
  for (const address of ['127.0.0.2', '127.0.0.1']) {
    asking.send('query', listener.port, address);
    expect(await asking.answers(1)).toMatchObject([{ from: { address, port: listener.port } }]);
  }
});

describe('the native socket with one peer', () => {
  const addon = loadAddon();
  const options = { address: '127.0.0.1', port: 0, family: 4, reusePort: false, slotBytes: 64 } as const;
  const sendTo = (socket: UdpSocket, text: string) => {
    socket.toSend.set(Buffer.from(text));
    socket.toSendLengths[0] = text.length;
    return socket.send(1);
  };
  const first = (socket: UdpSocket) => Buffer.from(socket.received.subarray(0, socket.receivedLengths[0])).toString();

  test('sends there without peer records, and hears nobody else', async () => {
    const peer = await client(4);
    const stranger = await client(4);
    const heard: string[] = [];
    let onHeard = () => {};
    const socket = new addon.UdpSocket(
      { ...options, address: '0.0.0.0', remote: { address: '127.0.0.1', port: peer.port } },
      () => {
        heard.push(first(socket));
        onHeard();
        return 0;
      },
    );
    open.push(socket as unknown as UdpListener);
    expect(socket.address).toBe('127.0.0.1');
    expect(sendTo(socket, 'question')).toBe(0);
    expect(await peer.answers(1)).toMatchObject([{ text: 'question', from: { port: socket.port } }]);
    stranger.send('forged', socket.port, '127.0.0.1');
    await new Promise<void>((resolve) => {
      onHeard = resolve;
      peer.send('answer', socket.port, '127.0.0.1');
    });
    expect(heard).toEqual(['answer']);
  });

  test('is told that nobody listens there', async () => {
    const gone = await client(4);
    open.splice(open.length - 1)[0]?.close();
    const code = await new Promise((resolve) => {
      const remote = { address: '127.0.0.1', port: gone.port };
      const socket = new addon.UdpSocket({ ...options, remote }, () => 0, resolve);
      open.push(socket as unknown as UdpListener);
      sendTo(socket, 'question');
    });
    expect(code).toBe('ECONNREFUSED');
  });

  test('uses the memory of another one, closed or not', async () => {
    const peer = await client(4);
    const remote = { address: '127.0.0.1', port: peer.port };
    const one = new addon.UdpSocket({ ...options, remote }, () => 0);
    one.close();
    const two = new addon.UdpSocket({ ...options, remote, slotBytes: 128, memoryOf: one }, () => 0);
    open.push(two as unknown as UdpListener);
    expect(two.toSend).toBe(one.toSend);
    expect(two.received).toBe(one.received);
    expect(two.slotBytes).toBe(64);
    sendTo(one, 'closed');
    sendTo(two, 'open');
    expect(await peer.answers(1)).toMatchObject([{ text: 'open', from: { port: two.port } }]);
    expect(() => new addon.UdpSocket({ ...options, memoryOf: {} as UdpSocket }, () => 0)).toThrow('memoryOf');
    expect(() => new addon.UdpSocket({ ...options, remote: { address: '::1', port: 1 } }, () => 0)).toThrow('address');
  });
});

test('a link-local peer is written with its zone', () => {
  const peers = new Uint8Array(2 * UDP_PEER.bytes);
  peers.set(Buffer.from('0600003500000003fe800000000000000000000000000001', 'hex'), UDP_PEER.bytes);
  expect(peerText(peers, 1)).toBe('fe80::1%3#53');
});

// In threads of their own, whose loops end only when nothing is left to wait for. Plain JavaScript: they load the
// addon, not the sources.
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { UdpSocket } = require(workerData.addon);
  const options = { address: '127.0.0.1', port: workerData.port, family: 4, reusePort: true, slotBytes: 64 };
  const socket = new UdpSocket(options, (count) => {
    for (let i = 0; i < count; i += 1) {
      socket.toSend.set(Buffer.from(workerData.name), i * 4096);
      socket.toSendLengths[i] = workerData.name.length;
    }
    socket.toSendPeers.set(socket.receivedPeers.subarray(0, count * 48));
    if (workerData.closes) setImmediate(() => socket.close());
    return count;
  });
  parentPort.postMessage(socket.port);
`;
async function thread(name: string, port: number, closes = false) {
  const addon = new URL('../../build/Release/platypus.node', import.meta.url).pathname;
  const worker = new Worker(THREAD, { eval: true, workerData: { addon, name, port, closes } });
  const [bound] = (await once(worker, 'message')) as [number];
  return { worker, port: bound };
}

describe('the native socket in worker threads', () => {
  test('close ends the event loop', async () => {
    const { worker, port } = await thread('one', 0, true);
    const asking = await client(4);
    const ended = once(worker, 'exit');
    asking.send('x', port, '127.0.0.1');
    expect(await asking.answers(1)).toMatchObject([{ text: 'one' }]);
    expect(await ended).toEqual([0]);
  });

  test('a thread that is terminated leaves its port', async () => {
    const { worker, port } = await thread('one', 0);
    await worker.terminate();
    open.push(openUdp({ ...V4, port }, echo));
  });

  test('threads share a port, and a client has always the same', async () => {
    const first = await thread('one', 0);
    const second = await thread('two', first.port);
    expect(second.port).toBe(first.port);
    const names = new Set<string>();
    // The kernel chooses by a hash of addresses and ports: that 64 clients have the same is a chance of 2^-63.
    for (let i = 0; i < 64; i += 1) {
      const asking = await client(4);
      asking.send('x', first.port, '127.0.0.1');
      asking.send('y', first.port, '127.0.0.1');
      const [x, y] = await asking.answers(2);
      expect(x?.text).toBe(y?.text);
      names.add(x?.text ?? '');
    }
    expect([...names].sort()).toEqual(['one', 'two']);
    await Promise.all([first.worker.terminate(), second.worker.terminate()]);
  });
});

test('node:dgram: close leaves nothing to wait for', async () => {
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length;
  const before = sockets();
  const listener = openUdpDgram(V4, echo);
  expect(sockets()).toBe(before + 1);
  listener.close();
  while (sockets() > before) await new Promise(setImmediate);
});
