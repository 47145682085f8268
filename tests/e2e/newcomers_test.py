"""Newcomers: who must still vote, votes that no longer count, words of nobody, power cuts."""

import os
import random
import signal
import subprocess
import time

import harness
from harness import Case

FAULTS = ("killed_with_half_a_database", "killed_before_the_key", "killed_after_the_key",
          "killed_before_the_database")


class Newcomers(Case):
    def decide(self, nodes, proposer, *words):
        made = proposer.ok("propose", *words)
        self.converge(*nodes)
        return made

    def pending(self, *names):
        """A newcomer whose admission waits for votes of the others; they are offline but the first."""
        nodes = self.federation(*names)
        self.decide(nodes, nodes[0], "charter", "quorum", "3")
        nodes[0].serve()
        code = nodes[0].ok("invite", "--region", "16")["code"]
        newcomer = self.node("nouvelle")
        newcomer.init()
        return nodes, newcomer, code

    def test_who_waits_sees_who_must_still_vote(self):
        (a, b, c), n, code = self.pending("une", "deux", "trois")
        asked = n.ok("join", code, "--wait", 60)
        self.assertEqual(asked["status"], "pending")
        self.assertEqual((asked["votes"], asked["needed"], asked["voted"], asked["missing"]),
                         (1, 3, ["une"], ["deux", "trois"]))
        # Without anybody to ask, on every page where somebody may look.
        joining = n.ok("status")["joining"]
        self.assertEqual((joining["voted"], joining["missing"]), (["une"], ["deux", "trois"]))
        shown = n.ok("proposal", "show", joining["proposal"])["proposals"][0]
        self.assertEqual((shown["status"], shown["missing"]), ("open", ["deux", "trois"]))
        self.assertEqual(n.ok("proposal", "list")["proposals"][0]["id"], joining["proposal"])
        entry = n.ok("member", "show", "nouvelle")["members"][0]
        self.assertEqual(entry["status"], "pending")
        # Others may admit it at any time: it does not go its own way unasked.
        self.refuses(n, 1, "federation", "create", "Autre")
        error = self.refuses(n, 1, "member", "list")
        for page in (n.run("status", json_output=False).out,
                     n.run("proposal", "list", json_output=False).out,
                     n.run("member", "show", "nouvelle", json_output=False).out, error["message"]):
            self.assertIn("1 of 3 votes", page)
            self.assertIn("deux, trois", page)
            self.assertIn("maillon vote " + joining["proposal"], page)
        self.assertIn("peuvent encore voter : deux, trois",
                      n.run("status", json_output=False, lang="fr").out)
        # What it was told to have them type is what they type.
        self.converge(a, b, c)
        b.ok("vote", joining["proposal"])
        self.converge(a, b, c)
        n.serve()
        self.assertEqual(n.ok("join", code, "--wait", 60)["missing"], ["trois"])
        self.assertEqual(n.ok("status")["joining"]["voted"], ["deux", "une"])
        c.ok("vote", joining["proposal"])
        self.converge(a, b, c)
        # Without anybody's asking.
        self.eventually("it is a member", lambda: n.ok("status")["membership"] == "member")
        self.assertIsNone(n.ok("status")["joining"])

    def test_an_admission_whose_voter_was_removed_elsewhere(self):
        """A quorum of one: deux admits somebody while une and trois remove deux."""
        a, b, c = nodes = self.federation("une", "deux", "trois")
        a.ok("put", "lieux", "nom=de une")
        self.decide(nodes, a, "delegate", "trois")
        b.serve()
        code = b.ok("invite", "--region", "16")["code"]
        n = self.node("nouvelle")
        n.init()
        self.assertEqual(n.ok("join", code, "--wait", 60)["status"], "admitted")
        n.ok("sync", "--wait", 60)
        own = n.ok("put", "lieux", "nom=à elle")["id"]
        b.stop()
        made = a.ok("propose", "remove", "deux")
        self.converge(a, c)
        c.ok("vote", made["id"])
        self.converge(a, c)
        # The halves meet; the newcomer is not there, and hears of it from whom it calls.
        self.converge(a, b, c)
        self.assertNotIn("nouvelle", [m["name"] for m in a.ok("member", "list")["members"]])
        self.assertEqual(n.ok("status")["membership"], "member")
        a.serve()
        n.ok("peer", "add", f"ws://127.0.0.1:{a.port}")
        n.serve()
        self.eventually("it is told", lambda: n.ok("status")["membership"] == "lapsed")
        [warning] = [w for w in n.ok("status")["warnings"] if "not, or no longer" in w]
        for told in ("0 of 1 votes", "deux (removed on", "for a vote: trois, une", "maillon vote "):
            self.assertIn(told, warning)
        french = " ".join(n.ok("status", lang="fr")["warnings"])
        self.assertIn("deux (exclu le", french)
        self.assertIn("demandez une voix à : trois, une", french)
        self.assertEqual(n.ok("member", "show", "nouvelle")["members"][0]["status"], "lapsed")
        table = self.write("l.csv", "id,nom\n1,non\n")
        importing = ("import", table, "--collection", "lieux", "--source", "s")
        for command in (("put", "lieux", "nom=non"), ("delete", "lieux", own), ("invite",), importing,
                        ("space", "subscribe", "catalogue/16"),
                        (*importing, "--dry-run"), ("propose", "charter", "quorum", "2")):
            self.assertIn("not, or no longer", self.refuses(n, 4, *command)["message"])
        # What it holds of others is there to be read and taken along; of its own, only that it waits.
        self.assertEqual(self.names(n), ["de une"])
        self.assertIn("de une", n.run("export", "--collection", "lieux", json_output=False).out)
        n.ok("bundle", "export", "-o", self.path("emporté"))
        n.ok("backup", "-o", self.path("copie"))
        why = n.ok("why", "lieux", own)
        self.assertEqual(why["state"], "void")
        self.assertIn("maillon vote ", why["next"])
        self.assertIn("can still be read", n.run("space", "list", json_output=False).out)
        # One vote, and it is back with what it wrote.
        a.ok("vote", warning.split("maillon vote ")[1].split("`")[0])
        self.eventually("it is back", lambda: n.run("sync", "--wait", 1).code in (0, 4, 5)
                        and n.ok("status")["membership"] == "member")
        self.assertEqual([w for w in n.ok("status")["warnings"] if "no longer" in w], [])
        self.eventually("what it wrote counts", lambda: self.names(a) == ["de une", "à elle"])

    def test_a_lapsed_newcomer_that_is_alone_in_its_region(self):
        """Its own admission alone declared the spaces that it reads."""
        a, b, c = nodes = self.federation("une", "deux", "trois")
        self.decide(nodes, a, "delegate", "trois")
        b.serve()
        n = self.node("nouvelle")
        n.ok("join", b.ok("invite", "--region", "53")["code"], "--name", "nouvelle",
             "--words-file", n.words, "--wait", 60)
        own = n.ok("put", "lieux", "nom=à elle")["id"]
        b.stop()
        made = a.ok("propose", "remove", "deux")
        self.converge(a, c)
        c.ok("vote", made["id"])
        self.converge(a, b, c)
        a.ok("bundle", "export", "-o", self.path("lot"))
        n.ok("bundle", "import", self.path("lot"))
        self.assertEqual(n.ok("status")["membership"], "lapsed")
        self.assertIn("catalogue/53", [s["name"] for s in n.ok("space", "list")["spaces"]])
        self.assertIn("catalogue/53", n.digests())
        self.assertEqual(self.names(n), [])
        self.assertEqual(n.ok("why", "lieux", own)["state"], "void")
        self.assertEqual([e["value"] for e in n.ok("history", "lieux", own)["entries"]], ["à elle"])
        self.assertIn("not, or no longer", self.refuses(n, 4, "put", "lieux", "nom=non")["message"])
        self.assertIn("formation", n.digests())

    def test_who_waits_while_its_inviter_is_removed(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        self.decide(nodes, a, "charter", "quorum", "3")
        b.serve()
        n = self.node("nouvelle")
        n.init()
        code = b.ok("invite", "--region", "16")["code"]
        self.assertEqual(n.ok("join", code, "--wait", 60)["status"], "pending")
        proposal = n.ok("status")["joining"]["proposal"]
        self.assertFalse(n.ok("status")["joining"]["inviter_gone"])
        self.converge(a, b, c)
        self.assertEqual(a.ok("propose", "remove", "deux")["status"], "passed")
        self.converge(a, b, c)
        # The daemon asks again by itself, and keeps what it was told.
        n.serve()
        self.eventually("it is told", lambda: n.ok("status")["joining"]["inviter_gone"])
        n.stop()
        error = self.refuses(n, 1, "join", code, "--wait", 60)
        self.assertEqual(n.ok("status")["membership"], "joining")
        self.assertEqual(n.ok("status")["joining"]["proposal"], proposal)
        for page in (error["message"] + error["hint"], n.run("status", json_output=False).out,
                     n.run("proposal", "list", json_output=False).out,
                     n.run("proposal", "show", proposal, json_output=False).out,
                     n.run("member", "show", "nouvelle", json_output=False).out,
                     self.refuses(n, 1, "member", "list")["message"]):
            for word in ("1 of 3 votes", "itself no longer a member", "let nobody in"):
                self.assertIn(word, page)
        self.assertIn("any other member", error["hint"])
        self.assertIn("n’est plus lui-même membre", n.run("status", json_output=False, lang="fr").out)
        # A code that is good for nothing changes none of that.
        other = self.founder("autre")
        other.serve()
        once = other.ok("invite", "--region", "16")["code"]
        used = self.node("ailleurs")
        used.init()
        self.assertEqual(used.ok("join", once, "--wait", 60)["status"], "admitted")
        self.assertIn("used already", self.refuses(n, 1, "join", once, "--wait", 60)["message"])
        self.assertEqual(n.ok("status")["joining"]["proposal"], proposal)
        # Meanwhile the others vote, and any of them lets it in.
        for node in (a, c):
            node.ok("vote", proposal)
        self.converge(a, c)
        a.serve()
        fresh = a.ok("invite", "--region", "16")["code"]
        self.assertEqual(n.ok("join", fresh, "--wait", 60)["status"], "admitted")
        self.assertIsNone(n.ok("status")["joining"])

    def test_a_fresh_code_of_a_removed_member_is_refused_in_ones_own_language(self):
        a, b = self.federation("une", "deux")
        b.serve()
        code = b.ok("invite", "--region", "16")["code"]
        a.ok("propose", "remove", "deux")
        self.converge(a, b)
        n = self.node("nouvelle")
        n.init()
        done = n.run("join", code, "--wait", 60, "--yes", lang="fr", json_output=False)
        self.assertEqual(done.code, 1)
        self.assertIn("n’est plus lui-même membre", done.err)
        self.assertEqual([line for line in done.err.splitlines() if "refused" in line], [])
        # Nothing waits for anybody's vote.
        self.assertEqual(n.ok("status")["membership"], "none")

    def test_who_waits_is_refused_alike_whatever_it_tries_and_told_what_is_awaited(self):
        (a, b, c), n, code = self.pending("une", "deux", "trois")
        stick = self.path("lot")
        a.ok("bundle", "export", "-o", stick)
        tries = (("bundle", "import", stick), ("bundle", "export", "-o", self.path("x")),
                 ("put", "lieux", "nom=non"), ("find", "lieux"), ("get", "lieux", "x"),
                 ("delete", "lieux", "x"), ("conflicts",), ("export", "--collection", "lieux", "-o", self.path("y")),
                 ("import", self.write("l.csv", "id,nom\n1,Un\n"), "--collection", "lieux"),
                 ("propose", "remove", "une"), ("propose", "charter", "quorum", "1"), ("vote", "0123456789"),
                 ("leave",), ("space", "create", "projets"), ("space", "list"), ("member", "list"),
                 ("invite",), ("reissue",), ("evidence",), ("erasures",), ("sync", "--wait", 1),
                 ("node", "revoke", n.ok("status")["node_id"], "--words-file", n.words),
                 ("node", "rotate", "--words-file", n.words), ("federation", "show"),
                 ("federation", "refound"), ("schema", "list"))
        n.ok("join", code, "--wait", 0)
        for words in tries:
            self.assertIn("has not answered", self.refuses(n, 1, *words)["message"], words)
        self.assertEqual(n.ok("join", code, "--wait", 60)["status"], "pending")
        for words in tries:
            self.assertIn("1 of 3 votes", self.refuses(n, 1, *words)["message"], words)
            self.assertIn("pas encore membre", self.refuses(n, 1, *words, lang="fr")["message"], words)

    def test_whoever_waits_is_shown_to_the_others_by_name(self):
        (a, b, c), n, code = self.pending("une", "deux", "trois")
        proposal = n.ok("join", code, "--wait", 60)["proposal"]
        self.converge(a, b, c)
        for wanted in ("nouvelle", n.ok("status")["member_id"], n.ok("status")["member_id"][:8]):
            [entry] = b.ok("member", "show", wanted)["members"]
            self.assertEqual((entry["name"], entry["status"], entry["proposal"]),
                             ("nouvelle", "pending", proposal))
        for lang, words in (("en", ("not a member yet", "1 of 3 votes", "deux, trois")),
                            ("fr", ("pas encore membre", "1 voix sur 3", "deux, trois"))):
            page = b.run("member", "show", "nouvelle", json_output=False, lang=lang).out
            for word in (*words, "maillon vote " + proposal):
                self.assertIn(word, page)
        self.refuses(b, 3, "member", "show", "personne")

    def test_a_lapsed_newcomer_that_asks_again(self):
        a, b, c = nodes = self.federation("une", "deux", "trois")
        self.decide(nodes, a, "delegate", "trois")
        b.serve()
        n = self.joined(b, "nouvelle")
        b.stop()
        made = a.ok("propose", "remove", "deux")
        self.converge(a, c)
        c.ok("vote", made["id"])
        self.converge(a, b, c)
        a.ok("bundle", "export", "-o", self.path("lot"))
        n.ok("bundle", "import", self.path("lot"))
        self.assertEqual(n.ok("status")["membership"], "lapsed")
        a.serve()
        code = a.ok("invite", "--region", "16")["code"]
        self.assertEqual(n.ok("join", code, "--wait", 60)["status"], "admitted")
        self.assertEqual(n.ok("status")["membership"], "member")

    def test_words_of_nobody_make_no_member(self):
        a = self.founder("une")
        a.serve()
        stranger = self.node("ailleurs")
        stranger.init()
        lost = self.node("perdue")
        lost.ok("init", "--name", "perdue", "--region", "16", "--recover",
                "--words-file", stranger.words)
        code = a.ok("invite", "--region", "16")["code"]
        error = self.refuses(lost, 1, "join", code, "--wait", 60)
        self.assertIn("of no member", error["message"])
        self.assertIn("without --recover", error["hint"])
        self.assertIn("ne sont ceux d’aucun membre",
                      self.refuses(lost, 1, "join", code, "--wait", 60, lang="fr")["message"])
        self.assertEqual(len(a.ok("member", "list")["members"]), 1)
        self.assertEqual([p for p in a.ok("proposal", "list", "--all")["proposals"]
                          if p["kind"] == "admit"], [])
        # Nothing is used up.
        fresh = self.node("deux")
        fresh.init()
        self.assertEqual(fresh.ok("join", code, "--wait", 60)["status"], "admitted")

    def test_a_folder_cut_short_in_the_making_is_made_by_the_next_try(self):
        a = self.founder("une")
        a.serve()
        for i, fault in enumerate(FAULTS):
            b = self.node(f"b{i}")
            code = a.ok("invite", "--region", "16")["code"]
            join = ("join", code, "--name", b.name, "--words-file", b.words, "--wait", 60)
            done = b.run(*join, env={"MAILLON_FAULT": fault})
            self.assertEqual(done.code, -9, f"{fault}: {done.out}{done.err}")
            before = open(b.words, encoding="utf-8").read()
            self.assertEqual(b.ok(*join)["status"], "admitted", fault)
            # The words that people may have noted already are the right ones.
            self.assertEqual(open(b.words, encoding="utf-8").read(), before)
            b.ok("node", "rotate", "--words-file", b.words)
            left = {"init.member", "maillon.init.db", "node.key.init"} & set(os.listdir(b.dir))
            self.assertEqual(left, set(), fault)
        for i, fault in enumerate(FAULTS):
            c = self.node(f"c{i}")
            c.run("init", "--name", c.name, "--words-file", c.words, env={"MAILLON_FAULT": fault})
            if fault == FAULTS[-1]:
                # All was made: the next one says how to go on.
                self.assertIn("maillon join", self.refuses(
                    c, 1, "init", "--name", c.name, "--words-file", c.words)["hint"])
            else:
                c.ok("init", "--name", c.name, "--words-file", c.words)
            c.ok("federation", "create", "Essai")
            c.ok("node", "rotate", "--words-file", c.words)

    def test_words_of_somebody_else_are_not_taken_for_ones_own(self):
        a = self.founder("une")
        b = self.node("deux")
        b.run("init", "--name", "deux", "--words-file", b.words,
              env={"MAILLON_FAULT": "killed_before_the_key"})
        self.refuses(b, 1, "init", "--name", "deux", "--words-file", a.words)
        self.assertEqual(len(open(a.words, encoding="utf-8").read().split()), 24)

    def test_a_join_killed_at_any_moment_goes_on(self):
        a = self.founder("une")
        a.serve()
        chance = random.Random(23)
        for i in range(12):
            b = self.node(f"b{i}")
            code = a.ok("invite", "--region", "16")["code"]
            join = ["join", code, "--name", b.name, "--words-file", b.words, "--wait", "60"]
            running = subprocess.Popen(
                [harness.MAILLON, "--data", b.dir, "--json", "--quiet", *join],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.06))
            running.send_signal(signal.SIGKILL)
            running.wait()
            self.assertEqual(b.ok(*join)["status"], "admitted", f"try {i}")
            self.assertEqual(len(open(b.words, encoding="utf-8").read().split()), 24)
            b.ok("put", "lieux", f"nom={i}")

    def test_an_inviter_whose_clock_is_known_to_be_wrong(self):
        a, b = self.federation("une", "deux")
        a.serve()
        b.serve()
        code = a.ok("invite", "--region", "16")["code"]
        a.stop()
        a.env = {"MAILLON_FAULT": "clock_far_ahead"}
        a.serve(port=a.port)
        a.ok("peer", "add", f"ws://127.0.0.1:{b.port}")
        self.eventually("it knows", lambda: a.ok("status")["clock"]["warning"])
        self.assertIn("400 days ahead", self.refuses(a, 1, "invite", "--region", "16")["message"])
        n = self.node("nouvelle")
        n.init()
        for lang, told in (("en", "clock of the inviter's node is wrong"),
                           ("fr", "l’horloge du nœud qui invite n’est pas à l’heure")):
            error = self.refuses(n, 1, "join", code, "--wait", 60, lang=lang)
            self.assertIn(told, error["message"])
            self.assertIn("maillon join", error["hint"])
        # The other end is blamed for what it is, wherever one asks.
        self.assertEqual(n.ok("status")["membership"], "joining")
        self.assertIn("clock of the inviter's", n.run("status", json_output=False).out)
        self.assertIn("clock of the inviter's", self.refuses(n, 1, "member", "list")["message"])
        self.assertNotIn("nouvelle", [m["name"] for m in a.ok("member", "list")["members"]])
        # The same code leads in once the clock is set, without anybody's asking.
        n.serve()
        a.stop()
        a.env = {}
        a.serve(port=a.port)
        self.eventually("it is a member", lambda: n.ok("status")["membership"] == "member")
        self.eventually("the others know", lambda: "nouvelle" in [
            m["name"] for m in b.ok("member", "list")["members"]])
