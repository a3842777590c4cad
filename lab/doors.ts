/** Small programs that enter a host, or call a command line with the socket of what runs there. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { enterCommand } from './host.js';
import { program } from './plat.js';
import { home4, type Name, type Xlat464 } from './xlat464.js';

/** Written into the network's folder. Returns their paths by name: every host's, `platypus`, `clat` and `birdc`. */
export async function writeDoors(network: Xlat464): Promise<Record<string, string>> {
  const command = (socket: string) => `exec ${process.execPath} ${program} "$@" --socket ${socket}`;
  const bodies: Record<string, string> = {
    platypus: command(network.plat.socket),
    clat: command(network.home.socket),
    birdc: `exec birdc -s ${join(network.folder, 'access.bird.ctl')} "$@"`,
  };
  const resolvers: Partial<Record<Name, string>> = { customer: home4, phone: network.resolvers.phone };
  for (const [name, host] of Object.entries(network.hosts)) {
    const shell = `[ $# -gt 0 ] || set -- "\${SHELL:-/bin/sh}"`;
    const nameserver = resolvers[name as Name];
    if (nameserver === undefined) {
      bodies[name] = `${shell}\nexec ${enterCommand(host)} -- "$@"`;
      continue;
    }
    const file = join(network.folder, `door.${name}.resolv.conf`);
    await writeFile(file, `nameserver ${nameserver}\n`);
    const mount = `unshare --mount -- sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' ${file}`;
    bodies[name] = `${shell}\nexec ${enterCommand(host)} -- ${mount} "$@"`;
  }
  const doors: Record<string, string> = {};
  for (const [name, body] of Object.entries(bodies)) {
    const file = join(network.folder, name);
    await writeFile(file, `#!/bin/sh\n${body}\n`);
    await chmod(file, 0o755);
    doors[name] = file;
  }
  return doors;
}
