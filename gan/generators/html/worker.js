// A worker: it makes images one after the other, and stops when it is asked for others.
let model, tensors, asked = 0;
const pause = () => new Promise((done) => setTimeout(done));
onmessage = async ({ data }) => {
  if (data.model) {
    model = data.model;
    tensors = tensorsOf(model.places, bytesOf(model.weights));
    postMessage({ ready: true });
    return;
  }
  const mine = data.large ? asked : ++asked;
  let last = performance.now();
  for (const [number, { z, label }] of data.images.entries()) {
    if (mine !== asked) return;
    const pixels = pixelsOf(run(model.layers, tensors, z, label), model.mean, model.std);
    postMessage({ pixels, number, large: data.large, id: data.id });
    if (performance.now() - last > 30) { await pause(); last = performance.now(); }
  }
};
