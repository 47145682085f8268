#include "storage/state/names.hpp"

namespace maillon::storage {

void Names::remember(std::int64_t id, std::string_view text) {
  const auto at = ids_.emplace(text, id).first;
  const auto slot = static_cast<std::size_t>(id);
  if (texts_.size() <= slot) texts_.resize(slot + 1);
  texts_[slot] = at->first;
}

Result<std::optional<std::int64_t>> Names::find(std::string_view text) {
  if (const auto known = ids_.find(text); known != ids_.end()) return std::optional{known->second};
  MAILLON_TRY(auto get, db_.prepare("SELECT id FROM name WHERE text = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, text).step());
  if (!found) return std::optional<std::int64_t>{};
  remember(get.integer(0), text);
  return std::optional{get.integer(0)};
}

Result<std::int64_t> Names::intern(std::string_view text) {
  MAILLON_TRY(const auto known, find(text));
  if (known) return *known;
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO name(text) VALUES(?1)"));
  MAILLON_CHECK(put.bind(1, text).run());
  const std::int64_t id = db_.last_rowid();
  remember(id, text);
  return id;
}

Result<std::string_view> Names::text(std::int64_t id) {
  const auto slot = static_cast<std::size_t>(id);
  if (slot < texts_.size() && texts_[slot].data() != nullptr) return texts_[slot];
  MAILLON_TRY(auto get, db_.prepare("SELECT text FROM name WHERE id = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, id).step());
  if (!found)
    return Error{Errc::integrity, "a stored record uses a name that is not there",
                 "une fiche enregistrée se sert d’un nom qui n’est pas là"};
  remember(id, get.text(0));
  return texts_[slot];
}

Result<std::optional<std::int64_t>> Names::find_collection(std::int64_t space,
                                                           std::string_view name) {
  const std::pair key{space, std::string{name}};
  if (const auto known = collections_.find(key); known != collections_.end())
    return std::optional{known->second};
  MAILLON_TRY(auto get, db_.prepare("SELECT id FROM collection WHERE space = ?1 AND name = ?2"));
  MAILLON_TRY(const bool found, get.bind(1, space).bind(2, name).step());
  if (!found) return std::optional<std::int64_t>{};
  collections_.emplace(key, get.integer(0));
  return std::optional{get.integer(0)};
}

Result<std::int64_t> Names::collection(std::int64_t space, std::string_view name) {
  MAILLON_TRY(const auto known, find_collection(space, name));
  if (known) return *known;
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO collection(space, name) VALUES(?1, ?2)"));
  MAILLON_CHECK(put.bind(1, space).bind(2, name).run());
  const std::int64_t id = db_.last_rowid();
  collections_.emplace(std::pair{space, std::string{name}}, id);
  return id;
}

void Names::clear() {
  texts_.clear();
  ids_.clear();
  collections_.clear();
}

CommitId LogContext::commit_id(std::int64_t commit) const {
  auto id = log_.commit_id_of(commit);
  if (id) return *id;
  if (!failed_) failed_ = std::move(id).error();
  return CommitId::zero();
}

std::string_view LogContext::name(std::int64_t id) const {
  auto text = names_.text(id);
  if (text) return *text;
  if (!failed_) failed_ = std::move(text).error();
  return {};
}

std::int64_t LogContext::feed(std::int64_t commit) const {
  auto feed = log_.feed_of(commit);
  if (feed) return *feed;
  if (!failed_) failed_ = std::move(feed).error();
  return 0;
}

Result<void> LogContext::check() const {
  if (!failed_) return {};
  return *std::exchange(failed_, std::nullopt);
}

}  // namespace maillon::storage
