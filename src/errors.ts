/**
 * Every error Platypus reports, in one place: a stable code and one sentence that says what was found, where, and what
 * was expected. The command line prints the sentence, the control socket answers `{ code, message }`.
 */

export type ErrorCode =
  | 'PLT_CONFIG_INVALID'
  | 'PLT_CONFIG_UNREADABLE'
  | 'PLT_ADDON_MISSING'
  | 'PLT_TUN_MISSING'
  | 'PLT_NOT_PERMITTED'
  | 'PLT_DEVICE_BUSY'
  | 'PLT_DEVICE_FAILED'
  | 'PLT_NETLINK_FAILED'
  | 'PLT_POOL_OVERLAPS_HOST'
  | 'PLT_ROUTE_EXISTS'
  | 'PLT_WORKER_DEAD'
  | 'PLT_RELOAD_REFUSED'
  | 'PLT_RELOAD_FAILED'
  | 'PLT_NO_FILE'
  | 'PLT_STOPPING'
  | 'PLT_BIB_REFUSED'
  | 'PLT_BIB_NOT_FOUND'
  | 'PLT_POOL4_EXISTS'
  | 'PLT_POOL4_NOT_FOUND'
  | 'PLT_EAM_REFUSED'
  | 'PLT_EAM_NOT_FOUND'
  | 'PLT_EAM_ROUTES'
  | 'PLT_WRONG_MODE'
  | 'PLT_REQUEST_INVALID'
  | 'PLT_PACKET_INVALID'
  | 'PLT_CAPTURE_INVALID'
  | 'PLT_CAPTURE_REFUSED'
  | 'PLT_TRACE_BUSY'
  | 'PLT_BENCH_SIDE'
  | 'PLT_BENCH_FAILED'
  | 'PLT_DNS64_FAILED'
  | 'PLT_CLAT_FAILED'
  | 'PLT_RESPONDER_FAILED'
  | 'PLT_ANNOUNCE_FAILED'
  | 'PLT_NEIGHBOR_UNKNOWN'
  | 'PLT_NO_ANNOUNCER'
  | 'PLT_METRICS_UNUSABLE'
  | 'PLT_ROUTE_UNKNOWN'
  | 'PLT_INTERNAL'
  | 'PLT_SOCKET_BUSY'
  | 'PLT_SOCKET_UNUSABLE'
  | 'PLT_SOCKET_ABSENT'
  | 'PLT_SOCKET_DENIED'
  | 'PLT_SOCKET_FAILED'
  | 'PLT_ABORTED'
  | 'PLT_USAGE';

/** An error with a code from the list above; `message` is the sentence for people. */
export class PlatypusError extends Error {
  readonly code: ErrorCode;
  /** HTTP status with which the control socket answers. */
  readonly status: number;

  constructor(code: ErrorCode, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PlatypusError';
    this.code = code;
    this.status = options.status ?? 500;
  }
}

/** One thing wrong in a configuration. Lines and columns count from 1; null where there is no file. */
export interface ConfigIssue {
  /** Where in the configuration: `plat.pool4[0].prefix`; empty for the whole of it. */
  path: string;
  line: number | null;
  column: number | null;
  /** Found and expected, without the place. */
  message: string;
}

/** A configuration that was refused whole, with everything that was wrong in it. */
export class ConfigError extends PlatypusError {
  readonly issues: readonly ConfigIssue[];

  constructor(source: string, issues: readonly ConfigIssue[]) {
    super('PLT_CONFIG_INVALID', issues.map((issue) => formatIssue(source, issue)).join('\n'), { status: 422 });
    this.name = 'ConfigError';
    this.issues = issues;
  }
}

/** `file:line:column: path: found X, expected Y`, leaving out what is not known. */
export function formatIssue(source: string, issue: ConfigIssue): string {
  const place = issue.line === null ? source : `${source}:${issue.line}:${issue.column}`;
  return [place, issue.path, issue.message].filter((part) => part !== '').join(': ');
}

/** An Error as the operating system (Node or the addon) throws it. */
interface SystemError extends Error {
  code: string;
  syscall?: string;
}

/** True for an Error that carries an errno name such as `EPERM`. */
export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && typeof (error as Partial<SystemError>).code === 'string';
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const SOCKET_EXPECTED: Readonly<Record<string, string>> = {
  EADDRINUSE: 'a port that no other program has',
  EADDRNOTAVAIL: 'an address of this host',
  EACCES: 'root or a process with the capability CAP_NET_BIND_SERVICE',
  EPERM: 'root or a process with the capability CAP_NET_RAW',
  EAFNOSUPPORT: 'a kernel with this address family',
};

/** Why a socket could not be opened or bound: `EADDRINUSE, expected a port …`, or the message where no more is known. */
export function socketFailure(error: unknown): string {
  const expected = isSystemError(error) ? SOCKET_EXPECTED[error.code] : undefined;
  return expected === undefined ? messageOf(error) : `${(error as SystemError).code}, expected ${expected}`;
}

