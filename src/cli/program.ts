/** The `platypus` command: its subcommands, and how their failures become one sentence and an exit code. */
import { Command, CommanderError } from 'commander';
import { messageOf } from '../errors.js';
import { addAnnounce } from './commands/announce.js';
import { addBench } from './commands/bench.js';
import { addBib } from './commands/bib.js';
import { addCheck } from './commands/check.js';
import { addClat } from './commands/clat.js';
import { addDns64 } from './commands/dns64.js';
import { addDoctor } from './commands/doctor.js';
import { addDrain } from './commands/drain.js';
import { addEamt } from './commands/eamt.js';
import { addExplain } from './commands/explain.js';
import { addNeighbor } from './commands/neighbor.js';
import { addPlat } from './commands/plat.js';
import { addPool4 } from './commands/pool4.js';
import { addReload } from './commands/reload.js';
import { addRoute } from './commands/route.js';
import { addRun } from './commands/run.js';
import { addSession } from './commands/session.js';
import { addSiit } from './commands/siit.js';
import { addStats } from './commands/stats.js';
import { addStatus } from './commands/status.js';
import { addTrace } from './commands/trace.js';
import { ExitWith } from './exit.js';
import type { Io } from './io.js';
import { packageVersion } from './version.js';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

function createProgram(io: Io): Command {
  const program = new Command('platypus')
    .description('IPv4/IPv6 translator: NAT64 (PLAT), SIIT and CLAT')
    .version(packageVersion())
    .option('--socket <path>', 'control socket (or PLATYPUS_SOCKET)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'platypus: ')),
    });
  const add = [
    addPlat,
    addSiit,
    addClat,
    addDns64,
    addAnnounce,
    addRun,
    addCheck,
    addStatus,
    addStats,
    addSession,
    addBib,
    addPool4,
    addEamt,
    addReload,
    addRoute,
    addNeighbor,
    addDrain,
    addDoctor,
    addExplain,
    addTrace,
    addBench,
  ];
  for (const addCommand of add) addCommand(program, io);
  return program;
}

/** Runs the program with the arguments after its name. Returns the exit code: 0, 1 for a failure, 2 for usage, or the command's own. */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof ExitWith) return error.code;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    io.stderr.write(`platypus: ${messageOf(error)}\n`);
    return EXIT_FAILURE;
  }
}
