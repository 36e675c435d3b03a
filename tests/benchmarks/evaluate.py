"""The engine of `verbot eval`, measured: python tests/benchmarks/evaluate.py [--episodes 2000], or `verbot bench`."""

import sys

from verbot.agent.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", "evaluate", "--out", "docs/benchmarks/evaluate.json", *sys.argv[1:]]))
