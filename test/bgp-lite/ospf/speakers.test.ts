import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { announcing, createLink, type Link, pass, type Router, startRouter } from './network.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const states = ({ speaker }: Router) => speaker.neighbors().map(({ version, state }) => `${version} ${state}`);
const rows = ({ speaker }: Router) =>
  speaker
    .database()
    .map(({ version, type, id, advertiser, sequence }) => `${version} ${type} ${id} ${advertiser} ${sequence}`)
    .sort();

describe('two speakers on a point-to-point link', () => {
  let link: Link;
  let a: Router;
  let b: Router;
  beforeEach(async () => {
    link = createLink();
    a = startRouter(1, [link], { versions: [2, 3] });
    b = startRouter(2, [link], { versions: [2, 3] });
    a.speaker.announce(announcing('198.51.100.0/24', '64:ff9b::/96'));
    await pass(15);
  });

  test('both versions become Full, and the databases are the same', () => {
    expect(states(a)).toEqual(['2 full', '3 full']);
    expect(states(b)).toEqual(['2 full', '3 full']);
    expect(rows(a)).toEqual(rows(b));
    expect(a.messages.error).toEqual([]);
  });

  test('what stops is gone at the other', async () => {
    const done = a.speaker.stop();
    await pass(6);
    await done;
    expect(rows(b).filter((row) => row.includes(' 192.0.2.1 '))).toEqual([]);
    expect(states(b)).toEqual(['2 init', '3 init']);
  });
});
