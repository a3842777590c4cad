/** The files that the `dns64` section names: hosts, certificates and keys. */
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ConfigError, errors, messageOf } from '../errors.js';
import type { Address } from './address.js';
import type { Dns64Config, Dns64Files, LoadedDns64 } from './dns64.js';
import { parseHosts } from './hosts-text.js';
import { readBounded } from './read.js';

const MAX_HOSTS_BYTES = 16 * 1024 * 1024;
const MAX_PEM_BYTES = 256 * 1024;

/**
 * The section with what its files hold; relative paths begin at `folder`. Throws ConfigError or PLT_CONFIG_UNREADABLE.
 */
export async function joinDns64Files(config: Dns64Config, folder: string, signal?: AbortSignal): Promise<LoadedDns64> {
  const { queryLog } = config;
  const files = await readFiles(config, folder, signal);
  return { ...config, queryLog: queryLog && { ...queryLog, file: resolve(folder, queryLog.file) }, files };
}

async function readFiles(config: Dns64Config, folder: string, signal?: AbortSignal): Promise<Dns64Files> {
  const hosts = new Map<string, Map<string, Address[]>>();
  for (const path of [config.hosts, ...config.groups.map((group) => group.hosts)]) {
    if (path === null || hosts.has(path)) continue;
    const file = resolve(folder, path);
    const { names, wrong } = parseHosts(await readText(file, 'a hosts file', MAX_HOSTS_BYTES, signal));
    if (wrong.length > 0) {
      throw new ConfigError(
        file,
        wrong.map(({ line, message }) => ({ path: '', line, column: 1, message })),
      );
    }
    hosts.set(path, names);
  }
  const pem = new Map<string, string>();
  for (const tls of [config.tls, config.https]) {
    if (tls === null) continue;
    for (const path of [tls.certificate, tls.key]) {
      pem.set(path, await readText(resolve(folder, path), 'a PEM file', MAX_PEM_BYTES, signal));
    }
    try {
      createSecureContext({ cert: pem.get(tls.certificate), key: pem.get(tls.key) });
    } catch (error) {
      const found = `found what OpenSSL does not take with the key ${tls.key} (${messageOf(error)})`;
      const message = `${found}, expected a certificate chain and its key in PEM`;
      throw new ConfigError(resolve(folder, tls.certificate), [{ path: '', line: null, column: null, message }]);
    }
  }
  return { hosts, pem };
}

async function readText(file: string, what: string, most: number, signal?: AbortSignal): Promise<string> {
  const bytes = await readBounded(file, what, most, signal);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw errors.configUnreadable(file, 'it is not UTF-8', 'text in UTF-8', { cause: error });
  }
}
