/** The kernel's nftables, by the program `nft`: tables of ours, added and removed whole. */
import { spawn } from 'node:child_process';
import { messageOf } from '../errors.js';

/** Runs `nft -f -` with a script. Rejects with what it said. */
export type RunNft = (script: string) => Promise<void>;

export const runNft: RunNft = (script) =>
  new Promise((resolve, reject) => {
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, 1000);
    });
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(said.trim() || `nft ended with ${code}`))));
    child.stdin.end(script);
  });

/** Of a translator's device; a name of its own, so that several CLATs of a host leave each other's alone. */
export function tableOf(device: string): string {
  return `platypus_${device}`;
}

/** A table with these lines, in place of an older one: one transaction, so that there is never none. */
export function replaceTable(family: 'ip' | 'ip6', table: string, lines: readonly string[]): string {
  const body = lines.map((line) => `  ${line}\n`).join('');
  return `${removeTable(family, table)}table ${family} ${table} {\n${body}}\n`;
}

/** Removes a table, which need not be there. */
export function removeTable(family: 'ip' | 'ip6', table: string): string {
  return `add table ${family} ${table}\ndelete table ${family} ${table}\n`;
}

/** Why nft did not do it, in a few words. */
export function whyNot(error: unknown): string {
  return isMissing(error) ? 'the program nft is missing' : messageOf(error);
}

/** True when there is no program nft. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
