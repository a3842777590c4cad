/**
 * Settings of the kernel below /proc/sys/net that a CLAT changes for its time, and a file that says what they were: who
 * comes after a killed one takes them back first, so that what is there at the end is what was there at the beginning.
 */
import { mkdir, readdir, readFile, readlink, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { z } from 'zod';
import type { Log } from '../device/device.js';
import { createSerial } from '../device/serial.js';
import { messageOf } from '../errors.js';

/** Below it lie the settings of all devices. */
export const SYSCTL_ROOT = '/proc/sys/net';
/** Of a file that is read: some thousand devices. */
const MOST_BYTES = 1 << 20;

/** A setting, relative to the root, and what a CLAT makes of it. */
export interface Setting {
  name: string;
  value: string;
  /** It is that already, but the kernel writes over it when a later one is changed back: then it is written once more. */
  rewritten?: true;
}

export interface SettingsOptions {
  /** Null for none: then a killed CLAT leaves its settings behind. */
  file: string | null;
  log: Log;
  /** `/proc/sys/net` unless a test says otherwise. */
  root?: string;
}

export interface Settings {
  read(name: string): Promise<string>;
  /** The names in a folder of settings, such as those of the devices. */
  list(folder: string): Promise<string[]>;
  /** Changes them, in their order; what is there already is left alone. Throws what the kernel says. */
  change(settings: readonly Setting[]): Promise<void>;
  /** Somebody else changes and resets these; here they are remembered for the case that he is killed. */
  remember(settings: readonly Setting[]): Promise<void>;
  /** Takes the changes back, the last first, and removes the file. Never throws. */
  restore(): Promise<void>;
}

const text = z.string().max(100);
const recordSchema = z.object({
  /** Boot and network namespace. */
  host: z.string().max(200),
  settings: z.array(z.object({ name: text, before: text, value: text })),
});
type Entry = z.output<typeof recordSchema>['settings'][number];

/** Takes back what a killed program left; what somebody else has changed since stays. Never throws. */
export async function openSettings({ file, log, root = SYSCTL_ROOT }: SettingsOptions): Promise<Settings> {
  const host = await hostName();
  // Uplinks come and go beside each other, and there is one file.
  const serial = createSerial();
  const changed: Entry[] = [];
  const remembered: Entry[] = [];
  let made = false;
  const read = async (name: string) => (await readFile(join(root, name), 'utf8')).trim();

  const reset = async ({ name, before }: Entry) => {
    // A device that is gone has taken its settings along.
    await writeFile(join(root, name), before).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warn(`cannot reset ${name}: ${messageOf(error)}`);
    });
  };

  async function left(): Promise<Entry[]> {
    if (file === null) return [];
    try {
      if ((await stat(file)).size > MOST_BYTES) return [];
      const record = recordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
      // Of before a restart of the machine, or of another namespace: not about these settings.
      return record.host === host ? record.settings.filter(({ name }) => isBelow(root, name)) : [];
    } catch {
      return [];
    }
  }

  async function save(): Promise<void> {
    if (file === null) return;
    try {
      // Where the control socket will be, which comes later.
      made ||= await mkdir(dirname(file)).then(
        () => true,
        () => false,
      );
      await writeFile(`${file}.new`, JSON.stringify({ host, settings: [...changed, ...remembered] }), { mode: 0o600 });
      await rename(`${file}.new`, file);
    } catch (error) {
      log.warn(`cannot remember the kernel's settings in ${file}: ${messageOf(error)}`);
    }
  }

  async function remove(): Promise<void> {
    if (file === null) return;
    await rm(file, { force: true }).catch(() => undefined);
    // Not while the control socket is there, on a reload.
    if (made) await rmdir(dirname(file)).catch(() => undefined);
  }

  async function change(settings: readonly Setting[]): Promise<void> {
    const entries: Entry[] = [];
    for (const { name, value, rewritten = false } of settings) {
      const before = await read(name);
      if (before !== value || rewritten) entries.push({ name, before, value });
    }
    if (entries.length === 0) return;
    // On the file first: a program that is killed in between has changed less than it says.
    changed.push(...entries);
    await save();
    for (const [index, { name, before, value }] of entries.entries()) {
      try {
        if (before !== value) await writeFile(join(root, name), value);
      } catch (error) {
        // Nothing to take back of this one and those behind it.
        for (const entry of entries.slice(index)) changed.splice(changed.indexOf(entry), 1);
        throw error;
      }
    }
  }

  async function remember(settings: readonly Setting[]): Promise<void> {
    let more = false;
    for (const { name, value } of settings) {
      const before = await read(name).catch(() => value);
      if (before === value || remembered.some((entry) => entry.name === name)) continue;
      remembered.push({ name, before, value });
      more = true;
    }
    if (more) await save();
  }

  async function restore(): Promise<void> {
    for (let entry = changed.pop(); entry !== undefined; entry = changed.pop()) await reset(entry);
    remembered.length = 0;
    await remove();
  }

  const ours: Entry[] = [];
  for (const entry of (await left()).reverse()) {
    if ((await read(entry.name).catch(() => null)) === entry.value) ours.push(entry);
  }
  for (const entry of ours) await reset(entry);
  await remove();

  return {
    read,
    list: (folder) => readdir(join(root, folder)),
    change: (settings) => serial.run(() => change(settings)),
    remember: (settings) => serial.run(() => remember(settings)),
    restore: () => serial.run(restore),
  };
}

/** What `Clat.attach` changes of an uplink, and resets by itself. */
export function uplinkSettings(uplink: string): Setting[] {
  return [
    { name: `ipv6/conf/${uplink}/proxy_ndp`, value: '1' },
    { name: `ipv6/neigh/${uplink}/proxy_delay`, value: '0' },
  ];
}

function isBelow(root: string, name: string): boolean {
  return normalize(join(root, name)).startsWith(`${root}/`);
}

/** Which kernel's settings they are. */
async function hostName(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim()} ${await readlink('/proc/self/ns/net').catch(() => '')}`;
}
