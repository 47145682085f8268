#!/usr/bin/env python3
"""Kills daemons with SIGKILL while they replicate, again and again; then everything must be there.

A kill counts as "while bytes move" when the proxy between the two passed bytes to the receiver
within the last 50 ms and the receiver had not got everything yet."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time

from live import Node, Proxy, eventually, found, join, rows

MOVING_S = 0.05


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--maillon", required=True)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    pick = random.Random(options.seed)
    root = tempfile.mkdtemp(prefix="maillon-kill-")
    a = Node(options.maillon, os.path.join(root, "a"))
    b = Node(options.maillon, os.path.join(root, "b"))
    try:
        run(options, pick, root, a, b)
    finally:
        for node in (a, b):
            if node.daemon:
                node.kill()
        shutil.rmtree(root, ignore_errors=True)


def run(options, pick, root, a, b):
    found(a)
    proxy = Proxy(a.port, bytes_per_s=4_000_000)
    join(b, a, "Receveuse")
    a.stop()
    b.run("peer", "add", f"ws://127.0.0.1:{proxy.port}")
    shutil.copytree(b.dir, b.dir + ".empty")
    file = os.path.join(root, "rows.jsonl")
    with open(file, "w") as out:
        out.write("\n".join(rows(options.records)) + "\n")
    done = a.run("import", file, "--collection", "lieux", "--source", "essai")
    assert done["created"] == options.records, done
    acknowledged = []
    moving = 0
    rounds = 0
    a.start("--no-dial")
    for kill in range(options.kills):
        if a.daemon is None:
            a.start("--no-dial")
        # What is acknowledged before the kill must be there after it.
        acknowledged.append(a.run("put", "lieux", f"nom=Accusé {kill}", "telephone=+33545000000")["id"])
        before = proxy.passed
        b.start()
        wanted = pick.randrange(40_000, 900_000)
        eventually("bytes move", lambda: proxy.passed - before > wanted or idle(proxy, before))
        moved = time.monotonic() - proxy.last < MOVING_S
        victim = a if kill % 5 == 4 else b
        victim.kill()
        if victim is a:
            b.kill()
        whole = b.space()["records"] >= options.records
        moving += moved and not whole
        rounds += 1
        if whole and kill + 1 < options.kills:
            # It has everything: begin again with an empty one, so that bytes go on moving.
            assert_same(a, b, proxy)
            b.stop()
            shutil.rmtree(b.dir)
            shutil.copytree(b.dir + ".empty", b.dir)
    if a.daemon is None:
        a.start("--no-dial")
    b.start()
    assert_same(a, b, proxy)
    for record in acknowledged:
        assert b.run("get", "lieux", record)["fields"]["nom"].startswith("Accusé")
    a.stop()
    b.stop()
    for node in (a, b):
        deep = node.run("verify", "--deep")
        assert deep["errors"] == [], deep
    print(f"{rounds} kills, {moving} of them while bytes moved; {len(acknowledged)} acknowledged "
          f"records all there; both verify --deep; {proxy.passed} bytes passed")
    assert moving * 5 >= options.kills * 3, f"only {moving} kills came while bytes moved"


def idle(proxy, before):
    return proxy.passed > before and time.monotonic() - proxy.last > 1.0


def assert_same(a, b, proxy):
    if a.daemon is None:
        a.start("--no-dial")
    if b.daemon is None:
        b.start()
    eventually("equal digests", lambda: b.run("sync", "--wait", "60", ok=False)[0] == 0
               and a.space()["digest"] == b.space()["digest"])


if __name__ == "__main__":
    sys.exit(main())
