/** Threads that end by themselves are started again. */
import { expect, test, vi } from 'vitest';
import { type Member, startTeam } from '../../src/thread/team.js';

interface Fake extends Member {
  end(why: string): void;
  stopped: boolean;
}

function fake(): Fake {
  let alive = true;
  let end: (why: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => {
    end = (why) => {
      alive = false;
      resolve(why);
    };
  });
  const member: Fake = {
    alive: () => alive,
    ended,
    end,
    stopped: false,
    async stop() {
      member.stopped = true;
      end('told to');
    },
  };
  return member;
}

/** A team whose n-th start fails where `fails` says so. */
async function team(fails: (start: number) => boolean = () => false) {
  const made: Fake[] = [];
  const errors: string[] = [];
  let starts = 0;
  const started = startTeam<Fake>({
    name: 'the server',
    count: 2,
    async start() {
      starts += 1;
      if (fails(starts)) throw new Error(`no start ${starts}`);
      const member = fake();
      made.push(member);
      return member;
    },
    error: (message) => errors.push(message),
    firstMs: 1,
    mostMs: 4,
  });
  return { team: await started, made, errors, starts: () => starts };
}

test('one that ends is started again, and the log says why it ended', async () => {
  const at = await team();
  at.made[1]?.end('out of memory');
  await vi.waitFor(() => expect(at.made.length).toBe(3));
  expect(at.errors).toEqual(['a thread of the server has ended (out of memory), and is started again']);
  await vi.waitFor(() => expect(at.team.alive()).toBe(true));
  expect(at.team.running()).toEqual([at.made[0], at.made[2]]);
  await at.team.stop();
});

test('one that does not start is tried again until it does; the others go on', async () => {
  const at = await team((start) => start > 2 && start < 6);
  at.made[0]?.end('a fault');
  await vi.waitFor(() => expect(at.starts()).toBe(6));
  await vi.waitFor(() => expect(at.team.running()).toEqual([at.made[2], at.made[1]]));
  expect(at.errors.slice(1)).toEqual(['no start 3', 'no start 4', 'no start 5']);
  await at.team.stop();
});

test('where one of the first does not start, none is left', async () => {
  const made: Fake[] = [];
  const start = async (index: number) => {
    if (index === 1) throw new Error('the port is taken');
    const member = fake();
    made.push(member);
    return member;
  };
  const options = { name: 'the server', count: 2, start, error: () => expect.unreachable(), firstMs: 1, mostMs: 1 };
  await expect(startTeam(options)).rejects.toThrow('the port is taken');
  expect(made[0]?.stopped).toBe(true);
});

test('one that is stopped stays so', async () => {
  const at = await team();
  await at.team.stop();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(at.starts()).toBe(2);
  expect(at.errors).toEqual([]);
});
