/** Ends a command with an exit code of its own, when it has said everything. */
export class ExitWith extends Error {
  constructor(readonly code: number) {
    super(`exit ${code}`);
  }
}
