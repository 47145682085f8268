#include <zstd.h>

#include <algorithm>

#include "storage/log/commit.hpp"

namespace maillon::storage {
namespace {

constexpr std::uint8_t kBodyForm = 1;
constexpr int kZstdLevel = 3;
constexpr int kTightLevel = 19;
constexpr int kTightLevelOfLong = 9;
constexpr std::size_t kLong = 256u << 10;

Bytes pack(ByteView raw, int level) {
  Bytes out(ZSTD_compressBound(raw.size()));
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), level);
  MAILLON_ASSERT(ZSTD_isError(size) == 0, "zstd packs into its own bound");
  out.resize(size);
  out.shrink_to_fit();
  return out;
}

Error bad(const char* why) { return Error{Errc::malformed, why}; }

template <class... Piece>
RecordId id_hash(std::uint8_t domain, Piece&&... pieces) {
  Bytes in{domain};
  ByteWriter w{in};
  (w.sized(pieces), ...);
  const Digest full = crypto::hash(in);
  return *RecordId::from_bytes(full.bytes().first<RecordId::kSize>());
}

struct Counts {
  std::uint32_t full = 0;
  std::uint32_t present = 0;  ///< full or bare
};

Result<Counts> read_runs(ByteReader& in, std::uint32_t ops, std::vector<StateRun>& runs) {
  Counts counts;
  std::uint32_t sum = 0;
  const std::uint32_t count = in.varint32(limits::kCommitOpsMax);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t state = in.varint32(2);
    const std::uint32_t length = in.varint32(ops - sum);
    if (!in.ok() || length == 0) return bad("body: leaf states");
    if (!runs.empty() && runs.back().state == static_cast<LeafState>(state))
      return bad("body: leaf states not joined");
    runs.push_back({static_cast<LeafState>(state), length});
    sum += length;
    if (state == 0) counts.full += length;
    if (state != 2) counts.present += length;
  }
  if (sum != ops) return bad("body: leaf states do not cover the leaves");
  return counts;
}

/// Seeds stand in the order of the subtrees that cover the full leaves, which is implied.
Result<void> read_seeds(ByteReader& in, std::uint32_t ops, const std::vector<StateRun>& runs,
                        std::vector<crypto::SeedNode>& seeds) {
  std::uint32_t first = 0;
  for (const StateRun& run : runs) {
    if (run.state == LeafState::full)
      for (const auto& range : crypto::subtree_cover({first, run.count}, ops)) {
        const ByteView raw = in.raw(sizeof(crypto::Seed));
        if (!in.ok()) return bad("body: seeds");
        crypto::SeedNode node{range, {}};
        std::ranges::copy(raw, node.seed.begin());
        seeds.push_back(node);
      }
    first += run.count;
  }
  return {};
}

/// Where each present leaf's skeleton lies, and how to rebuild the form that is hashed.
struct Carried {
  ByteView bytes;
  SkeletonShape shape;
};

class BodyParser {
 public:
  BodyParser(Bytes raw, std::uint32_t leaves, bool trusted)
      : leaves_(leaves), trusted_(trusted) {
    body_.raw = std::move(raw);
  }

  Result<Body> run() {
    ByteReader in{body_.raw};
    if (in.u8() != kBodyForm) return bad("body: unknown form");
    body_.leaf0 = in.sized(limits::kCommitBodyMax);
    const std::uint32_t ops = in.varint32(limits::kCommitOpsMax);
    if (!in.ok() || ops + 1 != leaves_) return bad("body: count of leaves");
    MAILLON_TRY(body_.table, LeafTable::decode(body_.leaf0));
    MAILLON_TRY(const Counts counts, read_runs(in, ops, body_.runs));
    MAILLON_CHECK(read_seeds(in, ops, body_.runs, body_.seeds));
    if (counts.present > in.left()) return bad("body: too short");
    body_.ops.ops.resize(ops);
    MAILLON_CHECK(read_skeletons(in));
    MAILLON_CHECK(read_payloads(in));
    MAILLON_CHECK(finish(in));
    return std::move(body_);
  }

 private:
  Result<void> read_skeletons(ByteReader& in) {
    carried_.resize(body_.ops.ops.size());
    std::uint32_t k = 0;
    for (const StateRun& run : body_.runs)
      for (std::uint32_t i = 0; i < run.count; ++i, ++k) {
        Op& op = body_.ops.ops[k];
        op.state = run.state;
        if (run.state == LeafState::gone) continue;
        carried_[k].bytes = in.sized(limits::kCommitBodyMax);
        if (!in.ok()) return bad("body: skeletons");
        MAILLON_TRY(carried_[k].shape,
                    parse_skeleton(carried_[k].bytes, k + 1, body_.table, body_.ops, op));
        if (!trusted_ && !carried_[k].shape.id_omitted && !is_own_id(op))
          return bad("body: an owned id that is not its owner's");
        // Bulk commits repeat one shape: the first op tells how much the others will add.
        if (k == 0) reserve_like(op);
        if (carried_[k].shape.id_omitted && op.id_form == IdForm::derived &&
            run.state != LeafState::full)
          return bad("body: a derived id is missing and its payload gone");
      }
    return {};
  }

  void reserve_like(const Op& op) {
    const std::size_t ops = body_.ops.ops.size();
    body_.ops.fields.reserve(std::min(ops * op.fields.count, body_.raw.size() / 8));
  }

