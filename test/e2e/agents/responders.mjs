/** Looks for the responders that a network names: `responders.mjs RESOLVER PREFIX`. Prints what it finds as JSON. */
import { Resolver } from 'node:dns/promises';
import { parsePrefix } from '../../../dist/config/address.js';
import { findResponders } from '../../../dist/doctor/probes/responders.js';

const [server, prefix] = process.argv.slice(2);
const resolver = new Resolver({ timeout: 2000, tries: 2 });
resolver.setServers([`[${server}]`]);
const { signal } = new AbortController();
process.stdout.write(`${JSON.stringify(await findResponders({ prefix: parsePrefix(prefix), resolver, signal }))}\n`);
