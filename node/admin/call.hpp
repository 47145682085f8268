#pragma once

#include <charconv>

#include "node/admin/json_writer.hpp"
#include "node/admin/words.hpp"

/// What commands share. Not for use outside this folder.
namespace maillon::admin {

/// A space as a command means it.
struct Place {
  SpaceId id = SpaceId::zero();
  std::string name;
  std::string typed;  ///< after --space: its name, or its id where the name does not mean it
};

struct Schema;

/// One command being run.
class Call {
 public:
  Call(const Request& request, Context& context) : request_(request), context_(context) {}

  [[nodiscard]] Language language() const noexcept { return request_.language; }
  [[nodiscard]] bool french() const noexcept { return language() == Language::french; }
  [[nodiscard]] bool wants_json() const noexcept { return request_.json; }
  [[nodiscard]] Context& context() noexcept { return context_; }
  [[nodiscard]] replica::Replica& replica() noexcept { return context_.replica; }
  /// This node's member.
  [[nodiscard]] MemberId self() const;
  [[nodiscard]] peers::PeerService* peers() noexcept { return context_.peers; }
  template <class... A>
  [[nodiscard]] std::string say(fmt::format_string<A...> fr, fmt::format_string<A...> en,
                                A&&... args) const {
    return admin::say<A...>(language(), fr, en, std::forward<A>(args)...);
  }
  void progress(double fraction, const std::string& what) const {
    if (context_.progress) context_.progress(fraction, what);
  }

  // Arguments.
  [[nodiscard]] bool has(const std::string& name) const { return request_.options.contains(name); }
  [[nodiscard]] std::vector<std::string> all(const std::string& name) const;
  [[nodiscard]] std::string text(const std::string& name, std::string otherwise = {}) const;
  /// Errc::usage when it is missing or empty.
  [[nodiscard]] Result<std::string> need(const std::string& name) const;
  [[nodiscard]] Result<std::int64_t> number(const std::string& name, std::int64_t otherwise,
                                            std::int64_t min, std::int64_t max) const;

  // The federation.
  /// Errc::refused, in words that say what is awaited, without one, or before its directory is
  /// here.
  [[nodiscard]] Result<std::shared_ptr<const storage::Trust>> federation() const;
  /// Also before its directory is here.
  [[nodiscard]] Result<std::shared_ptr<const storage::Trust>> entered_federation() const;
  /// The space that --space names, or the collection's own; readable by this member.
  [[nodiscard]] Result<Place> place(std::string_view collection) const;
  /// The same for whoever writes records there; Errc::refused for annuaire.
  [[nodiscard]] Result<Place> place_to_write(std::string_view collection) const;
  [[nodiscard]] std::vector<Place> readable_spaces() const;
  [[nodiscard]] std::string home_region() const;
  /// How many delegates there are.
  [[nodiscard]] std::size_t delegates() const;
  /// Also of those who left; empty for one that annuaire does not know.
  [[nodiscard]] std::string name_of(const MemberId& member) const;

  /// Errc::not_found names what was looked for; Errc::refused lists what it may mean.
  [[nodiscard]] Result<RecordId> identify(const Place& place, const std::string& collection,
                                          const std::string& text);
  /// Errc::not_found when no space that this member reads has such a collection, and it is none of
  /// those that every federation has.
  [[nodiscard]] Result<void> expect_collection(const std::string& collection);
  /// The collection's schema in a space: the one that this version knows, else the shared one.
  [[nodiscard]] Result<std::optional<Schema>> schema_of(const Place& place,
                                                        const std::string& collection);
  /// All that are shared in a space.
  [[nodiscard]] Result<std::vector<Schema>> schemas_of(const Place& place);
  /// One sentence when the place has nothing of the collection and other spaces have; else empty.
  [[nodiscard]] std::string elsewhere(const Place& place, const std::string& collection);
  /// Hears about this node's own feeds before it writes, where that is possible.
  void hear_own_feeds();
  /// hear_own_feeds(), then still_speaks().
  [[nodiscard]] Result<void> before_writing();
  /// before_writing(), and Errc::refused while this machine's clock is known to be so far ahead
  /// that the others would hear of the decision only when its time comes.
  [[nodiscard]] Result<void> before_deciding();
  /// Whether it has heard about its own feeds, as whatever writes does.
  [[nodiscard]] bool writes() const noexcept { return writes_; }
  /// Errc::not_allowed, in words, when this node's member left the federation, was removed, or lost
  /// the votes that admitted it.
  [[nodiscard]] Result<void> still_member();
  /// Likewise, and when the node's key was taken back: nothing that it writes would count.
  [[nodiscard]] Result<void> still_speaks();
  /// Errc::not_allowed, in words, when the node's key was taken back.
  [[nodiscard]] Result<void> has_good_key();
  /// replica::finish_erasures(), if something came to be erased; whether that is so. A daemon would
  /// do it a moment later.
  [[nodiscard]] Result<bool> finish_erasures();
  /// Errc::not_allowed, in words, when this member may not write in the space, or not read what the
  /// others write there.
  [[nodiscard]] Result<void> may_write_in(const Place& place);
  /// Errc::refused, in words, while something that this node wrote there waits to be published again.
  [[nodiscard]] Result<void> nothing_late_in(const Place& place);
  /// Writes one change; its commit, or none when nothing was to change.
  struct Wrote {
    std::optional<CommitId> commit;
    storage::ChangeOutcome outcome = storage::ChangeOutcome::unchanged;
  };
  [[nodiscard]] Result<Wrote> write_one(const Place& place, const storage::Change& change);

