"""Daemons that find each other, and how they end."""

import os
import signal
import socket
import stat
import struct
import subprocess
import threading

import harness
from harness import Case, lieux


class Daemons(Case):
    def test_two_nodes_become_one_federation(self):
        a = self.founder("une")
        a.serve()
        b = self.joined(a, "autre")
        b.serve()
        a.ok("import", lieux("le-havre.1.json"), "--collection", "lieux")
        made = b.ok("put", "lieux", "nom=Chez l’autre")
        for node in (a, b):
            self.assertTrue(node.ok("sync", "--wait", 60)["converged"])
        self.eventually("equal digests", lambda: a.digests() == b.digests())
        self.assertEqual(a.ok("get", "lieux", made["id"])["fields"]["nom"], "Chez l’autre")
        self.assertEqual(len(a.ok("member", "list")["members"]), 2)
        peers = a.ok("status")["peers"]
        peer = [p for p in peers if p["state"] == "connected"][0]
        self.assertEqual(peer["name"], "autre")
        self.assertEqual(peer["node_id"], b.ok("status")["node_id"])
        self.assertGreater(peer["sent_bytes"], 0)
        self.assertGreater(peer["received_bytes"], 0)
        self.eventually("the time of the last sync", lambda: any(
            p["last_sync"] for p in a.ok("status")["peers"] if p["state"] == "connected"))
        # Changes travel without being asked for.
        a.ok("put", "lieux", "--id", made["id"], "nom=Changé")
        self.eventually("the change", lambda: b.ok("get", "lieux", made["id"])["fields"]["nom"] == "Changé")
        self.assertEqual(a.stop(), 0)
        self.assertEqual(b.stop(), 0)
        for node in (a, b):
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])

    def test_join_makes_the_folder(self):
        a = self.founder("une")
        a.serve()
        code = a.ok("invite", "--role", "hub", "--region", "75")["code"]
        b = self.node("hub")
        done = b.ok("join", code, "--name", "Le hub", "--wait", 60, "--words-file", b.words)
        self.assertEqual(done["status"], "admitted")
        self.assertEqual(done["federation_id"], a.ok("status")["federation_id"])
        status = b.ok("status")
        self.assertEqual((status["member_id"], status["role"], status["region"]),
                         (done["member_id"], "hub", "75"))
        self.assertIn("catalogue/75", {s["name"] for s in b.ok("space", "list")["spaces"]})

    def test_an_invitation_works_once(self):
        a = self.founder("une")
        a.serve()
        code = a.ok("invite")["code"]
        b = self.node("b")
        b.init()
        b.ok("join", code, "--wait", 60)
        self.assertEqual(b.ok("join", code)["status"], "admitted")
        c = self.node("c")
        c.init()
        error = self.refuses(c, 1, "join", code, "--wait", 60)
        self.assertIn("already", error["message"])
        self.assertIn("kept", error["hint"])
        self.assertIsNone(c.ok("status")["federation_id"])

    def test_a_wish_is_kept_until_the_inviter_is_there(self):
        a = self.founder("une")
        a.serve()
        port = a.port
        code = a.ok("invite")["code"]
        a.stop()
        b = self.node("b")
        b.init()
        self.refuses(b, 5, "join", code, "--wait", 1)
        self.assertEqual(b.ok("join", code, "--wait", 0)["status"], "waiting")
        b.serve()
        a.serve(port=port)
        self.eventually("the wish is granted", lambda: b.ok("status")["federation_id"] is not None)
        self.eventually("the directory", lambda: len(a.ok("member", "list")["members"]) == 2)

    def test_one_daemon_a_folder_and_a_port(self):
        a = self.founder("une")
        a.serve()
        self.refuses(a, 1, "serve", "--listen", "127.0.0.1:0")
        b = self.founder("autre")
        busy = self.refuses(b, 1, "serve", "--listen", f"127.0.0.1:{a.port}")
        self.assertIn("--listen", busy["hint"])
        b.serve()
        self.assertEqual(a.ok("status")["daemon"], True)

    def test_signals_end_it_cleanly(self):
        a = self.founder("une")
        for what in (signal.SIGTERM, signal.SIGINT):
            a.serve()
            a.ok("put", "lieux", "nom=Un")
            a.daemon.send_signal(what)
            self.assertEqual(a.daemon.wait(timeout=harness.WAIT), 0)
            a.daemon.stdout.close()
            a.daemon = None
            self.assertFalse(os.path.exists(os.path.join(a.dir, "admin.sock")))
            self.assertFalse(os.path.exists(os.path.join(a.dir, "maillon.db-wal")))

    def test_a_killed_daemon_leaves_nothing_in_the_way(self):
        a = self.founder("une")
        a.serve()
        made = a.ok("put", "lieux", "nom=Un")
        a.kill()
        self.assertTrue(os.path.exists(os.path.join(a.dir, "admin.sock")))
        self.assertEqual(a.ok("get", "lieux", made["id"])["fields"], {"nom": "Un"})
        a.serve()
        self.assertEqual(a.ok("find", "lieux", "--text", "un")["total"], 1)

    def test_sigterm_while_a_command_waits(self):
        a = self.founder("une")
        a.ok("peer", "add", "ws://127.0.0.1:9")
        a.serve()
        waiting = threading.Thread(target=lambda: a.run("sync", "--wait", 600))
        waiting.start()
        self.eventually("the command runs", lambda: "admin: sync" in a.log())
        self.assertEqual(a.stop(), 0)
        waiting.join(timeout=harness.WAIT)
        self.assertFalse(waiting.is_alive())


