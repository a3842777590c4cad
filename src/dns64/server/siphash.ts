/**
 * SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012). Each packet may need it, so 64-bit words
 * are pairs of 32-bit integers in local variables, and nothing is allocated.
 */

const KEY_BYTES = 16;

export class SipHash {
  /** The lower and the upper half of the hash last made, as signed integers; octets leave lower half first. */
  low = 0;
  high = 0;
  private readonly k0l: number;
  private readonly k0h: number;
  private readonly k1l: number;
  private readonly k1h: number;

  /** Throws RangeError for a key that has not 16 octets. */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) {
      throw new RangeError(`a key of ${key.length} octets, expected ${KEY_BYTES}`);
    }
    this.k0l = word(key, 0);
    this.k0h = word(key, 4);
    this.k1l = word(key, 8);
    this.k1h = word(key, 12);
  }

  /** Hashes the first `length` octets into `low` and `high`. */
  hash(bytes: Uint8Array, length: number): void {
    const { k0l, k0h, k1l, k1h } = this;
    let v0l = k0l ^ 0x70736575;
    let v0h = k0h ^ 0x736f6d65;
    let v1l = k1l ^ 0x6e646f6d;
    let v1h = k1h ^ 0x646f7261;
    let v2l = k0l ^ 0x6e657261;
    let v2h = k0h ^ 0x6c796765;
    let v3l = k1l ^ 0x79746573;
    let v3h = k1h ^ 0x74656462;
    const whole = length & ~7;
    // One step a block, one for the last octets with the length, one to finish.
    for (let at = 0; at <= whole + 8; at += 8) {
      const finish = at > whole;
      let ml = 0;
      let mh = 0;
      if (at < whole) {
        ml = word(bytes, at);
        mh = word(bytes, at + 4);
      } else if (finish) {
        v2l ^= 0xff;
      } else {
        mh = length << 24;
        for (let i = length - 1; i >= whole; i--) {
          if (i - whole >= 4) mh |= (bytes[i] as number) << (8 * (i - whole - 4));
          else ml |= (bytes[i] as number) << (8 * (i - whole));
        }
      }
      v3l ^= ml;
      v3h ^= mh;
      for (let round = finish ? 4 : 2; round > 0; round--) {
        let l: number;
        let h: number;
        // v0 += v1, v1 <<<= 13, v1 ^= v0, v0 <<<= 32
        l = (v0l + v1l) | 0;
        h = (v0h + v1h + carry(l, v0l)) | 0;
        v0l = h;
        v0h = l;
        const a = (v1l << 13) | (v1h >>> 19);
        v1h = ((v1h << 13) | (v1l >>> 19)) ^ h;
        v1l = a ^ l;
        // v2 += v3, v3 <<<= 16, v3 ^= v2
        l = (v2l + v3l) | 0;
        v2h = (v2h + v3h + carry(l, v2l)) | 0;
        v2l = l;
        const b = (v3l << 16) | (v3h >>> 16);
        v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h;
        v3l = b ^ v2l;
        // v0 += v3, v3 <<<= 21, v3 ^= v0
        l = (v0l + v3l) | 0;
        v0h = (v0h + v3h + carry(l, v0l)) | 0;
        v0l = l;
        const c = (v3l << 21) | (v3h >>> 11);
        v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h;
        v3l = c ^ v0l;
        // v2 += v1, v1 <<<= 17, v1 ^= v2, v2 <<<= 32
        l = (v2l + v1l) | 0;
        h = (v2h + v1h + carry(l, v2l)) | 0;
        v2l = h;
        v2h = l;
        const d = (v1l << 17) | (v1h >>> 15);
        v1h = ((v1h << 17) | (v1l >>> 15)) ^ h;
        v1l = d ^ l;
      }
      v0l ^= ml;
      v0h ^= mh;
    }
    this.low = v0l ^ v1l ^ v2l ^ v3l;
    this.high = v0h ^ v1h ^ v2h ^ v3h;
  }
}

/** What a sum of lower halves gives to the upper ones: the sum is less than an addend when it went round. */
function carry(sum: number, addend: number): number {
  return sum >>> 0 < addend >>> 0 ? 1 : 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
