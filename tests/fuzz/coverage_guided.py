"""Coverage-guided fuzzing of a decoder with atheris (PyPI; it is not among the dependencies).

`python -m tests.fuzz.coverage_guided frames|batches|subscriptions [options] [directory ...]`
Inputs that reach new code are kept in the first directory; seeds.py makes some to begin with. The
kept corpus has those of at most 512 bytes.
"""

import importlib
import sys


def main() -> None:
    name, *rest = sys.argv[1:]
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["broker"]):
        decoders = importlib.import_module("tests.fuzz.decoders")
    atheris.Setup([sys.argv[0], *rest], decoders.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
