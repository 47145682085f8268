"""Who is a member, who decides, and what a removal cuts off; all by the command line."""

import base64
import os
import shutil

from harness import Case


class Trust(Case):
    def federation(self, *names, delegates=()):
        nodes = super().federation(*names)
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
        # What is void leaves by no door: not in a file either.
        for form in ("csv", "json", "jsonl"):
            table = a.run("export", "--collection", "lieux", "--format", form, json_output=False).out
            self.assertIn("Cognac", table)
            for void in ("Ailleurs", "après"):
                self.assertNotIn(void, table)
        # It is told, keeps what is its own, and writes no more.
        self.assertEqual(self.members(d)["quatre"], "former")
        self.refuses(d, 4, "put", "lieux", "nom=encore")
        self.assertIn("nom", d.run("export", "--collection", "lieux", "--space", "catalogue/16",
                                   json_output=False).out)
        # Each peer refuses it.
        a.serve()
        d.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.refuses(d, 4, "sync", "--wait", 3)
        d.serve()
        self.eventually("the removed one is told", lambda: any(
            "no longer part of the federation" in p["detail"] for p in d.ok("status")["peers"]))
        self.assertTrue(any("ne fait plus partie de la fédération" in p["detail"]
                            for p in d.ok("status", lang="fr")["peers"]))
        self.assertIn("pas admis : son membre", d.run("status", json_output=False, lang="fr").out)

    def test_a_removed_node_that_cannot_call_is_called_and_told(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        c.serve()
        c.stop()
        self.converge(*nodes)
        a.ok("propose", "remove", "trois")
        # Behind a wall that lets nothing out: its daemon calls nobody.
        c.serve("--no-dial", port=c.port)
        a.serve()
        self.eventually("it is told", lambda: c.ok("status")["membership"] == "former")
        self.assertTrue([w for w in c.ok("status")["warnings"] if "removed" in w])
        self.eventually("the call is over", lambda: not [
            p for p in a.ok("status")["peers"] if p["address"] == f"ws://127.0.0.1:{c.port}"])

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

    def rotations(self, node):
        return {n["node_id"]: n["revoked"] for n in node.ok("node", "list")["nodes"]}

    def test_a_node_takes_a_new_key_without_losing_what_the_old_one_wrote(self):
        a, b = self.federation("une", "deux")
        old = b.ok("status")["node_id"]
        b.ok("put", "lieux", "nom=avant")
        before = self.rotations(b)
        self.refuses(b, 4, "node", "rotate", "--words-file", a.words)
        self.refuses(b, 1, "node", "rotate", "--words-file", self.write("bad", "abandon " * 24))
        stranger = self.node("étrangère")
        stranger.init()
        self.refuses(stranger, 1, "node", "rotate", "--words-file", stranger.words)
        self.assertEqual(self.rotations(b), before)
        self.assertEqual(os.listdir(b.dir).count("node.key.new"), 0)
        # Nobody has seen what the old key wrote, nor hears of the new one before it calls.
        made = b.ok("node", "rotate", "--words-file", b.words)
        self.assertNotEqual(made["node_id"], old)
        self.assertEqual(self.rotations(b), {old: True, made["node_id"]: False})
        b.ok("put", "lieux", "nom=après")
        # The other one does the same meanwhile: the directory leads to a node of its member.
        a.ok("node", "rotate", "--words-file", a.words)
        a.serve(port=a.port)
        self.assertTrue(b.ok("sync", "--wait", 60)["converged"])
        self.assertEqual(self.names(a), ["après", "avant"])
        self.assertEqual(a.digests(), b.digests())
        self.assertEqual(self.members(a), {"une": "member", "deux": "member"})
        self.assertEqual(b.ok("verify", "--deep")["errors"], [])

    def test_a_daemon_takes_its_new_key_over_at_once(self):
        a, b = self.federation("une", "deux")
        a.serve(port=a.port)
        b.serve()
        self.assertTrue(b.ok("sync", "--wait", 60)["converged"])
        # The one that is dialled changes its key, then the one that dials.
        for node, other in ((a, b), (b, a)):
            fresh = node.ok("node", "rotate", "--words-file", node.words)["node_id"]
            self.assertEqual(node.ok("status")["node_id"], fresh)
            node.ok("put", "lieux", f"nom=de {node.name}")
            self.eventually("the peer speaks with the new key", lambda: fresh in [
                p["node_id"] for p in other.ok("status")["peers"] if p["state"] == "connected"])
            self.assertTrue(node.ok("sync", "--wait", 60)["converged"])
        self.assertEqual(self.names(a), ["de deux", "de une"])
        self.assertEqual(a.digests(), b.digests())
        told = [n for m in a.ok("member", "list")["members"] for n in m["nodes"]]
        self.assertEqual(sorted(n["urls"] for n in told if not n["revoked"]),
                         sorted([[f"ws://127.0.0.1:{n.port}"] for n in (a, b)]))
        # An invitation names the new key.
        c = self.joined(a, "trois")
        self.assertEqual(c.ok("sync", "--wait", 60)["converged"], True)
        for node in (a, b):
            self.assertEqual(node.stop(), 0)
        self.assertNotIn("misbehaved", a.log() + b.log())

    def test_a_change_of_key_cut_short_leaves_one_key_or_the_other(self):
        secret = self.write("phrase", "une phrase assez longue\n")
        a = self.node("une")
        a.env = {"MAILLON_PASSPHRASE_FILE": secret}
        a.init("--passphrase-file", secret)
        a.ok("federation", "create", "Essai")
        for fault, changed in (("killed_before_key_change", False), ("killed_after_key_change", True)):
            old = a.ok("status")["node_id"]
            a.ok("put", "lieux", f"nom={fault}")
            done = a.run("node", "rotate", "--words-file", a.words, env={"MAILLON_FAULT": fault})
            self.assertEqual(done.code, -9, done.err)
            self.assertIn("node.key.new", os.listdir(a.dir))
            now = a.ok("status")["node_id"]
            self.assertEqual(now != old, changed)
            self.assertNotIn("node.key.new", os.listdir(a.dir))
            a.ok("put", "lieux", f"nom={fault} {changed}")
            again = a.ok("node", "rotate", "--words-file", a.words)["node_id"]
            self.assertEqual(self.rotations(a)[old], True)
            self.assertEqual(self.rotations(a)[again], False)
        self.assertEqual(a.ok("find", "lieux")["total"], 4)
        self.assertEqual(a.ok("verify", "--deep")["errors"], [])
        # Sealed as before: without the passphrase nothing opens.
        self.refuses(a, 4, "status", env={"MAILLON_PASSPHRASE_FILE": ""})
        # A backup made now holds the new key.
        a.ok("backup", "-o", self.path("copie"))
        b = self.node("restaurée")
        b.env = a.env
        b.ok("restore", self.path("copie"))
        self.assertEqual(b.ok("status")["node_id"], a.ok("status")["node_id"])

    def test_a_certificate_that_is_not_in_order_is_refused_in_words(self):
        a = self.founder("une")
        again = self.node("une-bis")
        made = again.ok("init", "--name", "une", "--region", "16", "--recover", "--words-file", a.words)
        prefix, code = made["certificate"].split(".")
        self.assertEqual(prefix, "node1")  # Else one in 64 would look like an option.
        raw = bytearray(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))
        coded = lambda raw: "node1." + base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
        weak = raw[:32] + bytes.fromhex("ec" + "ff" * 30 + "7f") + raw[64:]
        self.assertIn("weak key", self.refuses(a, 1, "node", "add", coded(weak))["message"])
        raw[150] ^= 1
        self.assertIn("did not sign", self.refuses(a, 1, "node", "add", coded(raw))["message"])
        self.refuses(a, 1, "node", "add", coded(raw[:-1]))
        self.assertEqual(len(a.ok("node", "list")["nodes"]), 1)
        self.assertEqual(len(a.ok("node", "add", made["certificate"])["nodes"]), 2)

    def test_many_copies_of_a_folder_ask_for_a_new_key(self):
        a = self.founder("une")
        for i in range(11):
            copy = self.node(f"copie-{i}")
            shutil.copytree(a.dir, copy.dir)
            a = copy
            self.assertEqual([w for w in a.ok("status")["warnings"] if "rotate" in w], [])
            a.ok("put", "lieux", f"nom={i}")
        status = a.ok("status")
        self.assertEqual(status["incarnations"], 12)
        self.assertEqual(len([w for w in status["warnings"] if "maillon node rotate" in w]), 1)
        a.ok("node", "rotate", "--words-file", self.nodes[0].words)
        a.ok("put", "lieux", "nom=encore")
        status = a.ok("status")
        self.assertEqual((status["incarnations"], status["warnings"]), (1, []))
        self.assertEqual(a.ok("find", "lieux")["total"], 12)

    def test_a_clock_off_its_peers_is_told_loudly_and_writes_go_on(self):
        a, b = self.federation("une", "deux")
        self.assertEqual(a.ok("status")["clock"], {"peers": 0, "offset_ms": None, "warning": None})
        a.serve()
        b.env = {"MAILLON_FAULT": "clock_behind"}
        b.serve()
        b.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.assertTrue(b.ok("sync", "--wait", 60)["converged"])
        status = b.ok("status")
        clock = status["clock"]
        self.assertEqual(clock["peers"], 1)
        self.assertGreater(clock["offset_ms"], 170_000)
        self.assertIn(clock["warning"], status["warnings"])
        self.assertIn("Warning: this machine's clock", b.run("status", json_output=False).out)
        self.eventually("the log", lambda: "clock is 1" in b.log() and "set it" in b.log())
        b.ok("put", "lieux", "nom=quand même")
        self.assertTrue(b.ok("sync", "--wait", 60)["converged"])
        self.assertEqual(self.names(a), ["quand même"])

    def test_lost_words_are_replaced_by_a_vote(self):
        a, b = nodes = self.federation("une", "deux")
        b.ok("put", "lieux", "nom=avant")
        member = b.ok("status")["member_id"]
        self.converge(*nodes)
        new = self.node("deux-bis")
        key = new.ok("init", "--name", "deux", "--region", "16", "--words-file", new.words)["member_id"]
        weak = "ec" + "ff" * 30 + "7f"  # the point of order 2
        for bad in ("00" * 32, weak, "ff" * 32):
            self.refuses(a, 2, "propose", "root-key", "deux", bad)
        decided = self.decide(nodes, a, "root-key", "deux", key)
        a.serve()
        code = a.ok("invite", "--region", "16")["code"]
        # Its daemon learns whose node it is, and writes as that member at once.
        new.serve()
        self.assertEqual(new.ok("join", code, "--wait", 60)["status"], "admitted")
        self.assertEqual(new.ok("status")["member_id"], member)
        new.ok("put", "lieux", "nom=après")
        self.assertEqual(new.ok("sync", "--wait", 60)["converged"], True)
        # The former words are worth nothing now.
        lost = self.node("deux-ter")
        lost.ok("init", "--name", "deux", "--region", "16", "--recover", "--words-file", b.words)
        code = a.ok("invite", "--region", "16")["code"]
        for lang, told in (("en", "were replaced by decision"), ("fr", "ont été remplacés par la décision")):
            error = self.refuses(lost, 1, "join", code, "--wait", 60, lang=lang)
            for word in (told, decided[:12], "une"):
                self.assertIn(word, error["message"])
            self.assertIn("init --recover", error["hint"])
        self.assertEqual(lost.ok("status")["membership"], "none")
        # Nor do they help on the machines that the member has.
        error = self.refuses(new, 4, "node", "rotate", "--words-file", b.words)
        self.assertIn(decided[:12], error["message"])
        # Replaced once more: of the second words it is said just as well.
        third = self.node("deux-quater")
        again = third.ok("init", "--name", "deux", "--region", "16", "--words-file", third.words)["member_id"]
        decided = a.ok("propose", "root-key", "deux", again)["id"]
        for words in (b.words, new.words):
            late = self.node("retard-" + os.path.basename(words))
            late.ok("init", "--name", "deux", "--region", "16", "--recover", "--words-file", words)
            self.assertIn(decided[:12], self.refuses(late, 1, "join", code, "--wait", 60)["message"])
        new.stop()
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

    def test_who_leaves_with_work_that_reached_nobody_takes_nothing_along(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        b.ok("put", "lieux", "nom=partagé")
        self.converge(*nodes)
        b.ok("put", "lieux", "nom=resté")
        told = b.on_terminal("n\n", "leave").out
        self.assertIn("reached no peer", told)
        b.ok("leave", "--yes")
        a.serve()
        b.serve()
        b.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        self.eventually("it is heard of", lambda: self.members(a)["deux"] == "former")
        self.assertEqual(b.stop(), 0)
        self.assertEqual(a.stop(), 0)
        self.assertEqual(self.names(a), ["partagé"])
        self.converge(a, c)
        self.assertEqual(self.names(c), ["partagé"])
        # A stick brings what the line could not.
        self.converge(*nodes)
        for node in (a, c):
            self.assertEqual(self.names(node), ["partagé", "resté"])
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])

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
        # Whoever takes its own right to read away is told what nobody would get any more.
        told = a.on_terminal("n\n", "propose", "narrow", "projets", "--reader", "une").out
        self.assertNotIn("reached no peer", told)
        a.ok("put", "--space", "projets", "idees", "nom=encore seule")
        told = a.on_terminal("n\n", "propose", "narrow", "projets", "--reader", "une").out
        self.assertIn("1 commit(s) written here have reached no peer", told)
        told = a.on_terminal("n\n", "propose", "narrow", "projets", "--reader", "deux").out
        self.assertNotIn("reached no peer", told)
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
