#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "node/admin/call.hpp"
#include "node/admin/clock_words.hpp"
#include "node/admin/parting.hpp"

/// Publishing again, copies.
namespace maillon::admin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 256u << 10;

/// A file that is gone when this is.
struct TemporaryFile {
  fs::path path;
  ~TemporaryFile() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

Result<std::uint64_t> stream_file(const fs::path& path, Context& context) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error{Errc::io, "cannot read " + path.string()};
  std::uint64_t total = 0;
  std::vector<std::uint8_t> piece(kPieceBytes);
  Result<void> sent{};
  ssize_t got = 0;
  while (sent.has_value() && (got = ::read(fd, piece.data(), piece.size())) > 0) {
    total += static_cast<std::uint64_t>(got);
    sent = context.output(ByteView{piece.data(), static_cast<std::size_t>(got)});
  }
  ::close(fd);
  if (sent.has_error()) return sent.error();
  if (got < 0) return Error{Errc::io, "cannot read " + path.string()};
  return total;
}

}  // namespace

Result<Reply> reissue_stranded(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  // Of a leave that the others do not know of, because a clock was ahead, this is the way out.
  MAILLON_CHECK(left_ahead(call.replica()) ? call.has_good_key() : call.still_speaks());
  MAILLON_CHECK(check_clock(call));
  auto& replica = call.replica();
  const bool all = call.has("all");
  std::size_t disputed = 0;
  const auto count = replica.write<std::size_t>([&](storage::Store& store) -> Result<std::size_t> {
    const auto now = replica.clock().now();
    MAILLON_TRY(const auto stranded, store.stranded(replica.identity().member, replica.identity().node, now));
    disputed = all ? 0 : stranded.disputed.size();
    if (stranded.own.empty() && (!all || stranded.disputed.empty())) return std::size_t{0};
    // The old life's clock may have run ahead; the new one starts at the right time.
    MAILLON_CHECK(replica.draw_incarnation(store));
    MAILLON_TRY(const auto again,
                store.reissue_stranded(replica.author(), now, replica.rng(), all));
    return again.size();
  });
  if (count.has_error()) return count.error();
  JsonWriter json;
  json.object().field("reissued", *count).field("disputed", disputed).end_object();
  std::string text =
      *count == 0
          ? call.say("Rien à publier à nouveau.\n", "Nothing to publish again.\n")
          : call.say("{} commit(s) publiés à nouveau.\n", "{} commit(s) published again.\n", *count);
  if (disputed > 0)
    text += call.say(
        "{} commit(s) sont restés : signés avec une clé que ce membre a reprise, et inconnus de lui "
        "à ce moment, ou avec une clé qui ne compte pas, car ses mots ont été remplacés. S’ils "
        "viennent d’une machine du membre, et non d’un voleur : « maillon reissue --all ».\n",
        "{} commit(s) were left: signed with a key that this member took back, and not known to it "
        "then, or with one that does not count, since its words were replaced. If they come from a "
        "machine of the member's, and not from a thief: `maillon reissue --all`.\n",
        disputed);
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> back_up(Call& call) {
  if (!call.context().output) return Error{Errc::usage, "no output", "aucune sortie"};
  // The copy is made beside the original and then handed over: nobody who asks the daemon for a
  // backup makes it open a file of their choice.
  const std::string name =
      std::string{replica::kPassing} + "backup-" + to_hex(call.replica().rng().bytes<8>());
  // On a full disk there is no room beside the original.
  std::error_code none;
  const fs::path elsewhere = fs::temp_directory_path(none);
  const bool beside = !call.replica().only_reads() || none;
  const TemporaryFile copy{(beside ? call.replica().dir() : elsewhere) / name};
  MAILLON_CHECK(replica::backup(call.replica(), copy.path, [&](int percent) {
    call.progress(percent / 200.0, call.say("Copie de la base", "Copying the database"));
  }));
  call.progress(0.5, call.say("Écriture de la sauvegarde", "Writing the backup"));
  MAILLON_TRY(const std::uint64_t bytes, stream_file(copy.path, call.context()));
  JsonWriter json;
  json.object().field("bytes", bytes).end_object();
  return answer(
      call,
      call.say("Sauvegarde écrite ({}). Elle contient la clé du nœud : gardez-la en lieu sûr.\n",
               "Backup written ({}). It holds the node's key: keep it safe.\n",
               bytes_in_words(bytes, call.language())),
      std::move(json));
}

}  // namespace maillon::admin
