/**
 * Small packets: what the machine's cores spend on one, at a rate that every peer can carry, and how many get through on
 * one core. Frames are made and counted by the engine of `platypus bench` (src/bench/engine.ts), whose threads are on
 * one core, and the peer is on the other.
 *
 * What a packet costs is the busy time of all cores less that of `cable`, where the same frames are sent and received
 * with nothing between (rounds.ts takes it off). Time that the kernel works for the peer on the generator's core, as it
 * does where nobody steers it elsewhere, is in it. Rates are measured with all of that on the peer's core (RPS).
 */
import type { Host } from '../../lab/host.js';
import { type Engine, openEngine, parseSide, range, type StreamOptions, stream } from '../../src/bench/engine.js';
import { loadAddon, type TesterResult, type TesterSide } from '../../src/native/addon.js';
import type { Peer } from '../peers/peer.js';
import { type Chain, cores, type Families, type Family } from './chain.js';
import { nanosecondsPerPacket, startStopwatch } from './cpu.js';
import { highest } from './highest.js';
import type { RunOptions, Sample, Scenario, Stage, Subject } from './scenario.js';

export type Direction = '6to4' | '4to6';
export type Size = '64' | 'imix' | '1500';

const MOST_FLOWS = 1_000_000;
const HOSTS = 128;
/** Frames that come together: one by one, a virtual machine would measure its interrupts. */
const GATHER = 64;
/** Packets a second where they come one by one, for what one takes: each wakes the peer. */
const ONE_BY_ONE = 20_000;
/** What is still on its way when the last frame was sent. */
const SETTLE_MS = 200;

/**
 * Frame sizes with the frame check sequence. 64: the shortest there are with the engine's tag, which carries a packet
 * of 46 bytes in IPv4 and 66 in IPv6. 1500: what fills the MTU on the IPv6 side. IMIX: 7, 4 and 1 of twelve.
 */
export function frameBytes(size: Size, family: Family): number[] {
  const [small, middle, large] = family === 6 ? [84, 614, 1518] : [64, 594, 1498];
  if (size === '64') return [small];
  if (size === '1500') return [large];
  return [small, middle, small, small, middle, small, small, middle, small, large, small, middle];
}

/** The addresses that frames of a direction are from and to: of the upper halves, which nobody answers from. */
export function frameEnds(families: Families, direction: Direction): { sources: string[]; destinations: string[] } {
  const hosts = { 6: range('2001:db8:1::80', HOSTS), 4: range('192.0.2.128', HOSTS) };
  const server = { 6: ['2001:db8:2::80'], 4: ['198.51.100.128'] };
  if (direction === '4to6') return { sources: server[families.server], destinations: hosts[families.server] };
  const translated = families.client === 6 && families.server === 4;
  return {
    sources: hosts[families.client],
    destinations: translated ? ['2001:db8:64::c633:6480'] : server[families.client],
  };
}

/** The engine of each direction: the same one, unless packets end in the middle. */
const engines = new WeakMap<Chain, { [direction in Direction]: Engine }>();

/** For a side that only receives. */
const NOBODY = '02:00:00:00:00:01';

async function open({ peer, chain }: Subject): Promise<void> {
  const side = (host: Host, device: string, direction: Direction, nextHop?: string): TesterSide => {
    const text = `${host.pid}:${device}`;
    const parsed = parseSide(text, frameEnds(peer.families, direction).destinations[0] ?? '', nextHop);
    if (parsed === null) throw new Error(`"${text}" is no side`);
    const core = cores.generator ?? -1;
    return { ...parsed, sendCpu: core, receiveCpu: core };
  };
  const between = async (sides: [TesterSide, TesterSide]) => {
    const engine = await openEngine(loadAddon(), { sides, stateFlows: peer.stateful ? MOST_FLOWS : 0 });
    chain.release(() => engine.close());
    return engine;
  };
  const client = side(chain.client, 'eth0', '6to4');
  const server = side(chain.server, 'eth0', '4to6');
  if (peer.endsInTheMiddle === true) {
    engines.set(chain, {
      '6to4': await between([client, side(chain.translator, 'client', '4to6', NOBODY)]),
      '4to6': await between([side(chain.translator, 'server', '6to4', NOBODY), server]),
    });
  } else {
    const engine = await between([client, server]);
    engines.set(chain, { '6to4': engine, '4to6': engine });
  }
}

