"""What must be forgotten: gone from every byte of every node, and nothing brings it back."""

import glob
import os
import shutil
import sqlite3
import subprocess

from harness import Case

PHONE = "0545987654"
COLUMNS = ["id", "nom", "adresse", "code_postal", "commune", "latitude", "longitude", "services",
           "publics", "horaires", "presentation", "site_web", "frais", "accessibilite", "labels",
           "siret", "courriel", "pivot", "date_maj", "source", "telephone"]
ZSTD = b"\x28\xb5\x2f\xfd"


def unpacked(blob):
    """A frame of zstd, by a program that knows nothing of Maillon."""
    done = subprocess.run(["zstd", "-d", "-q", "-c"], input=blob, capture_output=True, check=False)
    return done.stdout


def blobs(path):
    """Every value of every table of a database."""
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            try:
                rows = db.execute(f'SELECT * FROM "{table}"').fetchall()
            except sqlite3.Error:
                continue  # Of the search index: its content is in other tables.
            for row in rows:
                for value in row:
                    yield value.encode() if isinstance(value, str) else value


def finds(folder, text):
    """Whether `text` stands in any file of a stopped node, as it is or packed."""
    wanted = text.encode()
    for path in glob.glob(os.path.join(folder, "**"), recursive=True):
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            content = file.read()
        if wanted in content:
            return True
        if content.startswith(b"SQLite format 3"):
            for value in blobs(path):
                if isinstance(value, bytes):
                    if wanted in value:
                        return True
                    at = value.find(ZSTD)
                    if at >= 0 and wanted in unpacked(value[at:]):
                        return True
    return False


