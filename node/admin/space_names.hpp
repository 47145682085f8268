#pragma once

#include "node/admin/words.hpp"

/// Which spaces a member reads, what it calls them, and who else reads and writes there.
namespace maillon::admin {

/// Who reads or writes a space today: its rules, those given since, less whom they were taken from.
struct Access {
  std::vector<std::string> rules;
  std::vector<MemberId> except;
};
[[nodiscard]] Access access_to(const storage::Trust& trust, const storage::Space& space, bool write);
[[nodiscard]] std::string access_in_words(const storage::Trust& trust, const Access& access,
                                          Language language);

/// The spaces as one member finds them. For as long as the Trust lives; what it gives lives no
/// longer than it does.
class SpaceNames {
 public:
  SpaceNames(const storage::Trust& trust, const MemberId& self);
  SpaceNames(const SpaceNames&) = delete;
  SpaceNames& operator=(const SpaceNames&) = delete;

  /// The one that a text means. A whole id always means that space. A name means the one that every
  /// federation has under it; else, of those that share it, the only one that this member reads, or
  /// the only one at all. Errc::not_found; Errc::refused lists the ids of a name that means several.
  [[nodiscard]] Result<const storage::Space*> meant(const std::string& text) const;
  /// By its name alone; nullptr where that means none or several.
  [[nodiscard]] const storage::Space* meant_by_name(std::string_view name) const;
  /// What to type for a space: its name, or its id where the name does not mean it.
  [[nodiscard]] std::string typed(const SpaceId& id, const std::string& name) const;
  /// Whether what is here of a space is this member's to read: it was ever granted that, or was by
  /// the admission that has lost its votes.
  [[nodiscard]] bool reads(const storage::Space& space) const;
  /// All of them, by name; also those that only an admission without its votes declares.
  [[nodiscard]] const std::vector<const storage::Space*>& all() const noexcept { return all_; }

 private:
  [[nodiscard]] std::vector<const storage::Space*> of_name(std::string_view name) const;
  void add_lapsed();

  const storage::Trust& trust_;
  MemberId self_;
  const Admission* lapsed_ = nullptr;     ///< what admitted this member, and does not any more
  std::vector<storage::Space> its_own_;   ///< the spaces of its region, where nobody else has them
  std::vector<const storage::Space*> all_;
};

}  // namespace maillon::admin
