/**
 * A worker thread that a service asks by messages. Requests carry an `id` that comes back with the answer; the thread's
 * first message has the id 0 and says that it runs, or why not; messages with the id -1 are not answers to anything.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorCode, PlatypusError } from '../errors.js';

/** Answers to requests are awaited so long, milliseconds. */
const REQUEST_MS = 5000;
/** The id of requests that are not answered. */
export const TOLD = 0;

export type Numbered = { id: number };
/** `refused` where what was asked for cannot be, and nothing has gone wrong. */
export type Failure = { id: number; error: string; refused?: { code: ErrorCode; status: number } };
/** A message without its number. */
export type Unnumbered<Message> = Message extends Numbered ? Omit<Message, 'id'> : never;

export interface ThreadOptions<Answer> {
  /** The module that it runs. */
  module: URL;
  name: string;
  data: unknown;
  /** Gets messages with the id -1. */
  note(message: Answer): void;
  /** The error for what went wrong, as one sentence. */
  failed(why: string): Error;
}

export interface Thread<Request, Answer> {
  /** The thread's first message. */
  readonly first: Answer;
  /** Rejects with what the thread refuses, or `failed` where it says an error, does not answer in time, or has ended. */
  ask(request: Unnumbered<Request>, timeoutMs?: number): Promise<Answer>;
  /** Says something that is not answered. */
  tell(request: Unnumbered<Request>): void;
  alive(): boolean;
  /** Why it ended, once it has. */
  readonly ended: Promise<string>;
  /** Asks it to end itself, then ends it. Never rejects. */
  stop(request: Unnumbered<Request>, timeoutMs?: number): Promise<void>;
}

/** Resolves when the thread runs; rejects with `failed`. */
export async function startThread<Request extends Numbered, Answer extends Numbered>(
  options: ThreadOptions<Answer>,
): Promise<Thread<Request, Answer>> {
  const { failed, note } = options;
  const worker = new Worker(options.module, { workerData: options.data, name: options.name });
  const waiting = new Map<number, (answer: Answer | Failure) => void>();
  let last = 0;
  let running = true;
  const ended = new Promise<string>((resolve) => {
    const end = (why: string) => {
      running = false;
      for (const [id, settle] of waiting) settle({ id, error: why });
      waiting.clear();
      resolve(why);
    };
    worker.on('error', (error) => end(error.message));
    worker.on('exit', () => end('the thread has ended'));
  });
  worker.on('message', (answer: Answer | Failure) => {
    if (answer.id === -1) return note(answer as Answer);
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  const answerTo = (id: number): Promise<Answer | Failure> => new Promise((settle) => waiting.set(id, settle));

  async function ask(request: Unnumbered<Request>, timeoutMs = REQUEST_MS): Promise<Answer> {
    if (!running) throw failed('the thread has ended');
    last += 1;
    const id = last;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Failure>((settle) => {
      timer = setTimeout(settle, timeoutMs, { id, error: `no answer within ${timeoutMs} ms` });
    });
    const promise = answerTo(id);
    worker.postMessage({ ...request, id });
    const answer = await Promise.race([promise, late]);
    clearTimeout(timer);
    waiting.delete(id);
    return refuseFailure(answer);
  }

  function refuseFailure(answer: Answer | Failure): Answer {
    if (!('error' in answer)) return answer;
    const { error, refused } = answer;
    throw refused === undefined ? failed(error) : new PlatypusError(refused.code, error, refused);
  }

  const first = await answerTo(0);
  if ('error' in first) {
    await worker.terminate();
    throw failed(first.error);
  }
  return {
    first,
    ask,
    tell(request) {
      if (running) worker.postMessage({ ...request, id: TOLD });
    },
    alive: () => running,
    ended,
    async stop(request, timeoutMs) {
      if (running) await ask(request, timeoutMs).catch(() => undefined);
      await worker.terminate();
      await ended;
    },
  };
}
