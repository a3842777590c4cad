/** All checks together: their numbers, what follows from what, the report. */
import { describe, expect, test } from 'vitest';
import { type Check, fault, ok, skipped, warning } from '../../src/doctor/check.js';
import { checks, examine, type NumberedFinding } from '../../src/doctor/doctor.js';
import type { Survey } from '../../src/doctor/survey/survey.js';
import { reportLines } from '../../src/doctor/text.js';
import { first } from './judging.js';
import { clatHost, clatRow, healthyReach, PROGRAM, plainHost, platHost, resolver } from './surveys.js';

const wrong = ({ verdict }: NumberedFinding) => verdict === 'fault' || verdict === 'warning';

describe('the checks', () => {
  test('numbers of two digits, in their order, each once', () => {
    const numbers = checks.map(({ number }) => number);
    expect(numbers.filter((number) => !/^\d\d$/.test(number) || number === '00')).toEqual([]);
    expect(numbers).toEqual([...new Set(numbers)].sort());
  });

  test('names that can be typed, each once', () => {
    const names = checks.map(({ name }) => name);
    expect(names.filter((name) => !/^[a-z][a-z0-9-]+$/.test(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  test('each has a title of one line', () => {
    expect(checks.filter(({ title }) => !/^\S[^\n]{10,}$/.test(title))).toEqual([]);
  });

  test('what goes before a check is a check before it', () => {
    const before = (check: Check<Survey>) => checks.slice(0, checks.indexOf(check)).map(({ name }) => name);
    const dangling = checks.flatMap((check) => (check.after ?? []).filter((name) => !before(check).includes(name)));
    expect(dangling).toEqual([]);
  });
});

test.each([
  ['a CLAT’s host', clatHost],
  ['a PLAT', platHost],
  ['a plain host', plainHost],
])('finds nothing wrong on %s', (_what, healthy) => {
  const { findings, counts, code } = examine(healthy());
  expect(findings.filter(wrong)).toEqual([]);
  expect({ code, fault: counts.fault, warning: counts.warning }).toEqual({ code: '00-98', fault: 0, warning: 0 });
  expect(counts.ok).toBe(findings.filter(({ verdict }) => verdict === 'ok').length);
  expect(counts.ok).toBeGreaterThan(4);
});

describe('what follows from something else', () => {
  const dead = () => {
    const survey = clatHost();
    survey.machine.links = survey.machine.links.map((one) => ({ ...one, carrier: false }));
    first(survey.links).routers = [];
    survey.resolvers = [resolver('2001:db8::53', { prefixes: [], failure: 'ETIMEOUT' })];
    survey.status = { ...PROGRAM, clat: [clatRow({ state: 'uplink-down', words: 'stands down: no carrier' })] };
    survey.prefix = null;
    survey.clats = [];
    return survey;
  };

  test('is told once', () => {
    const { findings, code, counts } = examine(dead());
    expect(findings.filter(wrong).map(({ name }) => name)).toEqual(['uplink']);
    expect(counts.fault).toBe(1);
    expect(code).toMatch(/^01-/);
  });

  test('is skipped with its reason', () => {
    const because = examine(dead()).findings.filter(({ words }) => words.startsWith('because of 01 uplink: '));
    expect(because.map(({ name, verdict, hint }) => [name, verdict, hint])).toEqual([
      ['routers', 'skipped', null],
      ['resolvers', 'skipped', null],
      ['clat', 'skipped', null],
    ]);
    expect(first(because).words).toContain('no router advertisement on eth0');
  });

  test('stays where it is right nevertheless', () => {
    const survey = clatHost();
    survey.machine.links = survey.machine.links.map((one) => ({ ...one, carrier: false }));
    const { findings } = examine(survey);
    expect(findings.filter(({ name }) => name === 'resolvers').map(({ verdict }) => verdict)).toEqual(['ok']);
  });

  test('is told where the cause is but one of two', () => {
    const survey = dead();
    survey.uplinks = ['eth0', 'eth1'];
    survey.machine.links.push({ ...first(survey.machine.links), name: 'eth1', linkAddress: '', carrier: true });
    const healthy = first(clatHost().machine.addresses.filter(({ address }) => address === '2001:db8:1:1::2'));
    survey.machine.addresses.push({ ...healthy, device: 'eth1' });
    const route = first(survey.machine.defaults);
    survey.machine.defaults.push({ ...route, device: 'eth1' });
    const { findings } = examine(survey);
    expect(findings.filter(({ name }) => name === 'uplink').map(({ verdict }) => verdict)).toEqual(['fault', 'ok']);
    expect(findings.filter(({ name }) => name === 'resolvers').map(({ verdict }) => verdict)).toEqual(['fault']);
  });
});

test('a dual-stack host is well: the CLAT stands down, and the responder need not answer strangers', () => {
  const survey = clatHost();
  const native = first(survey.machine.defaults.filter(({ family }) => family === 4));
  survey.machine.defaults = survey.machine.defaults.filter(({ family }) => family === 6);
  survey.machine.defaults.push({ ...native, device: 'eth0', gateway: '192.0.2.1', protocol: 'dhcp', metric: 100 });
  survey.status = { ...PROGRAM, clat: [clatRow({ state: 'native-ipv4', words: 'stands down: IPv4 on eth0' })] };
  survey.clats = [];
  const { tcp, udp } = healthyReach;
  survey.reach = {
    ...healthyReach,
    tcp: { ...tcp, answered: false, error: 'ECONNRESET' },
    udp: { ...udp, answered: false, mapped: null },
  };
  const { findings } = examine(survey);
  expect(findings.filter(wrong)).toEqual([]);
  const [said] = findings.filter(({ name }) => name === 'literal-udp');
  expect(said).toMatchObject({ verdict: 'skipped', words: expect.stringMatching(/^IPv4 is native here, /) });
});

describe('the code', () => {
  test('has the warnings where there is no fault', () => {
    const survey = clatHost();
    survey.machine.features = { eth0: { 'rx-gro-list': true } };
    expect(examine(survey).code).toMatch(/^24-/);
  });

  test('has the faults alone where there is one', () => {
    const survey = clatHost();
    survey.machine.features = { eth0: { 'rx-gro-list': true } };
    survey.machine.settings['net.ipv6.conf.all.forwarding'] = '0';
    expect(examine(survey).code).toMatch(/^20-/);
  });
});

describe('only some checks', () => {
  test('by name and by number', () => {
    const { findings, counts } = examine(clatHost(), ['pref64', '20']);
    expect(findings.map(({ name }) => name)).toEqual(['pref64', 'forwarding']);
    expect(counts.ok).toBe(2);
  });

  test('what the others found still counts as a cause', () => {
    const survey = clatHost();
    survey.machine.links = [];
    survey.resolvers = [];
    expect(examine(survey, ['resolvers']).findings.map(({ verdict }) => verdict)).toEqual(['skipped']);
  });

  test('a fault of another check is not in the code', () => {
    const survey = clatHost();
    survey.machine.settings['net.ipv6.conf.all.forwarding'] = '0';
    expect(examine(survey, ['pref64']).code).toBe('00-98');
  });
});

test('a survey that was sent in as JSON is judged alike', () => {
  for (const healthy of [clatHost, platHost, plainHost]) {
    const survey = healthy();
    survey.machine.links = [];
    expect(examine(JSON.parse(JSON.stringify(survey)))).toEqual(examine(survey));
  }
});

describe('the report for people', () => {
  const numbered = (number: string, name: string, finding: ReturnType<typeof ok>) => ({ number, name, ...finding });

  test('columns, hints under their findings, counts and the code', () => {
    const findings = [
      numbered('01', 'uplink', ok('eth0 has it')),
      numbered('03', 'pref64', fault('it is gone', 'bring it back')),
      numbered('24', 'offload', warning('it is on', 'switch it off')),
      numbered('29', 'programs', skipped('not installed')),
    ];
    const counts = { ok: 1, skipped: 1, warning: 1, fault: 1 };
    expect(reportLines(clatHost(), { findings, counts, code: '03-91' })).toEqual([
      'CLAT on eth0, NAT64 prefix 64:ff9b::/96, 2026-11-22T00:00:00.000Z',
      '',
      'ok       01 uplink    eth0 has it',
      'FAULT    03 pref64    it is gone',
      '                      → bring it back',
      'WARNING  24 offload   it is on',
      '                      → switch it off',
      'skipped  29 programs  not installed',
      '',
      '1 fault, 1 warning, 1 ok, 1 skipped; code 03-91',
    ]);
  });

  test('without uplinks, a prefix and findings', () => {
    const counts = { ok: 0, skipped: 0, warning: 2, fault: 0 };
    const survey = { ...platHost(), prefix: null };
    expect(reportLines(survey, { findings: [], counts, code: '00-98' })).toEqual([
      'PLAT, NAT64 prefix unknown, 2026-11-22T00:00:00.000Z',
      '',
      '',
      '0 faults, 2 warnings, 0 ok, 0 skipped; code 00-98',
    ]);
  });
});