interface Shape {
  size: Size;
  flows: number;
  /** Each run's flows are new. */
  fresh?: boolean;
  /**
   * What is asked: the CPU time a packet costs; the highest rate without loss; how many get through when as many are
   * sent as the generator can; how long one takes.
   */
  ask: 'cpu' | 'most' | 'flood' | 'delay';
  directions?: readonly Direction[];
}

/** The search for the highest rate. A virtual machine loses a packet now and then. */
const MOST = { least: 20_000, most: 2_000_000, trials: 7, trialMs: 250, lossAllowed: 0.001 } as const;

/** Sends one stream, and watches the machine meanwhile. */
async function send({ peer, chain }: Subject, direction: Direction, size: Size, more: Partial<StreamOptions>) {
  const engine = engines.get(chain)?.[direction];
  if (engine === undefined) throw new Error('no engine');
  const family = direction === '6to4' ? peer.families.client : peer.families.server;
  const watch = await startStopwatch();
  const result = await engine.run({
    streams: [
      stream({
        ...frameEnds(peer.families, direction),
        from: direction === '6to4' ? 0 : 1,
        frameBytes: frameBytes(size, family),
        durationMs: 60_000,
        ...more,
      }),
    ],
    settleMs: SETTLE_MS,
  });
  return { result, ...(await watch.stop()) };
}

/** Frames sent, those that found no room on the first link, and those that arrived at the other side whether the engine had room to look at them or not. */
export function count({ streams: [one], receivers }: TesterResult, direction: Direction) {
  const refused = one?.refused ?? 0;
  const sent = (one?.sent ?? 0) - refused;
  const arrived = (one?.received ?? 0) + (receivers[direction === '6to4' ? 1 : 0]?.dropped ?? 0);
  return { sent, refused, arrived, seconds: (one?.elapsedNs ?? 0) / 1e9 };
}

/** Begins the flows of a scenario, so that the server's side may send into them. */
async function begin(subject: Subject, { size, flows }: Shape, { packetsPerSecond }: RunOptions): Promise<void> {
  let known = 0;
  // What was lost on the way is sent again with the rest: twice is the rule where nobody else uses the machine.
  for (let attempt = 0; attempt < 8 && known < flows; ++attempt) {
    const { result } = await send(subject, '6to4', size, {
      flows,
      frames: flows,
      framesPerSecond: packetsPerSecond,
      state: 'record',
    });
    known = result.stateSize;
  }
  if (known < flows * 0.99) throw new Error(`only ${known} of ${flows} flows got through`);
}

function toName({ size, flows, fresh, ask }: Shape): string {
  const many = flows >= 1e6 ? `${flows / 1e6}m` : flows >= 1e3 ? `${flows / 1e3}k` : String(flows);
  return `packets-${size}-${fresh === true ? 'new' : many}${ask === 'cpu' ? '' : `-${ask}`}`;
}

function toTitle({ size, flows, fresh, ask }: Shape): string {
  const asked = {
    cpu: '',
    most: ', the highest rate that is carried',
    flood: ', more than anybody can carry',
    delay: ', how long one takes',
  }[ask];
  const length = { '64': 'Frames of 64 bytes', imix: 'IMIX', '1500': 'Packets of 1500 bytes' }[size];
  const which =
    fresh === true ? 'each a new flow' : `${flows.toLocaleString('en-US')} ${flows === 1 ? 'flow' : 'flows'}`;
  return `${length}, ${which}${asked}`;
}

