"""Who is a member, who decides, and what a removal cuts off; all by the command line."""

import os

from harness import Case


class Trust(Case):
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

    def federation(self, *names, delegates=()):
        """A founder and further members, admitted through real daemons; then all offline."""
        host = self.founder(names[0])
        host.serve()
        nodes = [host] + [self.joined(host, name) for name in names[1:]]
        host.stop()
        self.converge(*nodes)
        for name in delegates:
            self.decide(nodes, nodes[0], "delegate", name)
        return nodes

    def decide(self, nodes, proposer, *words):
        """Proposes, lets everybody who may vote do so, and spreads it."""
        made = proposer.ok("propose", *words)
        self.converge(*nodes)
        for node in nodes:
            if made["status"] == "passed":
                break
            shown = node.ok("proposal", "show", made["id"])["proposals"][0]
            if shown["status"] == "open" and node.name in shown["missing"]:
                node.ok("vote", made["id"])
                self.converge(*nodes)
                made = {**made, "status": node.ok("proposal", "show", made["id"])["proposals"][0]["status"]}
        self.assertEqual(made["status"], "passed", words)
        return made["id"]

    def members(self, node):
        return {m["name"]: m["status"] for m in node.ok("member", "list")["members"]}

    def names(self, node):
        return sorted(r["fields"]["nom"] for r in node.ok("find", "lieux")["records"])

    def test_delegates_remove_a_member_and_its_later_work_counts_nowhere(self):
        a, b, c, d = nodes = self.federation("une", "deux", "trois", "quatre", delegates=("deux", "trois"))
        kept = d.ok("put", "lieux", "nom=avant")
        self.converge(*nodes)
        made = a.ok("propose", "remove", "quatre")
        self.assertEqual((made["status"], made["votes"], made["needed"]), ("open", 1, 2))
        self.assertEqual(self.members(a)["quatre"], "member")
        # Written by one who does not know yet; the others have it before they vote.
        d.ok("put", "lieux", "--id", kept["id"], "commune=Cognac")
        self.converge(a, b, c, d)
        b.ok("vote", made["id"])
        self.converge(a, b, c)
        for node in (a, b, c):
            self.assertEqual(self.members(node)["quatre"], "former")
            self.assertEqual(node.ok("get", "lieux", kept["id"])["fields"]["commune"], "Cognac",
                             "what the voter had seen stays")
        # Beyond the cut-off, whatever its author knows, and by whatever way it comes.
        d.ok("put", "lieux", "nom=après")
        d.ok("put", "lieux", "--id", kept["id"], "commune=Ailleurs")
        self.converge(a, d, b, c)
        for node in (a, b, c):
            self.assertEqual(self.names(node), ["avant"])
            self.assertEqual(node.ok("get", "lieux", kept["id"])["fields"]["commune"], "Cognac")
            self.assertEqual(node.ok("conflicts", "lieux")["conflicts"], [])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.assertEqual(a.digests(), b.digests())
        self.assertEqual(a.digests(), c.digests())
        # It is told, keeps what is its own, and writes no more.
        self.assertEqual(self.members(d)["quatre"], "former")
        self.refuses(d, 4, "put", "lieux", "nom=encore")
        self.assertIn("nom", d.run("export", "--collection", "lieux", "--space", "catalogue/16",
                                   json_output=False).out)
        # Each peer refuses it.
        a.serve()
        d.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.assertEqual(d.run("sync", "--wait", 3).code, 5)
        d.serve()
        self.eventually("the removed one is told", lambda: any(
            "no longer part of the federation" in p["detail"] for p in d.ok("status")["peers"]))

    def test_who_is_removed_elsewhere_while_it_is_written_to_ends_the_same(self):
        """Two halves decide at once, each validly; healed, all agree."""
        a, b, c, d = nodes = self.federation("une", "deux", "trois", "quatre", delegates=("deux", "trois"))
        one = a.ok("propose", "remove", "quatre")
        self.converge(a, b)
        b.ok("vote", one["id"])
        two = c.ok("propose", "charter", "secrecy_threshold", "15")
        self.converge(c, d)
        self.converge(a, b)
        self.assertEqual(self.members(a)["quatre"], "former")
        self.assertEqual(self.members(c)["quatre"], "member")
        self.converge(*nodes)
        # Made without knowing the removal: nobody may pass it now, but it can be proposed again.
        self.refuses(b, 1, "vote", two["id"])
        self.decide([a, b, c], c, "charter", "secrecy_threshold", "15")
        for node in (a, b, c):
            self.assertEqual(node.ok("federation", "show")["secrecy_threshold"], 15)
            self.assertEqual(self.members(node), self.members(a))
        self.assertEqual(a.digests(), c.digests())

    def test_a_quorum_of_two_makes_a_newcomer_wait_for_another_vote(self):
        a, b = self.federation("une", "deux")
        self.decide([a, b], a, "charter", "quorum", "2")
        a.serve()
        code = a.ok("invite", "--region", "16")["code"]
        c = self.node("trois")
        c.init()
        self.assertEqual(c.ok("join", code, "--wait", 30)["status"], "pending")
        a.stop()
        self.converge(a, b)
        open_ones = [p for p in b.ok("proposal", "list")["proposals"] if p["status"] == "open"]
        self.assertEqual([p["kind"] for p in open_ones], ["admit"])
        self.assertIn("trois", open_ones[0]["text"])
        self.assertEqual(open_ones[0]["missing"], ["deux"])
        b.ok("vote", open_ones[0]["id"])
        self.refuses(b, 1, "vote", open_ones[0]["id"])
        self.converge(a, b)
        self.assertEqual(self.members(a)["trois"], "member")
        # It asks again by itself.
        a.serve(port=a.port)
        c.serve()
        self.eventually("the newcomer is a member", lambda: c.run("member", "list").code == 0
                        and self.members(c).get("trois") == "member")

    def test_the_words_bring_a_lost_machine_back_and_take_its_key_away(self):
        a, b = self.federation("une", "deux")
        b.ok("put", "lieux", "nom=de la machine perdue")
        self.converge(a, b)
        lost = b.ok("node", "list")["nodes"][0]["node_id"]
        a.serve()
        new = self.node("deux-bis")
        made = new.ok("init", "--name", "deux", "--region", "16", "--recover", "--words-file", b.words)
        self.assertEqual(made["member_id"], b.ok("status")["member_id"])
        code = a.ok("invite", "--region", "16")["code"]
        self.assertEqual(new.ok("join", code, "--wait", 60)["status"], "admitted")
        self.assertEqual(new.ok("sync", "--wait", 60)["converged"], True)
        new.ok("put", "lieux", "nom=de la nouvelle machine")
        self.refuses(new, 4, "node", "revoke", lost, "--words-file", a.words)
        new.ok("node", "revoke", lost, "--words-file", b.words)
        self.assertEqual(new.ok("sync", "--wait", 60)["converged"], True)
        self.assertEqual(self.members(a), {"une": "member", "deux": "member"})
        nodes = {n["node_id"]: n["revoked"] for m in a.ok("member", "show", "deux")["members"] for n in m["nodes"]}
        self.assertEqual(nodes, {lost: True, made["node_id"]: False})
        self.assertEqual(b.run("sync", "--wait", 3).code, 5, "nobody speaks with the thief")
        a.stop()
        # What the thief writes with the old key counts nowhere; what was there before stays.
        b.ok("put", "lieux", "nom=du voleur")
        self.converge(a, b, new)
        for node in (a, new):
            self.assertEqual(self.names(node), ["de la machine perdue", "de la nouvelle machine"])
        self.assertEqual(a.digests(), new.digests())

    def test_lost_words_are_replaced_by_a_vote(self):
        a, b = nodes = self.federation("une", "deux")
        b.ok("put", "lieux", "nom=avant")
        member = b.ok("status")["member_id"]
        self.converge(*nodes)
        new = self.node("deux-bis")
        key = new.ok("init", "--name", "deux", "--region", "16", "--words-file", new.words)["member_id"]
        self.refuses(a, 2, "propose", "root-key", "deux", "00" * 32)
        self.decide(nodes, a, "root-key", "deux", key)
        a.serve()
        code = a.ok("invite", "--region", "16")["code"]
        self.assertEqual(new.ok("join", code, "--wait", 60)["status"], "admitted")
        self.assertEqual(new.ok("status")["member_id"], member)
        new.ok("put", "lieux", "nom=après")
        self.assertEqual(new.ok("sync", "--wait", 60)["converged"], True)
        # The former words are worth nothing now.
        lost = self.node("deux-ter")
        lost.ok("init", "--name", "deux", "--region", "16", "--recover", "--words-file", b.words)
        code = a.ok("invite", "--region", "16")["code"]
        done = lost.run("join", code, "--wait", 5)
        self.assertNotEqual(done.code, 0, done.out)
        a.stop()
        self.assertEqual(self.names(a), ["après", "avant"])
        self.assertEqual(self.members(a), {"une": "member", "deux": "member"})

    def test_leaving_needs_no_vote_and_keeps_what_was_shared(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        b.ok("put", "lieux", "nom=partagé")
        self.converge(*nodes)
        self.assertEqual(b.ok("leave")["status"], "passed")
        self.refuses(b, 4, "put", "lieux", "nom=encore")
        self.converge(*nodes)
        self.assertEqual(self.members(a), {"une": "member", "deux": "former", "trois": "member"})
        self.assertEqual(self.names(a), ["partagé"])
        # Back, by an admission that knows of the leaving.
        again = a.ok("propose", "admit", "deux")
        self.assertEqual(again["status"], "passed")
        self.converge(*nodes)
        b.ok("put", "lieux", "nom=revenu")
        self.converge(*nodes)
        self.assertEqual(self.names(c), ["partagé", "revenu"])
        self.assertEqual(a.digests(), c.digests())

    def test_a_space_is_narrowed_and_widened(self):
        a, b = nodes = self.federation("une", "deux")
        a.ok("space", "create", "projets")
        self.converge(*nodes)
        b.ok("put", "--space", "projets", "idees", "nom=une idée")
        self.converge(*nodes)
        self.decide(nodes, a, "narrow", "projets", "--writer", "deux")
        self.refuses(b, 4, "put", "--space", "projets", "idees", "nom=non")
        self.assertEqual(a.ok("find", "--space", "projets", "idees")["total"], 1, "what was there stays")
        self.decide(nodes, a, "widen", "projets", "--writer", "deux")
        b.ok("put", "--space", "projets", "idees", "nom=encore une")
        self.converge(*nodes)
        self.assertEqual(a.ok("find", "--space", "projets", "idees")["total"], 2)
        self.refuses(a, 3, "propose", "remove", "personne")
        self.refuses(a, 2, "propose", "charter", "quorum", "beaucoup")
        self.refuses(a, 3, "vote", "abcdef")

    def test_a_region_keeps_its_catalogue_to_itself(self):
        a = self.founder("charente")
        a.ok("put", "lieux", "nom=zzcanari")
        a.serve()
        code = a.ok("invite", "--region", "53", "--role", "hub")["code"]
        hub = self.node("bretagne")
        hub.ok("join", code, "--name", "bretagne", "--words-file", hub.words, "--wait", 60)
        self.assertEqual(hub.ok("sync", "--wait", 60)["converged"], True)
        self.assertNotIn("catalogue/16", {s["name"] for s in hub.ok("status")["spaces"]})
        a.stop()
        stick = self.path("stick")
        a.ok("bundle", "export", "-o", stick)
        done = hub.ok("bundle", "import", stick)
        self.assertGreater(done["not_for_us"], 0)
        with open(os.path.join(hub.dir, "maillon.db"), "rb") as db:
            self.assertFalse(b"zzcanari" in db.read())
