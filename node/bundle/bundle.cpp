#include "node/bundle/bundle.hpp"

#include <algorithm>
#include <unordered_set>

namespace maillon::bundle {
namespace {

constexpr std::string_view kMagic = "maillon-bundle/1\n";
constexpr std::size_t kHead = kMagic.size() + FederationId::kSize;
constexpr std::size_t kTail = 1 + Digest::kSize;
constexpr std::size_t kMessageBytes = 1u << 20;  ///< commits are packed until a message has as many
constexpr std::size_t kBatchBytes = 8u << 20;    ///< of commits that one transaction takes in

Error damaged() {
  return {Errc::integrity, "the bundle was cut short or altered", "le lot est tronqué ou altéré",
          "copy it again from where it was made; nothing of it was applied",
          "copiez-le à nouveau depuis sa source ; rien n’en a été appliqué"};
}

/// Writes and hashes.
class Output {
 public:
  explicit Output(const Sink& sink) : sink_(sink) {}
  Result<void> put(ByteView bytes) {
    hasher_.update(bytes);
    size += bytes.size();
    return sink_(bytes);
  }
  Result<void> message(ByteView bytes) {
    Bytes length;
    ByteWriter{length}.varint(bytes.size());
    MAILLON_CHECK(put(length));
    return put(bytes);
  }
  Result<void> end() {
    const std::uint8_t none = 0;
    MAILLON_CHECK(put(ByteView{&none, 1}));
    const Digest digest = hasher_.finish();
    size += Digest::kSize;
    return sink_(digest.bytes());
  }
  std::uint64_t size = 0;

 private:
  const Sink& sink_;
  crypto::Hasher hasher_;
};

using KnownCommits = std::unordered_set<CommitId, IdHash>;

/// All that leads to these tips in their feeds.
Result<void> add_feeds(storage::Log& log, std::span<const Tip> tips, KnownCommits& known) {
  for (const Tip& tip : tips) {
    CommitId at = tip.commit;
    while (known.insert(at).second) {
      MAILLON_TRY(const auto entry, log.find(at));
      if (!entry) break;  // The bundle knew more than this node.
      MAILLON_TRY(const Bytes raw, log.header_of(entry->id));
      MAILLON_TRY(const Header header, decode_header(raw));
      if (!header.previous) break;
      at = *header.previous;
    }
  }
  return {};
}

Result<KnownCommits> commits_since(storage::Log& log, const FederationId& federation,
                                   const std::optional<Bytes>& since) {
  KnownCommits out;
  if (!since) return out;
  MAILLON_TRY(const Parts parts, take_apart(*since));
  if (parts.federation != federation)
    return Error{Errc::refused, "the earlier bundle is another federation's",
                 "le lot plus ancien est d’une autre fédération", "give one of this federation",
                 "donnez-en un de cette fédération"};
  for (const ByteView message : parts.messages) {
    MAILLON_TRY(const MessageKind kind, kind_of(message));
    if (kind != MessageKind::tips) continue;
    MAILLON_TRY(const Tips tips, decode_tips(message));
    MAILLON_CHECK(add_feeds(log, tips.tips, out));
  }
  return out;
}

/// Packs commits into messages.
class Packer {
 public:
  explicit Packer(Output& out) : out_(out) {}
  Result<void> add(SignedCommit commit) {
    size_ += commit.header.size() + commit.body.size();
    message_.commits.push_back(
        {std::move(commit.header), {}, std::move(commit.signature), std::move(commit.body), 0});
    if (size_ < kMessageBytes) return {};
    return flush();
  }
  Result<void> flush() {
    if (message_.commits.empty()) return {};
    const Bytes bytes = encode(message_);
    message_.commits.clear();
    size_ = 0;
    return out_.message(bytes);
  }

 private:
  Output& out_;
  Commits message_;
  std::size_t size_ = 0;
};

class Writing {
 public:
  Writing(replica::Reader& reader, std::span<const SpaceId> spaces)
      : log_(reader.log()), spaces_(spaces) {}

  Result<void> tips(Output& out) {
    for (const SpaceId& space : spaces_) {
      MAILLON_TRY(const auto row, log_.find_space(space));
      Tips message;
      message.space = space;
      MAILLON_TRY(message.tips, log_.tips(row.value_or(0)));
      MAILLON_CHECK(out.message(encode(message)));
    }
    return {};
  }

  Result<std::uint64_t> commits(const KnownCommits& known, Output& out,
                                const OnProgress& progress) {
    std::vector<std::int64_t> wanted;
    for (const SpaceId& space : spaces_) {
      MAILLON_TRY(const auto row, log_.find_space(space));
      MAILLON_CHECK(
          log_.scan(row.value_or(0), 0, [&](const storage::LogEntry& entry) -> Result<bool> {
            if (!known.contains(entry.cid)) wanted.push_back(entry.id);
            return true;
          }));
    }
    Packer packer{out};
    std::uint64_t done = 0;
    for (const std::int64_t id : wanted) {
      MAILLON_TRY(SignedCommit bytes, log_.bytes_of(id));
      MAILLON_CHECK(packer.add(std::move(bytes)));
      ++done;
      progress(static_cast<double>(done) / static_cast<double>(wanted.size()));
    }
    MAILLON_CHECK(packer.flush());
    return done;
  }

