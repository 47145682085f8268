"""Keys in other hands, and clocks in other years: what was agreed stands, whatever they sign."""

import os
import shutil

from harness import Case


class Thieves(Case):
    def copy(self, node, name):
        """Another machine with the same folder, which nothing tells from its original."""
        out = self.node(name)
        shutil.copytree(node.dir, out.dir)
        shutil.copy(node.words, out.words)
        out.env = {"MAILLON_FAULT": "incarnation_reused"}
        return out

    def write(self, node, *names):
        for name in names:
            node.ok("put", "lieux", f"nom={name}")

    def hand_over(self, node, *others):
        """A stick with all that the node has."""
        stick = self.path("stick")
        if os.path.exists(stick):
            os.remove(stick)
        node.ok("bundle", "export", "-o", stick)
        for other in others:
            other.ok("bundle", "import", stick)

    def agree(self, *nodes, names):
        for node in nodes:
            self.assertEqual(self.names(node), sorted(names), node.name)
            self.assertEqual(node.ok("conflicts", "lieux")["conflicts"], [])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.assertEqual([n.digests() for n in nodes[1:]], [nodes[0].digests()] * (len(nodes) - 1))

    def test_a_removed_member_signs_its_numbers_twice(self):
        a, b, c, d = nodes = self.federation("une", "deux", "trois", "quatre")
        d.env = {"MAILLON_FAULT": "incarnation_reused"}
        early, late = ["avant 1", "avant 2"], ["tard 1", "tard 2", "tard 3"]
        self.write(d, *early)
        self.converge(*nodes)
        twin = self.copy(d, "jumelle")
        self.write(d, *late)
        self.converge(*nodes)
        a.ok("propose", "remove", "quatre")
        self.converge(a, b, c)
        self.agree(a, b, c, names=early + late)
        self.write(twin, "vengeance 1", "vengeance 2")
        self.hand_over(twin, c)
        self.converge(a, b, c)
        for node in (a, b, c):
            self.assertEqual([e["kind"] for e in node.ok("evidence")["evidence"]], ["fork"])
        self.agree(a, b, c, names=early + late)

    def test_a_stolen_laptop_goes_on_writing(self):
        a, b, laptop = nodes = self.federation("une", "deux", "trois")
        laptop.env = {"MAILLON_FAULT": "incarnation_reused"}
        self.write(laptop, "avant")
        self.converge(*nodes)
        thief = self.copy(laptop, "voleur")
        self.write(laptop, "tard")
        self.converge(*nodes)
        a.serve()
        desk = self.node("trois-bis")
        desk.ok("init", "--name", "trois", "--region", "16", "--recover", "--words-file", laptop.words)
        desk.ok("join", a.ok("invite", "--region", "16")["code"], "--wait", 60)
        self.assertTrue(desk.ok("sync", "--wait", 60)["converged"])
        a.stop()
        self.write(desk, "au bureau")
        [lost] = [n["node_id"] for n in laptop.ok("node", "list")["nodes"]]
        desk.ok("node", "revoke", lost, "--words-file", laptop.words)
        self.converge(a, b, desk)
        self.write(thief, "volé 1", "volé 2")
        self.hand_over(thief, a, desk)
        self.converge(a, b, desk)
        self.agree(a, b, desk, names=["avant", "tard", "au bureau"])
        # The member's own re-issue does not speak for the thief, and says what it leaves.
        self.assertEqual(desk.ok("reissue"), {"reissued": 0, "disputed": 2})
        self.converge(a, b, desk)
        self.agree(a, b, desk, names=["avant", "tard", "au bureau"])

    def test_the_original_hears_by_stick_that_its_copy_took_the_key_back(self):
        a, b, original = nodes = self.federation("une", "deux", "trois")
        original.env = {"MAILLON_FAULT": "incarnation_reused"}
        self.write(original, "avant")
        self.converge(*nodes)
        copy = self.copy(original, "copie")
        self.write(original, "original 1", "original 2")
        self.write(copy, "copie 1")
        copy.env = {}
        copy.ok("node", "rotate", "--words-file", copy.words)
        copy.ok("reissue")
        self.converge(a, b, copy)
        self.hand_over(a, original)
        original.env = {}
        [warning] = [w for w in original.ok("status")["warnings"] if "taken back" in w]
        for told in ("a copy of it", "node rotate", "maillon reissue"):
            self.assertIn(told, warning)
        self.assertIn("node rotate", self.refuses(original, 4, "put", "lieux", "nom=non")["hint"])
        original.ok("node", "rotate", "--words-file", original.words)
        self.assertEqual([w for w in original.ok("status")["warnings"] if "taken back" in w], [])
        # What the copy did not know is left, until somebody who knows says that it is no thief's.
        told = original.ok("reissue")
        self.assertEqual(told["disputed"], 2, told)
        self.assertEqual(original.ok("reissue", "--all")["reissued"], 2)
        self.converge(a, b, copy, original)
        self.agree(a, b, copy, original, names=["avant", "original 1", "original 2", "copie 1"])
        # And on the wire it is a node like any other.
        a.serve()
        original.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.assertTrue(original.ok("sync", "--wait", 60)["converged"])

    def test_a_key_that_begins_again_and_again(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        written = []
        for i in range(17):
            # A machine that is set up from its own image each morning: the copy is noticed, each time.
            next_one = self.node(f"image {i}")
            shutil.copytree(c.dir, next_one.dir)
            shutil.copy(c.words, next_one.words)
            c = next_one
            written.append(f"jour {i}")
            self.write(c, written[-1])
        self.converge(a, b, c)
        for node in (a, b, c):
            self.assertEqual([e["kind"] for e in node.ok("evidence")["evidence"]], ["flood"])
        self.agree(a, b, names=[])
        c.ok("node", "rotate", "--words-file", c.words)
        self.assertGreaterEqual(c.ok("reissue")["reissued"], 17)
        self.assertEqual(c.ok("reissue")["reissued"], 0)
        self.converge(a, b, c)
        self.agree(a, b, c, names=written)

    def test_a_key_is_changed_only_once_a_wrong_clock_is_behind(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        c.env = {"MAILLON_FAULT": "clock_far_ahead"}
        c.ok("space", "create", "demain")
        c.env = {}
        refused = self.refuses(c, 1, "node", "rotate", "--words-file", c.words)
        self.assertIn("maillon reissue", refused["hint"])
        c.ok("reissue")
        c.ok("node", "rotate", "--words-file", c.words)
        self.write(c, "après")
        self.converge(*nodes)
        for node in nodes:
            self.assertEqual(self.names(node), ["après"])

    def test_a_removal_under_a_wrong_clock_counts_once_it_is_published_again(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        a.env = {"MAILLON_FAULT": "clock_far_ahead"}
        a.ok("propose", "remove", "deux")
        a.env = {}
        a.ok("reissue")
        self.converge(*nodes)
        a.ok("propose", "admit", "deux")
        self.converge(*nodes)
        for node in nodes:
            status = {m["name"]: m["status"] for m in node.ok("member", "list")["members"]}
            self.assertEqual(status, {"une": "member", "deux": "member", "trois": "member"}, node.name)
        self.write(b, "encore là")
        self.converge(*nodes)
        self.assertEqual(self.names(a), ["encore là"])

    def test_a_clock_400_days_ahead(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        made = a.ok("put", "lieux", "nom=mairie", "telephone=1")["id"]
        self.converge(*nodes)
        c.env = {"MAILLON_FAULT": "clock_far_ahead"}
        c.ok("put", "lieux", "--id", made, "telephone=2")
        self.write(c, "demain")
        c.env = {}
        self.converge(*nodes)
        b.ok("put", "lieux", "--id", made, "telephone=3")
        self.converge(*nodes)
        for node in (a, b):
            self.assertEqual(node.ok("get", "lieux", made)["fields"]["telephone"], "3")
            self.assertEqual(self.names(node), ["mairie"])
        self.assertEqual(c.ok("reissue")["reissued"], 2)
        self.assertEqual(c.ok("reissue")["reissued"], 0)
        self.converge(*nodes)
        for node in nodes:
            self.assertEqual(self.names(node), ["demain", "mairie"])
            # Both had seen 1 and neither the other's: both are there, and nobody's is lost.
            [conflict] = node.ok("conflicts", "lieux")["conflicts"]
            self.assertEqual(set(conflict["values"]), {"2", "3"})
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.assertEqual([n.digests() for n in nodes[1:]], [a.digests()] * 2)

    def test_once_it_is_published_again_daemons_agree(self):
        a, b = nodes = self.federation("une", "deux")
        b.env = {"MAILLON_FAULT": "clock_far_ahead"}
        self.write(b, "demain")
        b.ok("space", "create", "à part", "--yes")
        b.env = {}
        a.serve()
        b.serve()
        b.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        b.ok("reissue")
        for node in nodes:
            self.assertTrue(node.ok("sync", "--wait", 30)["converged"], node.name)
        self.assertEqual(self.names(a), ["demain"])
        self.assertEqual(a.digests(), b.digests())
        # Once each, under the name of what was published again.
        proposals = [[(p["id"], p["status"]) for p in node.ok("proposal", "list")["proposals"]]
                     for node in nodes]
        self.assertEqual(proposals[0], proposals[1])

    def membership(self, node):
        return {m["name"]: m["status"] for m in node.ok("member", "list")["members"]}

    def test_a_leave_under_a_wrong_clock_is_published_again_with_all_that_came_before_it(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        self.write(c, "avant")
        c.env = {"MAILLON_FAULT": "clock_far_ahead"}
        self.write(c, "demain")
        self.assertEqual(c.ok("leave")["status"], "passed")
        c.env = {}
        self.converge(*nodes)
        self.assertEqual(self.membership(a)["trois"], "member")
        # Wherever one asks, the way out is the same, and it leads out.
        for lang, told in (("en", "the others wait for that time"), ("fr", "les autres attendent")):
            [warning] = [w for w in c.ok("status", lang=lang)["warnings"] if told in w]
            self.assertIn("maillon reissue", warning)
        self.assertIn("maillon reissue", self.refuses(c, 4, "put", "lieux", "nom=non")["hint"])
        self.assertIn("maillon reissue", self.refuses(c, 4, "leave")["hint"])
        self.assertEqual(c.ok("reissue")["reissued"], 2)
        self.converge(*nodes)
        for node in nodes:
            self.assertEqual(self.membership(node), {"une": "member", "deux": "member", "trois": "former"})
            self.assertEqual(self.names(node), ["avant", "demain"])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.assertEqual(a.digests(), b.digests())
        [parted] = [w for w in c.ok("status")["warnings"] if "left the federation" in w]
        self.assertNotIn("reissue", parted)
        self.assertIn("left the federation", self.refuses(c, 4, "reissue")["message"])

    def test_a_space_made_and_written_in_before_a_leave_under_a_wrong_clock_is_published_again(self):
        a, b = self.federation("une", "deux")
        b.env = {"MAILLON_FAULT": "clock_far_ahead"}
        b.ok("space", "create", "projets")
        b.ok("put", "projets", "--space", "projets", "nom=pont")
        b.ok("leave")
        b.env = {}
        b.ok("reissue")
        self.converge(a, b)
        self.assertEqual(self.membership(a)["deux"], "former")
        for node in (a, b):
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
            found = node.ok("find", "projets", "--space", "projets")["records"]
            self.assertEqual([r["fields"]["nom"] for r in found], ["pont"])

    def test_a_key_changed_under_a_wrong_clock_is_known_once_it_is_published_again(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        b.ok("put", "lieux", "nom=avant")
        self.converge(*nodes)
        b.env = {"MAILLON_FAULT": "clock_far_ahead"}
        b.ok("put", "lieux", "nom=demain")
        b.ok("node", "rotate", "--words-file", b.words)
        b.env = {}
        b.ok("put", "lieux", "nom=après")
        # One of the others hears of the key twice, one only at the right time.
        self.converge(a, b)
        self.assertEqual(self.names(a), ["avant"])
        self.assertEqual(b.ok("reissue"), {"reissued": 3, "disputed": 0})
        self.assertEqual(b.ok("reissue"), {"reissued": 0, "disputed": 0})
        self.assertEqual(b.ok("status")["warnings"], [])
        a.serve()
        b.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.assertTrue(b.ok("sync", "--wait", 60)["converged"])
        a.stop()
        self.converge(*nodes)
        for node in nodes:
            self.assertEqual(self.names(node), ["après", "avant", "demain"])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
            self.assertEqual(node.digests(), a.digests())
        b.ok("put", "lieux", "nom=depuis")
        self.converge(*nodes)
        self.assertIn("depuis", self.names(c))

    def test_what_a_thief_of_the_words_wrote_is_published_again_only_on_purpose(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        b.ok("put", "lieux", "nom=avant")
        new = self.node("mots")
        key = new.ok("init", "--name", "deux", "--region", "16", "--words-file", new.words)["member_id"]
        # The thief's node is let in by who does not know yet that the words are replaced.
        thief = self.node("voleur")
        thief.ok("init", "--name", "deux", "--region", "16", "--recover", "--words-file", b.words)
        c.serve()
        code = c.ok("invite", "--region", "16")["code"]
        decided = a.ok("propose", "root-key", "deux", key)["id"]
        self.assertEqual(thief.ok("join", code, "--wait", 60)["status"], "admitted")
        thief.ok("put", "lieux", "nom=vol")
        thief.ok("sync", "--wait", 60)
        c.stop()
        self.converge(*nodes, thief)
        for node in nodes:
            self.assertEqual(self.names(node), ["avant"])
        for lang, told in (("en", "were replaced by decision"), ("fr", "ont été remplacés par la décision")):
            for command in (("put", "lieux", "nom=vol"), ("space", "create", "q"), ("leave",),
                            ("invite",), ("propose", "charter", "quorum", "2"), ("reissue",)):
                error = self.refuses(thief, 4, *command, lang=lang)
                self.assertIn(told, error["message"])
                self.assertIn(decided[:12], error["message"])
                self.assertIn("node rotate", error["hint"])
            self.assertTrue(any(told in w for w in thief.ok("status", lang=lang)["warnings"]))
        # The member goes on with the new words, and takes along what it knows to be its own.
        b.ok("node", "rotate", "--words-file", new.words)
        self.assertEqual(b.ok("reissue"), {"reissued": 0, "disputed": 1})
        self.assertIn("its words were replaced", b.run("reissue", json_output=False).out)
        self.converge(*nodes, thief)
        self.assertEqual(self.names(a), ["avant"])
        # It was no thief but the member's second machine.
        thief.ok("node", "rotate", "--words-file", new.words)
        self.assertEqual(thief.ok("reissue", "--all")["reissued"], 1)
        self.converge(*nodes, thief)
        for node in nodes:
            self.assertEqual(self.names(node), ["avant", "vol"])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])

    def test_a_leave_under_a_wrong_clock_reaches_the_others_by_the_line(self):
        a, b = self.federation("une", "deux")
        a.serve()
        b.env = {"MAILLON_FAULT": "clock_far_ahead"}
        b.ok("leave")
        b.env = {}
        b.serve()
        b.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.eventually("they talk", lambda: [
            p for p in b.ok("status")["peers"] if p["state"] == "connected"])
        self.assertEqual(self.membership(a)["deux"], "member")
        self.assertGreaterEqual(b.ok("reissue")["reissued"], 1)
        self.eventually("the others know", lambda: self.membership(a)["deux"] == "former")
        self.assertEqual(self.membership(b), self.membership(a))

    def test_nobody_decides_under_a_clock_that_is_known_to_be_wrong(self):
        a, b = self.federation("une", "deux")
        a.serve()
        b.env = {"MAILLON_FAULT": "clock_far_ahead"}
        b.serve()
        b.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.eventually("it knows", lambda: b.ok("status")["clock"]["warning"])
        for command in (("leave",), ("space", "create", "projets")):
            self.assertIn("400 days ahead", self.refuses(b, 1, *command)["message"])
        self.assertIn("avance de 400 jours", self.refuses(b, 1, "leave", lang="fr")["message"])
        self.assertEqual(self.membership(b)["deux"], "member")
        # What is typed in is kept, and whoever typed it is told.
        done = b.run("put", "lieux", "nom=demain")
        self.assertEqual(done.code, 0)
        self.assertIn("400 days ahead", done.err)
        b.stop()
        b.env = {}
        b.serve(port=b.port)
        self.assertGreaterEqual(b.ok("reissue")["reissued"], 1)
        self.assertEqual(b.ok("leave")["status"], "passed")
        self.eventually("the others know", lambda: self.membership(a)["deux"] == "former")
        self.assertEqual(self.names(a), ["demain"])

    def test_no_key_changes_under_a_clock_that_is_known_to_be_wrong(self):
        a, b = self.federation("une", "deux")
        a.serve()
        [key] = [n["node_id"] for n in b.ok("node", "list")["nodes"]]
        desk = self.node("deux-bis")
        certificate = desk.ok("init", "--name", "deux", "--region", "16", "--recover",
                              "--words-file", b.words)["certificate"]
        b.env = {"MAILLON_FAULT": "clock_far_ahead"}
        b.serve()
        b.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.eventually("it knows", lambda: b.ok("status")["clock"]["warning"])
        for command in (("node", "rotate", "--words-file", b.words),
                        ("node", "revoke", key, "--words-file", b.words),
                        ("node", "add", certificate), ("reissue",)):
            self.assertIn("400 days ahead", self.refuses(b, 1, *command)["message"])
        self.assertIn("avance de 400 jours",
                      self.refuses(b, 1, "node", "rotate", "--words-file", b.words, lang="fr")["message"])
        # Told before anybody is asked to agree.
        asked = b.on_terminal("o\n", "node", "rotate", "--words-file", b.words)
        self.assertEqual((asked.code, asked.out), (1, ""))
        self.assertIn("400 days ahead", asked.err)
        self.assertEqual([n["node_id"] for n in b.ok("node", "list")["nodes"]], [key])
        b.stop()
        b.env = {}
        b.serve(port=b.port)
        b.ok("reissue")  # The address that it told under the wrong clock.
        self.assertEqual(b.ok("reissue")["reissued"], 0)
        b.ok("node", "rotate", "--words-file", b.words)
        self.write(b, "après")
        self.eventually("the others get it", lambda: self.names(a) == ["après"])
