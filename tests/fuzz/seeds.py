"""Good inputs for coverage-guided fuzzing: `python -m tests.fuzz.seeds DIRECTORY`."""

import random
import struct
import sys
from pathlib import Path

from broker.protocol.codec import encode_bytes
from broker.protocol.messages.consumer_protocol import ConsumerProtocolSubscription, TopicPartition
from tests.fuzz.frames import Frames, records

SEED = 1
EACH = 300


def main() -> None:
    directory, dice = Path(sys.argv[1]), random.Random(SEED)
    supply = Frames(dice, bytes(range(16)))
    subscription = ConsumerProtocolSubscription(["orders"], b"", [TopicPartition("orders", [0])])
    made = {
        "frames": [b"".join(supply.burst()) for _ in range(EACH)],
        "batches": [records(dice) for _ in range(EACH)],
        "subscriptions": [
            struct.pack(">h", version) + encode_bytes(subscription, version) for version in range(4)
        ],
    }
    for name, inputs in made.items():
        (directory / name).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (directory / name / f"seed-{number:04d}").write_bytes(data)


if __name__ == "__main__":
    main()
