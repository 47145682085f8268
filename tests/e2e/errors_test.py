"""Every kind of failure has its exit code and says what to do."""

import json
import os
import pty
import re
import select
import shutil
import stat
import subprocess
import time

import harness
from harness import Case


class Usage(Case):
    def test_wrong_words(self):
        node = self.node("n")
        for words in ((), ("frobnicate",), ("peer",), ("peer", "frob"), ("put",), ("put", "lieux"),
                      ("get", "lieux"), ("find", "lieux", "--bogus"), ("init",),
                      ("init", "--name", "x", "--role", "king"), ("find", "lieux", "x", "y"),
                      ("import", "f", "--collection", "lieux", "--format", "xlsx"),
                      ("export", "--collection", "lieux", "--format", "dcat"),
                      ("serve", "--http", "127.0.0.1:8080"), ("depart",), ("votes", "x"),
                      ("find", "lieux", "--where")):
            self.refuses(node, 2, *words)
        self.assertIn("frobnicate", self.refuses(node, 2, "frobnicate")["message"])
        self.assertIn("il n’y a pas de commande",
                      self.refuses(node, 2, "frobnicate", lang="fr")["message"])

    def test_of_a_global_option_given_twice_the_last_holds(self):
        node = self.node("n")
        node.init()
        for first, last, word in (("en", "fr", "Membre"), ("fr", "en", "Member")):
            done = node.run("--lang", first, "status", "--lang", last, json_output=False)
            self.assertEqual(done.code, 0, done.err)
            self.assertIn(word, done.out)

    def test_help_in_both_languages(self):
        node = self.node("n")
        for words in ((), ("peer",), ("peer", "add"), ("import",), ("serve",)):
            english = node.run(*words, "--help", json_output=False)
            french = node.run(*words, "--help", json_output=False, lang="fr")
            self.assertEqual((english.code, french.code), (0, 0))
            self.assertNotEqual(english.out, french.out)
        self.assertIn("Importe un fichier", node.run("--help", json_output=False, lang="fr").out)
        # The locale decides when nobody says.
        for locale, word in (("fr_FR.UTF-8", "Importe"), ("C.UTF-8", "Imports")):
            out = subprocess.run([harness.MAILLON, "--help"], capture_output=True, timeout=60,
                                 env={"PATH": os.environ["PATH"], "LANG": locale}).stdout.decode()
            self.assertIn(word, out)

    def test_globals_before_and_after(self):
        node = self.founder()
        for words in (("status", "--json"), ("--json", "status"), ("member", "list", "--json"),
                      ("member", "--json", "list")):
            done = node.run(*words, json_output=False)
            self.assertEqual(done.code, 0)
            self.assertTrue(done.json)

    def test_bad_numbers(self):
        node = self.founder()
        for words in (("find", "lieux", "--limit", "x"), ("find", "lieux", "--limit", "-1"),
                      ("invite", "--valid", "0"), ("invite", "--valid", "9999"),
                      ("invite", "--url", "http://x"), ("sync", "--wait", "1e9"),
                      ("put", "lieux", "nom"), ("put", "lieux", "=x"), ("put", "lieux", "a:={"),
                      ("put", "lieux", "a=1", "a=2"), ("put", "lieux", "a="),
                      ("find", "lieux", "--where", "x"), ("sync", "--wait", "x"),
                      ("peer", "add", "ws://127.0.0.1:9", "--node-id", "zz")):
            error = self.refuses(node, 2, *words)
            self.assertTrue(error["hint"], words)
            self.assertEqual(error["hint"][0], error["hint"][0].lower(), words)

    def test_french_is_french(self):
        node = self.node("n")
        refused = self.refuses(node, 2, "import", "f", "--collection", "lieux", "--format", "zz",
                               lang="fr")
        self.assertIn("l’un de csv, json", refused["message"])
        self.assertIn("FICHIER", node.run("restore", "--help", json_output=False, lang="fr").out)
        self.assertNotIn("TEXT:", node.run("import", "--help", json_output=False, lang="fr").out)
        node = self.founder("m")
        refused = self.refuses(node, 1, "backup", "-o", self.path("none/x"), lang="fr")
        self.assertIn("introuvable", refused["message"])