class AdminSocket(Case):
    def setUp(self):
        super().setUp()
        self.a = self.founder("une")
        self.a.serve()
        self.socket = os.path.join(self.a.dir, "admin.sock")

    def talk(self, raw):
        """Sends bytes, gives what comes back until the daemon closes."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(harness.WAIT)
            s.connect(self.socket)
            try:
                s.sendall(raw)
                s.shutdown(socket.SHUT_WR)
                out = b""
                while piece := s.recv(65536):
                    out += piece
                return out
            except (BrokenPipeError, ConnectionResetError):
                return b""

    def frame(self, kind, payload):
        return struct.pack("<IB", len(payload), kind) + payload

    def test_is_for_this_user_only(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        probe = ("import os, socket, sys\n"
                 "s = socket.socket(socket.AF_UNIX)\n"
                 "s.connect('/proc/self/fd/%s/admin.sock' % sys.argv[1])\n"
                 "s.sendall(b'x' * 5)\nprint(len(s.recv(1)))\n")
        os.chmod(self.socket, 0o666)
        fd = os.open(self.a.dir, os.O_PATH)
        done = subprocess.run(["python3", "-c", probe, str(fd)], capture_output=True, timeout=60,
                              pass_fds=(fd,), user=65534, group=65534, extra_groups=[])
        os.close(fd)
        self.assertNotEqual(done.stdout.strip(), b"1", done.stderr)
        self.assertEqual(self.a.ok("status")["daemon"], True)

    def test_survives_nonsense(self):
        good = b'{"command":"status","json":true,"options":{}}'
        for raw in (b"", b"\0", b"\xff" * 5, b"GET / HTTP/1.1\r\n\r\n", self.frame(1, b"null"),
                    self.frame(1, b"{}"), self.frame(2, good), self.frame(1, b"[" * 100000),
                    self.frame(1, good)[:20], struct.pack("<IB", 8 << 20, 1) + b"x" * 1000,
                    self.frame(1, b'{"command":"nope"}'), os.urandom(5000),
                    self.frame(1, b'{"command":"import","options":{"collection":["lieux"],'
                                  b'"source":["s"]}}') + self.frame(9, b"x"),
                    self.frame(1, b'{"command":"get","options":{"collection":[],"id":[]}}')):
            self.talk(raw)
        answer = self.talk(self.frame(1, good))
        self.assertIn(b'"node_id"', answer)
        self.assertEqual(self.a.ok("status")["daemon"], True)

    def test_many_at_once(self):
        idle = []
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.socket)
            idle.append(s)
        for s in idle:
            s.close()
        self.eventually("room again", lambda: self.a.run("status").code == 0)
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.a.run("put", "lieux", "nom=x").code))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=harness.WAIT)
        self.assertEqual(results, [0] * 8)
        self.assertEqual(self.a.ok("find", "lieux")["total"], 8)

    def test_large_files_go_through(self):
        rows = "".join('{"id": %d, "nom": "n%d", "x": "%s"}\n' % (i, i, "y" * 400) for i in range(30000))
        path = self.write("s.jsonl", rows)
        done = self.a.ok("import", path, "--collection", "lieux")
        self.assertEqual(done["created"], 30000)
        found = self.a.ok("find", "lieux", "--limit", 0)
        self.assertEqual(len(found["records"]), 30000)
        out = os.path.join(self.root, "out.jsonl")
        self.assertEqual(self.a.ok("export", "--collection", "lieux", "-o", out)["records"], 30000)
        self.assertEqual(self.a.ok("import", out, "--collection", "lieux", "--source", "s")["unchanged"], 30000)
