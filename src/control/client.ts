/** The command line's side of the control socket. */
import { request as httpRequest } from 'node:http';
import { type ErrorCode, errors, isSystemError, PlatypusError } from '../errors.js';

export interface ControlClient {
  /** Sends one request and returns the answer's JSON. Throws PlatypusError, also for the server's refusals. */
  request<Answer>(method: 'GET' | 'POST' | 'DELETE', path: string, options?: RequestOptions): Promise<Answer>;
}

export interface RequestOptions {
  /** Parameters; undefined ones are left out. */
  query?: Record<string, string | number | undefined>;
  body?: unknown;
}

/** Largest answer taken, bytes: a page of 4096 rows is below 2 MiB. */
const ANSWER_BYTES = 16 * 1024 * 1024;
const ANSWER_MS = 30_000;

/** A client for the socket at `socketPath`. */
export function createClient(socketPath: string, signal?: AbortSignal): ControlClient {
  return {
    async request<Answer>(method: string, path: string, options: RequestOptions = {}) {
      const { status, text } = await exchange(
        socketPath,
        method,
        `${path}${queryText(options.query)}`,
        options.body,
        signal,
      );
      const answer = parseAnswer(socketPath, text);
      if (status < 400) return answer as Answer;
      const { code, message } = answer as { code?: ErrorCode; message?: string };
      throw new PlatypusError(code ?? 'PLT_SOCKET_FAILED', message ?? `the translator answered ${status}`, { status });
    },
  };
}

function queryText(query: RequestOptions['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function parseAnswer(socketPath: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw errors.socketFailed(socketPath, error);
  }
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
  signal?: AbortSignal,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(toSentence(socketPath, error));
    const content = body === undefined ? undefined : JSON.stringify(body);
    const headers = content === undefined ? {} : { 'content-type': 'application/json' };
    const request = httpRequest({ socketPath, method, path, headers, signal, timeout: ANSWER_MS }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > ANSWER_BYTES) request.destroy(new Error(`the answer is larger than ${ANSWER_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      response.on('error', fail);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer for ${ANSWER_MS / 1000} seconds`)));
    request.on('error', fail);
    request.end(content);
  });
}

function toSentence(socketPath: string, error: unknown): PlatypusError {
  const code = isSystemError(error) ? error.code : '';
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return errors.socketAbsent(socketPath, { cause: error });
  if (code === 'EACCES' || code === 'EPERM') return errors.socketDenied(socketPath, { cause: error });
  return errors.socketFailed(socketPath, error);
}
