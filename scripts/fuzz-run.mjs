/**
 * What the fuzzers of the control plane share (fuzz-dns64, fuzz-bgp, fuzz-ospf, fuzz-stun): their arguments, chance that follows from
 * one seed, and a run that writes one TAP line for each part, tells how to repeat a failure, and looks for leaks.
 */
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    part: { type: 'string' },
    report: { type: 'string' },
  },
});
const inputs = Number(values.inputs);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
if (!Number.isSafeInteger(inputs) || inputs < 1 || !Number.isSafeInteger(seed) || seed < 0) {
  throw new RangeError(`found --inputs ${values.inputs} --seed ${values.seed}, expected whole numbers`);
}

let state = 0;

/** 32 bits by chance (mulberry32). */
export function word() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}
export const below = (limit) => (limit <= 1 ? 0 : word() % limit);
export const pick = (list) => list[below(list.length)];
export const oneIn = (count) => below(count) === 0;

/** Throws where something does not hold that has to. */
export function insist(holds, what) {
  if (!holds) throw new Error(what);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
function heapBytes() {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
/** Caches and what is compiled meanwhile; a leak of an object for each input would be more. */
const MOST_GROWTH_BYTES = 24 * 2 ** 20;

function tell(line) {
  console.log(line);
  if (values.report !== undefined) appendFileSync(values.report, `${line}\n`);
}

/**
 * Runs the parts: each is a function of how many inputs it is to make and of `note`, which it calls with each of them,
 * and its share of all inputs. `name` is that of the script. Sets the exit code.
 */
export async function runParts(name, parts) {
  for (const [part, [run, share]] of Object.entries(parts)) {
    if (values.part !== undefined && values.part !== part) continue;
    const count = Math.ceil(inputs * share);
    state = seed | 0;
    let last = new Uint8Array(0);
    let number = 0;
    const note = (bytes) => {
      last = bytes.slice();
      number += 1;
      return bytes;
    };
    try {
      // What is compiled and cached once is not growth.
      await run(Math.min(count, 2000), note);
      const before = heapBytes();
      state = seed | 0;
      number = 0;
      await run(count, note);
      const growth = heapBytes() - before;
      insist(growth <= MOST_GROWTH_BYTES, `the heap grew by ${growth} bytes`);
      tell(`ok fuzz: ${name} ${part}, seed ${seed}, ${number} inputs`);
    } catch (error) {
      process.exitCode = 1;
      const again = `node scripts/fuzz-${name}.mjs --seed ${seed} --inputs ${inputs} --part ${part}`;
      tell(`not ok fuzz: ${name} ${part}: ${error.message} (again: ${again})`);
      console.error(`input ${number}: ${Buffer.from(error.input ?? last).toString('hex')}\n${error.stack}`);
    }
  }
}
