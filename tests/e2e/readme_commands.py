#!/usr/bin/env python3
"""Runs the commands that the READMEs show, as they stand there, in one shell each."""

import argparse
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def script(path, maillon):
    blocks = re.findall(r"^```sh\n(.*?)^```", open(path).read(), re.M | re.S)
    assert len(blocks) > 5, path + " shows too few commands"
    # Building is the caller's affair: the binary under test is given.
    lines = [l for l in "\n".join(blocks).splitlines() if not l.startswith("./dev ")]
    text, found = re.subn(r'^(M="?)build/bin/maillon', rf"\g<1>{maillon}", "\n".join(lines), flags=re.M)
    assert found == 1, path + " names the binary once"
    return "set -euxo pipefail\n" + text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--maillon", required=True)
    options = parser.parse_args()
    maillon = os.path.abspath(options.maillon)
    for readme in ("README.md", "README.fr.md"):
        done = subprocess.run(["bash", "-c", script(os.path.join(ROOT, readme), maillon)],
                              cwd=ROOT, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            sys.exit(f"{readme}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        for needed in ("+33545000001", "+33545000002"):
            assert needed in done.stdout, f"{readme}: both values of the conflict are shown"
        print(f"{readme}: every command works")


if __name__ == "__main__":
    sys.exit(main())
