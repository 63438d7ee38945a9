// node run_layers.js LAYERS.js < {"layers", "places", "weights", "z", "labels", "times"}: outputs, and the milliseconds
// of processor time that they took each time.
const fs = require("fs");
const { run, tensorsOf, bytesOf } = new Function(`${fs.readFileSync(process.argv[2])}; return { run, tensorsOf, bytesOf };`)();
const { layers, places, weights, z, labels, times } = JSON.parse(fs.readFileSync(0));
const tensors = tensorsOf(places, bytesOf(weights)), all = Float32Array.from(z.flat());
const ms = [];
let output;
for (let i = 0; i < times; i++) {
  const start = process.cpuUsage();
  output = run(layers, tensors, all, labels, z.length);
  const { user, system } = process.cpuUsage(start);
  ms.push((user + system) / 1000);
}
console.log(JSON.stringify({ outputs: Array.from(output), ms }));
