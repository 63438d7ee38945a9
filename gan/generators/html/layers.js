// The layers of a generator, for a batch of images. A value is {data: Float32Array, shape}: the shape is of one image, the
// data are those of one image after the other.

const floats = (...given) => new Float32Array(...given);
const sizeOf = (shape) => shape.reduce((n, d) => n * d, 1);

/** Half precision (uint16) to Float32Array. */
function fromHalf(bits) {
  const powers = Float64Array.from({ length: 32 }, (_, e) => 2 ** (e - 15));
  return Float32Array.from(bits, (b) => {
    const e = (b >> 10) & 31, f = b & 1023, value = e === 0 ? f * 2 ** -24 : (1 + f / 1024) * powers[e];
    return b & 32768 ? -value : value;
  });
}

/** The weights: [offset in bytes, number of values, whether half precision] each, in one buffer. */
function tensorsOf(places, buffer) {
  return places.map(([at, n, half]) =>
    half ? fromHalf(new Uint16Array(buffer, at, n)) : floats(buffer, at, n).slice());
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
}

const TILE = 64; // positions at a time: their columns stay in the processor's cache
const packed = new WeakMap();

/** A matrix (groups of m rows, k) as blocks of four rows, [group][block][k][4], with rows of zeros at the end. */
function packRows(matrix, groups, m, k) {
  if (packed.has(matrix)) return packed.get(matrix);
  const blocks = Math.ceil(m / 4), out = new Float64Array(groups * blocks * 4 * k);
  for (let g = 0; g < groups; g++) for (let i = 0; i < m; i++) {
    const to = (g * blocks + (i >> 2)) * 4 * k + (i & 3), from = (g * m + i) * k;
    for (let j = 0; j < k; j++) out[to + 4 * j] = matrix[from + j];
  }
  packed.set(matrix, out);
  return out;
}

/**
 * The product of a matrix with columns: groups x m rows, k values in each; a column is a position of an image.
 * fill(g, first, last, columns) writes columns first .. last - 1 of a group, as blocks of four, [block][k][4].
 * out is [image][group][row][position], with plane positions in an image; bias has a value for each row, or is null.
 */
function product({ matrix, bias, groups, m, k, plane, count, fill }) {
  const four = packRows(matrix, groups, m, k), all = groups * m, n = count * plane;
  const out = floats(all * n), columns = new Float64Array(TILE * k), blocks = Math.ceil(m / 4);
  const to = new Int32Array(4);
  for (let g = 0; g < groups; g++) for (let first = 0; first < n; first += TILE) {
    const last = Math.min(n, first + TILE);
    fill(g, first, last, columns);
    for (let j = first; j < last; j += 4) {
      for (let q = 0; q < 4; q++) {
        const image = Math.floor((j + q) / plane);
        to[q] = j + q < last ? (image * all + g * m) * plane + j + q - image * plane : -1;
      }
      for (let i = 0; i < blocks; i++) {
        fourByFour(four, (g * blocks + i) * 4 * k, columns, (j - first) * k, k, out, to, i * 4, Math.min(m, i * 4 + 4), plane);
      }
    }
  }
  if (bias) for (let i = 0, at = 0; at < out.length; i = (i + 1) % all) for (let q = 0; q < plane; q++) out[at++] += bias[i];
  return out;
}

/** Four rows times four columns, in registers. */
function fourByFour(a, u, b, v, k, out, to, row, end, plane) {
  let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
  let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
  for (let p = 0; p < k; p++, u += 4, v += 4) {
    const b0 = b[v], b1 = b[v + 1], b2 = b[v + 2], b3 = b[v + 3];
    const a0 = a[u], a1 = a[u + 1], a2 = a[u + 2], a3 = a[u + 3];
    s00 += a0 * b0; s01 += a0 * b1; s02 += a0 * b2; s03 += a0 * b3;
    s10 += a1 * b0; s11 += a1 * b1; s12 += a1 * b2; s13 += a1 * b3;
    s20 += a2 * b0; s21 += a2 * b1; s22 += a2 * b2; s23 += a2 * b3;
    s30 += a3 * b0; s31 += a3 * b1; s32 += a3 * b2; s33 += a3 * b3;
  }
  const store = (q, x0, x1, x2, x3) => {
    if (to[q] < 0) return;
    const at = to[q] + row * plane;
    out[at] = x0;
    if (row + 1 < end) out[at + plane] = x1;
    if (row + 2 < end) out[at + 2 * plane] = x2;
    if (row + 3 < end) out[at + 3 * plane] = x3;
  };
  store(0, s00, s10, s20, s30); store(1, s01, s11, s21, s31); store(2, s02, s12, s22, s32); store(3, s03, s13, s23, s33);
}

