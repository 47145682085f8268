"""Nodes as people run them: the binary, its folders, its daemons. Every wait is bounded."""

import json
import os
import pty
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

MAILLON = None  # set by run.py
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
WAIT = 120  # seconds: far beyond what anything takes, on a machine that does ten other things


def lieux(name):
    return os.path.join(DATA, "lieux", name)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Done:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


class Node:
    def __init__(self, root, name):
        self.dir = os.path.join(root, name)
        self.words = os.path.join(root, name + ".words")
        self.name = name
        self.daemon = None
        self.port = None
        self.env = {}

    def run(self, *args, env=None, stdin=None, lang="en", json_output=True, preexec=None):
        """Runs a command to its end, whatever that is."""
        command = [MAILLON, "--data", self.dir, "--lang", lang]
        if json_output:
            command.append("--json")
        done = subprocess.run(
            command + [str(a) for a in args], input=stdin, capture_output=True, timeout=WAIT,
            env={**os.environ, "MAILLON_DATA": "", **self.env, **(env or {})},
            preexec_fn=preexec)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *args, **more):
        """Runs a command that must succeed; gives its JSON."""
        done = self.run(*args, **more)
        if done.code != 0:
            raise AssertionError(f"{self.name}: {' '.join(map(str, args))}: exit {done.code}\n"
                                 f"{done.out}\n{done.err}")
        return done.json

    def on_terminal(self, answers, *args, lang="en"):
        """Runs a command for people, who type `answers`."""
        master, slave = pty.openpty()
        try:
            os.write(master, answers.encode())
            done = subprocess.run(
                [MAILLON, "--data", self.dir, "--lang", lang, *map(str, args)], stdin=slave,
                capture_output=True, timeout=WAIT,
                env={**os.environ, "MAILLON_DATA": "", **self.env})
        finally:
            os.close(master)
            os.close(slave)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def init(self, *args):
        return self.ok("init", "--name", self.name, "--region", "16",
                       "--words-file", self.words, *args)

    def serve(self, *args, port=None):
        self.port = port or free_port()
        self.daemon = subprocess.Popen(
            [MAILLON, "--data", self.dir, "--lang", "en", "serve", "--listen",
             f"127.0.0.1:{self.port}", "--log", "debug", *args],
            stdout=subprocess.PIPE, stderr=open(self.dir + ".log", "ab"),
            env={**os.environ, **self.env})
        lines = queue.Queue()
        threading.Thread(target=lambda: lines.put(self.daemon.stdout.readline()),
                         daemon=True).start()
        ready = lines.get(timeout=WAIT).decode()
        if not ready.startswith("maillon: ready"):
            raise AssertionError(f"{self.name} is not ready: {ready!r}\n{self.log()}")
        return ready

    def log(self):
        with open(self.dir + ".log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self):
        """SIGTERM, and the exit code."""
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(timeout=WAIT)
        self.daemon.stdout.close()
        self.daemon = None
        return code

    def kill(self):
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait(timeout=WAIT)
            self.daemon.stdout.close()
            self.daemon = None

    def digests(self):
        return {s["name"]: s["digest"] for s in self.ok("status")["spaces"]}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="maillon-e2e-")
        self.nodes = []

    def tearDown(self):
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def node(self, name):
        node = Node(self.root, name)
        self.nodes.append(node)
        return node

    def founder(self, name="fondatrice"):
        node = self.node(name)
        node.init()
        node.ok("federation", "create", "Essai")
        return node

    def converge(self, *nodes):
        """By bundles: every node gives everything to every other, twice."""
        for _ in range(2):
            for source in nodes:
                stick = self.path("stick")
                if os.path.exists(stick):
                    os.remove(stick)
                source.ok("bundle", "export", "-o", stick)
                for other in nodes:
                    if other is not source:
                        other.ok("bundle", "import", stick)

    def meet(self):
        """self.a and self.b exchange all they have by USB stick, and agree."""
        self.converge(self.a, self.b)
        self.assertEqual(self.a.digests(), self.b.digests())

    def joined(self, host, name):
        """A further member; `host` must be serving."""
        node = self.node(name)
        code = host.ok("invite", "--region", "16")["code"]
        node.init()
        self.assertEqual(node.ok("join", code, "--wait", 60)["status"], "admitted")
        return node

    def federation(self, *names):
        """A founder and further members, admitted through real daemons; then all offline."""
        host = self.founder(names[0])
        host.serve()
        nodes = [host] + [self.joined(host, name) for name in names[1:]]
        host.stop()
        self.converge(*nodes)
        return nodes

    def names(self, node):
        records = node.ok("find", "lieux", "--limit", "0")["records"]
        return sorted(r["fields"]["nom"] for r in records)

    def refuses(self, node, code, *args, **more):
        """The command must fail with this exit code, one sentence, and a JSON error."""
        done = node.run(*args, **more)
        self.assertEqual(done.code, code, f"{args}\n{done.out}\n{done.err}")
        sentences = [line for line in done.err.splitlines() if line.startswith("maillon: ")]
        self.assertEqual(len(sentences), 1, done.err)
        error = done.json["error"]
        self.assertEqual(set(error), {"code", "message", "hint"})
        self.assertTrue(error["message"])
        return error

    def eventually(self, what, check):
        until = time.monotonic() + WAIT
        while not check():
            self.assertLess(time.monotonic(), until, what)
            time.sleep(0.1)
