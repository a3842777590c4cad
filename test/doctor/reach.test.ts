/** The probes against the responder, with real sockets on loopback, where nothing is lost. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { knownPrefix } from '../../src/config/address.js';
import { type Asker, openAsker } from '../../src/doctor/probes/asker.js';
import { probeIcmp } from '../../src/doctor/probes/icmp.js';
import { probeResponder } from '../../src/doctor/probes/reach.js';
import { probeTcp } from '../../src/doctor/probes/tcp.js';
import { udpFacts } from '../../src/doctor/probes/udp.js';
import type { RunProgram } from '../../src/doctor/survey/program.js';
import { loadAddon } from '../../src/native/addon.js';
import { openResponder } from '../../src/responder/server.js';
import { endpointValue } from '../../src/stun/attributes.js';
import { type Datagrams, openDatagrams } from '../../src/stun/datagrams.js';
import { Attribute } from '../../src/stun/numbers.js';

const addon = loadAddon();
const open: { close(): unknown }[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const each of open.splice(0)) await each.close();
});

const responder = { address: '127.0.0.1', port: 34_791 };
const anywhere = { source: null, device: null };
const { signal } = new AbortController();
const ping: RunProgram = async (argv) => ({
  ok: true,
  stdout: `64 bytes from ${argv.at(-1)}: icmp_seq=1 ttl=64 time=0.042 ms\n`,
  failure: '',
  missing: false,
});

async function respond(listen: string[], ports = [34_791, 34_792]): Promise<void> {
  const rateLimit = { perSecond: 1000, burst: 1000 };
  const responder = { listen, ports, from: null, rateLimit };
  const config = { responder, sources: [knownPrefix('127.0.0.0/8')], device: null };
  open.push(await openResponder(config, { addon, nowMs: () => 0 }));
}

/** A socket that takes datagrams and says nothing. */
function listener(): { socket: Datagrams; taken: number } {
  const state = { taken: 0, socket: null as unknown as Datagrams };
  state.socket = openDatagrams(addon, { address: '127.0.0.1', port: 0, device: null }, () => {
    state.taken += 1;
  });
  open.push(state.socket);
  return state;
}

test('all facts of a path where nothing is lost', async () => {
  await respond(['127.0.0.1', '127.0.0.2']);
  const facts = await probeResponder({ responder, ...anywhere, addon, signal, run: ping });
  expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
  expect(facts).toMatchObject({
    responder,
    source: null,
    device: null,
    icmp: { answered: true, milliseconds: 0.042, error: null },
    tcp: { connected: true, answered: true, error: null, mapped: { address: '127.0.0.1' } },
    udp: {
      answered: true,
      rewritten: false,
      other: { address: '127.0.0.2', port: 34_792 },
      otherPort: 34_792,
      asks: true,
    },
    fragments: { bytes: 4028, up: true, down: true },
    zeroChecksum: { bytes: 148, up: true, down: true },
    pathMtuUp: { bytes: 1500, triedBytes: 1500, toldBytes: null, own: false },
    pathMtuDown: { bytes: 1500, triedBytes: 1500, toldBytes: null, own: false },
    mapping: { behaviour: 'endpoint-independent', addresses: true },
    filtering: { behaviour: 'endpoint-independent', addresses: true },
    hairpin: { works: true },
    ports: { sockets: 3, preserved: 3, parity: 3 },
  });
});

test('from the source that is told', async () => {
  await respond(['127.0.0.1'], [34_791]);
  const facts = await probeResponder({ responder, source: '127.0.0.9', device: null, addon, signal, run: ping });
  expect(facts).toMatchObject({
    source: '127.0.0.9',
    udp: { mapped: { address: '127.0.0.9' }, other: null, otherPort: null },
    tcp: { mapped: { address: '127.0.0.9' } },
    // One address with one port shows neither.
    mapping: null,
    filtering: null,
  });
});

