/** Threads that are started again when one ends by itself. */
import { messageOf } from '../errors.js';

/** A thread, as its team sees it. */
export interface Member {
  alive(): boolean;
  /** Why it ended, once it has. */
  readonly ended: Promise<string>;
  /** Never rejects. */
  stop(): Promise<void>;
}

export interface TeamOptions<Thread extends Member> {
  /** Whose threads these are, for messages. */
  name: string;
  count: number;
  /** Rejects with what to tell. */
  start(index: number): Promise<Thread>;
  error(message: string): void;
  /** How long after its end one is started again, milliseconds; twice as long each time that fails, up to `mostMs`. */
  firstMs: number;
  mostMs: number;
}

export interface Team<Thread extends Member> {
  /** Those that run, in their order. */
  running(): Thread[];
  /** Every one runs. */
  alive(): boolean;
  stop(): Promise<void>;
}

/** Starts all, one after the other, or none: rejects with what the first said that did not start. */
export async function startTeam<Thread extends Member>(options: TeamOptions<Thread>): Promise<Team<Thread>> {
  const { name, count, start, error, firstMs, mostMs } = options;
  const threads: (Thread | null)[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let stopping = false;
  const running = () => threads.filter((thread) => thread !== null);

  async function stop(): Promise<void> {
    stopping = true;
    for (const timer of timers) clearTimeout(timer);
    await Promise.all(running().map((thread) => thread.stop()));
  }

  async function watch(index: number, thread: Thread): Promise<void> {
    const why = await thread.ended;
    if (stopping) return;
    threads[index] = null;
    error(`a thread of ${name} has ended (${why}), and is started again`);
    startAgain(index, firstMs);
  }

  function startAgain(index: number, delayMs: number): void {
    const timer = setTimeout(async () => {
      timers.delete(timer);
      try {
        const thread = await start(index);
        if (stopping) return await thread.stop();
        threads[index] = thread;
        void watch(index, thread);
      } catch (reason) {
        error(messageOf(reason));
        if (!stopping) startAgain(index, Math.min(delayMs * 2, mostMs));
      }
    }, delayMs);
    timers.add(timer);
  }

  try {
    for (let index = 0; index < count; index++) threads.push(await start(index));
  } catch (reason) {
    await stop();
    throw reason;
  }
  for (const [index, thread] of running().entries()) void watch(index, thread);
  return { running, alive: () => threads.every((thread) => thread?.alive() ?? false), stop };
}
