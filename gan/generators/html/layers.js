// The layers of a generator, for one image: values are {data: Float32Array, shape}, without an axis for the batch.

/** Half precision (uint16) to Float32Array. */
function fromHalf(bits) {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i], e = (b >> 10) & 31, f = b & 1023, s = b & 32768 ? -1 : 1;
    out[i] = s * (e === 0 ? f * 2 ** -24 : e === 31 ? (f ? NaN : Infinity) : (1 + f / 1024) * 2 ** (e - 15));
  }
  return out;
}

/** The weights: [offset in bytes, number of values, whether half precision] each, in one buffer. */
function tensorsOf(places, buffer) {
  return places.map(([at, n, half]) =>
    half ? fromHalf(new Uint16Array(buffer, at, n)) : new Float32Array(buffer, at, n).slice());
}

/** c (m x p, from offset co) += a (m x k, from ao) * b (k x p, from bo). */
function product(a, ao, b, bo, c, co, m, k, p) {
  for (let i = 0; i < m; i += 2) {
    const two = i + 1 < m, r0 = ao + i * k, r1 = two ? r0 + k : r0, o0 = co + i * p, o1 = o0 + p;
    let j = 0;
    for (; j + 3 < k; j += 4) {
      const x0 = a[r0 + j], x1 = a[r0 + j + 1], x2 = a[r0 + j + 2], x3 = a[r0 + j + 3];
      const y0 = a[r1 + j], y1 = a[r1 + j + 1], y2 = a[r1 + j + 2], y3 = a[r1 + j + 3];
      const b0 = bo + j * p, b1 = b0 + p, b2 = b1 + p, b3 = b2 + p;
      if (two) {
        for (let q = 0; q < p; q++) {
          const u = b[b0 + q], v = b[b1 + q], w = b[b2 + q], t = b[b3 + q];
          c[o0 + q] += x0 * u + x1 * v + x2 * w + x3 * t;
          c[o1 + q] += y0 * u + y1 * v + y2 * w + y3 * t;
        }
      } else {
        for (let q = 0; q < p; q++) c[o0 + q] += x0 * b[b0 + q] + x1 * b[b1 + q] + x2 * b[b2 + q] + x3 * b[b3 + q];
      }
    }
    for (; j < k; j++) {
      const x = a[r0 + j], y = a[r1 + j], at = bo + j * p;
      for (let q = 0; q < p; q++) c[o0 + q] += x * b[at + q];
      if (two) for (let q = 0; q < p; q++) c[o1 + q] += y * b[at + q];
    }
  }
}

/** Sums of products of rows with a vector: a (m x k) times x (k). */
function rows(a, x, out) {
  const k = x.length;
  for (let i = 0; i < out.length; i++) {
    let s = 0, t = 0, j = 0;
    const r = i * k;
    for (; j + 1 < k; j += 2) { s += a[r + j] * x[j]; t += a[r + j + 1] * x[j + 1]; }
    if (j < k) s += a[r + j] * x[j];
    out[i] += s + t;
  }
}

/** out starts as the bias of each channel, or 0. */
function biased(size, bias, plane) {
  const out = new Float32Array(size);
  if (bias) for (let c = 0; c < bias.length; c++) out.fill(bias[c], c * plane, (c + 1) * plane);
  return out;
}

/** Calls at(patch row, position, place in the map) for each position inside the map: c channels, h x w -> oh x ow. */
function patches(c, h, w, oh, ow, layer, at) {
  const { kernel, stride, padding } = layer;
  for (let i = 0, row = 0; i < c; i++) for (let y = 0; y < kernel; y++) for (let x = 0; x < kernel; x++, row++) {
    for (let v = 0; v < oh; v++) {
      const sy = v * stride + y - padding;
      if (sy < 0 || sy >= h) continue;
      const from = (row * oh + v) * ow, to = (i * h + sy) * w;
      for (let u = 0; u < ow; u++) {
        const sx = u * stride + x - padding;
        if (sx >= 0 && sx < w) at(from + u, to + sx);
      }
    }
  }
}

