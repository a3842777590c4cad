/** What a worker thread of the DNS64 server runs; `service.ts` starts it and speaks to it by messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../errors.js';
import type { Failure } from '../thread/thread.js';
import type { ServerReport } from './report.js';
import { type Dns64Server, defaultParts, openServer, type ServerConfig } from './server.js';

export interface ThreadData {
  config: ServerConfig;
  first: boolean;
  cookieSecret: Uint8Array;
}

/** From the service. `id` comes back with the answer. */
export type ThreadRequest =
  | { id: number; kind: 'use'; config: ServerConfig }
  | { id: number; kind: 'secret'; cookieSecret: Uint8Array }
  | { id: number; kind: 'report' }
  | { id: number; kind: 'close' };

/** To the service; the first message has the id 0 and says where the thread listens. */
export type ThreadAnswer =
  | { id: number; listening: string[] }
  | { id: number; report: ServerReport }
  | { id: number; done: true }
  | { id: -1; warning: string };

const port = parentPort;
if (port !== null) await serve(port, workerData as ThreadData);

async function serve(service: NonNullable<typeof parentPort>, data: ThreadData): Promise<void> {
  const say = (answer: ThreadAnswer | Failure) => service.postMessage(answer);
  const { config, first, cookieSecret } = data;
  let server: Dns64Server;
  try {
    server = await openServer(config, {
      ...defaultParts(config.dns64.workers, (warning) => say({ id: -1, warning })),
      first,
      cookieSecret,
    });
  } catch (error) {
    say({ id: 0, error: messageOf(error) });
    return;
  }
  service.on('message', (request: ThreadRequest) => {
    const { id } = request;
    const work = async (): Promise<ThreadAnswer> => {
      if (request.kind === 'report') return { id, report: server.report() };
      if (request.kind === 'use') server.use(request.config);
      else if (request.kind === 'secret') server.rollSecret(request.cookieSecret);
      else {
        await server.close();
        service.unref();
      }
      return { id, done: true };
    };
    work().then(say, (error: unknown) => say({ id, error: messageOf(error) }));
  });
  say({ id: 0, listening: server.listening });
}