function scenario(given: Partial<Shape> & Pick<Shape, 'flows'>): Scenario {
  const shape: Shape = { size: '64', ask: 'cpu', ...given };
  const { size, flows, fresh, ask } = shape;
  let begun = 0;

  /** One stream of this shape. */
  const once = async (subject: Subject, direction: Direction, rate: number, more: Partial<StreamOptions>) => {
    const answering = direction === '4to6' && subject.peer.stateful;
    const run = await send(subject, direction, size, {
      flows,
      framesPerSecond: rate,
      order: flows <= 64 ? 'in-turn' : 'random',
      burst: GATHER,
      gather: GATHER,
      state: answering ? 'answer' : 'none',
      ...more,
    });
    return { ...run, ...count(run.result, direction) };
  };

  const figures: {
    [what in Shape['ask']]: (subject: Subject, direction: Direction, options: RunOptions) => Promise<Sample[]>;
  } = {
    async cpu(subject, direction, { seconds, packetsPerSecond, idleBusyCores }) {
      const frames = packetsPerSecond * seconds;
      const flowsOfRun: Partial<StreamOptions> =
        fresh === true ? { flows: frames, firstFlow: MOST_FLOWS + begun, order: 'in-turn' } : {};
      // The next run's flows, of whichever subject: the same number is new to all.
      if (fresh === true) begun += frames;
      const run = await once(subject, direction, packetsPerSecond, { durationMs: seconds * 1000, ...flowsOfRun });
      const cost = nanosecondsPerPacket({ ...run, idleBusyCores, packets: arrivedAny(run) });
      const note = subject.chain.shortcoming === null ? {} : { note: subject.chain.shortcoming };
      return [{ metric: 'cpu-all', unit: 'ns/packet', better: 'lower', value: cost, ...note }, lost(run)];
    },
    async most(subject, direction) {
      const best = await highest({
        ...MOST,
        async carries(rate) {
          const { sent, refused, arrived, seconds } = await once(subject, direction, rate, {
            durationMs: MOST.trialMs,
          });
          // What found no room before the translator was lost as well.
          return arrived < (sent + refused) * (1 - MOST.lossAllowed) ? null : arrived / seconds;
        },
      });
      if (best === null) throw new Error(`no rate down to ${MOST.least} packets/s was carried`);
      return [{ metric: 'rate', unit: 'Mpps', better: 'higher', value: best / 1e6 }];
    },
    async flood(subject, direction, { seconds }) {
      const run = await once(subject, direction, 0, { durationMs: seconds * 1000 });
      return [
        { metric: 'rate', unit: 'Mpps', better: 'higher', value: arrivedAny(run) / run.seconds / 1e6 },
        { metric: 'sent', unit: 'Mpps', better: 'higher', value: run.sent / run.seconds / 1e6 },
      ];
    },
    async delay(subject, direction, { seconds }) {
      // One stamp serves a burst, so delays are measured without.
      const run = await once(subject, direction, ONE_BY_ONE, {
        durationMs: seconds * 1000,
        burst: 1,
        gather: 1,
        delaySamples: ONE_BY_ONE * seconds,
      });
      arrivedAny(run);
      const { median = 0, p999 = 0 } = run.result.streams[0]?.delays ?? {};
      return [
        { metric: 'delay-p50', unit: 'µs', better: 'lower', value: median / 1000 },
        { metric: 'delay-p99.9', unit: 'µs', better: 'lower', value: p999 / 1000 },
        lost(run),
      ];
    },
  };

  return {
    name: toName(shape),
    title: toTitle(shape),
    directions: given.directions ?? ['6to4', '4to6'],
    without: (peer: Peer) => peer.oneHost ?? null,
    async prepare(subject, options) {
      await subject.chain.steer(ask !== 'cpu');
      engines.get(subject.chain)?.['6to4'].clearState();
      if (fresh !== true && subject.peer.stateful) await begin(subject, shape, options);
    },
    async run(subject, direction, options) {
      if (direction !== '6to4' && direction !== '4to6') throw new Error(`no such direction: ${direction}`);
      return figures[ask](subject, direction, options);
    },
  };
}

/** How many arrived; throws when none did, because then there is nothing to tell. */
function arrivedAny({ sent, arrived }: ReturnType<typeof count>): number {
  if (arrived === 0) throw new Error(`none of ${sent} frames arrived`);
  return arrived;
}

function lost({ sent, arrived }: ReturnType<typeof count>): Sample {
  return { metric: 'lost', unit: '%', better: 'lower', value: Math.max(0, 1 - arrived / sent) * 100 };
}

export const packets: Stage = {
  name: 'packets',
  pinned: true,
  // The million comes last: its sessions stay.
  scenarios: [
    scenario({ flows: 1 }),
    scenario({ flows: 64 }),
    scenario({ size: 'imix', flows: 64 }),
    scenario({ size: '1500', flows: 64 }),
    scenario({ flows: 64, ask: 'most' }),
    scenario({ flows: 64, ask: 'flood', directions: ['6to4'] }),
    scenario({ flows: 64, ask: 'delay', directions: ['6to4'] }),
    scenario({ flows: 10_000 }),
    scenario({ flows: MOST_FLOWS }),
    scenario({ flows: MOST_FLOWS, fresh: true, directions: ['6to4'] }),
  ],
  prepare: open,
};
