/** Joins the EAM entries of a `siit` section with those of its EAM file. */
import { resolve } from 'node:path';
import { ConfigError, type ConfigIssue } from '../errors.js';
import { MAX_EAM_ENTRIES } from '../native/addon.js';
import { checkEntries, type EamFindings, warnNumbering } from './eam.js';
import { MAX_EAM_FILE_BYTES, MAX_EAM_ISSUES, readEamFile } from './eam-file.js';
import type { Complaint } from './issues.js';
import { readBounded } from './read.js';
import type { SiitSection } from './schema.js';
import { runAtOnce, runInSlices } from './slices.js';

/** Checks the entries in the configuration itself, which are few. Paths begin at `siit`. */
export function checkInlineEamt({ eamt, eamtFile, pool6 }: SiitSection): {
  complaints: Complaint[];
  warnings: string[];
} {
  const records = eamt.records ?? new Uint8Array();
  const findings = runAtOnce(checkEntries(records, MAX_EAM_ISSUES));
  const complaints = findings.duplicates.map(({ index, side, text, other }) => ({
    path: ['siit', 'eamt', index, side],
    message: `found ${text}, expected a prefix that siit.eamt[${other}] does not have`,
  }));
  // With a file the warnings are made once, for all entries.
  if (eamtFile !== null) return { complaints, warnings: [] };
  return { complaints, warnings: [...findings.warnings, ...runAtOnce(warnNumbering(records, pool6))] };
}

/**
 * Reads the EAM file; a relative path begins at `folder`. Returns the section with all entries in `eamt`, and warnings.
 * Throws ConfigError (wrong content) or PLT_CONFIG_UNREADABLE.
 */
export async function joinEamFile(
  siit: SiitSection,
  folder: string,
  signal?: AbortSignal,
): Promise<{ siit: SiitSection; warnings: string[] }> {
  if (siit.eamtFile === null) return { siit, warnings: [] };
  const file = resolve(folder, siit.eamtFile);
  const text = await readBounded(file, 'an EAM file', MAX_EAM_FILE_BYTES, signal);
  const { records: more, lines } = await runInSlices(readEamFile(text, file), signal);
  const inline = siit.eamt.size;
  const size = inline + lines.length;
  if (size > MAX_EAM_ENTRIES) {
    const message = `found ${lines.length} entries beside ${inline} in siit.eamt, expected at most ${MAX_EAM_ENTRIES} in all`;
    throw new ConfigError(file, [{ path: '', line: null, column: null, message }]);
  }
  const records = siit.eamt.records === null || inline === 0 ? more : Buffer.concat([siit.eamt.records, more]);
  const findings = await runInSlices(checkEntries(records, MAX_EAM_ISSUES), signal);
  if (findings.duplicates.length > 0) throw new ConfigError(file, duplicateIssues(findings, inline, lines));
  const numbering = await runInSlices(warnNumbering(records, siit.pool6), signal);
  return { siit: { ...siit, eamt: { size, records } }, warnings: [...findings.warnings, ...numbering] };
}

function duplicateIssues({ duplicates }: EamFindings, inline: number, lines: Uint32Array): ConfigIssue[] {
  const issues = duplicates.map(({ index, side, text, other }): ConfigIssue => {
    const holder = other < inline ? `siit.eamt[${other}]` : `line ${lines[other - inline]}`;
    const family = side === 'v4' ? 'IPv4' : 'IPv6';
    const message = `found ${text} again, expected an ${family} prefix that ${holder} does not have`;
    return { path: '', line: lines[index - inline] ?? 0, column: 1, message };
  });
  return issues.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
