"""Which spaces a node keeps, by its own choice and by right; and what a former member is told."""

import os
import sqlite3

from harness import Case


class Spaces(Case):
    def space(self, node, name):
        return {s["name"]: s for s in node.ok("space", "list")["spaces"]}[name]

    def synced(self, *nodes):
        for node in nodes:
            self.assertTrue(node.ok("sync", "--wait", 60)["converged"], node.name)

    def test_a_reader_chooses_not_to_keep_a_space_and_takes_it_up_again(self):
        a = self.founder("une")
        a.serve()
        b = self.joined(a, "deux")
        b.serve()
        a.ok("put", "lieux", "nom=avant")
        b.ok("put", "lieux", "nom=de deux")
        self.synced(a, b)
        self.assertTrue(self.space(b, "catalogue/16")["subscribed"])
        off = b.ok("space", "subscribe", "catalogue/16", "--off")
        self.assertFalse({s["name"]: s["subscribed"] for s in off["spaces"]}["catalogue/16"])
        a.ok("put", "lieux", "nom=pendant")
        a.ok("put", "--space", "formation", "modules", "titre=commun")
        self.synced(b, a)
        self.assertEqual(b.ok("find", "--space", "formation", "modules")["total"], 1, "the rest goes on")
        names = lambda node: sorted(r["fields"]["nom"] for r in node.ok("find", "lieux")["records"])
        self.assertEqual(names(b), ["avant", "de deux"], "what was there stays readable, nothing more comes")
        error = self.refuses(b, 1, "put", "lieux", "nom=non")
        self.assertIn("space subscribe", error["hint"])
        self.refuses(b, 1, "import", self.write("l.csv", "id,nom\n1,non\n"), "--collection", "lieux", "--source", "s")
        # Not by a stick either, nor after a restart.
        stick = self.path("stick")
        a.ok("bundle", "export", "-o", stick)
        self.assertGreater(b.ok("bundle", "import", stick)["not_for_us"], 0)
        b.stop()
        b.serve(port=b.port)
        self.synced(b, a)
        self.assertEqual(names(b), ["avant", "de deux"])
        b.ok("space", "subscribe", "catalogue/16")
        self.synced(b, a)
        self.assertEqual(names(b), ["avant", "de deux", "pendant"], "what was missed comes")
        b.ok("put", "lieux", "nom=après")
        self.synced(b, a)
        self.assertEqual(a.digests(), b.digests())
        self.refuses(b, 1, "space", "subscribe", "annuaire", "--off")
        self.refuses(b, 3, "space", "subscribe", "nulle-part")
        for node in (a, b):
            self.assertNotIn("misbehaved", node.log())

    def test_a_hub_of_another_region_keeps_what_it_was_admitted_to_read(self):
        a = self.founder("charente")
        a.ok("put", "lieux", "nom=ici")
        a.serve()
        hub = self.node("bretagne")
        hub.ok("join", a.ok("invite", "--region", "53", "--role", "hub")["code"], "--name", "bretagne",
               "--words-file", hub.words, "--wait", 60)
        hub.serve()
        self.synced(hub)
        self.refuses(hub, 4, "space", "subscribe", "catalogue/16")
        self.assertFalse(self.space(hub, "catalogue/16")["subscribed"])
        self.assertEqual(a.ok("propose", "widen", "catalogue/16", "--reader", "bretagne")["status"], "passed")
        self.synced(a, hub)
        read = lambda: hub.ok("find", "--space", "catalogue/16", "lieux")["total"]
        self.assertEqual((self.space(hub, "catalogue/16")["subscribed"], read()), (True, 1))
        hub.ok("space", "subscribe", "catalogue/16", "--off")
        a.ok("put", "lieux", "nom=encore")
        self.synced(hub, a)
        self.assertEqual(read(), 1)
        hub.ok("space", "subscribe", "catalogue/16")
        self.synced(hub, a)
        self.assertEqual(read(), 2)

    def test_annuaire_takes_no_records(self):
        a = self.founder()
        id = a.ok("put", "lieux", "nom=Un")["id"]
        table = self.write("l.csv", "id,nom\n1,non\n")
        schema = self.write("s.json", '{"collection": "outils", "fields": [{"name": "nom"}]}')
        for words in (("put", "lieux", "nom=non"), ("put", "lieux", "--id", id, "nom=non"),
                      ("delete", "lieux", id), ("resolve", "lieux", id, "nom=non"),
                      ("erase", "lieux", id, "--yes"), ("import", table, "--collection", "lieux"),
                      ("import", table, "--collection", "lieux", "--dry-run"), ("schema", "add", schema)):
            error = self.refuses(a, 1, *words, "--space", "annuaire")
            self.assertEqual(error["code"], "refused", words)
            self.assertIn("maillon space list", error["hint"])
        said = a.run("put", "lieux", "nom=non", "--space", "annuaire", lang="fr", json_output=False)
        self.assertIn("contient des décisions, et pas de fiches", said.err)
        self.assertEqual(a.ok("find", "lieux", "--space", "annuaire")["total"], 0)

    def commits(self, node):
        """How many of others it has."""
        with sqlite3.connect(f"file:{node.dir}/maillon.db?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM log JOIN feed ON feed.id = log.feed WHERE lower(hex(node)) <> ?",
                              (node.ok("status")["node_id"],)).fetchone()[0]

    def test_a_removed_member_is_served_its_removal_and_nothing_later(self):
        a = self.founder("une")
        a.serve()
        b = self.joined(a, "deux")
        b.ok("put", "lieux", "nom=mien")
        self.synced(b)
        before = self.commits(b)
        # It is away when it is removed, and comes back after much else was decided and written.
        self.assertEqual(a.ok("propose", "remove", "deux")["status"], "passed")
        a.ok("space", "create", "secrets")
        a.ok("propose", "charter", "secrecy_threshold", "17")
        a.ok("put", "lieux", "nom=plus tard")
        self.assertEqual(b.ok("status")["membership"], "member")
        b.serve()
        self.eventually("it is told", lambda: b.ok("status")["membership"] == "former")
        self.assertEqual(self.commits(b), before + 1, "the removal, and nothing later")
        status = b.ok("status")
        warning = status["warnings"][0]
        for word in ("removed from the federation", "une", "stays yours", "maillon export"):
            self.assertIn(word, warning)
        self.assertIn("Warning: this member was removed", b.run("status", json_output=False).out)
        self.assertIn("exclu de la fédération", b.run("status", lang="fr", json_output=False).out)
        for command in (("put", "lieux", "nom=non"), ("propose", "charter", "quorum", "2"), ("leave",),
                        ("space", "create", "x"),
                        ("import", self.write("l.csv", "id,nom\n1,non\n"), "--collection", "lieux",
                         "--source", "s")):
            error = self.refuses(b, 4, *command)
            self.assertIn("removed from the federation", error["message"])
            self.assertIn("maillon export", error["hint"])
        self.assertIn("mien", b.run("export", "--collection", "lieux", json_output=False).out)
        b.ok("backup", "-o", self.path("copie"))
        # Back by an admission that knows of it, it gets all that it missed.
        a.ok("propose", "admit", "deux")
        b.stop()
        self.synced(b)
        self.assertEqual(b.ok("status")["membership"], "member")
        self.assertEqual(b.ok("find", "lieux")["total"], 2)
        self.assertNotIn("misbehaved", a.log() + b.log())

    def test_who_hears_from_a_peer_that_this_may_not_read_any_more_agrees_with_it(self):
        a, b, c = self.federation("une", "deux", "trois")
        a.ok("propose", "narrow", "catalogue/16", "--reader", "trois")
        self.converge(a, c)
        b.ok("put", "lieux", "nom=jamais envoyé")
        c.serve()
        b.ok("peer", "add", f"ws://127.0.0.1:{c.port}")
        self.assertTrue(b.ok("sync", "--wait", 30)["converged"])
        self.assertEqual(b.digests()["annuaire"], c.digests()["annuaire"])
        self.assertEqual(self.names(c), [])

    def test_nor_does_a_stick_bring_it_what_it_may_no_longer_read(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        a.ok("put", "lieux", "nom=avant")
        self.converge(*nodes)
        a.ok("propose", "remove", "deux")
        a.ok("propose", "narrow", "catalogue/16", "--reader", "trois")
        a.ok("put", "lieux", "nom=zzcanari")
        stick = self.path("stick")
        a.ok("bundle", "export", "--force", "-o", stick)
        for node in (b, c):
            # In one go with what takes the right away, and once more.
            for _ in range(2):
                self.assertEqual(node.ok("bundle", "import", stick)["not_for_us"] > 0, True)
            with open(os.path.join(node.dir, "maillon.db"), "rb") as db:
                self.assertFalse(b"zzcanari" in db.read())
            self.assertEqual(self.names(node), ["avant"])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        a.ok("propose", "widen", "catalogue/16", "--reader", "trois")
        self.converge(a, c)
        self.assertEqual(self.names(c), ["avant", "zzcanari"])
        self.assertEqual(a.digests(), c.digests())

    def test_who_is_connected_when_it_is_removed_learns_that_at_once(self):
        a = self.founder("une")
        a.serve()
        b = self.joined(a, "deux")
        b.serve()
        self.synced(b, a)
        before = self.commits(b)
        a.ok("propose", "remove", "deux")
        a.ok("space", "create", "secrets")
        self.eventually("it is told", lambda: b.ok("status")["membership"] == "former")
        self.assertEqual(self.commits(b), before + 1)
        self.assertNotIn("misbehaved", a.log() + b.log())

    def test_a_name_that_means_two_spaces_means_neither(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        # Neither knows of the other's yet.
        a.ok("space", "create", "projets", "--reader", "une")
        b.ok("space", "create", "projets")
        a.ok("put", "--space", "projets", "idees", "nom=entre nous")
        self.converge(*nodes)
        [closed, public] = sorted((s for s in a.ok("space", "list")["spaces"] if s["name"] == "projets"),
                                  key=lambda s: s["readers"] == ["all"])
        self.assertEqual((closed["meant_by_name"], public["meant_by_name"]), (False, False))
        ids = closed["space_id"], public["space_id"]
        self.assertEqual([len(one) for one in ids], [64, 64])
        for command in (("put", "--space", "projets", "idees", "nom=à tous"),
                        ("find", "--space", "projets", "idees"), ("space", "subscribe", "projets"),
                        ("propose", "widen", "projets", "--reader", "deux"),
                        ("propose", "narrow", "projets", "--writer", "deux")):
            error = self.refuses(a, 1, *command)
            for word in (*ids, "read by: une", "read by: everybody", "means 2 spaces"):
                self.assertIn(word, error["message"], command)
        french = self.refuses(a, 1, "find", "--space", "projets", "idees", lang="fr")["message"]
        for word in ("désigne 2 espaces", "lu par : une", "lu par : tous"):
            self.assertIn(word, french)
        for one in ids:
            self.assertIn("projets = " + one, a.run("space", "list", json_output=False).out)
        # An id always means that space, and hints and decisions name it.
        a.ok("put", "--space", ids[1], "idees", "nom=à tous")
        self.assertEqual([a.ok("find", "--space", one, "idees")["total"] for one in ids], [1, 1])
        hint = a.run("find", "idees", json_output=False).err
        for one in ids:
            self.assertIn("--space " + one, hint)
        made = a.ok("propose", "widen", ids[0], "--reader", "trois")
        self.assertIn(f"`projets` ({ids[0]})", a.ok("proposal", "show", made["id"])["proposals"][0]["text"])
        self.converge(*nodes)
        # Where one of them alone is to be read, the name is enough.
        self.assertEqual({s["space_id"]: s["meant_by_name"] for s in b.ok("space", "list")["spaces"]
                          if s["name"] == "projets"}, {ids[0]: False, ids[1]: True})
        b.ok("put", "--space", "projets", "idees", "nom=de deux")
        self.assertEqual(b.ok("find", "--space", ids[1], "idees")["total"], 2)
        self.assertIn("projets = " + ids[0], b.run("space", "list", json_output=False).out)
        self.assertNotIn("projets = " + ids[1], b.run("space", "list", json_output=False).out)
        self.refuses(c, 1, "find", "--space", "projets", "idees")
        self.refuses(a, 3, "find", "--space", "0" * 64, "idees")

    def test_whoever_calls_a_space_as_another_is_numbered_takes_nothing_of_it(self):
        a, b = nodes = self.federation("une", "deux")
        own = {s["name"]: s["space_id"] for s in a.ok("space", "list")["spaces"]}["catalogue/16"]
        b.ok("space", "create", own)
        self.converge(*nodes)
        a.ok("put", "--space", own, "lieux", "nom=ici")
        self.assertEqual(a.ok("find", "lieux")["total"], 1)
        [other] = [s for s in a.ok("space", "list")["spaces"] if s["name"] == own]
        self.assertFalse(other["meant_by_name"])
