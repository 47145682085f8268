"""Copies, checks, and what happens when something is wrong with the disk."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import time

import harness
from harness import Case, Node, lieux

FAULTS = ("killed_with_half_a_database", "killed_before_the_key", "killed_after_the_key",
          "killed_before_the_database")


class Backup(Case):
    def test_backup_and_restore(self):
        a = self.founder()
        a.ok("import", lieux("le-havre.1.json"), "--collection", "lieux")
        saved = self.path("saved")
        done = a.ok("backup", "-o", saved)
        self.assertEqual(done["bytes"], os.path.getsize(saved))
        self.assertEqual(os.stat(saved).st_mode & 0o777, 0o600)
        self.refuses(a, 1, "backup", "-o", saved)
        self.assertEqual([f for f in os.listdir(a.dir) if f.startswith("tmp-")], [])
        digests = a.digests()
        shutil.rmtree(a.dir)
        back = a.ok("restore", saved)
        self.assertEqual(back["member_id"], a.ok("status")["member_id"])
        self.assertEqual(a.digests(), digests)
        # A new life writes a feed of its own.
        a.ok("put", "lieux", "nom=Après")
        space = {s["name"]: s for s in a.ok("status")["spaces"]}["catalogue/16"]
        self.assertEqual(space["feeds"], 2)
        self.assertEqual(a.ok("verify", "--deep")["errors"], [])
        self.refuses(a, 1, "restore", saved)

    def test_a_restore_cut_short_is_made_by_the_next_try(self):
        a = self.founder()
        a.ok("import", lieux("le-havre.1.json"), "--collection", "lieux")
        saved = self.path("saved")
        a.ok("backup", "-o", saved)
        for i, fault in enumerate(FAULTS):
            b = self.node(f"b{i}")
            done = b.run("restore", saved, env={"MAILLON_FAULT": fault})
            self.assertEqual(done.code, -9, f"{fault}: {done.out}{done.err}")
            if fault == FAULTS[-1]:
                # All was made: whoever looks next puts it in place.
                self.assertIn("whole now", self.refuses(b, 1, "restore", saved)["hint"])
            else:
                self.refuses(b, 3, "status")
                b.ok("restore", saved)
            self.assertEqual(b.digests(), a.digests(), fault)
            self.assertEqual(b.ok("verify", "--deep")["errors"], [])
            self.assertEqual({f for f in os.listdir(b.dir) if "init" in f}, set(), fault)
            b.ok("put", "lieux", "nom=Après")
        # A folder that holds anything else is left alone, and a try that fails leaves none.
        c = self.node("c")
        os.mkdir(c.dir)
        other = self.write(os.path.join("c", "notes.txt"), "à moi")
        self.assertIn("not empty", self.refuses(c, 1, "restore", saved)["message"])
        self.assertEqual(open(other, encoding="utf-8").read(), "à moi")
        d = self.node("d")
        self.assertNotEqual(d.run("restore", self.write("bad", "bonjour")).code, 0)
        self.assertFalse(os.path.exists(d.dir))

    def test_a_restore_killed_at_any_moment_goes_on(self):
        a = self.founder()
        a.ok("import", lieux("le-havre.1.json"), "--collection", "lieux")
        saved = self.path("saved")
        a.ok("backup", "-o", saved)
        chance = random.Random(29)
        for i in range(12):
            b = self.node(f"b{i}")
            running = subprocess.Popen([harness.MAILLON, "--data", b.dir, "--json", "restore", saved],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.04))
            running.send_signal(signal.SIGKILL)
            running.wait()
            if b.run("status").code != 0:
                b.ok("restore", saved)
            self.assertEqual(b.digests(), a.digests(), f"try {i}")

    def test_while_the_daemon_runs(self):
        a = self.founder()
        a.serve()
        a.ok("put", "lieux", "nom=Un")
        a.ok("backup", "-o", self.path("saved"))
        b = self.node("copie")
        b.ok("restore", self.path("saved"))
        self.assertEqual(b.ok("find", "lieux")["total"], 1)

    def test_no_backup(self):
        node = self.node("n")
        bad = self.write("bad", "bonjour")
        done = node.run("restore", bad)
        self.assertIn(done.code, (1, 6))
        self.assertFalse(os.path.exists(os.path.join(node.dir, "maillon.db")))

    def test_a_plain_copy_never_forks_its_original(self):
        a = self.founder()
        a.ok("put", "lieux", "nom=Un")
        b = Node(self.root, "copie")
        shutil.copytree(a.dir, b.dir)
        for node in (a, b):
            node.ok("put", "lieux", "nom=Deux")
        stick = self.path("stick")
        b.ok("bundle", "export", "--force", "-o", stick)
        self.assertEqual(a.ok("bundle", "import", stick)["rejected"], 0)
        b.ok("bundle", "import", self.exported(a))
        self.assertEqual(a.digests(), b.digests())
        self.assertEqual(a.ok("find", "lieux")["total"], 3)

    def exported(self, node):
        node.ok("bundle", "export", "--force", "-o", self.path("stick2"))
        return self.path("stick2")


class Damage(Case):
    def change(self, node, sql, *values):
        with sqlite3.connect(os.path.join(node.dir, "maillon.db")) as db:
            db.execute(sql, values)
        db.close()

    def rows(self, node, sql):
        db = sqlite3.connect(os.path.join(node.dir, "maillon.db"))
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def verify_fails(self, node, *args):
        done = node.run("verify", *args)
        self.assertEqual(done.code, 6, done.out + done.err)
        self.assertIn("maillon: ", done.err)
        return done.json

    def test_verify_is_content_with_what_is_sound(self):
        a = self.founder()
        a.ok("import", lieux("le-havre.1.json"), "--collection", "lieux")
        for deep in ((), ("--deep",)):
            done = a.ok("verify", *deep)
            self.assertEqual(done["errors"], [])
            self.assertEqual(done["records"], a.ok("find", "lieux")["total"])
        self.assertEqual(done["commits"], sum(s["commits"] for s in a.ok("status")["spaces"]))
        self.assertEqual([f for f in os.listdir(a.dir) if f.startswith("tmp-")], [])

    def test_a_changed_signature_names_its_commit(self):
        a = self.founder()
        commit = a.ok("put", "lieux", "nom=Un")["commit"]
        a.ok("put", "lieux", "nom=Deux")
        self.change(a, "UPDATE log SET signature = zeroblob(64) WHERE cid = ?", bytes.fromhex(commit))
        self.assertEqual(self.verify_fails(a)["errors"][0]["commit"], commit)

    def test_a_changed_body_names_its_commit(self):
        a = self.founder()
        first = a.ok("put", "lieux", "nom=Un")["commit"]
        second = a.ok("put", "lieux", "nom=Deux")["commit"]
        self.change(a, "UPDATE log SET body = (SELECT body FROM log WHERE cid = ?) WHERE cid = ?",
                    bytes.fromhex(first), bytes.fromhex(second))
        self.assertEqual([e["commit"] for e in self.verify_fails(a)["errors"]], [second])

    def test_a_lost_tip(self):
        a = self.founder()
        a.ok("put", "lieux", "nom=Un")
        self.change(a, "DELETE FROM tip")
        self.verify_fails(a)

    def test_a_changed_record_shows_when_folded_again(self):
        a = self.founder()
        made = a.ok("put", "lieux", "nom=Un")
        other = a.ok("put", "lieux", "nom=Deux")
        self.change(a, "UPDATE record SET state = (SELECT state FROM record WHERE rid = ?)"
                       " WHERE rid = ?", bytes.fromhex(other["id"]), bytes.fromhex(made["id"]))
        self.assertEqual(a.ok("verify")["errors"], [])
        errors = self.verify_fails(a, "--deep")["errors"]
        self.assertIn(made["id"], errors[0]["message"])

    def test_a_lost_name_is_told_with_a_way_out(self):
        a = self.founder()
        id = a.ok("put", "lieux", "nom=Un", "zzz=1", "tags+=x", "--type", "tags=set")["id"]
        self.change(a, "UPDATE name SET id = id + 1000 WHERE text IN ('zzz', 'tags')")
        for words in (("status",), ("find", "lieux"), ("find", "lieux", "--text", "un"),
                      ("get", "lieux", id), ("get", "lieux", id, "--authors"),
                      ("history", "lieux", id), ("why", "lieux", id),
                      ("export", "--collection", "lieux", "-o", self.path("out.csv")),
                      ("put", "lieux", "--id", id, "nom=Deux"), ("delete", "lieux", id)):
            self.assertIn("maillon verify", self.refuses(a, 6, *words)["hint"], words)

    def test_a_newer_folder_is_left_alone(self):
        a = self.founder()
        self.change(a, "PRAGMA user_version = 9999")
        error = self.refuses(a, 1, "status")
        self.assertEqual(error["code"], "newer_version")
        self.refuses(a, 1, "serve")
        self.assertEqual(self.rows(a, "PRAGMA user_version"), [(9999,)])

    def test_a_spoiled_database_is_told(self):
        a = self.founder()
        a.ok("import", lieux("le-havre.1.json"), "--collection", "lieux")
        path = os.path.join(a.dir, "maillon.db")
        with open(path, "r+b") as db:
            db.seek(0)
            db.write(b"\0" * 100)
        done = a.run("status")
        self.assertNotIn(done.code, (0, 2, 3))
        self.assertIn("error", done.json)
        with open(path, "wb") as db:
            db.write(b"this is no database, whatever its name says" * 100)
        done = a.run("status")
        self.assertIn(done.code, (1, 6))
        self.assertTrue(done.json["error"]["hint"])

    def test_a_full_disk_loses_nothing_that_was_acknowledged(self):
        a = self.founder()
        made = a.ok("put", "lieux", "nom=Un")
        size = max(os.path.getsize(os.path.join(a.dir, f)) for f in os.listdir(a.dir))
        rows = "".join('{"id": %d, "nom": "%s"}\n' % (i, os.urandom(400).hex()) for i in range(4000))
        path = self.write("s.jsonl", rows)

        def load(more):
            # Files may not grow by more than a little.
            most = size + more
            return self.refuses(a, 1, "import", path, "--collection", "lieux", preexec=lambda:
                                resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))

        error = load(500_000)
        self.assertEqual(error["code"], "full")
        self.assertIn("ulimit", error["hint"])
        self.assertNotIn("imported", error["message"])
        # Room for one commit, and not for two: what is here and what to do do not contradict.
        error = load(5_000_000)
        self.assertRegex(error["message"], r"; 2.000 of the 4.000 rows are imported and stay, .* "
                                           r"the same import again goes on from there")
        self.assertIn("no change is half written", error["hint"])
        self.assertEqual(a.ok("find", "lieux")["total"], 2001)
        self.assertEqual(a.ok("get", "lieux", made["id"])["fields"], {"nom": "Un"})
        self.assertEqual(a.ok("verify", "--deep")["errors"], [])
        done = a.ok("import", path, "--collection", "lieux")
        self.assertEqual((done["created"], done["unchanged"]), (2000, 2000))

    def test_no_file_may_grow_further(self):
        a = self.founder()
        rows = "".join('{"id": %d, "nom": "%s"}\n' % (i, os.urandom(200).hex()) for i in range(300))
        a.ok("import", self.write("s.jsonl", rows), "--collection", "lieux")
        saved, out = self.path("saved"), self.path("out")
        a.ok("backup", "-o", saved)
        few = (40_000, resource.RLIM_INFINITY)

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, few)

        def files():
            return {f for f in os.listdir(a.dir) if not f.endswith(("-wal", "-shm"))}

        before = files()
        large = ("put", "lieux", "nom=" + os.urandom(30_000).hex())
        for words in (("export", "--collection", "lieux", "-o", out), ("backup", "-o", out),
                      ("bundle", "export", "-o", out), large):
            error = self.refuses(a, 1, *words, preexec=limit)
            self.assertEqual(error["code"], "full", words)
            self.assertIn("ulimit", error["hint"])
        done = a.run("backup", "-o", out, lang="fr", json_output=False, preexec=limit)
        self.assertEqual(done.code, 1)
        self.assertRegex(done.err, "^maillon: le système ne laisse plus .* — .*« ulimit -f »")
        b = self.node("b")
        self.refuses(b, 1, "restore", saved, preexec=limit)
        self.assertFalse(os.path.exists(b.dir))
        with open(out, "wb") as table:
            done = subprocess.run([harness.MAILLON, "--data", a.dir, "--lang", "en", "export",
                                   "--collection", "lieux"], stdout=table, stderr=subprocess.PIPE,
                                  timeout=harness.WAIT, preexec_fn=limit)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write to standard output: File too large", done.stderr)
        os.remove(out)
        self.assertEqual([f for f in os.listdir(self.root) if "out" in f], [])
        self.assertEqual(files(), before)
        # A daemon refuses, and goes on.
        a.serve()
        resource.prlimit(a.daemon.pid, resource.RLIMIT_FSIZE, few)
        self.assertEqual(self.refuses(a, 1, *large)["code"], "full")
        resource.prlimit(a.daemon.pid, resource.RLIMIT_FSIZE, (few[1], few[1]))
        a.ok(*large)
        self.assertEqual(a.stop(), 0)
        self.assertEqual(a.ok("find", "lieux")["total"], 301)
        self.assertEqual(a.ok("verify", "--deep")["errors"], [])

    def test_copies_cut_short_go_with_the_next_start(self):
        a = self.founder()
        # A backup holds the node's key: none is to lie about.
        for name in ("tmp-backup-00", "tmp-backup-00.partial", "tmp-backup-00.partial-wal"):
            with open(os.path.join(a.dir, name), "w", encoding="utf-8") as half:
                half.write("x")
        os.mkdir(os.path.join(a.dir, "tmp-verify-00"))
        with open(os.path.join(a.dir, "tmp-verify-00", "fold.db"), "w", encoding="utf-8"):
            pass
        a.ok("status")
        self.assertEqual([f for f in os.listdir(a.dir) if f.startswith("tmp-")], [])


class FullDisk(Case):
    def setUp(self):
        super().setUp()
        self.disk = self.path("disk")
        os.mkdir(self.disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", self.disk],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("needs the right to mount")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=False)

    def fill(self):
        with open(os.path.join(self.disk, "filler"), "wb", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    pass

    def test_reads_go_on_without_a_daemon(self):
        a = self.founder()
        a.dir = shutil.move(a.dir, os.path.join(self.disk, "a"))
        made = a.ok("put", "lieux", "nom=Un")["id"]
        digests = a.digests()
        self.fill()
        status = a.ok("status")
        self.assertIn("full", " ".join(status["warnings"]))
        self.assertEqual(a.digests(), digests)
        self.assertEqual(a.ok("find", "lieux")["total"], 1)
        self.assertEqual(a.ok("get", "lieux", made)["fields"], {"nom": "Un"})
        self.assertEqual(a.ok("conflicts")["conflicts"], [])
        self.assertEqual(len(a.ok("history", "lieux", made)["entries"]), 1)
        a.ok("export", "--collection", "lieux", "-o", self.path("out.csv"))
        self.assertEqual(a.ok("verify")["errors"], [])
        a.ok("backup", "-o", self.path("saved"))
        error = self.refuses(a, 1, "put", "lieux", "nom=Deux")
        self.assertIn(a.dir, error["message"])
        self.assertIn("full", error["message"])
        self.assertNotIn("PRAGMA", error["message"])
        # A restore there says whose fault it is.
        b = self.node("b")
        b.dir = os.path.join(self.disk, "b")
        error = self.refuses(b, 1, "restore", self.path("saved"))
        self.assertIn("full", error["message"])
        self.assertIn("backup", error["hint"])
        os.remove(os.path.join(self.disk, "filler"))
        a.ok("put", "lieux", "nom=Deux")
        self.assertEqual(a.ok("find", "lieux")["total"], 2)

    def test_a_receiver_says_that_its_own_disk_is_full(self):
        a = self.founder("une")
        a.serve()
        b = self.joined(a, "autre")
        b.dir = shutil.move(b.dir, os.path.join(self.disk, "b"))
        b.serve()
        self.assertTrue(b.ok("sync", "--wait", 60)["converged"])
        self.fill()
        rows = "".join('{"id": %d, "nom": "n%d %s"}\n' % (i, i, os.urandom(200).hex())
                       for i in range(8000))
        a.ok("import", self.write("s.jsonl", rows), "--collection", "lieux")
        self.eventually("it notices", lambda: "full" in " ".join(b.ok("status")["warnings"]))
        done = b.run("sync", "--wait", 2)
        self.assertEqual(done.code, 5)
        self.assertIn("this node's disk is full", done.err)
        # It is asked again and again, and says so once.
        self.assertEqual(b.run("sync", "--wait", 3).code, 5)
        self.assertLessEqual(b.log().count("cannot store what a peer sent"), 2)
