#!/usr/bin/env python3
"""Three nodes on this machine: two cooperatives and a hub share a catalogue, disagree while the
network is down, and agree again. Standard library only; cleans up after itself."""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CATALOGUE = os.path.join(ROOT, "tests/data/lieux/charente.v1.json")
SPACE = "catalogue/16"
WAIT_S = 60

FRENCH = os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("fr")


def say(english, french):
    print(french if FRENCH else english, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Node:
    """One data folder, its daemon, and the command line pointed at it."""

    def __init__(self, maillon, root, name, title, role):
        self.maillon, self.name, self.title, self.role = maillon, name, title, role
        self.dir = os.path.join(root, name)
        self.port = free_port()
        self.daemon = None
        self.log = open(os.path.join(root, name + ".log"), "ab")

    def run(self, *args):
        done = subprocess.run([self.maillon, "--data", self.dir, "--json", "--quiet", *args],
                              capture_output=True, text=True, timeout=WAIT_S * 2)
        if done.returncode != 0:
            sys.exit(f"maillon {' '.join(args)} ({self.title}): exit {done.returncode}\n"
                     f"{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def start(self):
        self.daemon = subprocess.Popen(
            [self.maillon, "--data", self.dir, "serve", "--listen", f"127.0.0.1:{self.port}",
             "--http", "off"], stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.daemon.stdout.readline()
        if not line:
            sys.exit(f"{self.title}: the daemon did not start; see {self.log.name}")

    def stop(self):
        if self.daemon:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(timeout=30)
            self.daemon.stdout.close()
            self.daemon = None

    def digest(self):
        for space in self.run("status")["spaces"]:
            if space["name"] == SPACE:
                return space
        return {"digest": "-", "records": 0, "conflicts": 0}


def until_equal(nodes):
    """Asks each node to reconcile until all show one digest."""
    deadline = time.monotonic() + WAIT_S
    while True:
        for node in nodes:
            node.run("sync", "--wait", "30")
        states = [node.digest() for node in nodes]
        if len({s["digest"] for s in states}) == 1:
            return states
        if time.monotonic() > deadline:
            sys.exit("the nodes did not agree in time: " + json.dumps(states))
        time.sleep(0.2)


def show(nodes, states):
    for node, state in zip(nodes, states):
        print(f"    {node.title:<28} {state['digest'][:32]}…  "
              f"{state['records']} {'fiches' if FRENCH else 'records'}, "
              f"{state['conflicts']} {'conflit(s)' if FRENCH else 'conflict(s)'}", flush=True)


def found_and_join(angouleme, cognac, hub):
    angouleme.run("init", "--name", angouleme.title, "--region", "16",
                  "--words-file", angouleme.dir + ".words")
    angouleme.run("federation", "create", "Démonstration")
    angouleme.start()
    for node in (cognac, hub):
        code = angouleme.run("invite", "--role", node.role, "--region", "16")["code"]
        node.run("init", "--name", node.title, "--role", node.role, "--region", "16",
                 "--words-file", node.dir + ".words")
        node.run("join", code, "--wait", "30")
        node.start()


def disagree(angouleme, cognac, place):
    for node in (cognac, angouleme):
        node.stop()
    angouleme.run("put", "lieux", "--id", place["id"], "telephone=+33545000001")
    cognac.run("put", "lieux", "--id", place["id"], "telephone=+33545999999")
    angouleme.start()
    cognac.start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--maillon", required=True)
    parser.add_argument("--keep", action="store_true", help="leave the nodes running")
    options = parser.parse_args()
    maillon = os.path.abspath(options.maillon)
    root = tempfile.mkdtemp(prefix="maillon-demo-")
    angouleme = Node(maillon, root, "angouleme", "Coopérative d’Angoulême", "cooperative")
    cognac = Node(maillon, root, "cognac", "Coopérative de Cognac", "cooperative")
    hub = Node(maillon, root, "hub", "Hub de Charente", "hub")
    nodes = [angouleme, cognac, hub]
    kept = False
    try:
        say("1. A cooperative founds a federation; a second one and a hub join with invitations.",
            "1. Une coopérative fonde une fédération ; une deuxième et un hub la rejoignent sur invitation.")
        found_and_join(angouleme, cognac, hub)
        say("2. Angoulême imports the published list of places of Charente.",
            "2. Angoulême importe la liste publiée des lieux de Charente.")
        done = angouleme.run("import", CATALOGUE, "--collection", "lieux", "--source", "carte-nationale")
        say(f"    {done['read']} rows read, {done['created']} records created.",
            f"    {done['read']} lignes lues, {done['created']} fiches créées.")
        states = until_equal(nodes)
        show(nodes, states)
        place = angouleme.run("find", "lieux", "--text", "médiathèque", "--limit", "1")["records"][0]
        name = place["fields"]["nom"]
        say(f"3. The network is down. Both cooperatives correct the phone number of “{name}”.",
            f"3. Le réseau est coupé. Les deux coopératives corrigent le téléphone de « {name} ».")
        disagree(angouleme, cognac, place)
        say("4. The network is back: all three agree, and nothing that anyone typed is lost.",
            "4. Le réseau revient : les trois sont d’accord, et rien de ce qui a été saisi n’est perdu.")
        states = until_equal(nodes)
        show(nodes, states)
        for conflict in hub.run("conflicts", "lieux")["conflicts"]:
            values = [v["value"] if isinstance(v, dict) else v for v in conflict["values"]]
            say(f"    The hub shows both values of “{conflict['field']}”: " + " | ".join(map(str, values)),
                f"    Le hub montre les deux valeurs de « {conflict['field']} » : " + " | ".join(map(str, values)))
        say("5. Cognac decides, and the conflict is gone everywhere.",
            "5. Cognac tranche, et le conflit disparaît partout.")
        cognac.run("resolve", "lieux", place["id"], "telephone=+33545999999")
        states = until_equal(nodes)
        show(nodes, states)
        kept = options.keep
        if kept:
            say("The nodes stay up. Talk to them, for example:", "Les nœuds restent en marche. Par exemple :")
            for node in nodes:
                print(f"    {maillon} --data {node.dir} status    # pid {node.daemon.pid}, ws://127.0.0.1:{node.port}")
            say(f"To stop: kill {' '.join(str(n.daemon.pid) for n in nodes)}; rm -r {root}",
                f"Pour arrêter : kill {' '.join(str(n.daemon.pid) for n in nodes)} ; rm -r {root}")
    finally:
        if not kept:
            for node in nodes:
                try:
                    node.stop()
                except subprocess.TimeoutExpired:
                    node.daemon.kill()
                node.log.close()
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
