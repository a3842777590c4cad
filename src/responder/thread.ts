/** What the responder's thread runs; `service.ts` starts it and speaks to it by messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../errors.js';
import { loadAddon } from '../native/addon.js';
import type { Failure } from '../thread/thread.js';
import { openResponder, type ResponderServer, type ServerConfig, type ServerReport } from './server.js';

/** From the service. `id` comes back with the answer. */
export type ThreadRequest =
  | { id: number; kind: 'use'; config: ServerConfig }
  | { id: number; kind: 'report' }
  | { id: number; kind: 'close' };

/** To the service; the first message has the id 0 and says where the thread listens. */
export type ThreadAnswer =
  | { id: number; listening: string[] }
  | { id: number; report: ServerReport }
  | { id: number; done: true };

const port = parentPort;
if (port !== null) await serve(port, workerData as ServerConfig);

async function serve(service: NonNullable<typeof parentPort>, config: ServerConfig): Promise<void> {
  const say = (answer: ThreadAnswer | Failure) => service.postMessage(answer);
  let server: ResponderServer;
  try {
    server = await openResponder(config, { addon: loadAddon(), nowMs: () => performance.now() });
  } catch (error) {
    say({ id: 0, error: messageOf(error) });
    return;
  }
  service.on('message', (request: ThreadRequest) => {
    const { id } = request;
    const work = async (): Promise<ThreadAnswer> => {
      if (request.kind === 'report') return { id, report: server.report() };
      if (request.kind === 'use') server.use(request.config);
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
