#include "node/cli/root_words.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "crypto/aead.hpp"
#include "node/cli/files.hpp"

namespace maillon::cli {
namespace {

using admin::said;

constexpr std::size_t kAsked = 3;
constexpr int kTries = 3;

/// Words that are wiped when they go.
struct Words {
  std::vector<std::string> all;
  ~Words() {
    for (std::string& word : all) crypto::wipe(word);
  }
  [[nodiscard]] std::string joined(char between) const {
    std::string out;
    for (const std::string& word : all) {
      if (!out.empty()) out += between;
      out += word;
    }
    return out;
  }
};

Error cannot_make(const std::string& path, int error) {
  return said(error == EEXIST ? Errc::refused : Errc::io,
              "cannot make " + path + ": " + std::strerror(error),
              "impossible de créer " + path + " : " + system_in_french(error),
              "give --words-file another name", "donnez un autre nom à --words-file");
}

/// Never over a file; on a disk that cannot promise that, as well as looking first can.
bool take_name(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  if (::access(to.c_str(), F_OK) != 0) return ::rename(from.c_str(), to.c_str()) == 0;
  errno = EEXIST;
  return false;
}

/// All 24 or no file.
Result<void> write_words(const Words& words, const std::string& path) {
  const std::string partial = path + ".partial";
  const int fd =
      ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return cannot_make(path, errno);
  std::string text = words.joined('\n') + '\n';
  const bool written = ::fchmod(fd, 0600) == 0 && write_all(fd, as_bytes(text)) && ::fsync(fd) == 0;
  crypto::wipe(text);
  ::close(fd);
  if (written && take_name(partial, path)) return {};
  const int error = errno;
  ::unlink(partial.c_str());
  if (written) return cannot_make(path, error);
  return said(Errc::io, "cannot write " + path, "impossible d’écrire " + path,
              "check the space left", "vérifiez la place restante");
}

void show_words(const Line& line, const Words& words) {
  fmt::print(
      stderr, "{}\n",
      line.say(
          "Voici les 24 mots de la clé racine de ce membre. Notez-les sur papier, dans l’ordre, "
          "et gardez-les en lieu sûr : ils ne seront plus jamais montrés.\n",
          "These are the 24 words of this member's root key. Write them on paper, in order, "
          "and keep them safe: they are never shown again.\n"));
  for (std::size_t i = 0; i < words.all.size(); ++i)
    fmt::print(stderr, "  {:2}. {:<12}{}", i + 1, words.all[i], i % 4 == 3 ? "\n" : "");
  std::fflush(stderr);
}

/// Three different places, in order.
std::array<std::size_t, kAsked> draw_places(Rng& rng, std::size_t count) {
  std::array<std::size_t, kAsked> out{};
  for (std::size_t taken = 0; taken < kAsked;) {
    const std::size_t place = static_cast<std::size_t>(rng.u64() % count);
    if (std::find(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(taken), place) ==
        out.begin() + static_cast<std::ptrdiff_t>(taken))
      out[taken++] = place;
  }
  std::ranges::sort(out);
  return out;
}

/// Whether `typed` is the word at `place`, by the same rules as when all 24 are asked for.
bool is_word_at(const Words& words, const crypto::Secret32& root, std::size_t place,
                const std::string& typed) {
  Words tried{words.all};
  tried.all[place] = typed;
  std::string text = tried.joined(' ');
  const auto read = crypto::from_words(text);
  crypto::wipe(text);
  return read.has_value() && std::ranges::equal(read->bytes(), root.bytes());
}

Result<void> ask_back(const Line& line, const Words& words, const crypto::Secret32& root,
                      Rng& rng) {
  for (const std::size_t place : draw_places(rng, words.all.size())) {
    bool right = false;
    for (int tries = 0; tries < kTries && !right; ++tries) {
      fmt::print(stderr, "{}", line.say("Mot n° {} : ", "Word {}: ", place + 1));
      std::fflush(stderr);
      std::string typed;
      if (!std::getline(std::cin, typed)) break;
      right = is_word_at(words, root, place, typed);
      crypto::wipe(typed);
    }
    if (!right)
      return said(
          Errc::refused, fmt::format("word {} was not the one shown; nothing was made", place + 1),
          fmt::format("le mot n° {} n’est pas celui qui était montré ; rien n’est créé", place + 1),
          "start again, and write the new words down", "recommencez, en notant les nouveaux mots");
  }
  // The words leave the screen and what can be scrolled back to.
  fmt::print(stderr, "\x1b[2J\x1b[3J\x1b[H");
  return {};
}

}  // namespace

Result<crypto::Secret32> draw_root(const Line& line, const std::string& words_file, Rng& rng,
                                   const BeforeFile& before_file) {
  auto root = crypto::Secret32::random(rng);
  const bool french = line.globals.language == admin::Language::french;
  const Words words{crypto::to_words(
      root, french ? crypto::WordLanguage::french : crypto::WordLanguage::english)};
  if (!words_file.empty()) {
    if (::access(words_file.c_str(), F_OK) == 0) return cannot_make(words_file, EEXIST);
    MAILLON_CHECK(before_file(root));
    MAILLON_CHECK(write_words(words, words_file));
    return root;
  }
  if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
    return said(Errc::refused, "there is no terminal to show the 24 words of the root key on",
                "il n’y a pas de terminal où montrer les 24 mots de la clé racine",
                "run it in a terminal, or give --words-file FILE",
                "lancez la commande dans un terminal, ou donnez --words-file FICHIER");
  show_words(line, words);
  MAILLON_CHECK(ask_back(line, words, root, rng));
  return root;
}

Result<std::string> read_words(const Line& line, const std::string& words_file) {
  std::string out;
  if (!words_file.empty()) {
    std::ifstream in{words_file};
    for (std::string word; in >> word;) out += (out.empty() ? "" : " ") + word;
    if (out.empty())
      return said(Errc::not_found, "no words can be read from " + words_file,
                  "aucun mot lisible dans " + words_file, "check the name of the file",
                  "vérifiez le nom du fichier");
    return out;
  }
  if (isatty(STDIN_FILENO) != 1)
    return said(Errc::usage, "the 24 words are asked for on a terminal",
                "les 24 mots se demandent dans un terminal", "or give --words-file FILE",
                "ou donnez --words-file FICHIER");
  fmt::print(stderr, "{}",
             line.say("Les 24 mots, sur une ligne : ", "The 24 words, on one line: "));
  std::fflush(stderr);
  termios shown{};
  ::tcgetattr(STDIN_FILENO, &shown);
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::getline(std::cin, out);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  fmt::print(stderr, "\n");
  return out;
}

}  // namespace maillon::cli