class Refusals(Case):
    def test_no_folder(self):
        node = self.node("n")
        self.refuses(node, 3, "status")
        self.refuses(node, 3, "serve")
        self.refuses(node, 3, "restore", self.path("none"))

    def test_no_federation(self):
        node = self.node("n")
        node.init()
        self.assertIsNone(node.ok("status")["federation_id"])
        for words in (("member", "list"), ("put", "lieux", "a=b"), ("find", "lieux"), ("invite",),
                      ("sync",), ("federation", "show"), ("conflicts",), ("reissue",)):
            self.refuses(node, 1, *words)

    def test_twice(self):
        node = self.founder()
        self.refuses(node, 1, "init", "--name", "x", "--words-file", self.path("w2"))
        self.assertFalse(os.path.exists(self.path("w2")))
        self.refuses(node, 1, "federation", "create", "Encore")

    def test_not_found(self):
        node = self.founder()
        for words in (("get", "lieux", "x"), ("get", "lieux", "ab" * 16), ("delete", "lieux", "x"),
                      ("put", "lieux", "--id", "x", "a=b"), ("history", "lieux", "x"),
                      ("member", "show", "x"), ("import", self.path("none"), "--collection", "lieux"),
                      ("find", "lieux", "--space", "x"), ("resolve", "lieux", "x", "a=b")):
            self.refuses(node, 3, *words)

    def test_no_peer(self):
        node = self.founder()
        self.refuses_to_sync(node)
        node.ok("peer", "add", "ws://127.0.0.1:9")
        self.refuses_to_sync(node)

    def refuses_to_sync(self, node):
        done = node.run("sync", "--wait", 1)
        self.assertEqual(done.code, 5, done.err)
        self.assertIn("maillon: ", done.err)

    def test_bad_invitation(self):
        node = self.node("n")
        node.init()
        self.refuses(node, 1, "join", "maillon1.AAAA")
        self.refuses(node, 1, "join", "bonjour")

    def test_what_cannot_be_written(self):
        node = self.founder()
        node.ok("put", "lieux", "nom=Un")
        target = self.write("there", "x")
        for words in (("backup",), ("bundle", "export"), ("export", "--collection", "lieux")):
            self.refuses(node, 1, *words, "-o", self.path("none/x"))
            if words[0] == "export":
                continue
            self.assertIn("--force", self.refuses(node, 1, *words, "-o", target)["hint"])
            node.ok(*words, "--force", "-o", target)
        node.ok("backup", "--force", "-o", target)
        self.assertEqual(stat.S_IMODE(os.stat(target).st_mode), 0o600)
        # Also when there is more than stdio holds back.
        rows = "".join('{"id": %d, "nom": "Lieu n° %d"}\n' % (i, i) for i in range(300))
        node.ok("import", self.write("many.jsonl", rows), "--collection", "beaucoup")
        for words in (("export", "--collection", "lieux"), ("find", "lieux"),
                      ("export", "--collection", "beaucoup"), ("find", "beaucoup", "--limit", "0"),
                      ("find", "beaucoup", "--limit", "0", "--json"), ("propose", "--help")):
            for lang, where in (("en", "cannot write to standard output: No space left on device"),
                                ("fr", "impossible d’écrire sur la sortie standard : plus de place")):
                with open("/dev/full", "wb") as full:
                    done = subprocess.run(
                        [harness.MAILLON, "--data", node.dir, "--lang", lang, *words],
                        stdout=full, stderr=subprocess.PIPE, timeout=harness.WAIT)
                self.assertEqual(done.returncode, 1)
                self.assertTrue(done.stderr.decode().startswith("maillon: " + where), done.stderr)

    def test_what_is_no_file_is_left_alone(self):
        node = self.founder()
        made = node.ok("put", "lieux", "nom=Un")["id"]
        pipe, null, folder = self.path("pipe"), self.path("null"), self.path("folder")
        os.mkfifo(pipe)
        os.symlink("/dev/null", null)
        os.mkdir(folder)
        commands = (("export", "--collection", "lieux"), ("backup", "--force"),
                    ("bundle", "export", "--force"), ("backup",))
        for words in commands + (("prove", "lieux", made),):
            for name, kind in ((pipe, "a pipe"), (null, "a device"), (folder, "a folder")):
                error = self.refuses(node, 1, *words, "-o", name)
                self.assertIn(name + " is " + kind, error["message"])
        self.assertTrue(stat.S_ISFIFO(os.lstat(pipe).st_mode))
        self.assertTrue(os.path.islink(null))
        self.assertEqual(os.listdir(folder), [])
        # A link stays one, and what it leads to is written, also if it is not there yet.
        real, link, second = self.write("real", "x"), self.path("link"), os.path.join(folder, "l")
        os.symlink("real", link)
        os.symlink("../link", second)
        os.symlink("fresh", self.path("dangling"))
        os.symlink("round", self.path("round"))
        self.refuses(node, 1, "backup", "-o", second)
        for words in commands[:-1]:
            node.ok(*words, "-o", second)
            self.assertTrue(os.path.islink(second) and os.path.islink(link))
            self.assertFalse(os.path.islink(real))
            self.assertGreater(os.path.getsize(real), 1)
            self.write("real", "x")
        node.ok("backup", "-o", self.path("dangling"))
        self.assertTrue(os.path.islink(self.path("dangling")))
        self.assertGreater(os.path.getsize(self.path("fresh")), 1)
        self.refuses(node, 1, "backup", "-o", self.path("round"))
        # What a run that was killed left does not make a backup readable for others.
        os.chmod(self.write("saved.partial", "x"), 0o644)
        node.ok("backup", "-o", self.path("saved"))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("saved")).st_mode), 0o600)
        self.assertEqual([f for f in os.listdir(self.root) if f.endswith(".partial")], [])

    def test_bytes_that_are_no_text(self):
        node = self.founder()
        for _ in range(2):
            done = node.run("get", "lieux", b"\xff".decode("utf-8", "surrogateescape"))
            self.assertEqual(done.code, 3 if node.daemon is None else done.code)
            self.assertIn("maillon: ", done.err)
            if node.daemon is None:
                node.serve()

    def test_a_daemon_without_a_federation(self):
        node = self.node("n")
        node.init()
        self.assertIn("nobody", node.serve())
        node.ok("federation", "create", "Essai")
        self.assertIn(f":{node.port}", node.ok("status")["listen"])

    def test_without_a_terminal_the_words_need_a_file(self):
        node = self.node("n")
        self.refuses(node, 1, "init", "--name", "x", stdin=b"")
        self.assertFalse(os.path.exists(node.dir))

    def test_words_file(self):
        node = self.node("n")
        node.init()
        with open(node.words, encoding="utf-8") as words:
            self.assertEqual(len(words.read().split()), 24)
        self.assertEqual(stat.S_IMODE(os.stat(node.words).st_mode), 0o600)
        other = self.node("m")
        self.refuses(other, 1, "init", "--name", "x", "--words-file", node.words)
        self.assertFalse(os.path.exists(other.dir))

    def test_passphrase(self):
        node = self.node("n")
        phrase = self.write("phrase", "un secret\n")
        wrong = self.write("wrong", "un autre\n")
        node.init("--passphrase-file", phrase)
        self.assertIn("MAILLON_PASSPHRASE_FILE", self.refuses(node, 4, "status")["hint"])
        self.refuses(node, 4, "status", env={"MAILLON_PASSPHRASE_FILE": wrong})
        self.refuses(node, 4, "serve", env={"MAILLON_PASSPHRASE_FILE": wrong})
        node.env = {"MAILLON_PASSPHRASE_FILE": phrase}
        node.ok("federation", "create", "Essai")

    def test_other_users_may_not_read_the_folder(self):
        node = self.founder()
        self.assertEqual(stat.S_IMODE(os.stat(node.dir).st_mode), 0o700)
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        # The binary may stand where nobody else may look.
        binary = shutil.copy(harness.MAILLON, self.root)
        os.chmod(self.root, 0o755)
        done = subprocess.run([binary, "--data", node.dir, "--json", "status"], capture_output=True,
                              timeout=harness.WAIT, user=65534, group=65534, extra_groups=[])
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "not_allowed")


