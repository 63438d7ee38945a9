// node run_layers.js LAYERS.js < {"model", "z", "labels"}: outputs, and the milliseconds that they took.
const fs = require("fs");
const { run, tensorsOf, bytesOf } = new Function(`${fs.readFileSync(process.argv[2])}; return { run, tensorsOf, bytesOf };`)();
const { model, z, labels } = JSON.parse(fs.readFileSync(0));
const tensors = tensorsOf(model.places, bytesOf(model.weights));
const start = performance.now();
const outputs = z.map((row, i) => Array.from(run(model.layers, tensors, row, labels ? labels[i] : null)));
console.log(JSON.stringify({ outputs, ms: performance.now() - start }));
