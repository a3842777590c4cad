/** Whose the IPv4 of this host is: what several checks ask of a survey. */
import { contains, knownPrefix, overlaps, parseAddress, parsePrefix } from '../../config/address.js';
import type { HostAddress, Route } from '../survey/machine.js';
import type { Survey } from '../survey/survey.js';

/** RFC 7335. */
const CLAT_NETWORK = knownPrefix('192.0.0.0/29');

export function isClatAddress(text: string): boolean {
  const address = parseAddress(text);
  return address !== null && contains(CLAT_NETWORK, address);
}

/** The devices of our CLATs, whether they run or not. */
export function clatDevices({ status }: Pick<Survey, 'status'>): string[] {
  return (status?.clat ?? []).map(({ device }) => device);
}

/** IPv4 default routes of the main table, the one that is taken first. */
export function defaultRoutes4({ machine }: Pick<Survey, 'machine'>): Route[] {
  return machine.defaults
    .filter(({ family, table }) => family === 4 && table === 'main')
    .sort((a, b) => a.metric - b.metric);
}

/** The default route that IPv4 takes past the CLAT; null where it takes the CLAT's, or there is none. */
export function nativeWay(survey: Pick<Survey, 'machine' | 'status'>): Route | null {
  const [best] = defaultRoutes4(survey);
  return best === undefined || clatDevices(survey).includes(best.device) ? null : best;
}

/** IPv4 addresses of devices that a LAN may be on: Ethernet, neither uplink nor CLAT. */
export function lanAddresses({
  machine,
  uplinks,
  status,
}: Pick<Survey, 'machine' | 'uplinks' | 'status'>): HostAddress[] {
  const own = new Set([...uplinks, ...clatDevices({ status }), 'lo']);
  const links = new Set(machine.links.filter(({ linkAddress }) => linkAddress !== '').map(({ name }) => name));
  return machine.addresses.filter(
    ({ family, device, scope }) => family === 4 && scope === 'global' && links.has(device) && !own.has(device),
  );
}

/** Those of them whose network the CLAT serves: all where the file names no networks. */
export function servedLans(survey: Pick<Survey, 'machine' | 'uplinks' | 'status' | 'expectations'>): HostAddress[] {
  const served = (survey.expectations?.lan?.networks ?? []).flatMap((text) => parsePrefix(text) ?? []);
  return lanAddresses(survey).filter(({ address, length }) => {
    const network = parsePrefix(`${address}/${length}`);
    return served.length === 0 || (network !== null && served.some((prefix) => overlaps(prefix, network)));
  });
}

/** IPv4 is forwarded here: by a PLAT, and for the hosts behind a CLAT. */
export function forwards4({ role, expectations }: Survey): boolean {
  return role === 'plat' || (expectations?.lan != null && expectations.lan.mode !== 'none');
}
