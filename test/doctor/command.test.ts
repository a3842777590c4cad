/** `platypus doctor` as a command: its options, what it prints, how it ends. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Report } from '../../src/doctor/doctor.js';
import { checks } from '../../src/doctor/doctor.js';
import { type Survey, type SurveyOptions, takeSurvey } from '../../src/doctor/survey/survey.js';
import { launch, run } from '../cli/run.js';
import { createFakeHost } from '../fakes/addon.js';
import { clatHost, plainHost } from './surveys.js';

vi.mock('../../src/doctor/survey/survey.js', () => ({ takeSurvey: vi.fn() }));

const taken = vi.mocked(takeSurvey);
beforeEach(() => {
  taken.mockReset();
  taken.mockResolvedValue(clatHost());
});

const doctor = (...args: string[]) => run(createFakeHost(), 'doctor', ...args);

const warned = (): Survey => {
  const survey = clatHost();
  survey.machine.features = { eth0: { 'rx-gro-list': true } };
  return survey;
};
const broken = (): Survey => {
  const survey = warned();
  survey.machine.settings['net.ipv6.conf.all.forwarding'] = '0';
  return survey;
};

describe('the exit code', () => {
  test.each<[string, () => Survey, number, string]>([
    ['0: nothing found', clatHost, 0, '0 faults, 0 warnings'],
    ['3: a warning', warned, 3, '0 faults, 1 warning,'],
    ['4: a fault', broken, 4, '1 fault, 1 warning,'],
  ])('%s', async (_what, survey, code, words) => {
    taken.mockResolvedValue(survey());
    const outcome = await doctor();
    expect(outcome.code).toBe(code);
    expect(outcome.stdout).toContain(words);
    expect(outcome.stderr).toBe('');
  });

  test('1: it could not look', async () => {
    taken.mockRejectedValue(new Error('x.yaml:1:1: found 7, expected a CLAT'));
    expect(await doctor('-c', 'x.yaml')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'platypus: x.yaml:1:1: found 7, expected a CLAT\n',
    });
  });

  test('1: the chosen checks have nothing to look at', async () => {
    taken.mockResolvedValue(plainHost());
    expect(await doctor('--only', 'plat', '--only', '73')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'platypus: plat, 73: found nothing to look at on what seems to be a host ' +
        '(found no translator at /run/platypus/control.sock), expected a check that applies here, ' +
        'or with -c FILE the file of a translator that does not answer\n',
    });
  });

  test('of the chosen checks alone', async () => {
    taken.mockResolvedValue(broken());
    expect((await doctor('--only', 'offload')).code).toBe(3);
    expect((await doctor('--only', 'offload', '--only', '20')).code).toBe(4);
    expect((await doctor('--only', 'pref64')).code).toBe(0);
  });
});

describe('wrong usage', () => {
  test.each([
    [['--code', '0341-46'], 'its last two digits do not fit the others'],
    [['--code', 'hello'], 'expected a code such as 0341-45'],
    [['--only', 'nonsense'], 'expected the name or number of a check: platypus doctor --list'],
    [['--resolver', 'dns.example'], 'expected an IPv4 or IPv6 address'],
    [['--resolver', '192.0.2.1#53'], 'expected an IPv4 or IPv6 address'],
    [['--responder', '2001:db8::1'], 'expected an IPv4 address such as 203.0.113.5'],
    [['--responder', '203.0.113.5#0x35'], 'expected an IPv4 address such as 203.0.113.5'],
    [['eth0'], 'too many arguments'],
    [['--uplink'], 'argument missing'],
  ])('%j', async (args, words) => {
    const outcome = await doctor(...args);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(words);
    expect(taken).not.toHaveBeenCalled();
  });
});

describe('looks at nothing', () => {
  test('--list: each check by number and name', async () => {
    const { code, stdout } = await doctor('--list');
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.slice(0, 2))).toEqual([...checks.map(({ number }) => number), '']);
    expect(stdout).toMatch(/^03 pref64 +the NAT64 prefix in router advertisements/m);
    expect(taken).not.toHaveBeenCalled();
  });

  test('--code: the checks that it stands for', async () => {
    const { code, stdout } = await doctor('--code', '0320 11');
    expect({ code, lines: stdout.split('\n').map((line) => line.slice(0, 9)) }).toEqual({
      code: 0,
      lines: ['03 pref64', '20 forwar', ''],
    });
    expect(taken).not.toHaveBeenCalled();
  });

  test('--code of a healthy network', async () => {
    expect(await doctor('--code', '00-98')).toEqual({ code: 0, stdout: 'nothing was found\n', stderr: '' });
  });

  test('--code with a check of another version', async () => {
    expect((await doctor('--code', '99-92')).stdout).toBe('99 is of another version\n');
  });
});

describe('the survey is taken with', () => {
  const options = (): SurveyOptions => {
    const [call] = taken.mock.calls;
    if (call === undefined) throw new Error('no survey was taken');
    return call[0];
  };

  test('nothing that was not told', async () => {
    await doctor();
    expect(options()).toMatchObject({ file: null, uplinks: [], resolvers: [], responder: null });
  });

  test('a file, uplinks and resolvers in their order', async () => {
    await doctor(
      '-c',
      'a.yaml',
      '--uplink',
      'eth1',
      '--uplink',
      'eth0',
      '--resolver',
      '::1',
      '--resolver',
      'fe80::1%eth0',
    );
    expect(options()).toMatchObject({
      file: 'a.yaml',
      uplinks: ['eth1', 'eth0'],
      resolvers: ['::1', 'fe80::1%eth0'],
    });
  });

  test.each([
    ['203.0.113.5', 3478],
    ['203.0.113.5#53', 53],
  ])('a responder: %s', async (text, port) => {
    await doctor('--responder', text);
    expect(options().responder).toEqual({ address: '203.0.113.5', port });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('an end by %s', async (name) => {
    taken.mockImplementation(
      ({ signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const running = launch(createFakeHost(), ['doctor']);
    await vi.waitFor(() => expect(taken).toHaveBeenCalled());
    running.signal(name);
    expect(await running.ended).toMatchObject({ code: 1, stderr: 'platypus: interrupted\n' });
  });
});

test('the report, in words', async () => {
  taken.mockResolvedValue(broken());
  const { stdout } = await doctor();
  const lines = stdout.split('\n');
  expect(lines[0]).toBe('CLAT on eth0, NAT64 prefix 64:ff9b::/96, 2026-11-22T00:00:00.000Z');
  expect(lines.at(-1)).toBe('');
  expect(lines.at(-2)).toMatch(/^1 fault, 1 warning, \d+ ok, \d+ skipped; code 20-38$/);
  expect(stdout).toContain('FAULT    20 forwarding');
});

test('the report and the survey, as JSON', async () => {
  taken.mockResolvedValue(broken());
  const { stdout, code } = await doctor('--json');
  const report = JSON.parse(stdout) as Report & { survey: Survey };
  expect(code).toBe(4);
  expect(Object.keys(report)).toEqual(['findings', 'counts', 'code', 'survey']);
  expect(report.survey).toEqual(broken());
  expect(report.findings.find(({ name }) => name === 'forwarding')).toMatchObject({ number: '20', verdict: 'fault' });
});