const POINTWISE = { kernel: 1, stride: 1, padding: 0, groups: 1 };

/** fill for columns that are the patch under the kernel at each position of the output. */
function patches(data, [c, h, w], [, oh, ow], { kernel, stride, padding, groups }) {
  const own = c / groups, k = own * kernel * kernel, plane = oh * ow;
  const offsets = new Int32Array(k), ys = new Int32Array(k), xs = new Int32Array(k);
  for (let row = 0; row < k; row++) {
    xs[row] = row % kernel;
    ys[row] = Math.floor(row / kernel) % kernel;
    offsets[row] = Math.floor(row / kernel ** 2) * h * w + ys[row] * w + xs[row];
  }
  return (g, first, last, columns) => {
    for (let j = first; j < last; j++) {
      const image = Math.floor(j / plane), at = j - image * plane, v = Math.floor(at / ow);
      const y = v * stride - padding, x = (at - v * ow) * stride - padding;
      const from = (image * c + g * own) * h * w + y * w + x;
      let to = ((j - first) >> 2) * 4 * k + (j & 3);
      if (y >= 0 && x >= 0 && y + kernel <= h && x + kernel <= w) {
        for (let row = 0; row < k; row++, to += 4) columns[to] = data[from + offsets[row]];
      } else {
        for (let row = 0; row < k; row++, to += 4) {
          const sy = y + ys[row], sx = x + xs[row];
          columns[to] = sy >= 0 && sx >= 0 && sy < h && sx < w ? data[from + offsets[row]] : 0;
        }
      }
    }
  };
}

/** The opposite of patches: adds [channel, kernel, kernel][position] of each image to the places of the output. */
function spread(patch, bias, [, h, w], [o, oh, ow], { kernel, stride, padding }, count) {
  const out = floats(count * o * oh * ow);
  for (let map = 0, from = 0; map < count * o; map++) {
    const base = map * oh * ow;
    if (bias) out.fill(bias[map % o], base, base + oh * ow);
    for (let y = 0; y < kernel; y++) for (let x = 0; x < kernel; x++, from += h * w) {
      const low = Math.max(0, Math.ceil((padding - x) / stride)), high = Math.min(w, Math.floor((ow - 1 + padding - x) / stride) + 1);
      for (let v = 0; v < h; v++) {
        const ty = v * stride + y - padding;
        if (ty < 0 || ty >= oh) continue;
        const to = base + ty * ow + x - padding, row = from + v * w;
        for (let u = low; u < high; u++) out[to + u * stride] += patch[row + u];
      }
    }
  }
  return out;
}

/** Whether a value has one number for each map, [C, 1, 1], of a shape [C, H, W]. */
const ofMaps = (value, shape) => value.length === shape.length && value[0] === shape[0] && sizeOf(value) === shape[0];

/** The sum or product of two values, of which one may be broadcast. */
function pairwise(x, y, shape, count, add) {
  const size = sizeOf(shape), out = floats(count * size);
  if (sizeOf(x.shape) === size && ofMaps(y.shape, shape)) {
    const plane = size / shape[0], a = x.data;
    for (let map = 0, i = 0; i < out.length; map++) {
      const b = y.data[map], end = i + plane;
      if (add) for (; i < end; i++) out[i] = a[i] + b;
      else for (; i < end; i++) out[i] = a[i] * b;
    }
    return out;
  }
  const [p, m] = places(x.shape, shape), [q, n] = places(y.shape, shape), a = x.data, b = y.data;
  for (let image = 0, at = 0; image < count; image++) for (let i = 0; i < size; i++) {
    const u = a[image * m + p[i]], v = b[image * n + q[i]];
    out[at++] = add ? u + v : u * v;
  }
  return out;
}

