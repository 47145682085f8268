#include "node/sync/header_delta.hpp"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "crypto/hash.hpp"
#include "proto/limits.hpp"

namespace maillon::sync {
namespace {

struct FreeContext {
  void operator()(ZSTD_CCtx* c) const noexcept { ZSTD_freeCCtx(c); }
  void operator()(ZSTD_DCtx* c) const noexcept { ZSTD_freeDCtx(c); }
};
constexpr int kLevel = 3;

}  // namespace

Bytes HeaderWindow::dictionary(const Bytes& header) {
  // The next header of the feed repeats most of this one, and names its id.
  Bytes out = header;
  const Digest id = crypto::hash(header);
  out.insert(out.end(), id.bytes().begin(), id.bytes().end());
  return out;
}

void HeaderWindow::pack(const Bytes& header, const FeedKey& feed, bool small, WireCommit& out) {
  const auto base = std::ranges::find(last_, feed, &Entry::feed);
  if (small && base != last_.end()) {
    const std::unique_ptr<ZSTD_CCtx, FreeContext> context{ZSTD_createCCtx()};
    const Bytes words = dictionary(base->header);
    Bytes packed(ZSTD_compressBound(header.size()));
    const std::size_t size =
        ZSTD_compress_usingDict(context.get(), packed.data(), packed.size(), header.data(),
                                header.size(), words.data(), words.size(), kLevel);
    if (ZSTD_isError(size) == 0 && size < header.size()) {
      packed.resize(size);
      out.header_delta = std::move(packed);
      out.base = static_cast<std::uint32_t>(base - last_.begin()) + 1;
      remember(header, feed);
      return;
    }
  }
  out.header = header;
  remember(header, feed);
}

Result<Bytes> HeaderWindow::unpack(const WireCommit& in) {
  const auto bad = [](const char* why) { return Error{Errc::malformed, why}; };
  Bytes header = in.header;
  if (header.empty()) {
    if (in.base == 0 || in.base > last_.size()) return bad("header difference to nothing known");
    const auto size = ZSTD_getFrameContentSize(in.header_delta.data(), in.header_delta.size());
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
        size > limits::kHeaderMax)
      return bad("header difference without an acceptable size");
    const std::unique_ptr<ZSTD_DCtx, FreeContext> context{ZSTD_createDCtx()};
    const Bytes words = dictionary(last_[in.base - 1].header);
    header.resize(static_cast<std::size_t>(size));
    const std::size_t got = ZSTD_decompress_usingDict(
        context.get(), header.data(), header.size(), in.header_delta.data(), in.header_delta.size(),
        words.data(), words.size());
    if (ZSTD_isError(got) != 0 || got != header.size()) return bad("header difference is damaged");
  }
  MAILLON_TRY(const Header parsed, decode_header(header));
  remember(header, parsed.feed());
  return header;
}

void HeaderWindow::remember(Bytes header, const FeedKey& feed) {
  last_.push_front({std::move(header), feed});
  if (last_.size() > kSize) last_.pop_back();
}

}  // namespace maillon::sync
