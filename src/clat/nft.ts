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

/** A table of ours. */
export interface Table {
  /** Has it be of these lines, in one transaction, so that there is never none. Throws what nft says. */
  put(lines: readonly string[]): Promise<void>;
  /** Puts it back when somebody has removed it, as a firewall does that is loaded anew. True when it was gone. */
  restore(): Promise<boolean>;
  /** Takes it away, one that a killed program left as well. Without nft there is none. Throws what nft says. */
  remove(): Promise<void>;
}

/** The table of a translator's device: a name of its own, so that several CLATs of a host leave each other's alone. */
export function createTable(family: 'ip' | 'ip6', device: string, nft: RunNft): Table {
  const name = `${family} platypus_${device}`;
  const none = `add table ${name}\ndelete table ${name}\n`;
  /** In force; '' for nothing, null while nobody knows. */
  let script: string | null = null;

  async function run(next: string): Promise<void> {
    // A script that fails changes nothing, but who knows what stopped it on its way.
    script = null;
    await nft(next);
    script = next;
  }

  return {
    async put(lines) {
      const next = `${none}table ${name} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
      if (next !== script) await run(next);
    },
    async restore() {
      if (script === null || script === '') return false;
      const wanted = script;
      const there = await nft(`list table ${name}\n`).then(
        () => true,
        () => false,
      );
      if (!there) await run(wanted);
      return !there;
    },
    async remove() {
      if (script === '') return;
      try {
        await run(none);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
      script = '';
    },
  };
}

/** Why nft did not do it, in a few words. */
export function whyNot(error: unknown): string {
  return isMissing(error) ? 'the program nft is missing' : messageOf(error);
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
