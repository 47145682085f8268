"""One key on two machines, records that belong to somebody, quotas: by the command line alone."""

import json
import shutil

from harness import Case


class Quarrels(Case):
    def test_one_key_on_two_machines(self):
        a, b, c, d = self.federation("une", "deux", "trois", "quatre")
        twin = self.node("jumelle")
        shutil.copytree(d.dir, twin.dir)
        shutil.copy(d.words, twin.words)
        # A snapshot of a virtual machine: nothing tells the copy from its original.
        for one in (d, twin):
            one.env = {"MAILLON_FAULT": "incarnation_reused"}
        first, second = [f"original {i}" for i in range(50)], [f"copie {i}" for i in range(50)]
        for one, names in ((d, first), (twin, second)):
            for name in names:
                one.ok("put", "lieux", f"nom={name}")
        # Each half of the federation meets one of them, then all meet.
        self.converge(a, d)
        self.converge(b, twin)
        self.converge(a, b, c, d, twin)
        everybody = (a, b, c, d, twin)
        proofs = [node.ok("evidence")["evidence"] for node in everybody]
        for seen in proofs:
            self.assertEqual([e["kind"] for e in seen], ["fork"])
            self.assertEqual(seen[0]["node_id"], proofs[0][0]["node_id"])
        self.assertEqual([n.digests() for n in everybody[1:]], [a.digests()] * 4)
        for node in everybody:
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        # The proof stands by itself, without any folder.
        proof = self.write("preuve.json", json.dumps(a.ok("evidence")))
        stranger = self.node("inconnue")
        self.assertTrue(stranger.ok("evidence", "--check", proof)["valid"])
        forged = json.loads(open(proof, encoding="utf-8").read())
        signature = forged["evidence"][0]["headers"][0]["signature"]
        forged["evidence"][0]["headers"][0]["signature"] = ("1" if signature[0] == "0" else "0") + signature[1:]
        self.assertEqual(stranger.run("evidence", "--check", self.write("faux.json", json.dumps(forged))).code, 6)
        # What proves nothing is refused with the reason, in either language.
        one = proofs[0][0]["headers"][0]
        federation = a.ok("evidence")["federation_id"]
        for headers, reason, raison in (([[one, one]], "twice the same commit", "deux fois le même commit"),
                                        ([[one]], "neither two headers", "ni deux en-têtes"),
                                        ([], "holds no proof", "ne contient aucune preuve")):
            file = self.write("rien.json", json.dumps(
                {"federation_id": federation, "evidence": [{"headers": h} for h in headers]}))
            for lang, words in (("en", reason), ("fr", raison)):
                error = self.refuses(stranger, 6, "evidence", "--check", file, lang=lang)
                self.assertIn(words, error["message"])
        # The victim is told, and shown the way out.
        refused = d.run("put", "lieux", "nom=suite")
        self.assertEqual(refused.code, 4)
        self.assertIn("node rotate", refused.json["error"]["hint"])
        for one in (d, twin):
            one.env = {}
            one.ok("node", "rotate", "--words-file", one.words)
            self.assertGreater(one.ok("reissue")["reissued"], 0)
            self.assertEqual(one.ok("reissue")["reissued"], 0)
            one.ok("put", "lieux", f"nom=suite de {one.name}")
        self.converge(*everybody)
        wanted = sorted(first + second + ["suite de quatre", "suite de jumelle"])
        for node in everybody:
            self.assertEqual(self.names(node), wanted, node.name)
            self.assertEqual(node.ok("conflicts", "lieux")["conflicts"], [])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.assertEqual([n.digests() for n in everybody[1:]], [a.digests()] * 4)

    def test_a_record_belongs_to_its_owner_and_then_to_its_heir(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        made = b.ok("put", "lieux", "--key", "siège", "nom=chez nous")
        again = b.ok("put", "lieux", "--key", "siège", "commune=Cognac")
        self.assertEqual(again["id"], made["id"])
        self.converge(*nodes)
        refused = c.run("put", "lieux", "--id", made["id"], "nom=à moi")
        self.assertEqual(refused.code, 4)
        self.assertIn("deux", refused.json["error"]["message"])
        # A program that writes all the same changes nothing, for anybody.
        c.ok("put", "lieux", "--id", made["id"], "nom=à moi",
             env={"MAILLON_FAULT": "writes_without_right"})
        self.converge(*nodes)
        for node in nodes:
            shown = node.ok("get", "lieux", made["id"])
            self.assertEqual(shown["fields"], {"commune": "Cognac", "nom": "chez nous"}, node.name)
            self.assertEqual(node.ok("conflicts", "lieux")["conflicts"], [])
        # Two becomes part of three: what three wrote counts from then on, also from before.
        a.ok("propose", "succession", "deux", "trois")
        self.converge(*nodes)
        for node in nodes:
            self.assertEqual(node.ok("get", "lieux", made["id"])["fields"]["nom"], "à moi", node.name)
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        c.ok("put", "lieux", "--id", made["id"], "nom=chez trois")
        self.converge(*nodes)
        self.assertEqual(a.ok("get", "lieux", made["id"])["fields"]["nom"], "chez trois")
        self.assertEqual(a.digests(), b.digests())

    def test_who_writes_beyond_the_charter_is_refused_with_a_way_out(self):
        a, b = nodes = self.federation("une", "deux")
        a.ok("propose", "charter", "feed_ops_max", "3")
        self.converge(*nodes)
        for name in "123":
            b.ok("put", "lieux", f"nom={name}")
        refused = b.run("put", "lieux", "nom=4")
        self.assertEqual(refused.code, 4)
        self.assertIn("feed_ops_max", refused.json["error"]["hint"])
        self.converge(*nodes)
        self.assertEqual(self.names(a), ["1", "2", "3"])
        # What is there already and beyond a lower limit is kept apart, and comes back with it.
        a.ok("propose", "charter", "feed_ops_max", "2")
        self.converge(*nodes)
        self.assertEqual(self.names(a), ["1", "2"])
        self.assertEqual(self.names(b), ["1", "2"])
        self.assertEqual(a.digests(), b.digests())
        a.ok("propose", "charter", "feed_ops_max", "100")
        self.converge(*nodes)
        for node in nodes:
            self.assertEqual(self.names(node), ["1", "2", "3"])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.assertEqual(a.digests(), b.digests())

    def test_six_members_cut_in_halves(self):
        """One half admits X while the other removes A; a seventh comes later."""
        names = ("A", "B", "C", "D", "E", "F")
        a, b, c, d, e, f = nodes = self.federation(*names)
        made = a.ok("propose", "charter", "quorum", "2")
        for other in ("B", "C"):
            made = a.ok("propose", "delegate", other)
            if made["status"] != "passed":
                self.converge(*nodes)
                b.ok("vote", made["id"])
            self.converge(*nodes)
        # The half of A admits X ...
        a.serve()
        x = self.asks(a, "X")
        a.stop()
        self.converge(a, d, e)
        admission = [p for p in d.ok("proposal", "list")["proposals"] if p["kind"] == "admit" and p["status"] == "open"]
        self.assertEqual(len(admission), 1)
        d.ok("vote", admission[0]["id"])
        e.ok("vote", admission[0]["id"])
        self.converge(a, d, e)
        self.assertIn("X", {m["name"] for m in d.ok("member", "list")["members"]})
        # ... while the other removes A.
        removal = b.ok("propose", "remove", "A")
        self.converge(b, c, f)
        c.ok("vote", removal["id"])
        self.converge(b, c, f)
        self.assertEqual(self.status_of(c, "A"), "former")
        # They meet.
        self.converge(a, b, c, d, e, f)
        described = {json.dumps(self.people(node)) for node in (b, c, d, e, f)}
        self.assertEqual(len(described), 1, described)
        self.assertEqual(self.status_of(b, "A"), "former")
        self.assertEqual(self.status_of(b, "X"), "member")
        # A seventh.
        b.serve()
        g = self.asks(b, "G")
        b.stop()
        self.converge(b, c)
        pending = [p for p in c.ok("proposal", "list")["proposals"] if p["kind"] == "admit" and p["status"] == "open"]
        c.ok("vote", pending[0]["id"])
        self.converge(b, c)
        b.serve(port=b.port)
        g.serve()
        self.eventually("the seventh is a member", lambda: g.run("member", "list").code == 0
                        and self.status_of(g, "G") == "member")
        b.stop()
        g.stop()
        self.converge(b, c, d, e, f, g)
        described = {json.dumps(self.people(node)) for node in (b, c, d, e, f, g)}
        self.assertEqual(len(described), 1, described)
        self.assertEqual(len({json.dumps(n.digests(), sort_keys=True) for n in (b, c, d, e, f, g)}), 1)

    def asks(self, host, name):
        """Joins as far as one vote brings it."""
        node = self.node(name)
        code = host.ok("invite", "--region", "16")["code"]
        node.init()
        self.assertEqual(node.run("join", code, "--wait", 30).json["status"], "pending")
        return node

    def people(self, node):
        return sorted((m["member_id"], m["name"], m["status"], m["delegate"])
                      for m in node.ok("member", "list")["members"])

    def status_of(self, node, name):
        return {m["name"]: m["status"] for m in node.ok("member", "list")["members"]}.get(name)