class Erasure(Case):
    def setUp(self):
        super().setUp()
        self.nodes_of = self.federation("une", "deux", "trois", "quatre", "loin")
        self.a, self.b = self.nodes_of[:2]
        self.csv = self.write("carte.csv", ",".join(COLUMNS) + "\n" + ",".join(
            f"valeur {i}" if i else "7" for i in range(20)) + f",{PHONE}\n" + ",".join(
            ["8"] + [f"autre {i}" for i in range(1, 20)] + ["0545000000"]) + "\n")
        self.import_into(self.a)
        self.converge(*self.nodes_of)

    def import_into(self, node):
        return node.ok("import", self.csv, "--collection", "places")

    def fields(self, node):
        return node.ok("get", "places", "7")["fields"]

    def test_a_phone_number_goes_from_five_nodes_and_stays_gone(self):
        near, far = self.nodes_of[:4], self.nodes_of[4]
        for node in self.nodes_of:
            self.assertEqual(self.fields(node)["telephone"], PHONE)
            node.ok("find", "places", "--text", PHONE)
            self.assertTrue(finds(node.dir, PHONE), node.name)
        old_bundle, old_backup = self.path("old.bundle"), self.path("old.backup")
        self.b.ok("bundle", "export", "-o", old_bundle)
        self.b.ok("backup", "-o", old_backup)

        done = self.a.ok("erase", "places", "7", "--field", "telephone", "--reason", "à sa demande")
        self.assertEqual((done["erased"], done["fields"], done["waits_for"]), (1, ["telephone"], []))
        self.assertFalse(finds(self.a.dir, PHONE))
        self.converge(*near)
        self.converge(*near)
        for node in near:
            self.assertFalse(finds(node.dir, PHONE), node.name)
        one = self.a.ok("erasures")["erasures"][0]
        self.assertEqual((one["state"], one["reason"]), ("done", "à sa demande"))
        self.assertEqual(sorted(n["name"] for n in one["confirmed"]), ["deux", "quatre", "trois", "une"])
        self.assertEqual([n["name"] for n in one["waiting"]], ["loin"])

        # Who was away hears of it at its first contact, through a daemon.
        self.assertTrue(finds(far.dir, PHONE))
        self.a.serve(port=self.a.port)
        far.ok("sync", "--wait", 60)
        self.assertFalse(finds(far.dir, PHONE))
        self.eventually("the last confirmation", lambda: self.a.ok("erasures")["erasures"][0]["waiting"] == [])
        self.a.stop()

        # Neither an old bundle, nor the source, nor an old backup brings it back.
        for node in (self.a, far):
            node.ok("bundle", "import", old_bundle)
        kept_out = [(w["field"], w["line"]) for w in self.import_into(far)["warnings"] if "erased" in w["reason"]]
        self.assertEqual(kept_out, [("telephone", 2)])
        self.assertEqual(far.ok("find", "places", "--text", PHONE)["total"], 0)
        restored = self.node("restored")
        shutil.rmtree(restored.dir, ignore_errors=True)
        restored.ok("restore", old_backup)
        self.assertTrue(finds(restored.dir, PHONE))
        self.converge(self.a, restored)
        for node in (*self.nodes_of, restored):
            self.assertFalse(finds(node.dir, PHONE), node.name)
            fields = self.fields(node)
            self.assertNotIn("telephone", fields)
            for i in range(1, 20):
                self.assertEqual(fields[COLUMNS[i]], f"valeur {i}")
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])
            self.assertEqual(node.ok("find", "places", "--text", "0545000000")["total"], 1)
            history = node.ok("history", "places", "7")["entries"]
            self.assertTrue(next(e for e in history if e["field"] == "telephone")["erased"])

    def test_what_others_wrote_waits_for_their_word(self):
        waits = self.b.ok("erase", "places", "7", "--field", "telephone")["waits_for"]
        self.assertEqual([(w["name"], w["ops"]) for w in waits], [("une", 1)])
        self.converge(*self.nodes_of)
        self.assertNotIn("telephone", self.fields(self.a))
        self.assertTrue(finds(self.a.dir, PHONE))
        one = self.a.ok("erasures")["erasures"][0]
        self.assertEqual((one["state"], [w["name"] for w in one["waits_for"]]), ("waiting", ["une"]))
        self.assertTrue(any("erasure(s) wait" in w for w in self.a.ok("status")["warnings"]))
        told = self.b.run("erase", "places", "8", "--field", "telephone", "--yes", json_output=False).out
        self.assertIn("Hidden, but nothing is erased yet", told)
        # What is hidden is told to nobody, and travels in no proof.
        history = self.a.ok("history", "places", "7")["entries"]
        self.assertIsNone(next(e for e in history if e["field"] == "telephone")["value"])
        self.refuses(self.a, 1, "prove", "places", "7", "-o", self.path("hidden.proof"))
        self.refuses(self.nodes_of[3], 1, "erase", "places", "7", "--field", "telephone")
        trois = self.nodes_of[2]
        self.assertEqual(trois.ok("status")["warnings"], [])
        self.assertIn("neither wrote", self.refuses(trois, 4, "erasures", "confirm", one["id"])["message"])
        self.refuses(trois, 3, "erasures", "confirm", "00000000")
        lifted = self.a.ok("erasures", "lift", one["id"][:10])
        self.assertEqual(lifted["state"], "lifted")
        self.converge(*self.nodes_of)
        self.assertEqual(self.fields(self.b)["telephone"], PHONE)
        again = self.b.ok("erase", "places", "7", "--field", "telephone")
        self.converge(*self.nodes_of)
        self.assertEqual(self.a.ok("erasures", "confirm", again["ids"][0])["state"], "done")
        self.converge(*self.nodes_of)
        for node in self.nodes_of:
            self.assertFalse(finds(node.dir, PHONE), node.name)

    def test_what_is_written_again_unawares_goes_as_well(self):
        record = self.a.ok("put", "lieux", "nom=P", "telephone=0545333444", "notes=Voir Mme Zorglub. Fin.",
                           "--type", "notes=text")["id"]
        self.converge(*self.nodes_of)
        self.b.ok("delete", "lieux", record)
        self.nodes_of[2].ok("put", "lieux", "--id", record, "commune=Cognac")
        self.converge(*self.nodes_of)
        self.a.ok("erase", "lieux", record, "--field", "telephone")
        self.a.ok("erase", "lieux", record, "--field", "notes")
        self.nodes_of[2].ok("resolve", "lieux", record, "--keep")
        late = self.nodes_of[3]
        late.ok("put", "lieux", "--id", record, "telephone=0545333444")
        # The file is imported once more by somebody who has not heard of it.
        self.a.ok("erase", "places", "7", "--field", "telephone")
        self.converge(*self.nodes_of)
        self.converge(*self.nodes_of)
        self.converge(*self.nodes_of)
        for node in self.nodes_of:
            self.assertEqual(node.ok("get", "lieux", record)["fields"], {"nom": "P", "commune": "Cognac"})
            for words in ("0545333444", "Zorglub", PHONE):
                self.assertFalse(finds(node.dir, words), (node.name, words))
            self.assertEqual(node.ok("verify", "--deep")["errors"], [])

    def test_nothing_is_kept_while_some_of_it_is_hidden(self):
        record = self.a.ok("put", "lieux", "nom=P", "telephone=0545333555")["id"]
        self.converge(*self.nodes_of)
        self.a.ok("delete", "lieux", record)
        self.b.ok("put", "lieux", "--id", record, "commune=X")
        self.converge(*self.nodes_of)
        asked = self.nodes_of[2].ok("erase", "lieux", record, "--field", "telephone")["ids"][0]
        self.converge(*self.nodes_of)
        self.assertIn("telephone", self.refuses(self.b, 1, "resolve", "lieux", record, "--keep")["message"])
        self.a.ok("erasures", "lift", asked)
        self.converge(*self.nodes_of)
        self.b.ok("resolve", "lieux", record, "--keep")
        self.converge(*self.nodes_of)
        self.assertEqual(self.a.ok("get", "lieux", record)["fields"],
                         {"nom": "P", "telephone": "0545333555", "commune": "X"})

    def test_whoever_asked_is_told_which_nodes_are_late(self):
        self.a.ok("erase", "places", "7", "--field", "telephone")
        self.converge(*self.nodes_of[:4])
        self.converge(*self.nodes_of[:4])
        self.assertEqual(self.a.ok("status")["warnings"], [])
        # The same on this node's clock a year later.
        self.a.env = self.b.env = {"MAILLON_FAULT": "clock_far_ahead"}
        one = self.a.ok("erasures")["erasures"][0]
        self.assertEqual((one["waiting"], [n["name"] for n in one["overdue"]]), ([], ["loin"]))
        self.assertIn("en retard (plus de 30 jours) : loin",
                      self.a.run("erasures", lang="fr", json_output=False).out)
        late = [w for w in self.a.ok("status")["warnings"] if "not confirmed" in w]
        self.assertEqual(len(late), 1)
        self.assertIn("1 erasure(s) that this member asked for", late[0])
        # Others have nothing to see to.
        self.assertFalse([w for w in self.b.ok("status")["warnings"] if "erasure" in w])
        self.a.env = self.b.env = {}
        self.converge(self.a, self.nodes_of[4])
        self.converge(self.a, self.nodes_of[4])
        self.a.env = {"MAILLON_FAULT": "clock_far_ahead"}
        one = self.a.ok("erasures")["erasures"][0]
        self.assertEqual((one["waiting"], one["overdue"]), ([], []))
        self.assertFalse([w for w in self.a.ok("status")["warnings"] if "erasure" in w])

    def test_a_whole_record_and_a_name(self):
        self.a.ok("put", "places", "--id", "8", "notes=Voir Mme Durand, au fond.", "--type", "notes=text")
        self.a.ok("erase", "places", "8", "--words", "Mme Durand")
        self.assertEqual(self.a.ok("get", "places", "8")["fields"]["notes"], "Voir , au fond.")
        # Words are looked for as people see them, however deep they stand.
        self.a.ok("put", "places", "--id", "8", 'contact:={"nom":"Jean \\"Jojo\\" Dupont"}',
                  'liste:=[{"k":["Zo\\"x\\" Y"]},"b"]', "--type", "liste=list")
        self.a.ok("erase", "places", "8", "--words", 'Jean "Jojo" Dupont')
        self.a.ok("erase", "places", "8", "--words", 'Zo"x" Y')
        fields = self.a.ok("get", "places", "8")["fields"]
        self.assertNotIn("contact", fields)
        self.assertEqual(fields["liste"], ["b"])
        self.assertFalse(finds(self.a.dir, "Durand"))
        self.assertIn("stand nowhere", self.refuses(self.a, 3, "erase", "places", "8", "--words", "Durand")["message"])
        # Of a deleted record some of which was erased, the rest can be put again.
        id = self.a.ok("put", "lieux", "nom=K", f"tel={PHONE}")["id"]
        self.a.ok("delete", "lieux", id)
        self.a.ok("erase", "lieux", id, "--field", "tel")
        self.assertEqual(self.a.run("why", "lieux", id).json["state"], "deleted")
        self.a.ok("erase", "places", "7")
        self.refuses(self.a, 3, "get", "places", "7")
        self.assertEqual(self.a.ok("why", "places", "7")["state"], "erased")
        self.a.ok("put", "places", "--id", "8", "nom=Un", "siret=")
        self.b.ok("put", "places", "--id", "8", "nom=Deux")
        self.a.ok("erase", "places", "8", "--field", "telephone")
        self.converge(*self.nodes_of)
        for field, state in (("adresse", "here"), ("nom", "conflicting"), ("telephone", "erased"),
                             ("siret", "cleared"), ("rien", "absent")):
            done = self.b.run("why", "places", "8", "--field", field)
            self.assertEqual((done.code, done.json["state"]), (3 if state == "absent" else 0, state))
        self.assertFalse(finds(self.a.dir, "valeur 3"))
        self.assertEqual(self.import_into(self.a)["created"], 0)
        self.refuses(self.a, 3, "erase", "places", "7")
        self.converge(*self.nodes_of)
        self.assertFalse(finds(self.b.dir, "valeur 3"))
        self.assertEqual(len({str(n.digests()) for n in self.nodes_of}), 1)

    def test_people_are_asked(self):
        told = self.a.on_terminal("n\n", "erase", "places", "7", "--field", "telephone")
        self.assertEqual(told.code, 1)
        self.assertIn("telephone", told.out)
        self.assertEqual(self.fields(self.a)["telephone"], PHONE)
        self.assertEqual(self.a.ok("erasures")["erasures"], [])
        told = self.a.on_terminal("o\n", "erase", "places", "7", "--field", "telephone", lang="fr")
        self.assertEqual(told.code, 0)
        self.assertIn("Efface pour toujours", told.out)
        self.assertIn("confirmé par 1 nœud(s) sur 5",
                      self.a.run("erasures", lang="fr", json_output=False).out)
        for wrong in (("--field", ""), ("--words", "")):
            self.refuses(self.a, 2, "erase", "places", "7", *wrong)
