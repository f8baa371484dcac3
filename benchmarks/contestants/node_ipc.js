// node node_ipc.js json|advanced WORKERS; what it is told on standard input: see ipc.py
'use strict';
const cluster = require('node:cluster');
const readline = require('node:readline');

const [serialization, workers] = process.argv.slice(2);
const LINE = 'the quick brown fox jumps over the lazy dog, and the dog sleeps on, unmoved\n';

const payloads = new Map();

function payload({ kind, size }) {
  const name = `${kind} ${size}`;
  if (!payloads.has(name)) payloads.set(name, makePayload(kind, size));
  return payloads.get(name);
}

function makePayload(kind, size) {
  if (kind === 'text') return LINE.repeat(Math.ceil(size / LINE.length)).slice(0, size);
  const items = [];
  for (let i = 0, left = size; left > 0; i++) {
    const item = { id: i, name: `item ${i % 1000}`, price: i + 0.5, tags: ['a', 'b'], sold: i % 2 === 0 };
    left -= JSON.stringify(item).length + 1;
    items.push(item);
  }
  return items;
}

// As many as go in the time, at most twice `every` of them on their way; how many those were.
async function sendFor(task, send) {
  const message = payload(task);
  const end = performance.now() + task.seconds * 1000;
  let count = 0;
  let earlier = null;
  while (performance.now() < end) {
    for (let i = 1; i < task.every; i++) send(message);
    const last = new Promise((resolve) => send(message, resolve));
    count += task.every;
    await earlier;
    earlier = last;
  }
  await earlier;
  return count;
}

function primary() {
  const reports = []; // who waits for a report, by worker
  const questions = new Map();
  let heard = 0;
  cluster.setupPrimary({ serialization });
  const all = Array.from({ length: Number(workers) }, () => cluster.fork());
  const [first] = all;
  const report = (worker) => new Promise((resolve) => { reports[worker.id] = resolve; });
  all.forEach((worker) => worker.on('message', (message) => {
    if (message.report !== undefined) reports[worker.id](message.report);
    else if (message.answer !== undefined) {
      questions.get(message.answer)(message.body);
      questions.delete(message.answer);
    } else heard++;
  }));

  async function ask(number, body) {
    const answered = new Promise((resolve) => questions.set(number, resolve));
    first.send({ question: number, body });
    return answered;
  }
  const total = async (chosen) => {
    const counts = chosen.map(report);
    chosen.forEach((worker) => worker.send({ task: 'count' }));
    return (await Promise.all(counts)).reduce((a, b) => a + b);
  };
  const toAll = (message, taken = () => {}) => {
    let left = all.length;
    for (const worker of all) worker.send(message, () => { if (--left === 0) taken(); });
  };
  const tasks = {
    async down(task) {
      const sent = await sendFor(task, (message, taken) => first.send(message, taken));
      return [sent, await total([first])];
    },
    async up(task) {
      heard = 0;
      const sent = report(first);
      first.send({ task: 'send', ...task });
      return [await sent, heard];
    },
    async ask(task) {
      const message = payload(task);
      const end = performance.now() + task.seconds * 1000;
      let [count, bad] = [0, 0];
      for (; performance.now() < end; count++) {
        const answer = await ask(count, message);
        if (answer.length !== message.length) bad++;
      }
      return [count, count - bad];
    },
    async broadcast(task) {
      const sent = await sendFor(task, toAll);
      return [sent * all.length, await total(all)];
    },
  };

  const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', async (line) => {
    const task = JSON.parse(line);
    const begun = performance.now();
    const [sent, received] = await tasks[task.do](task);
    say({ sent, received, seconds: (performance.now() - begun) / 1000 });
  });
  lines.on('close', () => process.exit(0)); // workers end with their channel
  Promise.all(all.map(report)).then(() => say(all.map((worker) => worker.process.pid)));
}

function worker() {
  let heard = 0;
  process.on('message', async (message) => {
    if (message.question !== undefined) {
      process.send({ answer: message.question, body: message.body });
    } else if (message.task === 'count') {
      process.send({ report: heard });
      heard = 0;
    } else if (message.task === 'send') {
      const sent = await sendFor(message, (each, taken) => process.send(each, taken));
      process.send({ report: sent });
    } else heard++;
  });
  process.send({ report: 0 });
}

if (cluster.isPrimary) primary();
else worker();
