#!/usr/bin/env python3
"""End-to-end tests of the maillon binary; standard library only.

run.py --maillon PATH [THEME …], where a THEME is the name of a file without .py."""

import argparse
import os
import sys
import unittest

import harness


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maillon", required=True)
    parser.add_argument("themes", nargs="*")
    options = parser.parse_args()
    harness.MAILLON = os.path.abspath(options.maillon)
    themes = options.themes or sorted(f[:-3] for f in os.listdir(here) if f.endswith("_test.py"))
    suite = unittest.defaultTestLoader.loadTestsFromNames(themes)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
