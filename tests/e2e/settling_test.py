"""What everybody has had for long is settled, and what it replaced leaves every disk."""

import os

from erasure_test import finds
from harness import Case

OLD = "une ancienne description"


class Settling(Case):
    def setUp(self):
        super().setUp()
        self.all = self.a, self.b, self.away = self.federation("une", "deux", "loin")
        self.place = self.a.ok("put", "lieux", "nom=Mairie")["id"]
        self.a.ok("put", "lieux", "--id", self.place, f"description={OLD} 0")
        self.gone = self.a.ok("put", "lieux", "nom=Fermé", f"description={OLD} aussi")["id"]
        self.converge(*self.all)
        for i in range(1, 30):
            node = self.a if i % 2 else self.b
            node.ok("put", "lieux", "--id", self.place, f"description={OLD} {i}")
            if i % 10 == 0:
                self.converge(self.a, self.b)
        self.converge(self.a, self.b)
        self.b.ok("put", "lieux", "--id", self.place, "description=la bonne")
        self.b.ok("delete", "lieux", self.gone)
        self.converge(self.a, self.b)
        # Settled is only what somebody else has built on.
        self.a.ok("put", "lieux", "nom=Autre")
        self.converge(self.a, self.b)

    def after_400_days(self, *nodes):
        for node in nodes:
            node.env = {"MAILLON_FAULT": "clock_far_ahead"}

    def settled(self, node):
        return [p["status"] for p in node.ok("proposal", "list")["proposals"]
                if p["kind"] == "checkpoint"]

    def let_it_prune(self, node):
        node.serve()
        self.eventually(f"{node.name} prunes", lambda: "are gone" in node.log())
        self.assertEqual(node.stop(), 0)

    def test_replaced_versions_leave_every_disk_and_nobody_sees_a_difference(self):
        before = self.a.digests()
        shown = self.a.ok("get", "lieux", self.place)["fields"]
        self.assertTrue(finds(self.a.dir, OLD))
        self.after_400_days(*self.all)
        self.let_it_prune(self.a)
        self.assertIn("passed", self.settled(self.a))
        self.converge(self.a, self.b)
        self.let_it_prune(self.b)
        for node in (self.a, self.b):
            self.assertFalse(finds(node.dir, OLD), node.name)
            self.assertEqual(node.ok("get", "lieux", self.place)["fields"], shown)
            self.assertEqual(node.digests()["catalogue/16"], before["catalogue/16"])
            node.ok("verify", "--deep")
            self.refuses(node, 3, "get", "lieux", self.gone)
        text = self.a.run("proposal", "list", lang="fr", json_output=False).out
        self.assertIn("arrêté", text)
        # It was settled once; there is nothing new to settle.
        self.let_it_serve(self.a)
        self.assertEqual(self.settled(self.a), ["passed"])

    def let_it_serve(self, node):
        node.serve()
        node.ok("status")
        node.stop()

    def test_who_comes_back_too_late_publishes_again(self):
        mine = self.away.ok("put", "lieux", "nom=Au loin")["id"]
        self.away.ok("put", "lieux", "--id", self.gone, "telephone=05")
        self.after_400_days(*self.all)
        self.let_it_prune(self.a)
        self.converge(*self.all)
        for node in self.all:
            self.refuses(node, 3, "get", "lieux", mine)
            self.refuses(node, 3, "get", "lieux", self.gone)
        why = self.away.run("why", "lieux", mine, json_output=False).out
        self.assertIn("maillon reissue", why)
        warnings = " ".join(self.away.ok("status")["warnings"])
        self.assertIn("reissue", warnings)
        # What is written now would stand before it.
        refused = self.refuses(self.away, 1, "put", "lieux", "--id", mine, "telephone=1")
        self.assertIn("reissue", refused["hint"])
        self.assertEqual(self.away.ok("reissue")["reissued"], 2)
        self.assertEqual(self.away.ok("reissue")["reissued"], 0)
        self.converge(*self.all)
        for node in self.all:
            self.assertEqual(node.ok("get", "lieux", mine)["fields"]["nom"], "Au loin")
            node.ok("verify", "--deep")
        self.assertEqual(len({node.digests()["catalogue/16"] for node in self.all}), 1)

    def test_what_was_forgotten_with_a_delete_is_not_called_whole(self):
        self.away.ok("put", "lieux", "--id", self.gone, "telephone=05")
        self.after_400_days(*self.all)
        self.let_it_prune(self.a)
        self.converge(*self.all)
        self.away.ok("reissue")
        self.converge(*self.all)
        self.assertTrue(self.a.ok("get", "lieux", self.gone)["edit_won_over_delete"])
        refused = self.refuses(self.a, 1, "resolve", "lieux", self.gone, "--keep")
        self.assertIn("forgotten here: description, nom", refused["message"])
        self.assertIn("FIELD=VALUE", refused["hint"])
        self.a.ok("resolve", "lieux", self.gone, "nom=Fermé")
        self.converge(*self.all)
        for node in self.all:
            self.assertEqual(node.ok("get", "lieux", self.gone)["fields"],
                             {"nom": "Fermé", "telephone": "05"})
            self.assertEqual(node.ok("conflicts")["conflicts"], [])
            node.ok("verify", "--deep")

    def test_a_keeper_is_asked_and_says_why_not(self):
        refused = self.refuses(self.a, 1, "propose", "checkpoint", "catalogue/16", "--yes")
        self.assertIn("old enough", refused["message"])
        refused = self.refuses(self.a, 3, "propose", "checkpoint", "nulle-part", "--yes")
        self.assertIn("nulle-part", refused["message"])
        self.after_400_days(*self.all)
        self.converge(self.a, self.b)
        preview = self.a.on_terminal("n\n", "propose", "checkpoint", "catalogue/16").out
        self.assertIn("counts for good", preview)
        made = self.a.ok("propose", "checkpoint", "catalogue/16", "--yes")
        self.assertEqual((made["kind"], made["status"]), ("checkpoint", "passed"))
        self.refuses(self.a, 1, "propose", "checkpoint", "catalogue/16", "--yes")

    def test_a_proposal_that_cannot_pass_any_more_holds_nothing_up(self):
        self.a.ok("propose", "delegate", "deux", "--yes")
        self.converge(self.a, self.b)
        self.after_400_days(*self.all)
        made = self.a.ok("propose", "checkpoint", "catalogue/16", "--yes")
        self.assertEqual(made["status"], "open")
        self.b.ok("leave", "--yes")
        self.converge(self.a, self.b)
        self.a.serve()
        self.eventually("the one who is left settles", lambda: "passed" in self.settled(self.a))

    def test_who_lacks_what_is_settled_is_told(self):
        self.after_400_days(*self.all)
        self.let_it_prune(self.a)
        self.away.ok("space", "subscribe", "catalogue/16", "--off")
        self.converge(*self.all)
        self.away.ok("space", "subscribe", "catalogue/16")
        told = "settled what this node does not have"
        self.assertIn(told, str(self.away.ok("status")["warnings"]))
        self.converge(*self.all)
        self.assertNotIn(told, str(self.away.ok("status")["warnings"]))

    def test_an_erasure_reaches_what_was_forgotten_only_here(self):
        self.after_400_days(*self.all)
        self.let_it_prune(self.a)
        self.assertTrue(finds(self.b.dir, OLD))
        asked = self.a.ok("erase", "lieux", self.place, "--field", "description", "--yes")
        self.a.ok("erasures", "confirm", asked["ids"][0])
        self.converge(self.a, self.b)
        self.b.ok("status")
        history = self.b.ok("history", "lieux", self.place)["entries"]
        self.assertNotIn(OLD, str(history))

    def test_of_what_was_forgotten_no_more_is_erased_than_is_meant(self):
        long = "x" * 90
        def take(version, note):
            row = f"1,NOM,TEL{version} {long},VILLE{version} {long},{note} {version}\n"
            table = self.write("carte.csv", "id,nom,tel,ville,note\n" + row)
            return self.a.ok("import", table, "--collection", "places")
        for version, note in enumerate(("rien", "rien", "Mme Durandal")):
            take(version, note)
        self.converge(self.a, self.b)
        self.b.ok("put", "lieux", "nom=Encore")
        self.converge(self.a, self.b)
        self.away.ok("put", "lieux", "--id", self.gone, "telephone=05")
        self.after_400_days(*self.all)
        self.let_it_prune(self.a)
        self.assertFalse(finds(self.a.dir, "TEL1"))
        told = self.a.run("erase", "places", "1", "--words", "Durandal", "--yes", json_output=False).out
        self.assertIn("of the record", told)
        self.assertIn(": note, where", told)
        self.assertIn("forgotten here already", told)
        done = self.a.ok("erase", "places", "1", "--field", "tel")
        self.assertEqual(done["fields"], ["tel"])
        # The source goes on with the rest.
        done = take(3, "rien")
        self.assertEqual((done["changed"], sorted(w["field"] for w in done["warnings"])), (1, ["note", "tel"]))
        # What a pruned node erased of a deleted record, and what that took along, is not taken for whole.
        self.assertEqual(self.a.ok("erase", "lieux", self.gone, "--field", "nom")["fields"], ["nom"])
        self.converge(*self.all)
        self.away.ok("reissue")
        self.converge(*self.all)
        self.assertFalse(finds(self.b.dir, "TEL1"))
        fields = self.b.ok("get", "places", "1")["fields"]
        self.assertEqual((fields["nom"], fields["ville"]), ("NOM", f"VILLE3 {long}"))
        error = self.refuses(self.b, 1, "resolve", "lieux", self.gone, "--keep")
        self.assertIn("description", error["message"])

    def test_whoever_has_forgotten_it_still_decides_on_it(self):
        self.after_400_days(*self.all)
        self.let_it_prune(self.a)
        self.assertFalse(finds(self.a.dir, "Fermé"))
        asked = self.b.ok("erase", "lieux", self.gone, "--field", "nom")
        self.assertEqual([w["name"] for w in asked["waits_for"]], ["une"])
        self.converge(*self.all)
        self.assertEqual(self.a.ok("erasures", "confirm", asked["ids"][0])["state"], "done")
        self.converge(*self.all)
        for node in self.all:
            self.assertFalse(finds(node.dir, "Fermé"), node.name)
        self.assertTrue(finds(self.b.dir, f"{OLD} aussi"))

    def test_a_checkpoint_under_a_wrong_clock_settles_nothing(self):
        self.after_400_days(self.a)
        self.let_it_prune(self.a)
        self.a.env = {}
        mine = self.away.ok("put", "lieux", "nom=Au loin")["id"]
        self.a.ok("reissue")
        self.converge(*self.all)
        for node in self.all:
            self.assertEqual(node.ok("get", "lieux", mine)["fields"]["nom"], "Au loin")
        self.assertEqual(len({node.digests()["catalogue/16"] for node in self.all}), 1)

    def test_the_disk_shrinks(self):
        for i in range(40):
            self.a.ok("put", "lieux", "--id", self.place, "description=" + os.urandom(4000).hex())
        self.a.ok("put", "lieux", "--id", self.place, "description=courte")
        self.converge(self.a, self.b)
        self.b.ok("put", "lieux", "nom=Encore")
        self.converge(self.a, self.b)
        database = os.path.join(self.a.dir, "maillon.db")
        before = os.path.getsize(database)
        self.after_400_days(self.a)
        self.let_it_prune(self.a)
        # Random digits, packed: half of them.
        self.assertLess(os.path.getsize(database), before - 40 * 3500)
