"""Joining, with the line or the power cut in between."""

import os
import time

from harness import Case


class Joins(Case):
    def asks(self, host, name):
        """A node whose wish is noted, and the code."""
        code = host.ok("invite", "--region", "16")["code"]
        node = self.node(name)
        node.init()
        self.assertEqual(node.ok("join", code, "--wait", 0)["status"], "waiting")
        return node, code

    def wait_until_admitted(self, host, times):
        """Looks without a pause, to be there in the milliseconds that follow."""
        until = time.monotonic() + 60
        while host.log().count("asked to join: admitted") < times:
            self.assertLess(time.monotonic(), until, "nobody was admitted")

    def is_member(self, node):
        return len(node.ok("status")["spaces"]) > 1

    def test_joiner_killed_right_after_its_admission(self):
        a = self.founder("une")
        a.serve()
        for i, delay in enumerate((0, 0.002, 0.004, 0.008, 0.02)):
            b, _ = self.asks(a, f"b{i}")
            b.serve()
            self.wait_until_admitted(a, i + 1)
            time.sleep(delay)
            b.kill()
            b.serve()
            self.eventually("the directory", lambda: self.is_member(b))
            self.assertEqual(b.ok("status")["federation"], "Essai")
            b.kill()
        self.assertNotIn("misbehaved", a.log())

    def test_inviter_killed_right_after_the_admission(self):
        a = self.founder("une")
        for i, delay in enumerate((0, 0.002, 0.01)):
            a.serve(port=a.port)
            b, code = self.asks(a, f"b{i}")
            b.serve()
            seen = a.log().count("asked to join: admitted")
            self.wait_until_admitted(a, seen + 1)
            time.sleep(delay)
            a.kill()
            a.serve(port=a.port)
            self.eventually("the directory", lambda: self.is_member(b))
            self.assertEqual(b.ok("join", code)["status"], "admitted")
            b.kill()
            a.stop()

    def test_the_same_code_resumes_without_a_daemon(self):
        a = self.founder("une")
        a.serve()
        b, code = self.asks(a, "b")
        b.serve()
        self.wait_until_admitted(a, 1)
        b.kill()
        self.assertEqual(b.ok("join", code, "--wait", 60)["status"], "admitted")
        self.assertTrue(self.is_member(b))
        # A member of long standing says so, and asks nobody.
        a.stop()
        self.assertEqual(b.ok("join", code)["status"], "admitted")

    def test_a_daemon_that_joined_tells_its_address(self):
        a = self.founder("une")
        a.serve()
        b, _ = self.asks(a, "b")
        b.serve()
        me = b.ok("status")["node_id"]

        def told():
            return [f"ws://127.0.0.1:{b.port}"] in [
                n["urls"] for m in a.ok("member", "list")["members"]
                for n in m["nodes"] if n["node_id"] == me]
        self.eventually("its address", told)

    def test_every_address_of_the_invitation_is_tried(self):
        a = self.founder("une")
        a.serve()
        code = a.ok("invite", "--region", "16", "--url", "ws://127.0.0.1:9", "--url",
                    f"ws://127.0.0.1:{a.port}", "--url", f"ws://localhost:{a.port}")["code"]
        b = self.node("b")
        b.init()
        self.assertEqual(b.ok("join", code, "--wait", 60)["status"], "admitted")

    def test_waits_as_long_as_it_was_told_to(self):
        a = self.founder("une")
        a.serve()
        code = a.ok("invite", "--region", "16")["code"]
        port = a.port
        a.stop()
        b = self.node("b")
        b.init()
        begun = time.monotonic()
        error = self.refuses(b, 5, "join", code, "--wait", 3)
        self.assertGreaterEqual(time.monotonic() - begun, 2.9)
        self.assertIn(f"ws://127.0.0.1:{port}", error["message"])
        self.assertIn("maillon serve", error["hint"])
        b.serve()
        waiting = [p for p in b.ok("status")["peers"] if p["address"] == f"ws://127.0.0.1:{port}"]
        self.assertEqual(len(waiting), 1)
        a.serve(port=port)
        self.assertEqual(b.ok("join", code, "--wait", 60)["status"], "admitted")

    def test_people_are_told_what_joining_means_and_asked(self):
        a = self.founder("une")
        a.serve()
        code = a.ok("invite", "--region", "16")["code"]
        b = self.node("b")
        join = ("join", code, "--name", "b", "--words-file", b.words)
        # Nobody to ask, and nobody agreed.
        done = b.run(*join, json_output=False)
        self.assertEqual(done.code, 2, done.out + done.err)
        self.assertIn("--yes", done.err)
        no = b.on_terminal("n\n", *join)
        self.assertEqual(no.code, 1, no.err)
        for told in (a.ok("status")["federation_id"], f"ws://127.0.0.1:{a.port}", "region 16",
                     "maillon leave"):
            self.assertIn(told, no.out)
        self.assertFalse(os.path.exists(b.dir), "nothing was made")
        self.assertEqual(len(a.ok("member", "list")["members"]), 1)
        yes = b.on_terminal("y\n", *join, "--wait", "60")
        self.assertEqual(yes.code, 0, yes.err)
        charter = yes.out[yes.out.index("Member of `Essai`"):]
        for told in ("admitted with 1 vote", "Delegates: une", "11 persons", "10 000 000"):
            self.assertIn(told, charter.replace("\u202f", " "))

    def test_a_code_for_somebody_else_is_refused_before_anybody_is_asked(self):
        a = self.founder("une")
        a.serve()
        hub = a.ok("invite", "--role", "hub", "--region", "16")["code"]
        plain = a.ok("invite", "--region", "16")["code"]
        b = self.node("b")
        # Of another region than was asked for, also where there is no folder yet.
        for words in (("--name", "b", "--words-file", b.words), ()):
            done = b.on_terminal("y\n", "join", plain, "--region", "17", *words)
            self.assertEqual(done.code, 2, done.out + done.err)
            self.assertIn("for region 16, not 17", done.err)
            self.assertNotIn("Agreed?", done.err)
            self.assertIn("pour la région 16, pas 17", self.refuses(
                b, 2, "join", plain, "--region", "17", *words, lang="fr")["message"])
            if words:
                self.assertFalse(os.path.exists(b.dir), "nothing was made")
                b.init()
        # Of another role than the folder's.
        done = b.on_terminal("y\n", "join", hub)
        self.assertEqual(done.code, 1, done.out + done.err)
        self.assertIn("for a hub", done.err)
        self.assertNotIn("Agreed?", done.err)
        self.assertNotIn("invites into", done.out)
        error = self.refuses(b, 1, "join", hub, lang="fr")
        self.assertIn("ce code est pour un hub", error["message"])
        self.assertIn("--role cooperative", error["hint"])
        # No region in the code: the folder's holds.
        free = a.ok("invite")["code"]
        self.assertIn("region `16`", self.refuses(b, 2, "join", free, "--region", "17")["message"])
        # With a daemon that has the folder.
        b.serve()
        done = b.on_terminal("y\n", "join", hub)
        self.assertEqual(done.code, 1, done.out + done.err)
        self.assertIn("for a hub", done.err)
        yes = b.on_terminal("y\n", "join", plain, "--region", "16", "--wait", "60")
        self.assertEqual(yes.code, 0, yes.err)
        self.assertIn("Member of", yes.out)
        # The codes that were refused were not used up.
        c = self.node("c")
        c.init("--role", "hub")
        self.assertEqual(c.ok("join", hub, "--wait", 60)["status"], "admitted")