type Options = { cause?: unknown };

export const errors = {
  configUnreadable: (file: string, found: string, expected: string, options?: Options) =>
    new PlatypusError('PLT_CONFIG_UNREADABLE', `${file}: ${found}, expected ${expected}`, { status: 422, ...options }),
  addonMissing: (error: unknown) =>
    new PlatypusError('PLT_ADDON_MISSING', `cannot load the native core: ${messageOf(error)}`, { cause: error }),
  tunMissing: (device: string, options?: Options) =>
    new PlatypusError(
      'PLT_TUN_MISSING',
      `cannot open the device "${device}": /dev/net/tun is missing, expected the kernel's tun driver (try \`modprobe tun\`)`,
      options,
    ),
  notPermitted: (doing: string, options?: Options) =>
    new PlatypusError(
      'PLT_NOT_PERMITTED',
      `${doing}: not permitted, expected root or a process with the capability CAP_NET_ADMIN`,
      options,
    ),
  deviceBusy: (device: string, options?: Options) =>
    new PlatypusError(
      'PLT_DEVICE_BUSY',
      `cannot open the device "${device}": a device of that name is in use, expected a free name (device in the file, or --device)`,
      options,
    ),
  deviceFailed: (device: string, error: unknown) =>
    new PlatypusError('PLT_DEVICE_FAILED', `cannot open the device "${device}": ${messageOf(error)}`, { cause: error }),
  netlinkFailed: (doing: string, error: unknown) =>
    new PlatypusError('PLT_NETLINK_FAILED', `${doing}: the kernel answered ${messageOf(error)}`, { cause: error }),
  poolOverlapsHost: (pool: string, prefix: string, address: string, device: string) =>
    new PlatypusError(
      'PLT_POOL_OVERLAPS_HOST',
      `${pool} ${prefix} contains ${address}, an address of this host on ${device}, expected a prefix that is only the translator's`,
      { status: 409 },
    ),
  routeExists: (pool: string, prefix: string, where: string) =>
    new PlatypusError(
      'PLT_ROUTE_EXISTS',
      `${pool} ${prefix} already has a route ${where}, expected none: remove that route or choose another prefix`,
      { status: 409 },
    ),
  workerDead: (device: string) =>
    new PlatypusError('PLT_WORKER_DEAD', `a worker thread of the device "${device}" has ended, expected it to run`),
  reloadRefused: (sentences: readonly string[]) =>
    new PlatypusError('PLT_RELOAD_REFUSED', `nothing was changed: ${sentences.join('; ')}`, { status: 409 }),
  reloadFailed: (error: unknown, reverted: boolean) =>
    new PlatypusError(
      'PLT_RELOAD_FAILED',
      `${messageOf(error)}; ${reverted ? 'the configuration before it is in force' : 'and going back failed too: restart the service'}`,
      { cause: error, status: error instanceof PlatypusError ? error.status : 500 },
    ),
  noFile: () =>
    new PlatypusError(
      'PLT_NO_FILE',
      'there is no file to reload: this translator was started without one, expected `platypus run -c FILE`',
      { status: 409 },
    ),
  stopping: () => new PlatypusError('PLT_STOPPING', 'the translator is stopping, expected it to run', { status: 503 }),
  bibRefused: (found: string, expected: string) =>
    new PlatypusError('PLT_BIB_REFUSED', `${found}, expected ${expected}`, { status: 409 }),
  bibNotFound: (protocol: string, v4: string) =>
    new PlatypusError(
      'PLT_BIB_NOT_FOUND',
      `there is no ${protocol} entry for ${v4} in the BIB, expected one that \`platypus bib list\` shows`,
      { status: 404 },
    ),
  pool4Exists: (prefix: string) =>
    new PlatypusError('PLT_POOL4_EXISTS', `${prefix} is in pool4 already, expected a new prefix`, { status: 409 }),
  pool4NotFound: (prefix: string, present: readonly string[]) =>
    new PlatypusError('PLT_POOL4_NOT_FOUND', `${prefix} is not in pool4, expected one of ${present.join(', ')}`, {
      status: 404,
    }),
  eamRefused: (found: string, expected: string) =>
    new PlatypusError('PLT_EAM_REFUSED', `nothing was changed: found ${found}, expected ${expected}`, { status: 409 }),
  eamNotFound: (prefix: string) =>
    new PlatypusError(
      'PLT_EAM_NOT_FOUND',
      `there is no EAM entry for ${prefix}, expected a prefix that \`platypus eamt list\` shows`,
      { status: 404 },
    ),
  eamRoutes: (most: number) =>
    new PlatypusError(
      'PLT_EAM_ROUTES',
      `the IPv4 addresses of the EAM table make more than ${most} routes, expected siit.pool4 with the prefixes to route`,
      { status: 409 },
    ),
  noSessions: (what: string) =>
    new PlatypusError(
      'PLT_WRONG_MODE',
      `there is no ${what} here: this translator is stateless (siit), expected a PLAT`,
      { status: 409 },
    ),
  noTranslator: () =>
    new PlatypusError(
      'PLT_WRONG_MODE',
      'there is no translator here: expected a plat or siit section, or for packets a CLAT that does not stand down',
      { status: 409 },
    ),
  noEamt: () =>
    new PlatypusError(
      'PLT_WRONG_MODE',
      'there is no EAM table here: this translator is a PLAT, expected a stateless one (siit)',
      { status: 409 },
    ),
  requestInvalid: (where: string, found: string, expected: string) =>
    new PlatypusError('PLT_REQUEST_INVALID', `${where}: found ${found}, expected ${expected}`, { status: 400 }),
  packetInvalid: (where: string, found: string, expected: string) =>
    new PlatypusError('PLT_PACKET_INVALID', `${where}: found ${found}, expected ${expected}`, { status: 400 }),
  captureInvalid: (file: string, offset: number | null, found: string, expected: string) =>
    new PlatypusError(
      'PLT_CAPTURE_INVALID',
      `${file}${offset === null ? '' : `, byte ${offset}`}: found ${found}, expected ${expected}`,
      { status: 400 },
    ),
  captureRefused: (file: string, found: string, expected: string, options?: Options) =>
    new PlatypusError('PLT_CAPTURE_REFUSED', `cannot use ${file}: ${found}, expected ${expected}`, options),
  traceBusy: () =>
    new PlatypusError('PLT_TRACE_BUSY', 'a trace is running, expected none: there can be one at a time', {
      status: 409,
    }),
  benchSide: (side: string, found: string, expected: string, options?: Options) =>
    new PlatypusError('PLT_BENCH_SIDE', `cannot use ${side}: ${found}, expected ${expected}`, options),
  benchFailed: (found: string, options?: Options) =>
    new PlatypusError('PLT_BENCH_FAILED', `the measurement failed: ${found}`, options),
  announceFailed: (why: string) => new PlatypusError('PLT_ANNOUNCE_FAILED', `the announcer: ${why}`),
  neighborUnknown: (name: string, known: readonly string[]) =>
    new PlatypusError(
      'PLT_NEIGHBOR_UNKNOWN',
      `found no neighbour ${name}, expected ${known.length === 0 ? 'none: there are no BGP neighbours' : known.join(', ')}`,
      { status: 404 },
    ),
  noAnnouncer: () =>
    new PlatypusError('PLT_NO_ANNOUNCER', 'found no announce section here, expected a program that announces', {
      status: 409,
    }),
  dns64Failed: (found: string, options?: Options) =>
    new PlatypusError('PLT_DNS64_FAILED', `the DNS64 server failed: ${found}`, options),
  metricsUnusable: (where: string, found: string, options?: Options) =>
    new PlatypusError(
      'PLT_METRICS_UNUSABLE',
      `cannot listen on ${where} for control.metrics: ${found}, expected a free port of an address of this host`,
      options,
    ),
  clatFailed: (found: string, options?: Options) =>
    new PlatypusError('PLT_CLAT_FAILED', `the CLAT failed: ${found}`, options),
  responderFailed: (found: string) => new PlatypusError('PLT_RESPONDER_FAILED', `the responder failed: ${found}`),
  routeUnknown: (method: string, url: string) =>
    new PlatypusError('PLT_ROUTE_UNKNOWN', `there is no ${method} ${url}, expected a path of docs/reference/api.md`, {
      status: 404,
    }),
  socketBusy: (path: string) =>
    new PlatypusError(
      'PLT_SOCKET_BUSY',
      `another process answers on the control socket ${path}, expected none: stop it or choose another --socket`,
    ),
  socketUnusable: (path: string, found: string, options?: Options) =>
    new PlatypusError('PLT_SOCKET_UNUSABLE', `cannot use ${path} as control socket: ${found}`, options),
  socketAbsent: (path: string, options?: Options) =>
    new PlatypusError(
      'PLT_SOCKET_ABSENT',
      `nobody answers on ${path}, expected a running \`platypus run\`, \`plat\`, \`siit\`, \`clat\`, \`dns64\` or \`announce\` (see --socket)`,
      options,
    ),
  socketDenied: (path: string, options?: Options) =>
    new PlatypusError(
      'PLT_SOCKET_DENIED',
      `not permitted to use the control socket ${path}, expected root or a member of the socket's group`,
      options,
    ),
  socketFailed: (path: string, error: unknown) =>
    new PlatypusError('PLT_SOCKET_FAILED', `the control socket ${path} failed: ${messageOf(error)}`, { cause: error }),
  aborted: (before = 'the translator was ready') => new PlatypusError('PLT_ABORTED', `stopped before ${before}`),
  usage: (message: string) => new PlatypusError('PLT_USAGE', message, { status: 400 }),
} as const;
