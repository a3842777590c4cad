/** Asks a responder all that it can tell, and prints the facts and what the checks say: `reach.mjs ADDRESS PORT`. */
import { natChecks } from '../../../dist/doctor/checks/nat.js';
import { pathChecks } from '../../../dist/doctor/checks/path.js';
import { reachChecks } from '../../../dist/doctor/checks/reach.js';
import { probeResponder } from '../../../dist/doctor/probes/reach.js';
import { createRunner } from '../../../dist/doctor/survey/program.js';
import { loadAddon } from '../../../dist/native/addon.js';

const [address, port] = process.argv.slice(2);
const { signal } = new AbortController();
const options = { responder: { address, port: Number(port) }, source: null, device: null };
const reach = await probeResponder({ ...options, addon: loadAddon(), signal, run: createRunner(signal) });
const findings = [...reachChecks, ...pathChecks, ...natChecks].flatMap(({ number, name, examine }) =>
  examine({ reach }).map((finding) => ({ number, name, ...finding })),
);
process.stdout.write(`${JSON.stringify({ reach, findings })}\n`);