class Terminal(Case):
    """What a person sees who runs `init` in a terminal."""

    def start(self, node, lang):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(harness.MAILLON, [harness.MAILLON, "--data", node.dir, "--lang", lang, "init",
                                       "--name", "x"])
        self.seen = ""

    def read_until(self, what):
        """Reads the screen up to a pattern, or to its end."""
        until = time.monotonic() + harness.WAIT
        while not (found := re.search(what, self.seen)):
            self.assertTrue(select.select([self.fd], [], [], until - time.monotonic())[0], self.seen)
            try:
                piece = os.read(self.fd, 65536)
            except OSError:  # The terminal's other end is closed.
                return None
            self.seen += piece.decode()
        self.seen = self.seen[found.end():]
        return found

    def finish(self):
        self.read_until("(?!)")
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def words(self):
        shown = self.read_until(r"(?s)24\. +(\w+)")
        text = shown.string[:shown.end()]
        words = dict(re.findall(r"(\d+)\. +(\w+)", text))
        self.assertEqual(len(words), 24)
        return words

    def test_asks_three_words_back(self):
        for lang in ("en", "fr"):
            node = self.node("n-" + lang)
            self.start(node, lang)
            words = self.words()
            for i in range(3):
                asked = self.read_until(r"(?:Word|Mot n°) (\d+)[ :]").group(1)
                if i == 0:
                    os.write(self.fd, b"zzz\n")  # One slip is forgiven.
                    self.assertEqual(self.read_until(r"(?:Word|Mot n°) (\d+)[ :]").group(1), asked)
                os.write(self.fd, words[asked].upper().encode() + b"\n")
            self.assertEqual(self.finish(), 0)
            self.assertEqual(len(node.ok("status")["member_id"]), 64)

    def test_makes_nothing_when_they_were_not_noted(self):
        node = self.node("n")
        self.start(node, "en")
        self.words()
        for _ in range(3):
            self.read_until(r"Word \d+:")
            os.write(self.fd, b"zzz\n")
        self.assertEqual(self.finish(), 1)
        self.assertFalse(os.path.exists(node.dir))