test('a source or device that is not there is told by its error', async () => {
  const probe = (from: { source: string | null; device: string | null }) =>
    probeResponder({ responder, ...from, addon, signal, run: ping });
  await expect(probe({ source: '192.0.2.77', device: null })).rejects.toThrow('EADDRNOTAVAIL');
  await expect(probe({ source: null, device: 'nowhere' })).rejects.toThrow('ENODEV');
});

test('XLAT-DNS-12 a responder cannot send the probes to ipv4only.arpa, or to a group', () => {
  const transaction = new Uint8Array(12);
  const facts = (address: string) =>
    udpFacts({ local: responder } as Asker, {
      message: {
        kind: 'success',
        method: 1,
        transaction,
        attributes: [{ type: Attribute.OTHER_ADDRESS, value: endpointValue({ address, port: 3479 }) }],
        fingerprint: false,
      },
      from: responder,
      bytes: 100,
      milliseconds: 1,
      mapped: null,
    });
  expect(facts('203.0.113.6').other).toEqual({ address: '203.0.113.6', port: 3479 });
  for (const address of ['192.0.0.170', '192.0.0.171', '224.0.0.1', '255.255.255.255', '0.0.0.0', '2001:db8::1']) {
    expect(facts(address).other).toBeNull();
  }
});

describe('a question', () => {
  test('is asked three times within its patience, and then silence is the answer', async () => {
    const mute = listener();
    const asker = openAsker({ addon, ...anywhere, signal });
    open.push(asker);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const reply = asker.ask({ to: mute.socket.local, patienceMs: 1000 });
    await vi.advanceTimersByTimeAsync(999);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await reply).toBeNull();
    while (mute.taken < 3) await new Promise(setImmediate);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('ends with the signal', async () => {
    const aborting = new AbortController();
    const asker = openAsker({ addon, ...anywhere, signal: aborting.signal });
    open.push(asker);
    const reply = asker.ask({ to: listener().socket.local });
    aborting.abort(new Error('enough'));
    await expect(reply).rejects.toThrow('enough');
    await expect(asker.ask({ to: responder })).rejects.toThrow('enough');
  });
});

describe('TCP', () => {
  test('to a port that nobody has', async () => {
    const facts = await probeTcp({ addon, responder: { address: '127.0.0.1', port: 34_799 }, ...anywhere, signal });
    expect(facts).toMatchObject({ connected: false, answered: false, error: 'ECONNREFUSED' });
  });

  test('ends with the signal', async () => {
    const aborting = new AbortController();
    aborting.abort(new Error('enough'));
    await expect(probeTcp({ addon, responder, ...anywhere, signal: aborting.signal })).rejects.toThrow('enough');
  });
});

describe('ping', () => {
  test('says by which device, asks twice, and tells what a router says', async () => {
    const asked: (readonly string[])[] = [];
    const run: RunProgram = async (argv) => {
      asked.push(argv);
      const stdout = 'PING 203.0.113.5\nFrom 192.0.0.2 icmp_seq=1 Destination Host Unreachable\n';
      return { ok: false, stdout, failure: 'ping: failed', missing: false };
    };
    expect(await probeIcmp('203.0.113.5', { source: null, device: 'clat' }, run)).toEqual({
      answered: false,
      milliseconds: null,
      error: 'From 192.0.0.2 icmp_seq=1 Destination Host Unreachable',
    });
    const argv = ['ping', '-4', '-n', '-c', '1', '-W', '1', '-I', 'clat', '203.0.113.5'];
    expect(asked).toEqual([argv, argv]);
  });

  test('is not there', async () => {
    const run: RunProgram = async () => ({ ok: false, stdout: '', failure: 'ping is not installed', missing: true });
    expect(await probeIcmp('203.0.113.5', anywhere, run)).toEqual({
      answered: null,
      milliseconds: null,
      error: 'ping is not installed',
    });
  });
});