 private:
  storage::Log& log_;
  std::span<const SpaceId> spaces_;
};

void count(Imported& out, const storage::Received& got) {
  using Outcome = storage::Received::Outcome;
  switch (got.outcome) {
    case Outcome::applied:
      ++out.applied;
      break;
    case Outcome::held:
      ++out.held;
      break;
    case Outcome::duplicate:
      ++out.known;
      break;
    case Outcome::pending:
      ++out.pending;
      break;
    case Outcome::unread:
      ++out.unread;
      break;
    case Outcome::aside:
      ++out.aside;
      break;
    case Outcome::refused:
      if (out.rejected++ == 0) out.first_reason = got.reason;
      break;
  }
  // What waited for this one in the pending table is in effect now too.
  out.applied += got.with.size();
}

/// Takes in a batch, in one transaction.
Result<void> take_in(replica::Replica& replica, const std::vector<storage::CommitPtr>& batch,
                     Imported& out) {
  const auto counted = replica.write<Imported>([&](storage::Store& store) -> Result<Imported> {
    Imported now = out;
    for (const auto& commit : batch) {
      MAILLON_TRY(const auto got, store.receive(commit, replica.clock().now()));
      count(now, got);
    }
    return now;
  });
  if (counted.has_error()) return counted.error();
  out = *counted;
  return {};
}

Result<void> take_in_all(replica::Replica& replica, const Parts& parts, Imported& out,
                         const OnProgress& progress) {
  std::vector<storage::CommitPtr> batch;
  std::size_t size = 0;
  std::size_t done = 0;
  for (const ByteView message : parts.messages) {
    ++done;
    MAILLON_TRY(const MessageKind kind, kind_of(message));
    if (kind != MessageKind::commits) continue;
    MAILLON_TRY(Commits commits, decode_commits(message));
    for (WireCommit& one : commits.commits) {
      ++out.commits;
      size += one.body.size();
      auto verified = storage::verify_commit(
          {std::move(one.header), std::move(one.signature), std::move(one.body)});
      if (verified.has_error()) {
        if (out.rejected++ == 0) out.first_reason = verified.error().detail;
        continue;
      }
      batch.push_back(*std::move(verified));
    }
    progress(static_cast<double>(done) / static_cast<double>(parts.messages.size()));
    if (size < kBatchBytes) continue;
    MAILLON_CHECK(take_in(replica, batch, out));
    batch.clear();
    size = 0;
  }
  return take_in(replica, batch, out);
}

}  // namespace

Result<Parts> take_apart(ByteView file) {
  if (!as_text(file).starts_with(kMagic))
    return Error{Errc::malformed, "this file is no bundle", "ce fichier n’est pas un lot",
                 "give a file that `maillon bundle export` made",
                 "donnez un fichier créé par « maillon bundle export »"};
  if (file.size() < kHead + kTail) return damaged();
  const ByteView covered = file.first(file.size() - Digest::kSize);
  if (!std::ranges::equal(crypto::hash(covered).bytes(), file.last(Digest::kSize)))
    return damaged();
  Parts out;
  ByteReader in{covered.subspan(kMagic.size())};
  MAILLON_TRY(out.federation, FederationId::from_bytes(in.raw(FederationId::kSize)));
  for (;;) {
    const ByteView message = in.sized(limits::kFrameMax);
    if (!in.ok()) return damaged();
    if (message.empty()) break;
    out.messages.push_back(message);
  }
  if (!in.at_end()) return damaged();
  return out;
}

Result<Exported> write(replica::Reader& reader, const FederationId& federation,
                       std::span<const SpaceId> spaces, const std::optional<Bytes>& since,
                       const Sink& sink, const OnProgress& progress) {
  MAILLON_TRY(const KnownCommits known, commits_since(reader.log(), federation, since));
  Output out{sink};
  MAILLON_CHECK(out.put(as_bytes(kMagic)));
  MAILLON_CHECK(out.put(federation.bytes()));
  Writing writing{reader, spaces};
  MAILLON_CHECK(writing.tips(out));
  Exported result;
  MAILLON_TRY(result.commits, writing.commits(known, out, progress));
  MAILLON_CHECK(out.end());
  result.bytes = out.size;
  return result;
}

Result<Imported> read(replica::Replica& replica, ByteView file, const OnProgress& progress) {
  MAILLON_TRY(const Parts parts, take_apart(file));
  const auto federation = replica.federation();
  if (!federation)
    return Error{Errc::refused, "this node belongs to no federation yet, so nothing can be checked",
                 "ce nœud n’appartient à aucune fédération : rien ne peut être vérifié",
                 "join first with `maillon join CODE`",
                 "entrez d’abord avec « maillon join CODE »"};
  if (parts.federation != *federation)
    return Error{Errc::refused, "the bundle is another federation's",
                 "le lot est d’une autre fédération", "give one of this federation",
                 "donnez-en un de cette fédération"};
  Imported out;
  MAILLON_CHECK(take_in_all(replica, parts, out, progress));
  return out;
}

}  // namespace maillon::bundle