function broadcast(x, y, shape, f) {
  const out = new Float32Array(shape.reduce((n, d) => n * d, 1));
  const steps = (v) => {
    const s = new Array(shape.length).fill(0);
    for (let i = v.shape.length - 1, n = 1, j = shape.length - 1; i >= 0; i--, j--) {
      s[j] = v.shape[i] === 1 ? 0 : n;
      n *= v.shape[i];
    }
    return s;
  };
  const a = steps(x), b = steps(y), at = new Array(shape.length).fill(0), last = shape.length - 1;
  for (let i = 0, p = 0, q = 0; i < out.length; i++) {
    out[i] = f(x.data[p], y.data[q]);
    for (let d = last; d >= 0; d--) {
      at[d]++; p += a[d]; q += b[d];
      if (at[d] < shape[d]) break;
      p -= a[d] * shape[d]; q -= b[d] * shape[d]; at[d] = 0;
    }
  }
  return out;
}

const OPERATIONS = {
  constant: (l, _, w) => w(l.weight),
  embedding: (l, [label], w) => { const n = l.shape[0]; return w(l.weight).slice(label.data[0] * n, (label.data[0] + 1) * n); },
  reshape: (l, [x]) => x.data,
  slice: (l, [x]) => x.data.slice(l.start, l.start + l.shape.reduce((n, d) => n * d, 1)),
  cat(l, parts) {
    const out = new Float32Array(l.shape.reduce((n, d) => n * d, 1));
    let at = 0;
    for (const part of parts) { out.set(part.data, at); at += part.data.length; }
    return out;
  },
  linear(l, [x], w) {
    const out = biased(l.shape[0], w(l.bias), 1);
    rows(w(l.weight), x.data, out);
    return out;
  },
  conv2d(l, [x], w) {
    const [c, h, wide] = x.shape, [o, oh, ow] = l.shape, p = oh * ow, k = c * l.kernel ** 2, g = l.groups;
    let cols = x.data;
    if (l.kernel > 1 || l.stride > 1 || l.padding > 0) {
      cols = new Float32Array(k * p);
      const data = x.data;
      patches(c, h, wide, oh, ow, l, (to, from) => { cols[to] = data[from]; });
    }
    const out = biased(o * p, w(l.bias), p), weight = w(l.weight);
    for (let i = 0; i < g; i++) {
      product(weight, i * o / g * k / g, cols, i * k / g * p, out, i * o / g * p, o / g, k / g, p);
    }
    return out;
  },
  conv_transpose2d(l, [x], w) {
    const [c, h, wide] = x.shape, [o, oh, ow] = l.shape, p = h * wide, m = o * l.kernel ** 2;
    const cols = new Float32Array(m * p);
    if (p === 1) rows(w(l.weight), x.data, cols);
    else product(w(l.weight), 0, x.data, 0, cols, 0, m, c, p);
    const out = biased(o * oh * ow, w(l.bias), oh * ow);
    patches(o, oh, ow, h, wide, l, (from, to) => { out[to] += cols[from]; });
    return out;
  },
  affine(l, [x], w) {
    const scale = w(l.scale), shift = w(l.shift), plane = x.data.length / scale.length;
    return x.data.map((v, i) => v * scale[i / plane | 0] + shift[i / plane | 0]);
  },
  norm(l, [x], w) {
    const out = new Float32Array(x.data.length), size = out.length / l.groups;
    const scale = w(l.scale), shift = w(l.shift), plane = scale ? out.length / scale.length : 1;
    for (let g = 0; g < l.groups; g++) {
      let mean = 0, square = 0;
      for (let i = g * size; i < (g + 1) * size; i++) mean += x.data[i] / size;
      for (let i = g * size; i < (g + 1) * size; i++) square += (x.data[i] - mean) ** 2 / size;
      const factor = 1 / Math.sqrt(square + l.epsilon);
      for (let i = g * size; i < (g + 1) * size; i++) {
        const c = i / plane | 0;
        out[i] = (x.data[i] - mean) * factor * (scale ? scale[c] : 1) + (shift ? shift[c] : 0);
      }
    }
    return out;
  },
  leaky_relu: (l, [x]) => x.data.map((v) => (v < 0 ? v * l.slope : v)),
  tanh: (l, [x]) => x.data.map(Math.tanh),
  sigmoid: (l, [x]) => x.data.map((v) => 1 / (1 + Math.exp(-v))),
  add: (l, [x, y]) => broadcast(x, y, l.shape, (a, b) => a + b),
  mul: (l, [x, y]) => broadcast(x, y, l.shape, (a, b) => a * b),
  nearest(l, [x]) {
    const [c, h, w] = x.shape, [, oh, ow] = l.shape, out = new Float32Array(c * oh * ow);
    const sy = Math.fround(h / oh), sx = Math.fround(w / ow);
    for (let i = 0, at = 0; i < c; i++) for (let y = 0; y < oh; y++) {
      const row = (i * h + Math.min(h - 1, Math.floor(Math.fround(y * sy)))) * w;
      for (let u = 0; u < ow; u++) out[at++] = x.data[row + Math.min(w - 1, Math.floor(Math.fround(u * sx)))];
    }
    return out;
  },
  bilinear(l, [x]) {
    const [c, h, w] = x.shape, [, oh, ow] = l.shape, out = new Float32Array(c * oh * ow);
    const axis = (n, m) => Array.from({ length: m }, (_, i) => {
      const s = Math.max(0, (i + 0.5) * n / m - 0.5), low = Math.floor(s);
      return [low, Math.min(low + 1, n - 1), s - low];
    });
    const ys = axis(h, oh), xs = axis(w, ow);
    for (let i = 0, at = 0; i < c; i++) for (const [y0, y1, fy] of ys) {
      const top = (i * h + y0) * w, low = (i * h + y1) * w;
      for (const [x0, x1, fx] of xs) {
        const a = x.data[top + x0] * (1 - fx) + x.data[top + x1] * fx;
        const b = x.data[low + x0] * (1 - fx) + x.data[low + x1] * fx;
        out[at++] = a * (1 - fy) + b * fy;
      }
    }
    return out;
  },
};

