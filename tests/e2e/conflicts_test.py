"""Two members who edit one record apart, and agree again."""

from harness import Case


class Conflicts(Case):
    def setUp(self):
        super().setUp()
        self.a = self.founder("une")
        self.a.serve()
        self.b = self.joined(self.a, "autre")
        self.id = self.a.ok("put", "lieux", "nom=Un", "tel=05")["id"]
        self.b.ok("sync", "--wait", 60)
        self.a.stop()

    def test_both_values_are_kept_until_somebody_decides(self):
        self.a.ok("put", "lieux", "--id", self.id, "tel=0545")
        self.b.ok("put", "lieux", "--id", self.id, "tel=0546")
        self.meet()
        for node in (self.a, self.b):
            conflicts = node.ok("conflicts")["conflicts"]
            self.assertEqual(len(conflicts), 1)
            conflict = conflicts[0]
            self.assertEqual((conflict["collection"], conflict["id"], conflict["field"]),
                             ("lieux", self.id, "tel"))
            self.assertEqual(sorted(conflict["values"]), ["0545", "0546"])
            self.assertEqual({(v["value"], v["author_name"]) for v in conflict["by"]},
                             {("0545", "une"), ("0546", "autre")})
            self.assertEqual(node.ok("conflicts", "lieux")["conflicts"], conflicts)
            self.assertEqual(node.ok("conflicts", "modules")["conflicts"], [])
            self.assertEqual(sorted(node.ok("get", "lieux", self.id)["conflicts"]["tel"]),
                             ["0545", "0546"])
            self.assertEqual(node.ok("why", "lieux", self.id)["state"], "conflicting")
        self.refuses(self.a, 1, "resolve", "lieux", self.id, "nom=Deux")
        self.b.ok("resolve", "lieux", self.id, "tel=0545")
        self.meet()
        for node in (self.a, self.b):
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
            self.assertEqual(node.ok("get", "lieux", self.id)["fields"]["tel"], "0545")
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])

    def test_a_number_and_a_text_that_look_alike_are_told_apart(self):
        for typed, kept in (("tel=5", "5"), ("tel:=5", 5), ('tel:="5"', "5")):
            self.a.ok("put", "lieux", "--id", self.id, "tel=5")
            self.b.ok("put", "lieux", "--id", self.id, "tel:=5")
            self.meet()
            told = self.a.run("conflicts", json_output=False).out
            self.assertIn('    "5"   (', told)
            self.assertIn("    5   (", told)
            self.a.ok("resolve", "lieux", self.id, typed)
            self.assertEqual(self.a.ok("get", "lieux", self.id)["fields"]["tel"], kept)
            self.a.ok("put", "lieux", "--id", self.id, "tel=rien")
            self.meet()

    def test_all_who_say_a_value_are_told_and_their_word_holds(self):
        nodes = self.federation("a", "b", "c")
        id = nodes[0].ok("put", "lieux", "nom=Un")["id"]
        self.converge(*nodes)
        for node, tel in zip(nodes, ("05", "06", "06")):
            node.ok("put", "lieux", "--id", id, f"tel={tel}")
        self.converge(*nodes)
        for node in nodes:
            by = node.ok("conflicts")["conflicts"][0]["by"]
            self.assertEqual(sorted((one["value"], one["author_name"]) for one in by),
                             [("05", "a"), ("06", "b"), ("06", "c")])
            for member, tel in (("a", "05"), ("b", "06"), ("c", "06")):
                dry = node.ok("resolve", "--all", member, "--dry-run")["resolved"]
                self.assertEqual([one["value"] for one in dry], [tel])

    def test_what_one_cleared_and_another_wrote_shows(self):
        self.a.ok("put", "lieux", "--id", self.id, "tel=")
        self.b.ok("put", "lieux", "--id", self.id, "tel=6")
        self.meet()
        for command in (("conflicts",), ("get", "lieux", self.id), ("history", "lieux", self.id)):
            self.assertIn("(cleared)", self.a.run(*command, json_output=False).out)

    def test_all_conflicts_are_decided_at_once_by_a_rule(self):
        other = self.a.ok("put", "lieux", "nom=Deux", "services=wifi|aide")["id"]
        self.meet()
        self.a.ok("put", "lieux", "--id", self.id, "tel=0545")
        self.b.ok("put", "lieux", "--id", self.id, "tel=0546")
        self.a.ok("put", "lieux", "--id", other, "services=wifi|aide|cours")
        self.b.ok("put", "lieux", "--id", other, "services=wifi|prêt")
        self.meet()
        dry = self.a.ok("resolve", "--all", "union", "--dry-run")
        self.assertEqual([(r["field"], r["value"]) for r in dry["resolved"]],
                         [("services", "wifi|prêt|aide|cours")])
        self.assertEqual(dry["left"], 1)
        self.assertEqual(len(self.a.ok("conflicts")["conflicts"]), 2)
        self.a.ok("resolve", "lieux", "--all", "union")
        self.assertEqual(self.a.ok("resolve", "--all", "une")["resolved"][0]["value"], "0545")
        self.meet()
        for node in (self.a, self.b):
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
            self.assertEqual(node.ok("get", "lieux", self.id)["fields"]["tel"], "0545")
            self.assertEqual(node.ok("get", "lieux", other)["fields"]["services"],
                             "wifi|prêt|aide|cours")
        self.assertEqual(self.a.ok("resolve", "--all", "newest"),
                         {"resolved": [], "left": 0, "dry_run": False})
        self.refuses(self.a, 2, "resolve", "lieux", self.id, "--all", "newest")
        self.refuses(self.a, 2, "resolve", "lieux")
        self.assertIn("newest", self.refuses(self.a, 3, "resolve", "--all", "personne")["hint"])

    def test_an_edit_wins_over_a_delete_and_is_shown(self):
        self.a.ok("put", "lieux", "--id", self.id, "tel=0545")
        self.b.ok("delete", "lieux", self.id)
        self.meet()
        for node in (self.a, self.b):
            self.assertTrue(node.ok("get", "lieux", self.id)["edit_won_over_delete"])
            self.assertEqual([c["kind"] for c in node.ok("conflicts")["conflicts"]],
                             ["edit_over_delete"])
        self.a.ok("delete", "lieux", self.id)
        self.meet()
        for node in (self.a, self.b):
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
            self.refuses(node, 3, "get", "lieux", self.id)

    def test_an_edit_that_won_can_be_confirmed(self):
        self.a.ok("put", "lieux", "--id", self.id, "tel=0545")
        self.b.ok("delete", "lieux", self.id)
        self.meet()
        self.a.ok("resolve", "lieux", self.id, "tel=0545")
        self.meet()
        for node in (self.a, self.b):
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
            self.assertEqual(node.ok("get", "lieux", self.id)["fields"]["tel"], "0545")

    def deleted_and_edited(self):
        self.a.ok("put", "lieux", "--id", self.id, "tel=0545")
        self.b.ok("put", "lieux", "--id", self.id, "ville=Cognac")
        self.meet()
        self.a.ok("put", "lieux", "--id", self.id, "tel=0546")
        self.b.ok("delete", "lieux", self.id)
        self.meet()
        self.assertEqual(self.a.ok("get", "lieux", self.id)["fields"], {"tel": "0546"})

    def test_the_whole_record_can_be_kept(self):
        self.deleted_and_edited()
        conflict = self.a.ok("conflicts")["conflicts"][0]
        self.assertEqual((conflict["kind"], conflict["name"], conflict["values"]),
                         ("edit_over_delete", "Un", []))
        keep, drop = conflict["commands"]
        # Nobody cleared what the delete took away.
        for node in (self.a, self.b):
            why = node.ok("why", "lieux", self.id, "--field", "nom")
            self.assertEqual(why["state"], "deleted")
            self.assertIn(keep, why["next"])
        self.assertNotIn("--all", self.a.run("conflicts", json_output=False).out)
        self.assertIn(f"maillon resolve lieux {self.id}", keep)
        self.assertTrue(keep.endswith(" --keep") and drop.endswith(" --delete"))
        shown = self.a.run("conflicts", json_output=False)
        self.assertIn("Un", shown.out)
        self.assertIn(keep, shown.out)
        self.assertIn(drop, shown.out)
        self.a.ok(*keep.split()[1:])
        self.meet()
        for node in (self.a, self.b):
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
            self.assertEqual(node.ok("get", "lieux", self.id)["fields"],
                             {"nom": "Un", "tel": "0546", "ville": "Cognac"})
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
        self.refuses(self.a, 1, "resolve", "lieux", self.id, "--keep")

    def test_what_an_older_delete_took_stays_away(self):
        self.b.ok("delete", "lieux", self.id)
        self.b.ok("put", "lieux", "--id", self.id, "nom=Deux")
        self.meet()
        self.a.ok("put", "lieux", "--id", self.id, "ville=Cognac")
        self.b.ok("delete", "lieux", self.id)
        self.meet()
        self.b.ok("resolve", "lieux", self.id, "--keep")
        self.meet()
        self.assertEqual(self.a.ok("get", "lieux", self.id)["fields"],
                         {"nom": "Deux", "ville": "Cognac"})

    def test_the_delete_can_be_accepted(self):
        self.deleted_and_edited()
        self.refuses(self.b, 2, "resolve", "lieux", self.id, "--keep", "--delete")
        self.b.ok("resolve", "lieux", self.id, "--delete")
        self.meet()
        for node in (self.a, self.b):
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
            self.refuses(node, 3, "get", "lieux", self.id)

    def test_equal_edits_are_no_conflict(self):
        for node in (self.a, self.b):
            node.ok("put", "lieux", "--id", self.id, "tel=0545")
        self.meet()
        self.assertEqual(self.a.ok("conflicts")["conflicts"], [])
