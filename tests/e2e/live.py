"""Real daemons on loopback, for tests that kill, throttle and deceive them. Standard library only."""

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

DEADLINE_S = 120
SPACE = "catalogue/16"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(what, check, deadline_s=DEADLINE_S):
    """Returns check()'s first true answer; fails with `what` when there is none in time."""
    end = time.monotonic() + deadline_s
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError("not in time: " + what)
        time.sleep(0.02)


class Node:
    """One data folder, the command line pointed at it, and its daemon while that runs."""

    def __init__(self, maillon, folder, env=None):
        self.maillon, self.dir = maillon, folder
        self.port = free_port()
        self.env = {**os.environ, **(env or {})}
        self.log = folder + ".log"
        self.daemon = None

    def run(self, *args, ok=True):
        done = subprocess.run([self.maillon, "--data", self.dir, "--json", "--quiet", *args],
                              capture_output=True, text=True, timeout=DEADLINE_S, env=self.env)
        if ok and done.returncode != 0:
            raise AssertionError(f"{args}: exit {done.returncode}: {done.stdout}{done.stderr}")
        answer = json.loads(done.stdout) if done.stdout.strip() else {}
        return answer if ok else (done.returncode, answer)

    def init(self, name, *more):
        return self.run("init", "--name", name, "--region", "16",
                        "--words-file", self.dir + ".words", *more)

    def start(self, *more):
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen(
                [self.maillon, "--data", self.dir, "serve", "--listen", f"127.0.0.1:{self.port}",
                 "--http", "off", *more], stdout=subprocess.PIPE, stderr=log, text=True, env=self.env)
        if not self.daemon.stdout.readline():
            raise AssertionError("the daemon did not start: " + open(self.log).read()[-2000:])

    def kill(self):
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()
        self.daemon.stdout.close()
        self.daemon = None

    def stop(self):
        if self.daemon is None:
            return
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(timeout=30) == 0, "SIGTERM stops it cleanly"
        self.daemon.stdout.close()
        self.daemon = None

    def space(self, name=SPACE):
        for space in self.run("status")["spaces"]:
            if space["name"] == name:
                return space
        return {"digest": None, "records": 0, "conflicts": 0, "commits": 0}

    def url(self):
        return f"ws://127.0.0.1:{self.port}"


def found(node, name="Fondatrice"):
    node.init(name)
    node.run("federation", "create", "Essai")
    node.start()


def join(newcomer, inviter, name, url=None):
    address = ["--address", url] if url else []
    code = inviter.run("invite", "--region", "16", *address)["code"]
    newcomer.init(name)
    newcomer.run("join", code, "--wait", "30")


def rows(count, tag=""):
    """JSON lines of places, some 20 fields each."""
    pick = random.Random(count)
    towns = ["Angoulême", "Cognac", "Jarnac", "Ruffec", "Soyaux", "Confolens"]
    for i in range(count):
        town = pick.choice(towns)
        yield json.dumps({
            "id": f"lieu-{tag}{i}", "pivot": str(pick.randrange(10**13, 10**14)),
            "nom": f"Espace numérique de {town} {i}", "commune": town, "code_postal": "16000",
            "code_insee": "16015", "adresse": f"{pick.randrange(200)} rue de la République",
            "latitude": round(45 + pick.random(), 6), "longitude": round(pick.random(), 6),
            "telephone": f"+335{pick.randrange(10**8):08}", "courriels": f"contact@lieu{i}.fr",
            "site_web": f"https://www.lieu{i}.fr/", "horaires": "Mo-Fr 09:00-12:00,14:00-18:00",
            "typologie": "ESS", "services": "Aide aux démarches administratives",
            "frais_a_charge": "Gratuit", "modalites_acces": "Se présenter|Téléphoner",
            "source": "essai", "date_maj": "2023-05-12"}, ensure_ascii=False)


class Proxy:
    """Forwards to `port`, counts what passes towards the one that connects, and may slow it down."""

    def __init__(self, port, bytes_per_s=None):
        self.target, self.rate = port, bytes_per_s
        self.passed = 0
        self.last = 0.0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.server.accept()
                upstream = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                if self.server.fileno() < 0:
                    return
                client.close()
                continue
            threading.Thread(target=self._pump, args=(client, upstream, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(upstream, client, True), daemon=True).start()

    def _pump(self, source, sink, counted):
        size = 16384
        try:
            while data := source.recv(size):
                sink.sendall(data)
                if counted:
                    self.passed += len(data)
                    self.last = time.monotonic()
                    if self.rate:
                        time.sleep(len(data) / self.rate)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.server.close()
