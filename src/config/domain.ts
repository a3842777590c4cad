/** Domain names as an operator writes them: letters, digits, `-` and `_` (RFC 1123 §2.1, RFC 2782), no escapes. */

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_CHARACTERS = 253;

/** Reads a name, with or without the final dot. Returns it in lower case without; null for what is none. */
export function parseDomain(text: string): string | null {
  const name = text.toLowerCase().replace(/\.$/, '');
  if (name === '' || name.length > MAX_CHARACTERS) return null;
  return name.split('.').every((label) => LABEL.test(label)) ? name : null;
}
