#!/usr/bin/env python3
"""A member that serves its log with one byte wrong: each victim refuses, names the sender, keeps
nothing of it, and completes from another peer."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

from live import Node, eventually, free_port, found, join, rows

PARTS = ["header", "signature", "skeleton", "payload", "seed", "leaf0"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--maillon", required=True)
    parser.add_argument("--tampering-peer", required=True)
    options = parser.parse_args()
    root = tempfile.mkdtemp(prefix="maillon-hostile-")
    nodes = []
    try:
        run(options, root, nodes)
    finally:
        for node in nodes:
            if node.daemon:
                node.kill()
        shutil.rmtree(root, ignore_errors=True)


def run(options, root, nodes):
    honest, traitor, victim = [Node(options.maillon, os.path.join(root, n)) for n in "htv"]
    nodes += [honest, traitor, victim]
    found(honest)
    join(traitor, honest, "Traîtresse")
    join(victim, honest, "Victime")
    honest.stop()
    file = os.path.join(root, "rows.jsonl")
    with open(file, "w") as out:
        out.write("\n".join(rows(300)) + "\n")
    honest.run("import", file, "--collection", "lieux", "--source", "essai")
    honest.start("--no-dial")
    traitor.run("sync", "--wait", "30")
    honest.stop()
    traitor_id = traitor.run("status")["node_id"]
    assert traitor.space()["records"] == 300
    for part in PARTS:
        fresh = Node(options.maillon, os.path.join(root, "v-" + part))
        nodes.append(fresh)
        shutil.copytree(victim.dir, fresh.dir)
        deceive(options, honest, traitor, fresh, traitor_id, part)
        print(f"one byte of {part}: refused, {traitor_id[:12]} named, completed from another peer")


def deceive(options, honest, traitor, victim, traitor_id, part):
    port = free_port()
    peer = subprocess.Popen([options.tampering_peer, traitor.dir, f"127.0.0.1:{port}", part],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert peer.stdout.readline().startswith("ready")
    victim.run("peer", "add", f"ws://127.0.0.1:{port}")
    victim.start()
    eventually("the sender is named", lambda: traitor_id in open(victim.log).read()
               and "misbehaved" in open(victim.log).read())
    assert victim.space()["records"] == 0
    peer.stdin.close()
    assert "spoiled" in peer.stdout.read()
    peer.wait()
    peer.stdout.close()
    honest.start("--no-dial")
    victim.run("peer", "add", honest.url())
    eventually("it completes from another peer",
               lambda: victim.run("sync", "--wait", "20", ok=False)[0] == 0
               and victim.space()["digest"] == honest.space()["digest"])
    assert victim.space()["records"] == 300
    victim.stop()
    honest.stop()


if __name__ == "__main__":
    sys.exit(main())
