/** Asks until the answer is the wanted one: for state that a packet changes and no event tells of. Bounded. */
export async function eventually<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  timeoutMs = 10_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > end) throw new Error(`not what was waited for: ${JSON.stringify(answer)}`);
  }
}
