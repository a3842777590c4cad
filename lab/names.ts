/** Names in the demo network: a recursive resolver on the IPv4 side, the DNS64 server on the PLAT, and who asks it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.js';
import type { Service } from './process.js';
import { type Network, plat6, pool4, pool6, server4 } from './topology.js';

/** IPv4-only, IPv6-only, of both families, and an alias of the first. */
export const v4Name = 'v4.example.net';
export const v6Name = 'v6.example.net';
export const dualName = 'dual.example.net';
export const aliasName = 'www.example.net';
/** The AAAA record of `v6Name`. */
export const server6 = '2001:db8:6::2';
/** The AAAA record of `dualName`. */
export const dual6 = '2001:db8:1::99';

const zone = `
$ORIGIN example.net.
@ 300 IN SOA ns hostmaster 1 3600 600 86400 60
@ 300 IN NS ns
ns 300 IN A ${server4}
v4 300 IN A ${server4}
v6 300 IN AAAA ${server6}
dual 300 IN A ${server4}
dual 300 IN AAAA ${dual6}
www 300 IN CNAME v4
`;

/** Port of the zone's own server, which Unbound asks. */
const AUTHORITY_PORT = 5300;

/** Lines of a `plat` section and a `dns64` section for the demo network. */
export const labConfig = `plat:
  pool6: ${pool6}
  pool4: ${pool4}
dns64:
  listen: "${plat6}#53"
  upstream: ${server4}
  clients: 2001:db8::/32
`;

/** Starts Unbound on the server's address, with the zone in it; more lines for its `server:` clause as `more`. */
export async function startUnbound(
  { server, folder }: Pick<Network, 'server' | 'folder'>,
  more = '',
): Promise<Service> {
  const file = join(folder, 'unbound.conf');
  const zoneFile = join(folder, 'example.net.zone');
  await writeFile(zoneFile, zone);
  await writeFile(
    file,
    `server:
  interface: ${server4}
  access-control: 0.0.0.0/0 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  ${more}
auth-zone:
  name: example.net
  zonefile: ${zoneFile}
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
remote-control:
  control-enable: no
`,
  );
  const service = server.start(['unbound', '-d', '-c', file]);
  await service.output(/start of service/);
  return service;
}

/** Starts BIND with the zone on another port of the server. */
export async function startBind({ server, folder }: Pick<Network, 'server' | 'folder'>): Promise<Service> {
  const file = join(folder, 'named.conf');
  const zoneFile = join(folder, 'example.net.bind.zone');
  await writeFile(zoneFile, zone);
  await writeFile(
    file,
    `options {
  directory "${folder}";
  pid-file none;
  session-keyfile none;
  listen-on port ${AUTHORITY_PORT} { ${server4}; };
  listen-on-v6 { none; };
  recursion yes;
  allow-query { any; };
  allow-recursion { any; };
  dnssec-validation no;
};
controls { };
zone "example.net" { type primary; file "${zoneFile}"; };
`,
  );
  const service = server.start(['named', '-g', '-n', '1', '-c', file]);
  await service.output(/running$/m);
  return service;
}

/** BIND's transport address, as the `upstream` key takes it. */
export const bindUpstream = `${server4}#${AUTHORITY_PORT}`;

/** A command whose system resolver asks `nameserver`. */
export async function withResolver(host: Host, folder: string, nameserver: string, argv: readonly string[]) {
  const file = join(folder, `resolv.${host.name}.conf`);
  await writeFile(file, `nameserver ${nameserver}\noptions timeout:2 attempts:2\n`);
  return ['unshare', '--mount', '--', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', file, ...argv];
}
