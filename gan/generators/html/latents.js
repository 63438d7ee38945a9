// Latents of a seed, the same numbers as `Prior.fixed` draws: BLAKE2b, the Mersenne Twister and torch's normal numbers.

const digits = (words) => words.split(" ").map((word) => Array.from(word, (digit) => parseInt(digit, 16)));
const ORDERS = digits("0123456789abcdef ea489fd61c02b753 b8c052fdae367194 7931dcbe265a40f8 905724afe1bc683d "
  + "2c6a0b834d75fe19 c51fed4a0763928b db7ec13950f4862a 6fe9b308c2d714a5 a2847615fb9e3cd0");
const BLOCKS = digits("048c 159d 26ae 37bf 05af 16bc 278d 349e");
const START = [0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n];

/** The low 32 bits of the 8-byte BLAKE2b digest of an ASCII text of at most 128 characters (RFC 7693). */
function digest(text) {
  const m = Array(16).fill(0n);
  for (let i = 0; i < text.length; i++) m[i >> 3] |= BigInt(text.charCodeAt(i)) << BigInt(8 * (i & 7));
  const h = START[0] ^ 0x01010008n, v = [h, ...START.slice(1), ...START];
  v[12] ^= BigInt(text.length);
  v[14] = BigInt.asUintN(64, ~v[14]);
  const turned = (x, n) => BigInt.asUintN(64, (x >> n) | (x << (64n - n)));
  for (let round = 0; round < 12; round++) BLOCKS.forEach(([a, b, c, d], i) => {
    const order = ORDERS[round % 10];
    for (const [k, right, low] of [[2 * i, 32n, 24n], [2 * i + 1, 16n, 63n]]) {
      v[a] = BigInt.asUintN(64, v[a] + v[b] + m[order[k]]);
      v[d] = turned(v[d] ^ v[a], right);
      v[c] = BigInt.asUintN(64, v[c] + v[d]);
      v[b] = turned(v[b] ^ v[c], low);
    }
  });
  return Number((h ^ v[0] ^ v[8]) & 0xffffffffn);
}

/** A function that returns the next 32 bits of the Mersenne Twister (Matsumoto & Nishimura 1998). */
function twister(seed) {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let next = 624;
  return () => {
    if (next === 624) {
      for (let i = 0; i < 624; i++) {
        const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
        state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      next = 0;
    }
    let y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** Latents of a seed, count rows of the prior's width: noise, a one-hot of each categorical code, continuous codes. */
function latents({ name, latent_dim: dim, categorical, continuous, edges = [] }, count, seed) {
  const stream = (part) => twister(digest(`${seed}/0/samples from a bundle${part}`));
  const width = dim + categorical.reduce((n, classes) => n + classes, 0) + continuous, z = new Float32Array(count * width);
  const rows = Math.ceil(count / 16) * 16;
  const uniform = (size, draw) => Float32Array.from({ length: size }, () => (draw() & 0xffffff) / 2 ** 24);
  const place = (drawn, size, at, f) => {
    for (let i = 0; i < count; i++) for (let j = 0; j < size; j++) z[i * width + at + j] = f(drawn[i * size + j], j);
  };
  const noise = uniform(rows * dim, stream(""));
  if (name === "normal") for (let i = 0; i < noise.length; i += i % 16 === 7 ? 9 : 1) { // Box & Muller 1958, 8 pairs at a time
    const radius = Math.sqrt(-2 * Math.log(1 - noise[i])), angle = 2 * Math.PI * noise[i + 8];
    noise[i] = radius * Math.cos(angle);
    noise[i + 8] = radius * Math.sin(angle);
  }
  place(noise, dim, 0, name === "normal" ? (v) => v : (v) => 2 * v - 1);
  let at = dim;
  categorical.forEach((classes, number) => {
    const draw = stream(`, categorical code ${number}`);
    const cluster = (number) => edges.filter((edge) => edge <= number).length; // as `Prior`: a number below 2^24
    const choose = () => (edges.length ? cluster(draw() % 2 ** 24) : draw() % classes);
    for (let i = 0; i < count; i++) z[i * width + at + choose()] = 1;
    at += classes;
  });
  if (continuous) place(uniform(rows * continuous, stream(", continuous codes")), continuous, at, (v) => 2 * v - 1);
  return z;
}

const numbers = (text) => (text === "" ? [] : text.split(",").map((part) => (part === "" ? null : Number(part))));

/** Latents of a seed, moved by the sliders: as `gan.demo.model.Model.latents`. */
function moved({ prior, directions }, parameters, seed) {
  const { latent_dim: dim, categorical, continuous } = prior, count = parameters.count;
  const z = latents(prior, count, seed), width = z.length / count, offset = new Float64Array(dim);
  numbers(parameters.directions).forEach((amount, i) => directions[i].forEach((d, j) => { offset[j] += (amount ?? 0) * d; }));
  const chosen = numbers(parameters.categorical), values = numbers(parameters.continuous);
  for (let row = 0; row < z.length; row += width) {
    for (let i = 0; i < dim; i++) {
      const value = z[row + i] * parameters.truncation + offset[i];
      z[row + i] = prior.name === "normal" ? value : Math.min(1, Math.max(-1, value));
    }
    let at = row + dim;
    categorical.forEach((classes, number) => {
      if (typeof chosen[number] === "number") for (let i = 0; i < classes; i++) z[at + i] = i === chosen[number] ? 1 : 0;
      at += classes;
    });
    for (let i = 0; i < continuous; i++) if (typeof values[i] === "number") z[at + i] = values[i];
  }
  return z;
}

/** Latents between two, as `gan.generators.interpolation.interpolate`: normal noise on a sphere, all else on a line. */
function between({ name, latent_dim: dim }, from, to, count, fraction) {
  const width = from.length / count, z = from.map((v, i) => v + fraction * (to[i] - v));
  for (let row = 0; name === "normal" && row < z.length; row += width) {
    let xy = 0, xx = 0, yy = 0;
    for (let i = row; i < row + dim; i++) { xy += from[i] * to[i]; xx += from[i] ** 2; yy += to[i] ** 2; }
    const angle = Math.acos(Math.min(1, Math.max(-1, xy / Math.sqrt(xx * yy)))), sine = Math.sin(angle);
    if (!(sine >= 1e-4)) continue;
    const a = Math.sin((1 - fraction) * angle) / sine, b = Math.sin(fraction * angle) / sine;
    for (let i = row; i < row + dim; i++) z[i] = a * from[i] + b * to[i];
  }
  return z;
}
