/** The listening sockets: one for each family and device, shared by all neighbours there. */
import { parseAddress } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import type { Connection, Listener, Transport } from './transport.js';

export interface Listeners {
  /** Opens what these neighbours need and closes the rest. */
  set(neighbors: readonly BgpNeighborConfig[]): void;
  strangers(): number;
  close(): void;
}

const RETRY_MS = 10_000;

interface Place {
  family: 4 | 6;
  address: string | null;
  device: string | null;
  /** Address → neighbour. */
  neighbors: Map<string, BgpNeighborConfig>;
}

interface Open {
  place: Place;
  listener: Listener;
  keys: Map<string, string>;
  hopLimit: number | null;
}

export function createListeners(parts: {
  transport: Transport;
  port: number;
  failed(where: string, error: unknown): void;
  accept(neighbor: string, connection: Connection): void;
}): Listeners {
  const open = new Map<string, Open>();
  let wanted = new Map<string, Place>();
  let strangers = 0;
  let retry: NodeJS.Timeout | null = null;
  const told = new Set<string>();

  function accept(key: string, connection: Connection): void {
    const found = wanted.get(key)?.neighbors.get(plain(connection.remote.address));
    if (found === undefined) {
      strangers += 1;
      connection.reset();
    } else {
      parts.accept(found.name, connection);
    }
  }

  function openPlace(key: string, place: Place): void {
    const keys = keysOf(place);
    const md5 = [...keys].map(([address, secret]) => ({ address, key: secret }));
    const hopLimit = hopLimitOf(place);
    try {
      const { family, address, device } = place;
      const options = { family, address, device, port: parts.port, hopLimit, md5 };
      const listener = parts.transport.listen(options, (connection) => accept(key, connection));
      open.set(key, { place, listener, keys, hopLimit });
      told.delete(key);
    } catch (error) {
      const where = `${place.address ?? (place.family === 4 ? '0.0.0.0' : '::')}#${parts.port}`;
      if (!told.has(key)) parts.failed(place.device === null ? where : `${where} at ${place.device}`, error);
      told.add(key);
      retry ??= setTimeout(() => {
        retry = null;
        apply();
      }, RETRY_MS);
    }
  }

  function adjust(existing: Open, place: Place): void {
    const keys = keysOf(place);
    try {
      for (const address of existing.keys.keys()) {
        if (!keys.has(address)) existing.listener.setMd5(address, null);
      }
      for (const [address, secret] of keys) {
        if (existing.keys.get(address) !== secret) existing.listener.setMd5(address, secret);
      }
    } catch (error) {
      parts.failed('the open socket with another MD5 key', error);
    }
    existing.keys = keys;
    existing.place = place;
  }

  function apply(): void {
    for (const [key, { listener, hopLimit, place: before }] of [...open]) {
      const place = wanted.get(key);
      if (place !== undefined && hopLimitOf(place) === hopLimit && place.address === before.address) continue;
      listener.close();
      open.delete(key);
    }
    for (const [key, place] of wanted) {
      const existing = open.get(key);
      if (existing === undefined) openPlace(key, place);
      else adjust(existing, place);
    }
  }

  return {
    set(neighbors) {
      wanted = placesOf(neighbors);
      apply();
    },
    strangers: () => strangers,
    close() {
      if (retry !== null) clearTimeout(retry);
      retry = null;
      wanted = new Map();
      apply();
    },
  };
}

function placesOf(neighbors: readonly BgpNeighborConfig[]): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const neighbor of neighbors) {
    const { family, source, interface: device } = neighbor;
    const key = `${family} ${device ?? ''}`;
    const place = places.get(key) ?? { family, address: source, device, neighbors: new Map() };
    // Two sockets of one port get along only without an address between them.
    if (place.address !== source) place.address = null;
    place.neighbors.set(plain(neighbor.address), neighbor);
    places.set(key, place);
  }
  return places;
}

function keysOf({ neighbors }: Place): Map<string, string> {
  const keys = new Map<string, string>();
  for (const { address, password } of neighbors.values()) {
    if (password !== null) keys.set(address, password);
  }
  return keys;
}

/** RFC 5082 §3: the answer to a SYN too must leave with 255. */
function hopLimitOf({ neighbors }: Place): number | null {
  return [...neighbors.values()].some(({ gtsmHops }) => gtsmHops !== null) ? 255 : null;
}

/** Without zone, in one spelling. */
function plain(address: string): string {
  const bare = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  return parseAddress(bare)?.text ?? bare;
}
