/** The counters of a service: a name and what it means each. */
export interface Counters<Name extends string> {
  /** In the order in which they are shown. */
  names: readonly Name[];
  meaning: Readonly<Record<Name, string>>;
  /** All zero. */
  create(): Record<Name, number>;
}

/** Counters by their names, each with its meaning. */
export function defineCounters<Name extends string>(meaning: Readonly<Record<Name, string>>): Counters<Name> {
  const names = Object.keys(meaning) as Name[];
  return {
    names,
    meaning,
    create: () => Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>,
  };
}
