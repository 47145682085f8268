"""What people are told before they decide, and what is refused because it would make no sense."""

from harness import Case


class Decisions(Case):
    def two(self):
        a = self.founder("une")
        a.serve()
        b = self.joined(a, "deux")
        a.stop()
        self.converge(a, b)
        return a, b

    def test_what_decides_asks_first_or_is_told_yes(self):
        a, b = self.two()
        made = a.ok("propose", "delegate", "deux")
        self.converge(a, b)
        second = a.ok("propose", "charter", "quorum", "2")
        self.converge(a, b)
        node = a.ok("status")["node_id"]
        for command in (("propose", "charter", "secrecy_threshold", "12"), ("vote", second["id"]),
                        ("leave",), ("federation", "refound"), ("space", "create", "projets"),
                        ("node", "revoke", node, "--words-file", b.words),
                        ("node", "rotate", "--words-file", b.words)):
            done = b.run(*command, json_output=False, stdin=b"y\n")
            self.assertEqual(done.code, 2, f"{command}: {done.out}{done.err}")
            self.assertIn("--yes", done.err)
        asked = b.on_terminal("n\n", "space", "create", "projets", "--writer", "une")
        self.assertIn("The space `projets` exists: read by everybody, written by une.", asked.out)
        self.assertNotIn("projets", [s["name"] for s in b.ok("space", "list")["spaces"]])
        self.assertEqual(b.run("space", "create", "projets", "--yes", json_output=False).code, 0)
        self.assertEqual(b.on_terminal("n\n", "vote", second["id"]).code, 1)
        self.assertEqual(b.ok("proposal", "show", second["id"])["proposals"][0]["status"], "open")
        self.assertEqual(b.run("vote", second["id"], "--yes", json_output=False).code, 0)
        self.assertEqual(b.ok("proposal", "show", second["id"])["proposals"][0]["status"], "passed")
        # Any case, and enough digits.
        b.ok("proposal", "show", second["id"][:8].upper())
        self.assertIn("too short", self.refuses(b, 2, "proposal", "show", made["id"][:3])["message"])

    def test_each_shown_id_means_one_proposal(self):
        a = self.founder("une")
        # Founding proposes several spaces in one commit.
        text = a.run("proposal", "list", "--all", json_output=False).out
        shown = {line.split()[0]: line for line in text.splitlines()[1:] if line.strip()}
        listed = a.ok("proposal", "list", "--all")["proposals"]
        self.assertEqual(len(shown), len(listed))
        self.assertGreaterEqual(len(shown), 3)
        for brief, line in shown.items():
            page = a.run("proposal", "show", brief, json_output=False)
            self.assertEqual(page.code, 0, page.err)
            self.assertIn(page.out.splitlines()[0], line)
        for one in listed:
            self.assertEqual(a.ok("proposal", "show", one["id"])["proposals"], [one])
        # The beginning that they share means none of them, and all are named.
        for command in (("proposal", "show"), ("vote",)):
            for prefix in (listed[0]["id"][:12], listed[0]["id"][:64]):
                error = self.refuses(a, 2, *command, prefix)
                for brief in shown:
                    self.assertIn(brief, error["message"])
                self.assertIn("formation", error["message"])
            self.assertIn("peut désigner", self.refuses(
                a, 2, *command, listed[0]["id"][:12], lang="fr")["message"])

    def test_the_last_delegate_goes_only_when_somebody_insists(self):
        a, b = self.two()
        for command in (("propose", "delegate", "une", "--drop"), ("propose", "remove", "une"), ("leave",)):
            self.assertIn("refound", self.refuses(a, 1, *command)["message"])
        asked = a.on_terminal("n\n", "propose", "delegate", "une", "--drop")
        self.assertIn("nobody can remove a member", asked.out)
        self.assertNotIn("refound", a.run("proposal", "list", json_output=False).out)
        self.assertEqual(a.on_terminal("y\n", "propose", "delegate", "une", "--drop").code, 0)
        for page in (("proposal", "list"), ("federation", "show")):
            self.assertIn("federation refound", a.run(*page, json_output=False).out)

    def test_the_last_member_is_promised_nothing(self):
        a = self.founder("une")
        for lang, told in (("en", "this federation ends"), ("fr", "cette fédération s’éteint")):
            error = self.refuses(a, 1, "leave", lang=lang)
            self.assertIn(told, error["message"])
            self.assertNotIn("refound", error["message"] + error["hint"])
        asked = a.on_terminal("o\n", "leave", lang="fr").out
        self.assertIn("cette fédération s’éteint", asked)
        self.assertNotIn("refound", asked)
        shown = a.run("federation", "show", json_output=False).out
        self.assertIn("Essai", shown)
        self.assertIn("this federation ends", shown)
        self.assertNotIn("refound", shown)
        # What is refused anyway is said before anybody must agree.
        for command in (("leave",), ("propose", "charter", "quorum", "2"), ("space", "create", "x")):
            self.assertEqual(a.run(*command, json_output=False).code, 4, command)

    def test_a_node_whose_key_was_taken_back_writes_no_more(self):
        a, b = self.two()
        b.ok("put", "lieux", "nom=Un")
        node = b.ok("status")["node_id"]
        asked = b.on_terminal("n\n", "node", "revoke", node, "--words-file", b.words)
        self.assertIn("this very node", asked.out)
        self.assertIn("last node", asked.out)
        b.ok("node", "revoke", node, "--words-file", b.words)
        table = self.write("l.csv", "id,nom\n1,non\n")
        for command in (("put", "lieux", "nom=non"), ("import", table, "--collection", "lieux", "--source", "s"),
                        ("import", table, "--collection", "lieux", "--source", "s", "--dry-run"),
                        ("propose", "charter", "quorum", "2"), ("leave",), ("reissue",), ("invite",)):
            error = self.refuses(b, 4, *command)
            self.assertIn("taken back", error["message"])
            self.assertIn("init --recover", error["hint"])
        self.assertIn("taken back", b.ok("status")["warnings"][0])
        self.assertEqual(b.ok("find", "lieux")["total"], 1)
        shown = b.run("member", "show", "deux", json_output=False).out
        self.assertIn("(key taken back)", shown)
        # The words, and only they, give the machine another key.
        self.assertIn("node rotate", b.ok("status")["warnings"][0])
        self.refuses(b, 4, "node", "rotate", "--words-file", a.words)
        asked = b.on_terminal("y\n", "node", "rotate", "--words-file", b.words)
        self.assertEqual(asked.code, 0, asked.err)
        self.assertIn("reissue --all", asked.out)
        b.ok("put", "lieux", "nom=Deux")
        self.converge(a, b)
        self.assertEqual(self.names(a), ["Deux", "Un"])

    def test_a_root_key_is_shown_and_is_nobody_elses(self):
        a, b = self.two()
        fresh = self.node("frais")
        key = fresh.init()["member_id"]
        members = {m["name"]: m["member_id"] for m in a.ok("member", "list")["members"]}
        self.assertIn("another member", self.refuses(a, 1, "propose", "root-key", "deux", members["une"])["message"])
        self.refuses(a, 1, "propose", "root-key", "deux", members["deux"])
        # No words make the key of a node.
        for node in (a, b):
            error = self.refuses(a, 1, "propose", "root-key", "deux", node.ok("status")["node_id"])
            self.assertIn("key of a node", error["message"])
        asked = a.on_terminal("n\n", "propose", "root-key", "deux", key)
        self.assertIn(key, asked.out)
        self.assertIn(members["deux"], asked.out)
        made = a.ok("propose", "root-key", "deux", key)
        shown = a.ok("proposal", "show", made["id"])["proposals"][0]
        self.assertEqual(shown["key"], key)
        self.assertIn(key, shown["text"])

    def test_who_may_no_longer_read_is_not_heard_and_is_told_so(self):
        a, b = self.two()
        asked = a.on_terminal("n\n", "propose", "narrow", "catalogue/16", "--reader", "deux")
        self.assertIn("nor be heard", asked.out)
        a.ok("propose", "narrow", "catalogue/16", "--reader", "deux")
        self.converge(a, b)
        self.assertIn("no longer read", self.refuses(b, 4, "put", "lieux", "nom=non")["message"])
        self.assertTrue([w for w in b.ok("status")["warnings"] if "no longer read" in w])
        self.assertIn("there would go nowhere",
                      b.run("space", "list", json_output=False).out)
        listed = {s["name"]: s for s in a.ok("space", "list")["spaces"]}["catalogue/16"]
        self.assertEqual(listed["readers_except"], [b.ok("status")["member_id"]])
        self.assertEqual(listed["writers_except"], [])
        self.assertIn("region 16, except deux", a.run("space", "list", json_output=False).out)

    def test_what_would_change_nothing_is_not_proposed(self):
        a, b = self.two()
        me = a.ok("status")["member_id"]
        for code, command in (
                (1, ("admit", "deux")), (1, ("delegate", "une")), (1, ("delegate", "deux", "--drop")),
                (1, ("succession", "deux", "deux")), (1, ("charter", "quorum", "1")),
                (2, ("charter", "quorum", "0")), (2, ("charter", "quorum", "1001")),
                (2, ("charter", "settlement_days", "0")), (2, ("charter", "name", "  ")),
                (2, ("tellers", "16", "2026-13", "une")), (2, ("tellers", "16", "x", "une")),
                (3, ("tellers", "zz", "2026-09", "une")), (3, ("narrow", "formation", "--writer", "region:99"))):
            self.refuses(a, code, "propose", *command)
        for name in ("a/b/c", "/a", " ", "a\u202eb", ".", "..", "../a", "catalogue/..", "./a"):
            self.refuses(a, 2, "space", "create", name)
        self.refuses(a, 2, "invite", "--region", "zz!")
        c = self.node("trois")
        for name in (" ", "all", "region:17", "a\u202eb", "a\x07b", me[:12]):
            self.refuses(c, 2, "init", "--name", name, "--region", "16", "--words-file", c.words)
        c.ok("init", "--name", "  trois ", "--region", "16", "--words-file", c.words)
        self.assertEqual(c.ok("status")["name"], "trois")
        teller = a.ok("propose", "tellers", "16", "2026-09", "une", "deux")
        text = a.ok("proposal", "show", teller["id"])["proposals"][0]["text"]
        for word in ("une", "deux", "region 16", "2 of them"):
            self.assertIn(word, text)

    def test_access_that_is_or_is_not_there_already_is_not_proposed(self):
        a, b = self.two()
        a.ok("space", "create", "notes", "--reader", "all", "--writer", "une")
        already, nobody = "may do that in `notes` already", "nobody whom this means"
        for words, command in ((already, ("widen", "notes", "--reader", "deux")),
                               (already, ("widen", "notes", "--reader", "region:16", "--writer", "une")),
                               (nobody, ("narrow", "notes", "--writer", "deux")),
                               (nobody, ("narrow", "notes", "--reader", "role:hub"))):
            error = self.refuses(a, 1, "propose", *command)
            self.assertIn(words, error["message"], command)
            self.assertIn("nothing to decide", error["hint"])
        self.assertIn("ont déjà ce droit", self.refuses(
            a, 1, "propose", "widen", "notes", "--reader", "all", lang="fr")["message"])
        # Half of it is something, and what was taken can be given again.
        a.ok("propose", "widen", "notes", "--reader", "deux", "--writer", "deux")
        self.refuses(a, 1, "propose", "widen", "notes", "--writer", "deux")
        a.ok("propose", "narrow", "notes", "--writer", "deux")
        self.refuses(a, 1, "propose", "narrow", "notes", "--writer", "deux")
        a.ok("propose", "widen", "notes", "--writer", "deux")
        a.ok("propose", "narrow", "notes", "--reader", "all")
        a.ok("propose", "widen", "notes", "--reader", "une")

    def test_who_leaves_is_said_to_leave(self):
        a, b = self.two()
        a.ok("space", "create", "carnet", "--reader", "une", "--writer", "all")
        self.converge(a, b)
        asked = b.on_terminal("n\n", "leave", lang="fr")
        self.assertIn("« deux » quitte la fédération : ce qu’il a écrit reste", asked.out)
        made = b.ok("leave")
        self.converge(a, b)
        for node in (a, b):
            for lang, words in (("en", "leaves the federation"), ("fr", "quitte la fédération")):
                pages = (node.ok("proposal", "show", made["id"], lang=lang)["proposals"][0]["text"],
                         node.run("proposal", "list", json_output=False, lang=lang).out)
                for page in pages:
                    self.assertIn(words, page)
                    for other in ("no longer a member", "n’est plus membre", "carnet"):
                        self.assertNotIn(other, page)

    def test_what_makes_no_sense_is_said_before_that_somebody_must_agree(self):
        a, b = self.two()
        for command, words in ((("vote", "0123456789ab"), "no proposal"),
                               (("propose", "remove", "personne"), "no member"),
                               (("propose", "charter", "quorum", "0"), "cannot be"),
                               (("space", "create", "formation"), "already")):
            done = a.run(*command, json_output=False, stdin=b"")
            self.assertNotEqual(done.code, 0)
            self.assertIn(words, done.err)
            self.assertNotIn("--yes", done.err)

    def test_members_of_one_name_are_told_apart(self):
        a, b = self.two()
        a.serve()
        code = a.ok("invite", "--region", "16")["code"]
        other = self.node("autre")
        other.ok("join", code, "--name", "deux", "--words-file", other.words, "--wait", 60)
        a.stop()
        self.refuses(a, 2, "propose", "remove", "deux")
        self.refuses(a, 2, "member", "show", "deux")
        who = other.ok("status")["member_id"]
        made = a.ok("propose", "narrow", "formation", "--writer", who)
        text = a.ok("proposal", "show", made["id"])["proposals"][0]["text"]
        self.assertIn(f"deux ({who[:8]}", text)
        french = a.ok("proposal", "show", made["id"], lang="fr")["proposals"][0]["text"]
        self.assertIn("N’écrivent plus", french)

    def test_the_bounds_of_the_charter_are_explained(self):
        a = self.founder("une")
        shown = a.run("federation", "show", json_output=False).out
        self.assertIn("changes per feed", shown)
        asked = a.on_terminal("n\n", "propose", "charter", "feed_ops_max", "5")
        self.assertIn("At most 5 changes per feed", asked.out)
        self.assertIn("is hidden", asked.out)
        asked = a.on_terminal("n\n", "propose", "charter", "feed_ops_max", "0")
        self.assertIn("No bound", asked.out)

    def shown(self, node, proposal):
        """What it changes, in both languages."""
        return [node.ok("proposal", "show", proposal["id"], lang=lang)["proposals"][0]["text"]
                for lang in ("en", "fr")]

    def test_a_narrowing_says_what_it_leaves_and_its_loser_is_told(self):
        a, b = self.two()
        a.ok("space", "create", "projets")
        self.converge(a, b)
        self.assertEqual(b.ok("status")["rights_taken"], [])
        asked = a.on_terminal("n\n", "propose", "narrow", "projets", "--writer", "deux")
        self.assertIn("as far as the author of the proposal", asked.out)
        french = a.on_terminal("n\n", "propose", "narrow", "projets", "--writer", "deux", lang="fr")
        self.assertIn("pour autant que l’auteur de la proposition", french.out)
        made = a.ok("propose", "narrow", "projets", "--writer", "deux")
        # Unknown to who proposed it.
        b.ok("put", "--space", "projets", "idees", "nom=perdue")
        self.converge(a, b)
        [taken] = b.ok("status")["rights_taken"]
        self.assertEqual((taken["space"], taken["right"], taken["proposal"]),
                         ("projets", "write", made["id"]))
        self.assertTrue(taken["since"])
        [warning] = [w for w in b.ok("status")["warnings"] if "may no longer write there" in w]
        for told in (made["id"][:12], "proposed by une", "maillon propose widen projets --writer"):
            self.assertIn(told, warning)
        told = b.run("status", json_output=False, lang="fr").out
        self.assertIn("Attention : projets : ce membre n’y écrit plus", told)
        self.assertIn("proposée par une", told)
        self.assertEqual((a.ok("status")["rights_taken"], a.ok("status")["warnings"]), ([], []))
        a.ok(*warning[warning.index("maillon propose"):warning.rindex("`")].split()[1:])
        self.converge(a, b)
        self.assertEqual((b.ok("status")["rights_taken"], b.ok("status")["warnings"]), ([], []))

    def test_a_decision_reads_the_same_for_all_and_afterwards(self):
        a, b = self.two()
        a.serve()
        c = self.node("trois")
        code = a.ok("invite", "--region", "53", "--role", "hub")["code"]
        c.ok("join", code, "--name", "trois", "--words-file", c.words, "--wait", 60)
        a.stop()
        a.ok("propose", "delegate", "trois")
        nodes = (a, b, c)
        self.converge(*nodes)

        def alike(proposal):
            texts = [self.shown(node, proposal) for node in nodes]
            self.assertEqual(texts[1:], [texts[0]] * 2)
            return texts[0]

        # One proposes who reads nothing of what it takes, one votes who does.
        made = c.ok("propose", "remove", "deux")
        asked = c.on_terminal("n\n", "propose", "narrow", "catalogue/16", "--writer", "deux")
        self.assertIn("`catalogue/16`, which none of those read", asked.out)
        self.converge(*nodes)
        english, french = alike(made)
        self.assertIn("`catalogue/16`", english)
        self.assertIn("unless a delegate", english)
        self.assertIn("« catalogue/16 »", french)
        a.ok("vote", made["id"])
        self.converge(*nodes)
        english, french = alike(made)
        self.assertNotIn("catalogue/16", english + french)
        # What came later does not change what it did.
        def decide(*words):
            out = a.ok("propose", *words)
            self.converge(*nodes)
            c.ok("vote", out["id"])
            self.converge(*nodes)
            return out

        less = decide("charter", "feed_ops_max", "5000")
        before = alike(less)
        self.assertIn("less than before (10\u202f000\u202f000)", before[0])
        self.assertIn("moins qu’avant", before[1])
        much = decide("charter", "feed_ops_max", "6000")
        self.assertNotIn("less than", alike(much)[0])
        decide("charter", "feed_ops_max", "100")
        self.assertEqual(alike(less), before)
        self.assertNotIn("less than", alike(much)[0])
        keys = []
        for name in ("mots", "autres mots"):
            fresh = self.node(name)
            keys.append(fresh.init()["member_id"])
        first = decide("root-key", "trois", keys[0])
        text = alike(first)
        self.assertIn("instead of " + c.ok("status")["member_id"], text[0])
        second = decide("root-key", "trois", keys[1])
        self.assertIn("instead of " + keys[0], alike(second)[0])
        self.assertEqual(alike(first), text)

    def test_annuaire_is_closed_to_nobody_and_nothing_to_who_has_left(self):
        a, b = self.two()
        a.ok("space", "create", "projets")
        for kind in ("narrow", "widen"):
            for lang, words in (("en", "everybody reads and writes"), ("fr", "tous lisent et écrivent")):
                error = self.refuses(a, 1, "propose", kind, "annuaire", "--writer", "deux", lang=lang)
                self.assertIn(words, error["message"])
        gone = b.ok("status")["member_id"]
        self.converge(a, b)
        b.ok("leave")
        self.converge(a, b)
        for who in ("deux", gone[:12], gone, "member:" + gone):
            for command in (("narrow", "projets", "--writer", who), ("widen", "projets", "--reader", who),
                            ("narrow", "projets", "--writer", "une", "--reader", who)):
                self.assertIn("no longer a member", self.refuses(a, 1, "propose", *command)["message"])
        self.assertIn("n’est plus membre", self.refuses(
            a, 1, "propose", "narrow", "projets", "--writer", "deux", lang="fr")["message"])
        self.refuses(a, 3, "propose", "narrow", "projets", "--writer", "member:" + "0" * 64)