/** The place of each value of a shape in a value that is broadcast to it, and the size of that one. */
function places(given, shape) {
  const all = [...Array(shape.length - given.length).fill(1), ...given], size = sizeOf(shape), found = new Int32Array(size);
  for (let d = shape.length - 1, steps = 1, every = 1; d >= 0; d--) {
    if (all[d] > 1) for (let i = 0; i < size; i++) found[i] += (Math.floor(i / every) % shape[d]) * steps;
    steps *= all[d];
    every *= shape[d];
  }
  return [found, sizeOf(given)];
}

/** f of each map of each image, (from, to, map): from and to are the places of the map in x and in the output. */
function maps([c, h, w], [, oh, ow], count, f) {
  for (let map = 0; map < count * c; map++) f(map * h * w, map * oh * ow);
}

const each = (data, f) => {
  const out = floats(data.length);
  for (let i = 0; i < out.length; i++) out[i] = f(data[i]);
  return out;
};

/** f of each number below count, one after the other. */
function rows(count, size, f) {
  const out = floats(count * size);
  for (let i = 0; i < count; i++) out.set(f(i), i * size);
  return out;
}

function together(parts, count) {
  const sizes = parts.map(({ shape }) => sizeOf(shape)), out = floats(count * sizes.reduce((n, d) => n + d, 0));
  for (let image = 0, at = 0; image < count; image++) parts.forEach(({ data }, i) => {
    out.set(data.subarray(image * sizes[i], (image + 1) * sizes[i]), at);
    at += sizes[i];
  });
  return out;
}

