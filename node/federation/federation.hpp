#pragma once

#include "node/replica/replica.hpp"
#include "proto/codec.hpp"

/// Founding, inviting, admitting: the flows around storage/trust.
namespace maillon::federation {

/// What an invitation code holds: "maillon1." and base64url, with a checksum against typing errors.
struct Invitation {
  FederationId federation = FederationId::zero();
  NodeId inviter = NodeId::zero();
  std::vector<std::string> urls;
  Bytes token;  ///< 16 random bytes; annuaire only ever holds their hash
  Role role = Role::cooperative;
  std::string region;
  UnixMillis expires{};
  std::vector<FederationId> continues;  ///< those that this one continues, the latest first

  [[nodiscard]] std::string encode() const;
  /// Errc::malformed, in words for whoever typed it.
  [[nodiscard]] static Result<Invitation> decode(std::string_view code);
};
[[nodiscard]] Digest token_hash(ByteView token);

/// A node's certificate as people copy it: "node1." and base64url, which alone may look like an option.
[[nodiscard]] std::string certificate_code(ByteView certificate);
/// Errc::malformed.
[[nodiscard]] Result<Bytes> certificate_of(std::string_view code);

struct CreateOptions {
  std::string name;
  std::string quorum = "1";
};
/// Signs the genesis, declares the common spaces and those of the member's region.
/// Errc::refused when the folder has a federation already.
[[nodiscard]] Result<FederationId> create(replica::Replica& replica, const CreateOptions& options);

/// Of what --quorum says, as a charter has it: 0 stands for a majority. Errc::usage, in words.
[[nodiscard]] Result<std::uint32_t> quorum_from(const std::string& text);
/// The parts of founding, inside a transaction of the caller's: the genesis, with the common spaces
/// and those of the founder's region; and further proposals, each with the founder's vote.
[[nodiscard]] Result<void> found(storage::Store& store, Charter charter,
                                 const std::vector<FederationId>& continues,
                                 const replica::Identity& who, const storage::Author& author,
                                 UnixMillis now, Rng& rng);
[[nodiscard]] Result<void> propose_and_vote(storage::Store& store,
                                            const std::vector<Proposal>& proposals,
                                            const storage::Author& author, UnixMillis now,
                                            Rng& rng);

struct InviteOptions {
  std::optional<Role> role;           ///< none: a cooperative
  std::optional<std::string> region;  ///< none: the newcomer says
  int valid_days = 14;
  std::vector<std::string> urls;  ///< none: where this node was last served
};
[[nodiscard]] Result<Invitation> invite(replica::Replica& replica, const InviteOptions& options);

/// The inviter's side of a join: checks the token, proposes, votes once. The certificate is the
/// one that the connection proved. `clock_ahead`: this node's clock is known to be so far ahead that
/// the others would not hear of the admission; then it writes nothing.
[[nodiscard]] Result<JoinReply> admit(replica::Replica& replica, const JoinRequest& request,
                                      ByteView certificate, bool clock_ahead = false);

/// Who voted on an admission, and who may still.
[[nodiscard]] JoinVotes votes_on(const storage::Trust& trust, const storage::Decision& admission);

/// The newcomer's wish, kept until it is granted or refused.
[[nodiscard]] Result<void> remember_wish(replica::Replica& replica, const std::string& code);
[[nodiscard]] Result<std::optional<Invitation>> wish(replica::Replica& replica);
[[nodiscard]] Result<void> forget_wish(replica::Replica& replica);
/// What the inviter's node said last of an admission that waits for votes; gone with the wish.
struct Waiting {
  JoinVotes votes;
  UnixMillis told{};
  bool inviter_gone = false;  ///< it is no member any more itself, and said so since
};
/// Of a reply that lets nobody in: notes the votes of one that waits. When the inviter itself is no
/// member any more, the wish and the votes that were told stay, since another member's code leads
/// on; without such votes, and after any other refusal, the wish is forgotten, and one that waited
/// for votes before it holds again. While only the inviter's clock is wrong, the wish stays, with
/// all that was told. Nothing when it answers another wish than the present one.
[[nodiscard]] Result<void> remember_reply(replica::Replica& replica, const Invitation& asked,
                                          const JoinReply& reply);
[[nodiscard]] Result<std::optional<Waiting>> votes_told(replica::Replica& replica);
/// Whether a refusal says that the inviter is no member any more.
[[nodiscard]] bool is_inviter_gone(const JoinReply& reply);
/// Whether it says that the inviter's clock is ahead: to ask again later may lead in.
[[nodiscard]] bool is_clock_ahead(const JoinReply& reply);
/// Whether that is what the inviter's node said last.
[[nodiscard]] Result<bool> inviter_clock_ahead(replica::Replica& replica);
/// Takes the federation as this folder's; annuaire follows by replication.
[[nodiscard]] Result<void> enter(replica::Replica& replica, const Invitation& invitation,
                                 const JoinReply& reply);

/// Writes where this node can be dialled into annuaire, when it changed.
[[nodiscard]] Result<void> announce(replica::Replica& replica,
                                    const std::vector<std::string>& urls);

}  // namespace maillon::federation
