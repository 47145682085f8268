#include "storage/log/commit.hpp"

#include <algorithm>
#include <future>

namespace maillon::storage {
namespace {

constexpr std::size_t kPackBesideBytes = 128u << 10;

Error bad(const char* why) { return Error{Errc::malformed, why}; }

bool all_full(const Body& body) {
  return body.runs.empty() || (body.runs.size() == 1 && body.runs[0].state == LeafState::full);
}

Result<std::shared_ptr<Commit>> read(SignedCommit bytes, bool trusted) {
  auto commit = std::make_shared<Commit>();
  if (bytes.signature.size() != crypto::Signature::kSize) return bad("commit: signature size");
  MAILLON_TRY(commit->header, decode_header(bytes.header));
  commit->id = commit_id(bytes.header);
  MAILLON_TRY(Bytes raw, unpack_body(bytes.body));
  MAILLON_TRY(commit->body, parse_body(std::move(raw), commit->header.leaves, trusted));
  commit->bytes = std::move(bytes);
  return commit;
}

}  // namespace

CommitId commit_id(ByteView header_bytes) {
  return CommitId::from_array([&] {
    std::array<std::uint8_t, 32> raw{};
    std::ranges::copy(crypto::hash(header_bytes).bytes(), raw.begin());
    return raw;
  }());
}

Result<CommitPtr> verify_commit(SignedCommit bytes) {
  MAILLON_TRY(const auto commit, read(std::move(bytes), /*trusted=*/false));
  const Header& h = commit->header;
  if (commit->body.root != h.root)
    return Error{Errc::integrity, "commit: the body does not hash to the header's root"};
  if (all_full(commit->body) && commit->body.raw.size() != h.body_size)
    return bad("commit: the body's size is not the header's");
  // The reissued commit stands in leaf 0 as well, so that dots may name its leaves.
  const std::uint32_t at = commit->body.table.reissues;
  if (h.leaves > 0 && h.reissues.has_value() != (at != 0))
    return bad("commit: header and leaf 0 disagree on re-issue");
  if (at != 0 && commit->body.table.commits[at - 1] != *h.reissues)
    return bad("commit: header and leaf 0 name different re-issues");
  const auto signature = crypto::Signature::from_bytes(commit->bytes.signature);
  if (!crypto::verify(h.node.bytes(), kCommitDomain, commit->bytes.header, *signature))
    return Error{Errc::integrity, "commit: the signature does not cover the header"};
  return CommitPtr{commit};
}

Result<CommitPtr> load_commit(SignedCommit bytes) {
  MAILLON_TRY(auto commit, read(std::move(bytes), /*trusted=*/true));
  return CommitPtr{std::move(commit)};
}

std::uint32_t CommitDraft::index_of(const CommitId& id) {
  const auto found = std::ranges::find(table_.commits, id);
  if (found == table_.commits.end()) {
    table_.commits.push_back(id);
    return static_cast<std::uint32_t>(table_.commits.size());
  }
  return static_cast<std::uint32_t>(found - table_.commits.begin()) + 1;
}

std::uint32_t CommitDraft::index_of(const MemberId& id) {
  const auto found = std::ranges::find(table_.members, id);
  if (found == table_.members.end()) {
    table_.members.push_back(id);
    return static_cast<std::uint32_t>(table_.members.size()) - 1;
  }
  return static_cast<std::uint32_t>(found - table_.members.begin());
}

void CommitDraft::set_reissues(const CommitId& id) { table_.reissues = index_of(id); }

std::uint32_t CommitDraft::add(const OpTable& table, const Op& op) {
  Entry entry{skeletons_.size(), 0, 0, payloads_.size(), 0, false};
  entry.omit_id = op.id_form == IdForm::owned ||
                  (op.id_form == IdForm::derived && !op.external_id.empty());
  encode_skeleton(table, op, /*omit_id=*/false, skeletons_);
  entry.skeleton_size = skeletons_.size() - entry.skeleton_at;
  ByteReader in{ByteView{skeletons_}.subspan(entry.skeleton_at)};
  (void)in.varint();
  (void)in.sized(limits::kNameMax);
  entry.id_at = in.position();
  encode_payload(table, op, payloads_);
  entry.payload_size = payloads_.size() - entry.payload_at;
  entries_.push_back(entry);
  return ops();
}

std::size_t CommitDraft::size_bound() const noexcept {
  return 64 + 33 * (table_.commits.size() + table_.members.size()) + skeletons_.size() +
         payloads_.size() + 8 * entries_.size();
}

bool CommitDraft::has_room(std::size_t bytes, std::size_t ops) const noexcept {
  return entries_.size() + ops <= limits::kCommitOpsMax &&
         table_.commits.size() + 63 + ops < limits::kTableIdsMax &&
         size_bound() + bytes + 256 < limits::kCommitBodyMax;
}

Bytes CommitDraft::raw_body(const crypto::Seed& seed) const {
  if (entries_.empty() && table_.commits.empty() && table_.members.empty()) return {};
  Bytes leaf0;
  table_.encode_into(leaf0);
  Bytes raw;
  raw.reserve(size_bound());
  ByteWriter w{raw};
  w.u8(1);
  w.sized(leaf0);
  w.varint(entries_.size());
  w.varint(entries_.empty() ? 0 : 1);
  if (!entries_.empty()) {
    w.varint(static_cast<std::uint64_t>(LeafState::full));
    w.varint(entries_.size());
    w.raw(seed);
  }
  for (const Entry& e : entries_) {
    const ByteView canonical = ByteView{skeletons_}.subspan(e.skeleton_at, e.skeleton_size);
    if (!e.omit_id) {
      w.sized(canonical);
      continue;
    }
    w.varint(e.skeleton_size - RecordId::kSize);
    w.raw(canonical.first(e.id_at));
    w.u8(static_cast<std::uint8_t>(canonical[e.id_at] | 0x80));
    w.raw(canonical.subspan(e.id_at + 1 + RecordId::kSize));
  }
  for (const Entry& e : entries_) w.sized(ByteView{payloads_}.subspan(e.payload_at, e.payload_size));
  return raw;
}

Result<CommitPtr> CommitDraft::seal(Header header, std::uint64_t before_ops,
                                    std::uint64_t before_bytes, const crypto::SigningKey& key,
                                    Rng& rng) const {
  const Bytes raw = raw_body(rng.bytes<32>());
  if (raw.size() > limits::kCommitBodyMax || entries_.size() > limits::kCommitOpsMax)
    return Error{Errc::full, "one change is too large for one commit",
                 "une seule modification dépasse la taille d’un commit",
                 "split it, or put large content into a file attachment",
                 "découpez-la, ou placez le contenu volumineux en pièce jointe"};
  header.leaves = raw.empty() ? 0 : ops() + 1;
  header.body_size = static_cast<std::uint32_t>(raw.size());
  header.total_ops = before_ops + ops();
  header.total_bytes = before_bytes + raw.size();
  auto commit = std::make_shared<Commit>();
  // Bulk work packs beside hashing; for a small body a thread costs more than it saves.
  const auto how = raw.size() < kPackBesideBytes ? std::launch::deferred : std::launch::async;
  auto packed = std::async(how, [&raw] { return raw.empty() ? Bytes{} : pack_body(raw); });
  MAILLON_TRY(commit->body, parse_body(raw, header.leaves, /*trusted=*/false));
  commit->bytes.body = packed.get();
  header.root = commit->body.root;
  commit->header = std::move(header);
  commit->bytes.header = encode_header(commit->header);
  commit->id = commit_id(commit->bytes.header);
  const crypto::Signature signature = key.sign(kCommitDomain, commit->bytes.header);
  commit->bytes.signature.assign(signature.bytes().begin(), signature.bytes().end());
  return CommitPtr{std::move(commit)};
}

}  // namespace maillon::storage
