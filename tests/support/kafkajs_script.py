"""Runs a piece of JavaScript with kafkajs; what it passes to `say` comes back as Python values."""

import json
import os
import subprocess
from typing import Any

from tests.support import tools

TIMEOUT_S = 100.0

_FRAME = """
const { Kafka, logLevel, CompressionTypes, ConfigResourceTypes } = require('kafkajs');
const kafka = new Kafka({ brokers: [process.argv[1]], logLevel: logLevel.NOTHING });
const topic = process.argv[2];
const say = value => console.log(JSON.stringify(value));
const readUntil = async (consumer, done) => {
  const seen = [];
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer.run({ eachMessage: async ({ topic, partition, message }) => {
      const headers = {};
      for (const [name, value] of Object.entries(message.headers || {})) headers[name] = `${value}`;
      const text = bytes => bytes && `${bytes}`;
      const { offset, key, value } = message;
      seen.push({ partition, offset, key: text(key), value: text(value), headers });
      if (done(seen)) resolve();
    } }).catch(reject);
  });
  return seen;
};
(async () => { %s })().then(
  () => process.exit(0),
  error => { console.error(error); process.exit(1); });
"""


def kafkajs(bootstrap: str, topic: str, script: str) -> list[Any]:
    """Everything that `script`, the body of an async function, has said; it must not throw."""
    node, modules = tools.node_modules("kafkajs")
    done = subprocess.run(
        [node, "--eval", _FRAME % script, "--", bootstrap, topic],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "NODE_PATH": str(modules), "KAFKAJS_NO_PARTITIONER_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
