/** The listening sockets: one for each family and device, shared by all neighbours there. */
import { parseAddress } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import type { Connection, Listener, Transport } from './transport.js';

export interface Listeners {
  /** Opens what these neighbours need and closes the rest. */
  set(neighbors: readonly BgpNeighborConfig[]): void;
  /** Devices have come or gone: a socket stays with the device that it was opened for, not with one of the same name. */
  look(): void;
  strangers(): number;
  close(): void;
}

const RETRY_MS = 10_000;

interface Place {
  family: 4 | 6;
  address: string | null;
  device: string | null;
  /** Address, or address and zone, → neighbour. */
  neighbors: Map<string, BgpNeighborConfig>;
}

interface Open {
  place: Place;
  listener: Listener;
  keys: Map<string, string>;
  hopLimit: number | null;
  /** ifIndex of the place's device. */
  index: number | null;
}

export function createListeners(parts: {
  transport: Transport;
  port: number;
  /** ifIndex, null where there is no such device. */
  indexOf(device: string): number | null;
  failed(where: string, error: unknown): void;
  accept(neighbor: string, connection: Connection): void;
}): Listeners {
  const open = new Map<string, Open>();
  let wanted = new Map<string, Place>();
  let strangers = 0;
  let retry: NodeJS.Timeout | null = null;
  const told = new Set<string>();

  function accept(key: string, connection: Connection): void {
    const { address } = connection.remote;
    const neighbors = wanted.get(key)?.neighbors;
    const found = neighbors?.get(`${plain(address)}%${address.split('%')[1]}`) ?? neighbors?.get(plain(address));
    if (found === undefined) {
      strangers += 1;
      connection.reset();
    } else {
      parts.accept(found.name, connection);
    }
  }

  const indexOf = ({ device }: Place) => (device === null ? null : parts.indexOf(device));

  function openPlace(key: string, place: Place): void {
    const keys = keysOf(place);
    const md5 = [...keys].map(([address, secret]) => ({ address, key: secret }));
    const hopLimit = hopLimitOf(place);
    try {
      const { family, address, device } = place;
      const options = { family, address, device, port: parts.port, hopLimit, md5 };
      const listener = parts.transport.listen(options, (connection) => accept(key, connection));
      open.set(key, { place, listener, keys, hopLimit, index: indexOf(place) });
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

  function serves({ hopLimit, place: before, index }: Open, place: Place): boolean {
    return hopLimitOf(place) === hopLimit && place.address === before.address && indexOf(place) === index;
  }

  function apply(): void {
    for (const [key, existing] of [...open]) {
      const place = wanted.get(key);
      if (place !== undefined && serves(existing, place)) continue;
      existing.listener.close();
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
    look: apply,
    strangers: () => strangers,
    close() {
      if (retry !== null) clearTimeout(retry);
      retry = null;
      wanted = new Map();
      apply();
    },
  };
}

/**
 * A socket without device and one with a device cannot have the same port. So neighbours with link-local addresses, whose
 * device is told by the zone they call from, share the one without where there is one.
 */
function placesOf(neighbors: readonly BgpNeighborConfig[]): Map<string, Place> {
  const places = new Map<string, Place>();
  const put = (neighbor: BgpNeighborConfig, device: string | null, caller: string) => {
    const { family, source } = neighbor;
    const key = `${family} ${device ?? ''}`;
    const place = places.get(key) ?? { family, address: source, device, neighbors: new Map() };
    // One socket for all: bound to an address only where they agree on it.
    if (place.address !== source) place.address = null;
    place.neighbors.set(caller, neighbor);
    places.set(key, place);
  };
  const linkLocal = neighbors.filter(({ address }) => LINK_LOCAL.test(address));
  for (const neighbor of neighbors) {
    if (!linkLocal.includes(neighbor)) put(neighbor, neighbor.interface, plain(neighbor.address));
  }
  const shared = places.has('6 ');
  for (const neighbor of linkLocal) {
    const { address, interface: device } = neighbor;
    if (shared) put(neighbor, null, `${plain(address)}%${device}`);
    else put(neighbor, device, plain(address));
  }
  return places;
}

const LINK_LOCAL = /^fe[89ab][0-9a-f]:/i;

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