/** z and a label -> the generator's output, Float32Array. */
function run(layers, tensors, z, label) {
  const values = [{ data: Float32Array.from(z), shape: [z.length] }];
  if (label !== null) values.push({ data: [label], shape: [] });
  const weight = (number) => (number === null ? null : tensors[number]);
  for (const layer of layers) {
    const data = OPERATIONS[layer.op](layer, layer.in.map((i) => values[i]), weight);
    values.push({ data, shape: layer.shape });
  }
  return values.at(-1).data;
}

/** Uint8 pixels of an output, as `TrainedGenerator.decode` has them. */
function pixelsOf(output, mean, std) {
  return Uint8Array.from(output, (v) => Math.round(255 * Math.min(1, Math.max(0, v * std + mean))));
}

/** Numbers in [0, 1) from a seed (mulberry32). */
function uniform(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A latent of the prior: noise, a one-hot of each categorical code, continuous codes. */
function latent(prior, seed, number) {
  const draw = uniform(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)), z = [];
  for (let i = 0; i < prior.latent_dim; i++) {
    z.push(prior.name === "uniform" ? 2 * draw() - 1
      : Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw()));
  }
  for (const classes of prior.categorical) {
    const chosen = Math.floor(draw() * classes);
    for (let i = 0; i < classes; i++) z.push(i === chosen ? 1 : 0);
  }
  for (let i = 0; i < prior.continuous; i++) z.push(2 * draw() - 1);
  return z;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
}
