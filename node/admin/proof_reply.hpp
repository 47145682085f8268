#pragma once

#include <optional>

#include "node/admin/words.hpp"
#include "storage/proof/record_proof.hpp"

namespace maillon::admin {

/// What a proof that holds shows; `expected`: its federation is the one that was asked for.
[[nodiscard]] Result<Reply> proof_reply(const storage::CheckedProof& proof, bool expected,
                                        Language language, bool json);

/// Checks a proof and says what it shows. Errc::integrity when it proves nothing, ::refused when it
/// is of another federation than `expected`. Needs no data folder.
[[nodiscard]] Result<Reply> check_proof(ByteView file, const std::optional<FederationId>& expected,
                                        Language language, bool json);

}  // namespace maillon::admin
