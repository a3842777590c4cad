/**
 * The EAM file: one `IPV4-PREFIX IPV6-PREFIX` a line, `#` comments, empty lines. Bytes go straight into the records that
 * the core takes, in slices, because a file may have a million lines.
 */
import { ConfigError, type ConfigIssue } from '../errors.js';
import { EAM_ADD_BYTES, MAX_EAM_ENTRIES } from '../native/addon.js';
import { checkSuffix, readPrefix4, readPrefix6 } from './eam-text.js';
import { showValue } from './issues.js';

/** Largest file accepted, bytes. */
export const MAX_EAM_FILE_BYTES = 256 * 1024 * 1024;
const MAX_LINE_BYTES = 1024;
/** Most mistakes told of one file. */
export const MAX_EAM_ISSUES = 20;
/** Lines that are read between two yields. */
const LINES = 2048;

export interface EamFile {
  records: Uint8Array;
  /** Line of each record, counted from 1. */
  lines: Uint32Array;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const HASH = 0x23;
const isBlank = (byte: number | undefined) => byte === SPACE || byte === TAB;

/** Reads the text of a file; `source` names it in messages. Throws ConfigError with at most MAX_EAM_ISSUES mistakes. */
export function* readEamFile(text: Uint8Array, source: string): Generator<void, EamFile> {
  const room = Math.ceil(text.length / 32) + 16;
  const reader: Reader = {
    text,
    start: 0,
    line: 0,
    records: new Uint8Array(room * EAM_ADD_BYTES),
    lines: new Uint32Array(room),
    size: 0,
    issues: [],
  };
  while (reader.start < text.length && reader.issues.length < MAX_EAM_ISSUES) {
    for (let lines = 0; lines < LINES && reader.start < text.length; lines++) readLine(reader);
    yield;
  }
  const { records, lines, size, issues } = reader;
  if (issues.length > 0) throw new ConfigError(source, issues.slice(0, MAX_EAM_ISSUES));
  return { records: records.subarray(0, size * EAM_ADD_BYTES), lines: lines.subarray(0, size) };
}

interface Reader {
  text: Uint8Array;
  /** Where the next line begins. */
  start: number;
  /** Number of the last line. */
  line: number;
  records: Uint8Array;
  lines: Uint32Array;
  size: number;
  issues: ConfigIssue[];
}

function complain({ issues, line }: Reader, column: number, message: string): void {
  issues.push({ path: '', line, column: column + 1, message });
}

function readLine(reader: Reader): void {
  const { text, start } = reader;
  reader.line++;
  const newline = endOfLine(text, start);
  reader.start = newline + 1;
  if (newline - start > MAX_LINE_BYTES) {
    complain(reader, 0, `found a line of more than ${MAX_LINE_BYTES} bytes, expected a shorter one`);
    reader.start = text.length;
    return;
  }
  const end = newline > start && text[newline - 1] === CARRIAGE_RETURN ? newline - 1 : newline;
  const v4 = skipBlanks(text, start, end);
  if (v4 === end || text[v4] === HASH) return;
  if (reader.size === MAX_EAM_ENTRIES) {
    complain(reader, v4 - start, `found one more entry, expected at most ${MAX_EAM_ENTRIES}`);
    reader.start = text.length;
    return;
  }
  if (reader.size === reader.lines.length) makeRoom(reader);
  const { records } = reader;
  const record = reader.size * EAM_ADD_BYTES;
  const v4End = endOfWord(text, v4, end);
  const v6 = skipBlanks(text, v4End, end);
  const v6End = endOfWord(text, v6, end);
  const rest = skipBlanks(text, v6End, end);
  const expected4 = readPrefix4(text, v4, v4End, records, record);
  const expected6 = readPrefix6(text, v6, v6End, records, record);
  if (expected4 !== null) {
    complain(reader, v4 - start, wrong(text, v4, v4End, expected4));
  } else if (expected6 !== null) {
    complain(reader, v6 - start, wrong(text, v6, v6End, expected6));
  } else {
    const suffix = checkSuffix(records, record);
    if (suffix !== null) complain(reader, v6 - start, wrong(text, v6, v6End, suffix));
    else if (rest !== end && text[rest] !== HASH) {
      complain(reader, rest - start, wrong(text, rest, endOfWord(text, rest, end), 'the end of the line or a comment'));
    }
  }
  reader.lines[reader.size++] = reader.line;
}

function makeRoom(reader: Reader): void {
  const records = new Uint8Array(reader.records.length * 2);
  records.set(reader.records);
  reader.records = records;
  const lines = new Uint32Array(reader.lines.length * 2);
  lines.set(reader.lines);
  reader.lines = lines;
}

/** Where the line's end stands; not looked for further than a line may be long. */
function endOfLine(text: Uint8Array, from: number): number {
  const last = Math.min(text.length, from + MAX_LINE_BYTES + 1);
  let at = from;
  while (at < last && text[at] !== LINE_FEED) at++;
  return at;
}

function skipBlanks(text: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isBlank(text[at])) at++;
  return at;
}

function endOfWord(text: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && !isBlank(text[at]) && text[at] !== HASH) at++;
  return at;
}

function wrong(text: Uint8Array, from: number, to: number, expected: string): string {
  const found = from === to ? undefined : new TextDecoder().decode(text.subarray(from, to));
  return `found ${showValue(found)}, expected ${expected}`;
}