 private:
  const Request& request_;
  Context& context_;
  bool writes_ = false;
};

[[nodiscard]] bool key_was_taken_back(const storage::Trust& trust, const NodeId& node);

/// A command: what it says, or its failure.
using Handler = Result<Reply> (*)(Call&);

/// A reply that says `text` to people, or `json` to programs.
[[nodiscard]] Reply answer(const Call& call, std::string text, JsonWriter json);

/// What a command would do, for people to agree to before it is done.
[[nodiscard]] Reply preview(const Call& call, const std::string& text);

/// The same reply, as one of a failure that still has something to show.
[[nodiscard]] Reply with_error(const Call& call, Reply reply, const Error& error);

/// Adds {"fields": …, "conflicts": …} of a record to an open object.
void write_fields(JsonWriter& json, const replica::RecordView& record);
/// One of the values that a field has at once: where two display alike, or one says nothing, in a way
/// that tells which it is.
[[nodiscard]] std::string value_in_words(const replica::FieldView& field, const Value& value,
                                         Language language);
/// The record's lines for people.
[[nodiscard]] std::string fields_in_words(const replica::RecordView& record, Language language,
                                          const Schema* schema = nullptr);
/// Its name, or what else tells people which record it is.
[[nodiscard]] std::string title_of(const replica::RecordView& record);

// The commands, by file.
Result<Reply> get_record(Call& call);
Result<Reply> find_records(Call& call);
Result<Reply> put_record(Call& call);
Result<Reply> delete_record(Call& call);
Result<Reply> show_history(Call& call);
Result<Reply> list_conflicts(Call& call);
Result<Reply> resolve_conflict(Call& call);
Result<Reply> resolve_all(Call& call);
Result<Reply> explain(Call& call);
Result<Reply> prove(Call& call);
Result<Reply> list_schemas(Call& call);
Result<Reply> show_schema(Call& call);
Result<Reply> add_schema(Call& call);
/// Erasures that this member has to see to.
struct ErasureConcerns {
  std::size_t to_decide = 0;  ///< that wait for its word: it wrote what is to go, or is a delegate
  std::size_t overdue = 0;    ///< that it asked for, and nodes have not carried out for 30 days
};
[[nodiscard]] Result<ErasureConcerns> erasure_concerns(Call& call);
Result<Reply> erase_record(Call& call);
Result<Reply> list_erasures(Call& call);
Result<Reply> confirm_erasure(Call& call);
Result<Reply> lift_erasure(Call& call);
Result<Reply> import_table(Call& call);
Result<Reply> export_table(Call& call);
Result<Reply> show_status(Call& call);
Result<Reply> list_members(Call& call);
Result<Reply> show_member(Call& call);
Result<Reply> list_spaces(Call& call);
Result<Reply> subscribe_space(Call& call);
Result<Reply> list_nodes(Call& call);
Result<Reply> create_federation(Call& call);
Result<Reply> show_federation(Call& call);
Result<Reply> propose_decision(Call& call);
Result<Reply> list_proposals(Call& call);
Result<Reply> show_proposal(Call& call);
Result<Reply> cast_vote(Call& call);
Result<Reply> leave_federation(Call& call);
Result<Reply> show_evidence(Call& call);
Result<Reply> create_space(Call& call);
Result<Reply> add_node(Call& call);
Result<Reply> revoke_node(Call& call);
Result<Reply> rotate_node(Call& call);
Result<Reply> make_invitation(Call& call);
Result<Reply> join_federation(Call& call);
Result<Reply> add_peer(Call& call);
Result<Reply> list_peers(Call& call);
Result<Reply> remove_peer(Call& call);
Result<Reply> sync_now(Call& call);
Result<Reply> reissue_stranded(Call& call);
Result<Reply> back_up(Call& call);
Result<Reply> verify_all(Call& call);
Result<Reply> export_bundle(Call& call);
Result<Reply> import_bundle(Call& call);

}  // namespace maillon::admin
