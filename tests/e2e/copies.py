#!/usr/bin/env python3
"""A restored backup and a plain copy of a folder never fork a feed, and nothing of either life is
lost. With --faults (a build that has them) it also shows that these checks can fail."""

import argparse
import os
import shutil
import sys
import tempfile

from live import Node, eventually, found, join


class Fork(AssertionError):
    """Two commits share a place in one feed."""


class Diverged(AssertionError):
    """Equal frontiers, different state."""


def agree(hub, *others):
    for node in others:
        eventually("the nodes reconcile", lambda n=node: n.run("sync", "--wait", "20", ok=False)[0] == 0)
    for node in others:
        eventually("the nodes reconcile", lambda n=node: n.run("sync", "--wait", "20", ok=False)[0] == 0)
    states = [n.space() for n in (hub, *others)]
    if len({s["digest"] for s in states}) != 1:
        raise Diverged(str(states))
    return states[0]


def names(node):
    return {r["fields"]["nom"] for r in node.run("find", "lieux", "--limit", "1000")["records"]}


def put(node, name):
    node.run("put", "lieux", "nom=" + name)


def copied(root, maillon, env):
    """`cp -a` of a member's folder; both go on writing."""
    hub, one = Node(maillon, os.path.join(root, "hub"), env), Node(maillon, os.path.join(root, "one"), env)
    found(hub)
    join(one, hub, "Copiée")
    put(one, "avant")
    copy = Node(maillon, os.path.join(root, "copy"), env)
    shutil.copytree(one.dir, copy.dir)
    put(one, "original")
    put(copy, "copie")
    agree(hub, one, copy)
    state = agree(hub, one, copy)
    hub.stop()
    if names(one) != {"avant", "original", "copie"}:
        raise Fork(str(names(one)))
    if state["feeds"] != 2:
        raise Fork(f"{state['feeds']} feed(s) where two lives wrote")


def restored(root, maillon, env):
    """An old backup is restored elsewhere, written to offline, and meets what came after it."""
    hub, one = Node(maillon, os.path.join(root, "hub"), env), Node(maillon, os.path.join(root, "one"), env)
    found(hub)
    join(one, hub, "Sauvegardée")
    put(one, "avant")
    one.start()
    backup = os.path.join(root, "one.backup")
    one.run("backup", "-o", backup)
    put(one, "après")
    agree(hub, one)
    one.stop()
    again = Node(maillon, os.path.join(root, "again"), env)
    again.run("restore", backup)
    put(again, "hors ligne")
    state = agree(hub, again)
    hub.stop()
    if names(again) != {"avant", "après", "hors ligne"} or state["feeds"] != 2:
        raise Fork(f"{names(again)}, {state['feeds']} feeds")


def corrected_twice(root, maillon, env):
    """Two members correct one field at once: whoever looks sees the same."""
    hub, one = Node(maillon, os.path.join(root, "hub"), env), Node(maillon, os.path.join(root, "one"), env)
    found(hub)
    join(one, hub, "Correctrice")
    record = hub.run("put", "lieux", "nom=place")["id"]
    agree(hub, one)
    hub.stop()
    hub.run("put", "lieux", "--id", record, "nom=un")
    one.run("put", "lieux", "--id", record, "nom=deux")
    hub.start()
    state = agree(hub, one)
    hub.stop()
    assert state["conflicts"] == 1, state


def attempt(scenario, maillon, env):
    root = tempfile.mkdtemp(prefix="maillon-copies-")
    try:
        scenario(root, maillon, env)
    finally:
        os.system(f"pkill -9 -f -- '--data {root}/' 2>/dev/null")
        shutil.rmtree(root, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--maillon", required=True)
    parser.add_argument("--faults", action="store_true")
    options = parser.parse_args()
    for scenario in (copied, restored, corrected_twice):
        attempt(scenario, options.maillon, None)
        print(scenario.__doc__.splitlines()[0], "ok")
    if not options.faults:
        return
    for scenario, fault, kind in ((copied, "incarnation_reused", Fork),
                                  (corrected_twice, "tie_by_arrival", Diverged)):
        try:
            attempt(scenario, options.maillon, {"MAILLON_FAULT": fault})
        except kind as caught:
            print(f"{fault}: caught ({caught})")
        else:
            sys.exit(f"{fault}: not caught")


if __name__ == "__main__":
    sys.exit(main())
