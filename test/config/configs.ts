/** Configurations of one kind, from YAML. */
import { type LoadedConfig, parseConfig } from '../../src/config/file.js';
import type { PlatFile, SiitFile } from '../../src/config/schema.js';

/** A file with a `plat` section. Throws as parseConfig, and when there is none. */
export function platFile(text: string, source = 'p.yaml'): PlatFile {
  const { config } = parseConfig(text, source);
  if (config.plat === undefined) throw new Error('the file has no plat section');
  return config;
}

/** The same for `siit`. */
export function siitFile(text: string, source = 's.yaml'): SiitFile {
  return loadedSiit(parseConfig(text, source)).config;
}

/** What was loaded, which is a `siit` section. */
export function loadedSiit({ config, warnings }: LoadedConfig): { config: SiitFile; warnings: string[] } {
  if (config.siit === undefined) throw new Error('the file has no siit section');
  return { config, warnings };
}
