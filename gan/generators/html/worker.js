// A worker with one generator: it makes the images of jobs, the first first, and gives them back a few at a time.

const WHILE = 40; // milliseconds, about, of one part
let model, tensors, jobs = [], working = false, pace = WHILE; // pace: milliseconds of an image

onmessage = ({ data }) => {
  if (data.model) {
    model = data.model;
    tensors = tensorsOf(model.places, bytesOf(model.weights));
    model.weights = null;
  } else {
    jobs = jobs.filter(({ id }) => !data.ended.includes(id));
    if (data.job) jobs.push({ ...data.job, next: 0 });
    if (!working) {
      work().catch((error) => {
        working = false;
        jobs = [];
        setTimeout(() => { throw error; }); // reaches onerror of the page, which an error in an async function does not
      });
    }
  }
};

async function work() {
  working = true;
  while (jobs.length > 0) {
    const job = jobs[0], done = part(job);
    if (done) jobs.shift();
    await new Promise((resolve) => { setTimeout(resolve); }); // for messages
  }
  working = false;
}

/** Make some images of a job: `next` counts them over all frames. Whether it is done. */
function part(job) {
  const { id, parameters, steps, count = parameters.count } = job;
  job.from ??= moved(model, parameters, parameters.seed);
  job.to ??= steps > 1 ? moved(model, parameters, parameters.to) : null;
  const frame = Math.floor(job.next / count), first = job.next % count, start = performance.now();
  if (first === 0) job.z = job.to ? between(model.prior, job.from, job.to, count, frame / steps) : job.from;
  const last = Math.min(count, first + Math.max(1, Math.round(WHILE / pace))), width = job.z.length / count;
  const labels = parameters.labels === null ? null : parameters.labels.slice(first, last);
  const output = run(model.layers, tensors, job.z.slice(first * width, last * width), labels, last - first);
  postMessage({ id, frame, first, last, pixels: pixelsOf(output, model) });
  pace = (performance.now() - start) / (last - first);
  job.next += last - first;
  return job.next === count * steps;
}
