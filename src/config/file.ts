/**
 * From a YAML file to a configuration: read (bounded), parse (bounded, positions kept), check, and either a whole
 * configuration with warnings or a ConfigError that lists everything wrong with file, line and column.
 */
import { dirname } from 'node:path';
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { ConfigError, type ConfigIssue, errors, messageOf } from '../errors.js';
import type { Prefix } from './address.js';
import { checkClat, warnClat } from './clat.js';
import { joinDns64Files } from './dns64-load.js';
import { checkInlineEamt, joinEamFile } from './eam-load.js';
import { type Complaint, complaintsOf, formatPath } from './issues.js';
import { readBounded } from './read.js';
import { checkResponder, warnResponder } from './responder.js';
import {
  type Config,
  configSchema,
  type PlatConfig,
  type PlatFile,
  type SiitFile,
  type SiitSection,
} from './schema.js';
import { checkPlat, warnPlat } from './semantics.js';
import { checkAnnounce, warnAnnounce } from './semantics-announce.js';
import { warnDns64 } from './semantics-dns64.js';
import { checkSiit, warnSiit } from './semantics-siit.js';

/** Largest file accepted, bytes. */
export const MAX_FILE_BYTES = 1024 * 1024;
/** Most nested brackets or indents; YAML's parser recurses. */
const MAX_DEPTH = 64;
const MAX_ALIASES = 100;
const MAX_ISSUES = 100;

export interface LoadedConfig {
  config: Config;
  /** Sentences. */
  warnings: string[];
}

/** Reads and checks a file. Throws ConfigError (wrong content) or PLT_CONFIG_UNREADABLE. */
export async function loadConfig(file: string, signal?: AbortSignal): Promise<LoadedConfig> {
  const bytes = await readBounded(file, 'a YAML file', MAX_FILE_BYTES, signal);
  return joinFiles(parseConfig(decodeUtf8(bytes, file), file), dirname(file), signal);
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw errors.configUnreadable(file, 'it is not UTF-8', 'text in UTF-8', { cause: error });
  }
}

/**
 * Reads the files that a configuration names; relative paths begin at `folder`. Throws ConfigError or
 * PLT_CONFIG_UNREADABLE.
 */
export async function joinFiles(loaded: LoadedConfig, folder: string, signal?: AbortSignal): Promise<LoadedConfig> {
  let { config } = loaded;
  if (config.dns64 !== undefined) {
    config = { ...config, dns64: await joinDns64Files(config.dns64, folder, signal) };
  }
  if (config.siit === undefined) return { ...loaded, config };
  const { siit, warnings } = await joinEamFile(config.siit, folder, signal);
  return { config: { ...config, siit }, warnings: [...loaded.warnings, ...warnings] };
}

/** Checks YAML text; `source` names it in messages. Reads no other file. Throws ConfigError, nothing else. */
export function parseConfig(text: string, source: string): LoadedConfig {
  const lines = new LineCounter();
  const document = parseYaml(text, source, lines);
  const data = plainData(document, source, lines);
  const refuse = (complaints: Complaint[]) =>
    new ConfigError(
      source,
      complaints
        .slice(0, MAX_ISSUES)
        .map((complaint) => locate(complaint, document, lines))
        .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)),
    );
  if (data === null || data === undefined) {
    throw refuse([
      { path: [], message: 'found an empty file, expected a plat, siit, clat, dns64, announce or responder section' },
    ]);
  }
  return checkData(data, refuse);
}

/** Checks plain data (the command line's options). Reads no file. Throws what `refuse` makes of the complaints. */
export function checkData(data: unknown, refuse: (complaints: Complaint[]) => Error): LoadedConfig {
  const parsed = configSchema.safeParse(data);
  if (!parsed.success) throw refuse(complaintsOf(parsed.error, data));
  const { plat, siit, clat, announce, responder, control, log } = parsed.data;
  const dns64 = parsed.data.dns64 && { ...parsed.data.dns64, files: { hosts: new Map(), pem: new Map() } };
  if (plat !== undefined && siit !== undefined) {
    throw refuse([{ path: ['siit'], message: 'found siit beside plat, expected one of them: a translator is either' }]);
  }
  if (clat !== undefined && (plat ?? siit) !== undefined) {
    throw refuse([{ path: ['clat'], message: 'found clat beside plat or siit, expected one translator' }]);
  }
  const pools = plat === undefined && siit === undefined ? null : poolsOf(plat ?? siit);
  const complaints = [
    ...(announce === undefined ? [] : checkAnnounce(announce, pools)),
    ...(clat === undefined ? [] : checkClat(clat)),
    ...(responder === undefined ? [] : checkResponder(responder, pool4Of(plat))),
  ];
  if (complaints.length > 0) throw refuse(complaints);
  const warnings = [
    ...(dns64 === undefined ? [] : warnDns64(dns64, plat ?? siit ?? null)),
    ...(announce === undefined ? [] : warnAnnounce(announce, pools)),
    ...(clat === undefined ? [] : warnClat(clat)),
    ...(responder === undefined ? [] : warnResponder(responder)),
  ];
  const besides = { dns64, announce, responder, control, log };
  const withWarnings = (loaded: LoadedConfig) => ({ ...loaded, warnings: [...loaded.warnings, ...warnings] });
  if (plat !== undefined) return withWarnings(checkPlatFile({ plat, ...besides }, refuse));
  if (siit !== undefined) return withWarnings(checkSiitFile({ siit, ...besides }, refuse));
  if ((clat ?? dns64 ?? announce ?? responder) !== undefined) return { config: { clat, ...besides }, warnings };
  throw refuse([
    {
      path: [],
      message: 'found none of plat, siit, clat, dns64, announce and responder, expected one of these sections',
    },
  ]);
}

