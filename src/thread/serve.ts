/** The thread's side of `thread.ts`: opens what it runs, says so or why not, and answers one request after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf, PlatypusError } from '../errors.js';
import { type Failure, type Numbered, TOLD, type Unnumbered } from './thread.js';

/** What a thread runs, once it is open. */
export interface Served<Request, Answer> {
  /** The first message. */
  first: Unnumbered<Answer>;
  /** After the kind `close` the thread ends when nothing else keeps it. What it says to something told is not sent. */
  answer(request: Request): Unnumbered<Answer> | Promise<Unnumbered<Answer>>;
}

/** What the service has to be told without having asked, as messages with the id -1. */
export type Note<Answer> = (message: Unnumbered<Answer>) => void;

/** For a module that `startThread` runs; does nothing where it is not run as a thread. */
export async function serveThread<Data, Request extends Numbered & { kind: string }, Answer extends Numbered>(
  open: (data: Data, note: Note<Answer>) => Served<Request, Answer> | Promise<Served<Request, Answer>>,
): Promise<void> {
  const service = parentPort;
  if (service === null) return;
  const say = (id: number, answer: Unnumbered<Answer> | Unnumbered<Failure>) => service.postMessage({ ...answer, id });
  let served: Served<Request, Answer>;
  try {
    served = await open(workerData as Data, (message) => say(-1, message));
  } catch (error) {
    say(0, { error: messageOf(error) });
    return;
  }
  service.on('message', async (request: Request) => {
    const { id, kind } = request;
    const answer = await answered(served, request);
    if (kind === 'close') service.unref();
    if (id !== TOLD) say(id, answer);
  });
  say(0, served.first);
}

async function answered<Request, Answer>(
  { answer }: Served<Request, Answer>,
  request: Request,
): Promise<Unnumbered<Answer> | Unnumbered<Failure>> {
  try {
    return await answer(request);
  } catch (error) {
    if (!(error instanceof PlatypusError)) return { error: messageOf(error) };
    const { code, message, status } = error;
    return { error: message, refused: { code, status } };
  }
}