// Each: (layer, inputs, weight of a number, number of images) -> data.
const OPERATIONS = {
  constant: (l, _, w, n) => rows(n, sizeOf(l.shape), () => w(l.weight)),
  reshape: (l, [x]) => x.data,
  cat: (l, parts, w, n) => together(parts, n),
  slice(l, [x], w, n) {
    const size = sizeOf(l.shape), all = sizeOf(x.shape);
    return rows(n, size, (i) => x.data.subarray(i * all + l.start, i * all + l.start + size));
  },
  embedding(l, [{ data }], w, n) {
    const size = sizeOf(l.shape);
    return rows(n, size, (i) => w(l.weight).subarray(data[i] * size, (data[i] + 1) * size));
  },
  linear(l, [x], w, n) {
    const k = x.shape[0];
    return product({ matrix: w(l.weight), bias: w(l.bias), groups: 1, m: l.shape[0], k, plane: 1, count: n, fill: patches(x.data, [k, 1, 1], [1, 1, 1], POINTWISE) });
  },
  conv2d(l, [x], w, n) {
    const [c] = x.shape, [o, oh, ow] = l.shape, k = c / l.groups * l.kernel ** 2;
    const fill = patches(x.data, x.shape, l.shape, l);
    return product({ matrix: w(l.weight), bias: w(l.bias), groups: l.groups, m: o / l.groups, k, plane: oh * ow, count: n, fill });
  },
  conv_transpose2d(l, [x], w, n) {
    const [c, h, wide] = x.shape, plane = h * wide, m = l.shape[0] * l.kernel ** 2;
    const patch = product({ matrix: w(l.weight), bias: null, groups: 1, m, k: c, plane, count: n, fill: patches(x.data, x.shape, x.shape, POINTWISE) });
    return spread(patch, w(l.bias), x.shape, l.shape, l, n);
  },
  affine(l, [x], w) {
    const scale = w(l.scale), shift = w(l.shift), { data } = x, out = floats(data.length), plane = sizeOf(l.shape) / scale.length;
    for (let c = 0, i = 0; i < out.length; c = (c + 1) % scale.length) {
      const a = scale[c], b = shift[c];
      for (const end = i + plane; i < end; i++) out[i] = a * data[i] + b;
    }
    return out;
  },
  norm(l, [x], w) {
    const { data } = x, out = floats(data.length), all = sizeOf(l.shape), size = all / l.groups;
    const scale = w(l.scale), shift = w(l.shift), plane = scale ? all / scale.length : 1;
    for (let first = 0; first < out.length; first += size) {
      let mean = 0, square = 0;
      for (let i = first; i < first + size; i++) mean += data[i] / size;
      for (let i = first; i < first + size; i++) square += (data[i] - mean) ** 2 / size;
      const factor = 1 / Math.sqrt(square + l.epsilon);
      for (let i = first; i < first + size; i++) {
        const c = Math.floor(i % all / plane);
        out[i] = (data[i] - mean) * factor * (scale ? scale[c] : 1) + (shift ? shift[c] : 0);
      }
    }
    return out;
  },
  leaky_relu(l, [x]) {
    const { data } = x, { slope } = l, out = floats(data.length);
    for (let i = 0; i < out.length; i++) { const v = data[i]; out[i] = v < 0 ? v * slope : v; }
    return out;
  },
  tanh: (l, [x]) => each(x.data, Math.tanh),
  sigmoid: (l, [x]) => each(x.data, (v) => 1 / (1 + Math.exp(-v))),
  add: (l, [x, y], w, n) => pairwise(x, y, l.shape, n, true),
  mul: (l, [x, y], w, n) => pairwise(x, y, l.shape, n, false),
  nearest(l, [x], _, n) {
    const [, h, w] = x.shape, [, oh, ow] = l.shape, out = floats(n * sizeOf(l.shape));
    const axis = (size, wanted) => { // in float32, as torch
      const step = Math.fround(size / wanted);
      return Int32Array.from({ length: wanted }, (_, i) => Math.min(size - 1, Math.floor(Math.fround(i * step))));
    };
    const ys = axis(h, oh), xs = axis(w, ow);
    maps(x.shape, l.shape, n, (from, to) => {
      for (let y = 0; y < oh; y++) for (let u = 0; u < ow; u++) out[to++] = x.data[from + ys[y] * w + xs[u]];
    });
    return out;
  },
  bilinear(l, [x], _, n) {
    const [, h, w] = x.shape, [, oh, ow] = l.shape, out = floats(n * sizeOf(l.shape)), { data } = x;
    const axis = (size, wanted) => Array.from({ length: wanted }, (_, i) => {
      const s = Math.max(0, (i + 0.5) * size / wanted - 0.5), low = Math.floor(s);
      return [low, Math.min(low + 1, size - 1), s - low];
    });
    const ys = axis(h, oh), xs = axis(w, ow);
    maps(x.shape, l.shape, n, (from, to) => {
      for (const [y0, y1, fy] of ys) {
        const top = from + y0 * w, low = from + y1 * w;
        for (const [x0, x1, fx] of xs) {
          const a = data[top + x0] * (1 - fx) + data[top + x1] * fx, b = data[low + x0] * (1 - fx) + data[low + x1] * fx;
          out[to++] = a * (1 - fy) + b * fy;
        }
      }
    });
    return out;
  },
};

/**
 * The outputs for latents z (Float32Array, one image after the other) and labels (one for each image, or null).
 * layers and tensors: as `layers.py` describes them.
 */
function run(layers, tensors, z, labels, count) {
  const values = [{ data: z, shape: [z.length / count] }];
  if (labels !== null) values.push({ data: labels, shape: [] });
  const weight = (number) => (number === null ? null : tensors[number]);
  const last = new Map(layers.flatMap((layer, i) => layer.in.map((number) => [number, i]))); // where a value is used last
  layers.forEach((layer, i) => {
    const data = OPERATIONS[layer.op](layer, layer.in.map((number) => values[number]), weight, count);
    values.push({ data, shape: layer.shape });
    for (const number of layer.in) if (last.get(number) === i) values[number] = null;
  });
  return values.at(-1).data;
}

/** Pixels 0 … 255 of an output, as `TrainedGenerator.decode` makes them. */
function pixelsOf(output, { mean, std }) {
  return Uint8ClampedArray.from(output, (v) => 255 * (v * std + mean));
}
