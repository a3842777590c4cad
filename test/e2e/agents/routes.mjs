// `node routes.mjs STEP...`: routes by the addon's netlink. A step is JSON: `{"add": ROUTE}`, `{"remove": ROUTE}` or
// `{"list": FILTER}`, which prints the rows.
import { createRequire } from 'node:module';

const { Netlink } = createRequire(import.meta.url)('../../../build/Release/platypus.node');
const netlink = new Netlink();
for (const step of process.argv.slice(2).map((text) => JSON.parse(text))) {
  if (step.add !== undefined) netlink.addRoute(step.add);
  if (step.remove !== undefined) netlink.removeRoute(step.remove);
  if (step.list !== undefined) console.log(JSON.stringify(netlink.routes(step.list ?? undefined)));
}
