/** Checks 70 to 79. */
import type { AnnouncerSummary, StatusReport, TranslatorStatus } from '../../src/control/target.js';
import { platChecks } from '../../src/doctor/checks/plat.js';
import type { Survey } from '../../src/doctor/survey/survey.js';
import { first, judges, type Row } from './judging.js';
import { address, clatHost, PROGRAM, platHost, translator } from './surveys.js';

function statusOf({ status }: Survey): StatusReport {
  if (status === null) throw new Error('no status');
  return status;
}

const sized =
  (sizes: Partial<TranslatorStatus['sizes']>): NonNullable<Row['change']> =>
  (survey) => {
    survey.status = translator({ sizes: { ...translator().sizes, ...sizes } });
  };

const plat: Record<string, Row> = {
  'a healthy one': { of: platHost, says: [['ok', '10 sessions of 1000']] },
  'on a CLAT': { of: clatHost, says: [] },
  'no answer': {
    of: platHost,
    change: (survey) => Object.assign(survey, { status: null, statusFailure: 'connection refused' }),
    says: [['fault', 'no Platypus answers here: connection refused']],
    hint: 'start it',
  },
  'it that must not be asked': {
    of: platHost,
    change: (survey) => Object.assign(survey, { status: null, statusFailure: 'not permitted', statusDenied: true }),
    says: [['fault', 'no Platypus answers here: not permitted']],
    hint: 'as root',
  },
  'a worker that has ended': {
    of: platHost,
    change: (survey) => (statusOf(survey).alive = false),
    says: [['fault', 'a worker thread has ended']],
  },
  'the file is a PLAT’s, and a CLAT runs': { of: platHost, change: (survey) => (survey.status = PROGRAM), says: [] },
  '799 of 1000 sessions': { of: platHost, change: sized({ sessions: 799 }), says: [['ok', '799 sessions of 1000']] },
  '800 of 1000 sessions': {
    of: platHost,
    change: sized({ sessions: 800 }),
    says: [['warning', 'sessions: 800 of 1000']],
    hint: 'plat.limits.sessions',
  },
  '979 of 1000 sessions': { of: platHost, change: sized({ sessions: 979 }), says: [['warning', '979 of 1000']] },
  '980 of 1000 sessions': {
    of: platHost,
    change: sized({ sessions: 980 }),
    says: [['fault', 'sessions: 980 of 1000: new flows are refused']],
  },
  'several tables': {
    of: platHost,
    change: sized({ bib: 1000, hosts: 90 }),
    says: [
      ['fault', 'bib: 1000 of 1000'],
      ['warning', 'hosts: 90 of 100'],
    ],
  },
  'a table without a limit': {
    of: platHost,
    change: (survey) => (survey.status = translator({ limits: {} })),
    says: [['ok', '10 sessions']],
  },
};

const poolReturned: Record<string, Row> = {
  'a healthy one': { of: platHost, says: [['ok', '192.0.2.15 comes back by eth1']] },
  'on a CLAT': { of: clatHost, says: [] },
  'not routed back': {
    of: platHost,
    change: ({ poolReturns }) => (first(poolReturns).cameBackBy = null),
    says: [['fault', 'a packet for 192.0.2.15 of pool4 that was given to the router 203.0.113.1 did not come back']],
  },
  'could not be tried': {
    of: platHost,
    change: ({ poolReturns }) => Object.assign(first(poolReturns), { cameBackBy: null, failure: 'needs root' }),
    says: [['skipped', 'needs root']],
  },
  'one of two': {
    of: platHost,
    change: ({ poolReturns }) => poolReturns.push({ ...first(poolReturns), address: '198.18.0.1', cameBackBy: null }),
    says: [
      ['ok', '192.0.2.15'],
      ['fault', '198.18.0.1'],
    ],
  },
};

const poolAddresses: Record<string, Row> = {
  'a healthy one': { of: platHost, says: [['ok', 'none']] },
  'on a CLAT': { of: clatHost, says: [] },
  'a stateless translator': {
    of: platHost,
    change(survey) {
      survey.status = translator({ mode: 'siit' });
      survey.machine.addresses.push(address('eth1', '192.0.2.5/32'));
    },
    says: [],
  },
  'one inside': {
    of: platHost,
    change: ({ machine }) => machine.addresses.push(address('lo', '192.0.2.5/32')),
    says: [['fault', 'found 192.0.2.5 of lo in 192.0.2.0/28#1024-65535']],
  },
  'the first and the last': {
    of: platHost,
    change: ({ machine }) =>
      machine.addresses.push(
        address('lo', '192.0.2.0/32'),
        address('eth1', '192.0.2.15/24'),
        address('lo', '192.0.2.16/32'),
      ),
    says: [['fault', 'found 192.0.2.0 of lo in 192.0.2.0/28#1024-65535 and 192.0.2.15 of eth1 in']],
  },
  'the translator’s own': {
    of: platHost,
    change: ({ machine }) => machine.addresses.push(address('platypus', '192.0.2.5/32')),
    says: [['ok', 'none']],
  },
};

const announcing =
  (change: Partial<AnnouncerSummary>): NonNullable<Row['change']> =>
  (survey) => {
    const { announcer } = statusOf(survey);
    if (announcer !== null) Object.assign(announcer, change);
  };