  Result<void> read_payloads(ByteReader& in) {
    std::vector<crypto::Salt> salts;
    if (!trusted_) {
      salts.resize(body_.ops.ops.size());
      crypto::expand_salts(body_.seeds, static_cast<std::uint32_t>(salts.size()), salts);
    }
    hashes_.reserve(leaves_);
    if (!trusted_) add_leaf0();
    std::uint32_t k = 0;
    for (const StateRun& run : body_.runs) {
      if (run.state == LeafState::gone) {
        gone_.push_back({k + 1, run.count});
        k += run.count;
        continue;
      }
      for (std::uint32_t i = 0; i < run.count; ++i, ++k) {
        Op& op = body_.ops.ops[k];
        Digest payload = Digest::zero();
        if (run.state == LeafState::full) {
          const ByteView bytes = in.sized(limits::kCommitBodyMax);
          if (!in.ok()) return bad("body: payloads");
          op.payload = bytes;
          op.payload_ok = parse_payload(bytes, body_.table, body_.ops, op);
          if (!trusted_) payload = crypto::payload_hash(salts[k], bytes);
        } else {
          const auto digest = Digest::from_bytes(in.raw(Digest::kSize));
          if (!digest) return bad("body: payload hashes");
          payload = *digest;
        }
        complete_id(k, op);
        if (!trusted_) add_leaf(k, op, payload);
      }
    }
    return {};
  }

  [[nodiscard]] RecordId owned_id(const Op& op) const {
    return owned_record_id(op.collection, body_.table.members[op.owner], op.key);
  }

  /// Whoever owns a record decides who may change it, so nobody may claim another's.
  [[nodiscard]] bool is_own_id(const Op& op) const {
    return op.id_form != IdForm::owned || op.id == owned_id(op);
  }

  void complete_id(std::uint32_t k, Op& op) const {
    if (!carried_[k].shape.id_omitted) return;
    op.id = op.id_form == IdForm::owned
                ? owned_id(op)
                : derived_record_id(op.collection, op.source, op.external_id);
  }

  void add_leaf0() {
    hashes_.push_back({{0, 1}, crypto::leaf_hash(body_.leaf0, Digest::zero())});
  }

  void add_leaf(std::uint32_t k, const Op& op, const Digest& payload) {
    const Carried& c = carried_[k];
    if (!c.shape.id_omitted) {
      hashes_.push_back({{k + 1, 1}, crypto::leaf_hash(c.bytes, payload)});
      return;
    }
    const std::size_t at = c.shape.id_form_at;
    scratch_.assign(c.bytes.begin(), c.bytes.begin() + static_cast<std::ptrdiff_t>(at));
    scratch_.push_back(static_cast<std::uint8_t>(op.id_form));
    scratch_.insert(scratch_.end(), op.id.bytes().begin(), op.id.bytes().end());
    scratch_.insert(scratch_.end(), c.bytes.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                    c.bytes.end());
    hashes_.push_back({{k + 1, 1}, crypto::leaf_hash(scratch_, payload)});
  }

  Result<void> finish(ByteReader& in) {
    for (const auto& run : gone_)
      for (const auto& range : crypto::subtree_cover(run, leaves_)) {
        const auto digest = Digest::from_bytes(in.raw(Digest::kSize));
        if (!digest) return bad("body: hashes of pruned leaves");
        hashes_.push_back({range, *digest});
      }
    if (!in.at_end()) return bad("body: bytes left over");
    if (trusted_) return {};
    std::ranges::sort(hashes_, {}, [](const crypto::Subtree& s) { return s.range.first; });
    MAILLON_TRY(body_.root, crypto::merkle_root(hashes_, leaves_));
    return {};
  }

  Body body_;
  std::uint32_t leaves_;
  bool trusted_;
  std::vector<Carried> carried_;
  std::vector<crypto::LeafRange> gone_;
  std::vector<crypto::Subtree> hashes_;
  Bytes scratch_;
};

}  // namespace

RecordId derived_record_id(std::string_view collection, std::string_view source,
                           std::string_view external_id) {
  return id_hash(kDerivedIdDomain, as_bytes(collection), as_bytes(source), as_bytes(external_id));
}

RecordId owned_record_id(std::string_view collection, const MemberId& owner, std::string_view key) {
  return id_hash(kOwnedIdDomain, as_bytes(collection), ByteView{owner.bytes()}, as_bytes(key));
}

RecordId random_record_id(Rng& rng) {
  const auto raw = rng.bytes<32>();
  return id_hash(kRandomIdDomain, ByteView{raw});
}

Result<Body> parse_body(Bytes raw, std::uint32_t leaves, bool trusted) {
  if (leaves == 0) {
    if (!raw.empty()) return bad("body: bytes where there are no leaves");
    Body body;
    body.root = crypto::merkle_root(std::span<const Digest>{});
    return body;
  }
  return BodyParser{std::move(raw), leaves, trusted}.run();
}

Bytes pack_body(ByteView raw) { return pack(raw, kZstdLevel); }

Bytes pack_body_tightly(ByteView raw) {
  return pack(raw, raw.size() <= kLong ? kTightLevel : kTightLevelOfLong);
}

Result<Bytes> unpack_body(ByteView packed) {
  if (packed.empty()) return Bytes{};
  const auto size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
      size > limits::kZstdDeclaredMax)
    return bad("body: zstd frame without an acceptable size");
  if (ZSTD_findFrameCompressedSize(packed.data(), packed.size()) != packed.size())
    return bad("body: not exactly one zstd frame");
  Bytes raw(static_cast<std::size_t>(size));
  const std::size_t got = ZSTD_decompress(raw.data(), raw.size(), packed.data(), packed.size());
  if (ZSTD_isError(got) != 0 || got != raw.size()) return bad("body: zstd frame is damaged");
  return raw;
}

}  // namespace maillon::storage
