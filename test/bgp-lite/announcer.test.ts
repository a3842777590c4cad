import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Announcer, type AnnouncerOptions, createAnnouncer } from '../../src/bgp-lite/announcer.js';
import { knownPrefix } from '../../src/config/address.js';
import { parseConfig } from '../../src/config/file.js';
import type { Addon } from '../../src/native/addon.js';

let folder: string;
let announcer: Announcer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-announcer-'));
});
afterEach(async () => {
  await announcer.stop({ planned: false, text: null });
  await rm(folder, { recursive: true, force: true });
});

/** A kernel without devices and routes. */
class Netlink {
  links = () => [];
  addresses = () => [];
  routes = () => [];
  close(): void {}
}

function options(keys: string): AnnouncerOptions {
  const bgp = 'bgp: { neighbor: 192.0.2.1, remoteAs: 65001, localAs: 65002, passive: true }';
  const { announce } = parseConfig(`announce: { prefixes: 192.0.2.0/28, hold: 0, ${bgp}, ${keys} }`, 'a.yaml').config;
  if (announce === null || announce === undefined) throw new Error('no section');
  return { announce, prefixes: [knownPrefix('192.0.2.0/28')], routerId: '192.0.2.2', facts: [], restarted: false };
}

test('a reload that fails half-way leaves the readiness checks running', async () => {
  const file = join(folder, 'ready');
  await writeFile(file, '');
  const check = `ready: { checks: { name: file, command: [ test, -e, ${file} ], every: 100ms, up: 1 } }`;
  const ospf = `ospf: { interface: eth0, stateFile: ${folder}/nowhere/state }`;
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  announcer = createAnnouncer(options(check), { addon: { Netlink } as unknown as Addon, log });
  const state = () => announcer.status().prefixes[0]?.state;
  await vi.waitFor(() => expect(state()).toBe('announced'));
  await expect(announcer.use(options(`${check}, ${ospf}`))).rejects.toThrow('ENOENT');
  await rm(file);
  await vi.waitFor(() => expect(state()).toBe('withdrawn'));
});