const announcement: Record<string, Row> = {
  'a healthy one': { of: platHost, says: [['ok', '192.0.2.0/28 to 2 neighbours']] },
  'nothing is announced': { of: platHost, change: (survey) => (statusOf(survey).announcer = null), says: [] },
  'no Platypus': { of: platHost, change: (survey) => (survey.status = null), says: [] },
  drained: {
    of: platHost,
    change: announcing({
      drain: 'drained',
      prefixes: [{ prefix: '192.0.2.0/28', state: 'withdrawn', reasons: ['drained'], sinceMs: 0 }],
    }),
    says: [['warning', 'this PLAT is drained']],
    hint: 'platypus undrain',
  },
  'withdrawn, with the reasons': {
    of: platHost,
    change: announcing({
      prefixes: [
        { prefix: '192.0.2.0/28', state: 'withdrawn', reasons: ['workers: one has ended', 'dns64: no'], sinceMs: 0 },
      ],
    }),
    says: [['fault', '192.0.2.0/28 is withdrawn: workers: one has ended; dns64: no']],
  },
  'withdrawn, nobody says why': {
    of: platHost,
    change: announcing({ prefixes: [{ prefix: '192.0.2.0/28', state: 'withdrawn', reasons: [], sinceMs: 0 }] }),
    says: [['fault', '192.0.2.0/28 is withdrawn']],
  },
  'one neighbour of two': {
    of: platHost,
    change: announcing({ neighborsUp: 1 }),
    says: [['warning', '1 of 2 neighbours are up']],
  },
  'no neighbour of two': {
    of: platHost,
    change: announcing({ neighborsUp: 0 }),
    says: [['fault', '0 of 2 neighbours are up']],
  },
  'an OSPF interface that is down': {
    of: platHost,
    change: announcing({
      neighborsUp: 0,
      neighbors: 0,
      interfacesDown: [{ version: 2, name: 'eht0', reason: 'there is no such device', otherVersionUp: false }],
    }),
    says: [['fault', 'OSPFv2 on eht0 is down: there is no such device']],
    hint: 'announce.ospf.interfaces',
  },
  'one version of OSPF that is down': {
    of: platHost,
    change: announcing({
      interfacesDown: [{ version: 2, name: 'eth1', reason: 'the device has no IPv4 address', otherVersionUp: true }],
    }),
    says: [['warning', 'OSPFv2 on eth1 is down: the device has no IPv4 address']],
    hint: 'leave 2 out of announce.ospf.versions',
  },
  'no neighbour that OSPF has found': {
    of: platHost,
    change: announcing({ neighborsUp: 0, neighbors: 0 }),
    says: [['fault', 'there is no neighbour: nobody is told of 192.0.2.0/28']],
    hint: 'platypus neighbor list --json',
  },
  'no neighbour, and nothing to tell': {
    of: platHost,
    change: announcing({ neighborsUp: 0, neighbors: 0, drain: 'drained', prefixes: [] }),
    says: [['warning', 'this PLAT is drained']],
  },
};

const serving =
  (change: Partial<NonNullable<StatusReport['dns64']>>): NonNullable<Row['change']> =>
  (survey) => {
    const { dns64 } = statusOf(survey);
    if (dns64 !== null) Object.assign(dns64, change);
  };
const upstream = (...dead: boolean[]) =>
  dead.map((one, at) => ({ server: `192.0.2.${53 + at}`, transport: 'udp', srttMs: null, dead: one }));

const dns64: Record<string, Row> = {
  'a healthy one': { of: platHost, says: [['ok', 'answers on udp ::#53']] },
  none: { of: platHost, change: (survey) => (statusOf(survey).dns64 = null), says: [] },
  ended: { of: platHost, change: serving({ alive: false }), says: [['fault', 'the DNS64 server has ended']] },
  'no upstream': {
    of: platHost,
    change: serving({ ready: false, upstream: upstream(true, true) }),
    says: [['fault', 'no upstream answers: 192.0.2.53 and 192.0.2.54']],
  },
  'one upstream of two': {
    of: platHost,
    change: serving({ upstream: upstream(false, true) }),
    says: [['warning', '192.0.2.54 answers nothing; the others do']],
  },
};

const logs: Record<string, Row> = {
  'a healthy one': { of: platHost, says: [['ok', '/var/log/queries.json']] },
  none: { of: clatHost, says: [] },
  'that cannot be written': {
    of: platHost,
    change: ({ logs: sinks }) => (first(sinks).failure = 'EACCES: permission denied'),
    says: [['fault', '/var/log/queries.json: EACCES: permission denied']],
  },
  '99.9 MiB free': {
    of: platHost,
    change: ({ logs: sinks }) => (first(sinks).freeBytes = 100 * 2 ** 20 - 1),
    says: [['warning', '/var/log/queries.json: 99 MiB are free']],
  },
  '100 MiB free': {
    of: platHost,
    change: ({ logs: sinks }) => (first(sinks).freeBytes = 100 * 2 ** 20),
    says: [['ok', '/var/log/queries.json']],
  },
};

const clock: Record<string, Row> = {
  'a healthy one': { of: platHost, says: [['ok', 'it is synchronised']] },
  'on a CLAT': { of: clatHost, says: [] },
  'nobody knows': {
    of: platHost,
    change: ({ machine }) => (machine.clockSynchronised = null),
    says: [['skipped', 'neither timedatectl nor chronyc nor ntpq']],
  },
  'not synchronised': {
    of: platHost,
    change: ({ machine }) => (machine.clockSynchronised = false),
    says: [['fault', 'the clock is not synchronised']],
  },
};

judges(platChecks, {
  plat,
  'pool-returned': poolReturned,
  'pool-addresses': poolAddresses,
  announcement,
  dns64,
  logs,
  clock,
});
