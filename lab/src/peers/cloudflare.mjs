// Runs the module of argument 1 against the server of argument 2 and prints one line of JSON.
//
// The module expects a browser. What it asks of one and Node does not have is made here: an origin, entries of the
// resource timing that are there when the body is, and a name for the protocol. Every time in them is Node's own.

const [modulePath, server] = process.argv.slice(2);

globalThis.window = { location: { origin: server } };

// What the module logs is not its result; why a request failed it says there only.
let warned = '';
console.log = () => {};
console.warn = (text) => {
  if (`${text}`.startsWith('Error fetching')) warned = `${text}`;
};

// The module empties the list of timings when a step ends, while a request beside it may not have read its own yet.
performance.clearResourceTimings = () => {};

// Node reports a request's timing a moment after its body has ended, a browser before; and Node takes the time only after
// the text was made of the bytes, which at 300 Mbit/s is half of what the transfer took. So: bytes, time, text.
const waiting = new Map();
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    waiting.get(entry.name)?.forEach((resolve) => resolve());
    waiting.delete(entry.name);
  }
}).observe({ type: 'resource' });

async function textAfterTiming(response, timed) {
  const chunks = [];
  try {
    for await (const chunk of response.body) chunks.push(chunk);
  } catch (error) {
    failed(error);
  }
  await timed;
  return Buffer.concat(chunks).toString('latin1');
}

let cause = '';
function failed(error) {
  if (error.name !== 'AbortError') cause = `${error.message} (${error.cause?.message ?? error.name})`;
  throw error;
}

const nodeFetch = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const timed = new Promise((resolve) => waiting.set(url, [...(waiting.get(url) ?? []), resolve]));
  const response = await nodeFetch(url, options).catch(failed);
  response.text = () => textAfterTiming(response, timed);
  return response;
};

const entriesByName = performance.getEntriesByName.bind(performance);
performance.getEntriesByName = (name) =>
  entriesByName(name).map((entry) => ({ ...entry.toJSON(), nextHopProtocol: 'http/1.1' }));

const { default: SpeedTest } = await import(modulePath);

// The module's own ladder without the part that needs WebRTC and a TURN server.
const { measurements } = new SpeedTest({ autoStart: false }).config;
const test = new SpeedTest({
  autoStart: false,
  downloadApiUrl: `${server}/__down`,
  uploadApiUrl: `${server}/__up`,
  logAimApiUrl: null,
  measurements: measurements.filter(({ type }) => type !== 'packetLoss'),
});

function finish(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

test.onFinish = (results) => {
  const { download, upload, latency } = results.getSummary();
  const sum = (points) => points.reduce((bytes, point) => bytes + point.bytes, 0);
  const bytes = { download: sum(results.getDownloadBandwidthPoints()), upload: sum(results.getUploadBandwidthPoints()) };
  finish({ download, upload, latency, bytes });
};
test.onError = (error) => finish({ error: `${error} ${warned} ${cause}` });
test.play();
