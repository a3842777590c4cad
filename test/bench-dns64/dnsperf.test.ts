import { describe, expect, test } from 'vitest';
import { dnsperfNames, readDnsperf } from '../../bench/dns64/generators.js';
import { zones } from '../../bench/dns64/servers.js';

const printed = (codes: string, more: Record<string, string> = {}) => `DNS Performance Testing Tool
Version 2.10.0

[Status] Command line: dnsperf -s 127.0.0.1 -p 5301 -d names.txt -q 128 -l 2
[Status] Sending queries (to 127.0.0.1:5301)
Warning: requested more outstanding queries than can be tracked
Statistics:

  Queries sent:         ${more.sent ?? '192744'}
  Queries completed:    ${more.completed ?? '192700'} (99.98%)
  Queries lost:         ${more.lost ?? '44'} (0.02%)

  Response codes:       ${codes}
  Average packet size:  request 34, response 62
  Run time (s):         2.000431
  Queries per second:   96354.032588

  Average Latency (s):  0.001171 (min 0.000047, max 0.040082)
`;

describe('what dnsperf prints', () => {
  test('is read as asked, answered, lost and seconds', () => {
    expect(readDnsperf(printed('NOERROR 192700 (100.00%)'))).toEqual({
      asked: 192_744,
      answered: 192_700,
      wrong: 0,
      lost: 44,
      seconds: 2.000431,
    });
  });

  test('with other RCODEs: these answers are wrong', () => {
    const load = readDnsperf(printed('NOERROR 192000 (99.64%), SERVFAIL 600 (0.31%), REFUSED 100 (0.05%)'));
    expect(load).toMatchObject({ answered: 192_000, wrong: 700 });
  });

  test('without any answer', () => {
    const load = readDnsperf(printed('', { sent: '100', completed: '0', lost: '100' }));
    expect(load).toMatchObject({ asked: 100, answered: 0, wrong: 0, lost: 100 });
  });

  test('is refused in a sentence when it is something else', () => {
    expect(() => readDnsperf('Error: couldn’t open names.txt')).toThrow('dnsperf told no "Queries completed"');
  });
});

test('dnsperf is given a line a name', () => {
  expect(dnsperfNames({ zone: zones.ipv4Only, first: 7, count: 2 })).toBe(
    'n7.v4only.bench AAAA\nn8.v4only.bench AAAA\n',
  );
});