/** What the translator's pools are, as far as the file alone says it. */
function poolsOf(translator: PlatConfig | SiitSection | undefined): Prefix[] {
  if (translator === undefined) return [];
  const pool4 = (translator.pool4 ?? []).map((entry) => ('prefix' in entry ? entry.prefix : entry));
  return [...translator.pool6, ...pool4];
}

function pool4Of(plat: PlatConfig | undefined): Prefix[] | null {
  return plat?.pool4.map((entry) => entry.prefix) ?? null;
}

function checkPlatFile(config: PlatFile, refuse: (complaints: Complaint[]) => Error): LoadedConfig {
  const complaints = checkPlat(config.plat);
  if (complaints.length > 0) throw refuse(complaints);
  return { config, warnings: warnPlat(config.plat) };
}

function checkSiitFile(config: SiitFile, refuse: (complaints: Complaint[]) => Error): LoadedConfig {
  const eamt = checkInlineEamt(config.siit);
  const complaints = [...checkSiit(config.siit), ...eamt.complaints];
  if (complaints.length > 0) throw refuse(complaints);
  return { config, warnings: [...warnSiit(config.siit), ...eamt.warnings] };
}

function parseYaml(text: string, source: string, lines: LineCounter): Document.Parsed {
  const deep = tooDeepAt(text);
  if (deep !== null) {
    throw new ConfigError(source, [
      { path: '', ...deep, message: `found more than ${MAX_DEPTH} levels, expected a flat file` },
    ]);
  }
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      strict: true,
      stringKeys: true,
      uniqueKeys: true,
      version: '1.2',
      // 'silent' would also keep quiet about a second document.
      logLevel: 'error',
    });
  } catch (error) {
    throw notYaml(source, messageOf(error));
  }
  // A tag or directive that is not understood is only a warning to the parser.
  const wrong = [...document.errors, ...document.warnings].slice(0, MAX_ISSUES);
  if (wrong.length === 0) return document;
  throw new ConfigError(
    source,
    wrong.map((error): ConfigIssue => {
      const { line, col } = position(lines, error.pos[0]);
      return { path: '', line, column: col, message: `${error.message.replaceAll('\n', ' ')}, expected valid YAML` };
    }),
  );
}

function notYaml(source: string, message: string): ConfigError {
  return new ConfigError(source, [
    { path: '', line: 1, column: 1, message: `found what no YAML parser takes (${message}), expected valid YAML` },
  ]);
}

/**
 * Where nesting passes MAX_DEPTH, counting brackets and leading indents and list dashes; null when it does not.
 * Brackets in strings and comments count too, closing ones included: no honest file comes near.
 */
function tooDeepAt(text: string): { line: number; column: number } | null {
  let brackets = 0;
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    const lead = /^(?:[ \t]|[-?:](?=[ \t]))*/.exec(line)?.[0].length ?? 0;
    if (lead > MAX_DEPTH * 4) return { line: index + 1, column: lead + 1 };
    for (let column = lead; column < line.length; column++) {
      const character = line[column];
      if (character === '[' || character === '{') brackets++;
      else if ((character === ']' || character === '}') && brackets > 0) brackets--;
      if (brackets > MAX_DEPTH) return { line: index + 1, column: column + 1 };
    }
  }
  return null;
}

function plainData(document: Document.Parsed, source: string, lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const { line, col } = position(lines, document.contents?.range[0] ?? 0);
    throw new ConfigError(source, [
      { path: '', line, column: col, message: `${messageOf(error)}, expected at most ${MAX_ALIASES} known aliases` },
    ]);
  }
}

function position(lines: LineCounter, offset: number): { line: number; col: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), col: Math.max(1, col) };
}

/** Gives a complaint the position of the deepest part of its path that the document has. */
function locate(complaint: Complaint, document: Document.Parsed, lines: LineCounter): ConfigIssue {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  let depth = 0;
  for (const [index, step] of complaint.path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    // `bgp: { … }` is a list of one.
    if (step === 0 && !isSeq(node)) continue;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (pair === undefined) break;
      const last = index === complaint.path.length - 1;
      const unknown = last && complaint.message.startsWith('unknown key');
      const shown = unknown || !isNode(pair.value) || !pair.value.range ? pair.key : pair.value;
      offset = isNode(shown) && shown.range ? shown.range[0] : offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step];
      if (!isNode(item)) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else {
      break;
    }
    depth = index + 1;
  }
  // `pool6: 64:ff9b::/96` has no pool6[0] to point at: leave such indexes away, keep the names of missing keys.
  const missing = complaint.path.slice(depth);
  const shown = missing.every((step) => typeof step === 'number') ? complaint.path.slice(0, depth) : complaint.path;
  const { line, col } = position(lines, offset);
  return { path: formatPath(shown), line, column: col, message: complaint.message };
}
