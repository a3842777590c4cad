/** The command line's side of the control socket. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type ErrorCode, errors, isSystemError, PlatypusError } from '../errors.js';

export interface ControlClient {
  /** Sends one request and returns the answer's JSON. Throws PlatypusError, also for the server's refusals. */
  request<Answer>(method: 'GET' | 'POST' | 'DELETE', path: string, options?: RequestOptions): Promise<Answer>;
  /** Sends a GET and yields the lines of its answer as they come, until it ends or `signal` is aborted. Throws alike. */
  lines<Line>(path: string, query: RequestOptions['query'], signal: AbortSignal): AsyncGenerator<Line>;
}

export interface RequestOptions {
  /** Parameters; undefined ones are left out. */
  query?: Record<string, string | number | undefined>;
  body?: unknown;
}

/** Largest answer taken, bytes: a page of 4096 rows is below 2 MiB. */
const ANSWER_BYTES = 16 * 1024 * 1024;
/** Longest line of an answer that comes line by line. */
const LINE_BYTES = 4 * 1024 * 1024;
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
      throw refusal(answer, status);
    },
    async *lines<Line>(path: string, query: RequestOptions['query'], until: AbortSignal) {
      try {
        const response = await open(socketPath, `${path}${queryText(query)}`, until);
        const status = response.statusCode ?? 0;
        for await (const line of splitLines(socketPath, response)) {
          const answer = parseAnswer(socketPath, line);
          if (status >= 400) throw refusal(answer, status);
          yield answer as Line;
        }
      } catch (error) {
        if (until.aborted) return;
        throw error instanceof PlatypusError ? error : toSentence(socketPath, error);
      }
    },
  };
}

function refusal(answer: unknown, status: number): PlatypusError {
  const { code, message } = answer as { code?: ErrorCode; message?: string };
  return new PlatypusError(code ?? 'PLT_SOCKET_FAILED', message ?? `the translator answered ${status}`, { status });
}

function open(socketPath: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // A connection of its own, which goes with the reader.
    httpRequest({ socketPath, method: 'GET', path, signal, agent: false }, resolve).on('error', reject).end();
  });
}

/** Lines of at most LINE_BYTES; what follows the last line end is a line too. */
async function* splitLines(socketPath: string, response: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of response) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > LINE_BYTES) {
      throw errors.socketFailed(socketPath, new Error(`a line is longer than ${LINE_BYTES} bytes`));
    }
  }
  if (rest.length > 0) yield rest.toString('utf8');
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
